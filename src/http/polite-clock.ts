/**
 * A clock by which work that is done in slices gives way to callers that arrive.
 *
 * The event loop takes one new connection in a turn (libuv since 1.45). Where each turn has its slices too, some
 * milliseconds of them, hundreds of callers that come at once would wait for hundreds of slices. So a turn is over only
 * when one has passed in which nobody came, or when so many have passed that the work has waited long enough.
 */
import { ARRIVALS_TURNS_MAX } from '../limits.js';
import type { Clock, Timer } from '../platform/clock.js';

export class PoliteClock implements Clock {
  readonly #clock: Clock;
  #arrivals = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A connection came. */
  arrived(): void {
    this.#arrivals += 1;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    return this.#clock.setTimer(delayMs, callback);
  }

  async turn(): Promise<void> {
    for (let turns = 0; turns < ARRIVALS_TURNS_MAX; turns++) {
      const before = this.#arrivals;
      await this.#clock.turn();
      if (this.#arrivals === before) return;
    }
  }
}
