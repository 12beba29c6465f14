/** The configuration of this process, for the verbs that need it. */
import { getHeapStatistics } from 'node:v8';
import { type Reading, readConfig } from '../config.js';
import { HEAP_CONTAINER_SHARE } from '../limits.js';
import type { Io } from './io.js';

export function readConfigHere(argv: readonly string[], io: Pick<Io, 'env'>): Promise<Reading> {
  return readConfig({
    argv,
    env: io.env,
    heapLimitBytes: heapLimit(),
    readText: async path => (await import('../platform/node-secrets.js')).nodeSmallFiles.read(path),
  });
}

/** V8's own limit may be more than a small container has, which then ends the process. */
function heapLimit(): number {
  const container = process.constrainedMemory();
  const limit = getHeapStatistics().heap_size_limit;
  return container > 0 ? Math.min(limit, Math.floor(container * HEAP_CONTAINER_SHARE)) : limit;
}
