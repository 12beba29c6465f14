/** What the writer tells of itself, and the counting for it: each line of a log is timed here, with its fsync. */
import type { StorageMeasures, StorageTrouble } from '../engine/engine.js';
import { Histogram } from '../histogram.js';
import { FSYNC_SECONDS } from '../limits.js';
import type { Clock } from '../platform/clock.js';
import type { Generations } from './generations.js';
import type { LogFile } from './log-file.js';
import type { StorageProblem } from './outage.js';
import type { UndurableQueue } from './queue.js';
import type { Space } from './space.js';

/** All but what a start took: that is the engine's. */
export type WriterMeasures = Omit<StorageMeasures, 'restoreMs'>;

/** What they are read from. */
export interface WriterParts {
  readonly log: LogFile | null;
  readonly queue: UndurableQueue;
  readonly generations: Generations;
  readonly space: Space;
  readonly outage: StorageProblem | null;
}

export class WriterGauge {
  readonly #clock: Clock;
  readonly #fsync = new Histogram(FSYNC_SECONDS);
  #failures = 0;
  #writtenBytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Commits the line, and throws what that throws. */
  async commit(log: LogFile, line: Buffer): Promise<void> {
    const began = this.#clock.monotonic();
    await log.commit(line);
    this.#fsync.observe((this.#clock.monotonic() - began) / 1000);
    this.#writtenBytes += line.length;
  }

  /** A write or an fsync failed, or a log could not begin. */
  failed(): void {
    this.#failures += 1;
  }

  read({ log, queue, generations, space, outage }: WriterParts): WriterMeasures {
    return {
      trouble: troubleOf(outage, space),
      fsync: this.#fsync,
      failures: this.#failures,
      writtenBytes: this.#writtenBytes,
      logBytes: generations.logBytes + (log?.bytes ?? 0),
      undurableBytes: queue.bytes,
      undurableMs: queue.since === null ? 0 : this.#clock.monotonic() - queue.since,
      volume: space.volume,
      base: generations.made,
      baseFailures: generations.failures,
    };
  }
}

function troubleOf(outage: StorageProblem | null, space: Space): StorageTrouble | null {
  if (outage === null) return space.problem === null ? null : 'filling';
  return outage.code === 'storage_full' ? 'full' : 'error';
}
