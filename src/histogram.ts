/**
 * Durations, counted into buckets. Plain numbers: to count one makes no object and takes some nanoseconds, so it may
 * stand in the way of every request. It is put into words only when somebody asks.
 */

/** What was counted so far. */
export interface Distribution {
  /** The upper bounds of the buckets, ascending, in seconds. */
  readonly bounds: readonly number[];
  /** How many were within each bound, then how many there were. */
  cumulative(): readonly number[];
  /** Of all durations, in seconds. */
  readonly sum: number;
}

export class Histogram implements Distribution {
  readonly bounds: readonly number[];
  /** Of each bucket alone; the last is for what is over all bounds. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  get sum(): number {
    return this.#sum;
  }

  /** A bound belongs to its bucket. */
  observe(seconds: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && seconds > bounds[bucket]!) bucket += 1;
    this.#counts[bucket]! += 1;
    this.#sum += seconds;
  }

  cumulative(): readonly number[] {
    let sum = 0;
    return Array.from(this.#counts, count => {
      sum += count;
      return sum;
    });
  }
}
