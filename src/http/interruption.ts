/**
 * A body that is read as it comes, until something ends it early: the process stops, or what comes is no HTTP any more.
 * What has come by then is still given out, then it throws the reason.
 */
import type { Clock } from '../platform/clock.js';

/** Reads that find something at once after the end was told: the one that was under way, and what had gathered. */
const LAST_READS = 2;

export async function* untilInterrupted(
  chunks: AsyncIterable<Buffer>,
  signal: AbortSignal,
  clock: Clock,
): AsyncGenerator<Buffer> {
  const iterator = chunks[Symbol.asyncIterator]();
  let left = LAST_READS;
  try {
    for (;;) {
      const next = iterator.next();
      const result = (await beforeAbort(next, signal)) ?? (await atOnce(next, clock));
      if (result === null || (signal.aborted && left-- === 0)) throw signal.reason;
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    // Not awaited: it ends when what it waits for has come, and nobody takes that any more.
    Promise.resolve(iterator.return?.()).catch(() => {});
  }
}

type Next = IteratorResult<Buffer>;

/** Null: the signal came first. */
function beforeAbort(next: Promise<Next>, signal: AbortSignal): Promise<Next | null> {
  if (signal.aborted) return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const abort = () => resolve(null);
    signal.addEventListener('abort', abort, { once: true });
    const settled = () => signal.removeEventListener('abort', abort);
    next.finally(settled).then(resolve, reject);
  });
}

/** Null: it takes longer than a turn of the event loop. */
function atOnce(next: Promise<Next>, clock: Clock): Promise<Next | null> {
  return Promise.race([next, clock.turn().then(() => null)]);
}
