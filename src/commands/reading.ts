/** The configuration of this process, for the verbs that need it. */
import { getHeapStatistics } from 'node:v8';
import { type Reading, readConfig } from '../config.js';
import type { Io } from './io.js';

export function readConfigHere(argv: readonly string[], io: Pick<Io, 'env'>): Promise<Reading> {
  return readConfig({
    argv,
    env: io.env,
    heapLimitBytes: getHeapStatistics().heap_size_limit,
    readText: async path => (await import('../platform/node-secrets.js')).nodeSmallFiles.read(path),
  });
}
