/**
 * Waiting for the lock of the snapshot directory. The process before this one may still be draining, so a lock
 * that is busy is asked for again until the wait is over. An error of the lock itself is not waited out.
 */

import { CairnError, systemCode } from '../errors.js';
import { LOCK_RETRY_FIRST_MS, LOCK_RETRY_LAST_MS, LOCK_WAIT_MS } from '../limits.js';
import type { Clock } from '../platform/clock.js';
import type { DirectoryLock, Locks } from '../platform/files.js';
import type { Logger } from '../platform/logger.js';
import { unreadableFile } from './damage.js';

export interface LockRequest {
  readonly locks: Locks;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly directory: string;
  /** 0 tries once. */
  readonly waitMs?: number;
}

/** Throws `snapshot_locked` when the wait is over; `snapshot_denied`, `snapshot_damaged`, `lock_unavailable` at once. */
export async function acquireLock(request: LockRequest): Promise<DirectoryLock> {
  const { locks, clock, logger, directory, waitMs = LOCK_WAIT_MS } = request;
  const end = clock.monotonic() + waitMs;
  for (let attempt = 0; ; attempt++) {
    const lock = await tryLock(locks, directory);
    if (lock !== null) return lock;
    const left = end - clock.monotonic();
    if (left <= 0) throw locked(directory, waitMs);
    if (attempt === 0) logger.warn({ directory, waitMs }, 'waiting for the process that has the directory');
    await sleep(clock, Math.min(pauseAfter(attempt), left));
  }
}

/** A directory that cannot be opened is told as every other start tells it. */
async function tryLock(locks: Locks, directory: string): Promise<DirectoryLock | null> {
  try {
    return await locks.tryLock(directory);
  } catch (cause) {
    const code = systemCode(cause);
    if (code === undefined || cause instanceof CairnError) throw cause;
    throw unreadableFile(directory, code, cause);
  }
}

function pauseAfter(attempt: number): number {
  return Math.min(LOCK_RETRY_FIRST_MS * 2 ** attempt, LOCK_RETRY_LAST_MS);
}

function locked(directory: string, waitMs: number): CairnError {
  const waited = waitMs > 0 ? ` (waited ${waitMs / 1000} s)` : '';
  return new CairnError('snapshot_locked', `Another process serves the directory ${directory}${waited}.`);
}

function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise(resolve => void clock.setTimer(ms, resolve));
}
