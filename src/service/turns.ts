/**
 * The event loop's time for work that goes over many documents: all of it together has one slice in a turn of the loop,
 * whoever asks and however many do, so that everybody else waits for one slice and not for one of each. Whoever waits
 * has a slice in the order in which they came, and comes last again behind it.
 *
 * Work holds its slice only between two awaits of I/O; it asks `isOver` often, and awaits `next` then.
 */
import { LIST_SLICE_MS } from '../limits.js';
import type { Clock } from '../platform/clock.js';

/** Of one piece of work. */
export interface Slice {
  /** Whether others are to have their turn. */
  readonly isOver: boolean;
  /** Resolves in a later turn of the event loop, when there is time again. */
  next(): Promise<void>;
  /** The work is done: what is left of the slice is for others. Has to be called. */
  end(): void;
}

export class Turns {
  readonly #clock: Clock;
  /** Those that wait for time, in their order. */
  readonly #waiting: (() => void)[] = [];
  /** When the slice of this turn is over; null: none has begun in it. */
  #end: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** At once where this turn has time left and nobody waits. */
  async begin(): Promise<Slice> {
    if (this.#end === null) this.#open();
    if (this.#waiting.length > 0 || this.#isOver()) await this.#wait();
    const turns = this;
    return {
      get isOver() {
        return turns.#isOver();
      },
      next: () => this.#wait(),
      end: () => this.#wake(),
    };
  }

  #isOver(): boolean {
    return this.#end === null || this.#clock.monotonic() >= this.#end;
  }

  #wait(): Promise<void> {
    if (this.#end === null) this.#open();
    return new Promise(resolve => {
      this.#waiting.push(resolve);
    });
  }

  /** The slice of this turn begins; the next turn has one of its own, if anybody waits by then. */
  #open(): void {
    this.#end = this.#clock.monotonic() + LIST_SLICE_MS;
    void this.#clock.turn().then(() => {
      this.#end = null;
      if (this.#waiting.length === 0) return;
      this.#open();
      this.#waiting.shift()?.();
    });
  }

  #wake(): void {
    if (this.#waiting.length > 0 && !this.#isOver()) this.#waiting.shift()?.();
  }
}
