/** The lock of a directory for a verb that writes to it: asked for some seconds, and given back whatever happens. */
import { VERB_LOCK_WAIT_MS } from '../limits.js';
import type { Clock } from '../platform/clock.js';
import type { Logger } from '../platform/logger.js';
import { nodeFiles } from '../platform/node-files.js';
import { nodeLocks } from '../platform/node-locks.js';
import { listDirectory } from '../snapshot/directory.js';
import { acquireLock } from '../snapshot/lock.js';
import type { Place } from './words.js';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** @throws CairnError `snapshot_locked`, `snapshot_denied`, `lock_unavailable` */
export async function withLock<Result>(
  { directory, lock }: Place,
  clock: Clock,
  work: () => Promise<Result>,
): Promise<Result> {
  await listDirectory(nodeFiles, directory); // what is no directory is told as that
  if (!lock) return work();
  const waitMs = VERB_LOCK_WAIT_MS;
  const held = await acquireLock({ locks: nodeLocks, clock, logger: silent, directory, waitMs });
  try {
    return await work();
  } finally {
    await held.release();
  }
}
