/**
 * The time by which things expire: the wall clock, guarded. A wall clock that leaps ahead would take every
 * session away at once, and a wrong one comes back: so after a leap of more than `CLOCK_JUMP_MS` against the
 * monotonic clock, time goes on monotonically for `CLOCK_FREEZE_MS`, and the wall is believed only then, or as
 * soon as it has come back. A jump backwards is followed at once: nothing expires early by it.
 *
 * A leap is what happens between two looks; a slow correction, as NTP makes it, is followed. All times are whole
 * milliseconds.
 */
import { CLOCK_FREEZE_MS, CLOCK_JUMP_MS } from '../limits.js';
import type { Milliseconds } from '../model.js';
import type { Clock } from '../platform/clock.js';

export class GuardedTime {
  readonly #clock: Clock;
  /** What the wall clock shows beyond the monotonic one, as last believed. */
  #offset: Milliseconds;
  /** Until which moment of the monotonic clock the wall is not believed; null: it is. */
  #doubtedUntil: Milliseconds | null = null;
  #jumps = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offset = clock.now() - clock.monotonic();
  }

  /** How often the wall clock leapt ahead. */
  get jumps(): number {
    return this.#jumps;
  }

  now(): Milliseconds {
    const wall = this.#clock.now();
    const monotonic = this.#clock.monotonic();
    if (this.#believes(wall - monotonic, monotonic)) {
      this.#offset = wall - monotonic;
      this.#doubtedUntil = null;
    }
    return Math.floor(monotonic + this.#offset);
  }

  #believes(offset: Milliseconds, monotonic: Milliseconds): boolean {
    if (offset - this.#offset <= CLOCK_JUMP_MS) return true;
    if (this.#doubtedUntil !== null) return monotonic >= this.#doubtedUntil;
    this.#jumps += 1;
    this.#doubtedUntil = monotonic + CLOCK_FREEZE_MS;
    return false;
  }
}
