/**
 * The order in which the keys of one collection were used, and what must go when they are over its bounds: the
 * least recently used first. It holds keys and their sizes, no values. Nothing goes by itself: `put` may
 * exceed the bounds, and the caller takes one of the `victims` after the other away, so that a batch is whole before room is made.
 *
 * The only file that imports lru-cache. Two of its traps: `max` allocates its arrays for that many entries at
 * once, so the bounds are kept here and lru-cache's own are as good as none; and a `set` of the same value does
 * not update the size, so the value is the size.
 */
import { LRUCache } from 'lru-cache';
import type { Key } from '../model.js';

export interface Bounds {
  readonly entriesMax: number | null;
  readonly bytesMax: number | null;
}

/** What is there. */
export interface Extent {
  readonly entries: number;
  readonly bytes: number;
}

/** Keys that are looked up at once, at most. */
const VICTIMS_MAX = 64;

export class OrderOfUse {
  readonly #sizes = new LRUCache<Key, number>({ maxSize: Number.MAX_SAFE_INTEGER });
  readonly #entriesMax: number;
  readonly #bytesMax: number;

  constructor(bounds: Bounds) {
    this.#entriesMax = bounds.entriesMax ?? Number.POSITIVE_INFINITY;
    this.#bytesMax = bounds.bytesMax ?? Number.POSITIVE_INFINITY;
  }

  get extent(): Extent {
    return { entries: this.#sizes.size, bytes: this.#sizes.calculatedSize };
  }

  /** Whether there is more than the bounds allow, and than `before`, where that was more already. */
  exceeds(before: Extent): boolean {
    const { size, calculatedSize } = this.#sizes;
    return (
      size > Math.max(this.#entriesMax, before.entries) ||
      calculatedSize > Math.max(this.#bytesMax, before.bytes)
    );
  }

  use(key: Key): void {
    this.#sizes.get(key);
  }

  /** Counts as use. */
  put(key: Key, size: number): void {
    this.#sizes.set(key, size, { size });
  }

  delete(key: Key): void {
    this.#sizes.delete(key);
  }

  /**
   * The least recently used keys, one after the other: each must be deleted before the next is asked for, and nothing put
   * or used meanwhile. They are looked up twice as many each time: to begin a look costs as much as ten of its steps.
   */
  *victims(): Generator<Key, void, void> {
    for (let count = 1; ; count = Math.min(2 * count, VICTIMS_MAX)) {
      const keys = this.#leastUsed(count);
      if (keys.length === 0) return;
      yield* keys;
    }
  }

  #leastUsed(count: number): Key[] {
    const keys: Key[] = [];
    for (const key of this.#sizes.rkeys()) {
      keys.push(key);
      if (keys.length === count) break;
    }
    return keys;
  }
}
