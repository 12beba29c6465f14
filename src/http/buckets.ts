/**
 * How often something may be done by each of many, by name: a bucket for each, which fills again with time. There are
 * never more than so many buckets: the one that was used longest ago goes, and whoever it was begins with a full one.
 */
import { CALLERS_MAX } from '../limits.js';
import type { Clock } from '../platform/clock.js';

export interface BucketsOptions {
  readonly clock: Clock;
  /** What a full one holds: so many may come at once. */
  readonly size: number;
  /** By which it fills again. */
  readonly perSecond: number;
  readonly bucketsMax?: number;
}

interface Bucket {
  readonly level: number;
  /** When it had this level, by the monotonic clock. */
  readonly at: number;
}

export class Buckets {
  readonly #options: BucketsOptions;
  /** The one that was used longest ago first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: BucketsOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get count(): number {
    return this.#buckets.size;
  }

  /** Null: it may be done, and was counted. Else the whole seconds after which it may. */
  take(name: string): number | null {
    const { clock, size, perSecond, bucketsMax = CALLERS_MAX } = this.#options;
    const at = clock.monotonic();
    const before = this.#buckets.get(name) ?? { level: size, at };
    const level = Math.min(size, before.level + ((at - before.at) / 1000) * perSecond);
    const taken = level >= 1;
    this.#buckets.delete(name);
    this.#buckets.set(name, { level: taken ? level - 1 : level, at });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > bucketsMax && oldest !== undefined) this.#buckets.delete(oldest);
    return taken ? null : Math.max(Math.ceil((1 - level) / perSecond), 1);
  }
}
