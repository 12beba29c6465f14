/**
 * The order in which the keys of one collection were used, and what must go when they are over its bounds: the
 * least recently used first. It holds keys and their sizes, no values. Nothing goes by itself: `put` may
 * exceed the bounds, and the caller takes `victim` after `victim` away, so that a batch is whole before room is made.
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

export class OrderOfUse {
  readonly #sizes = new LRUCache<Key, number>({ maxSize: Number.MAX_SAFE_INTEGER });
  readonly #entriesMax: number;
  readonly #bytesMax: number;

  constructor(bounds: Bounds) {
    this.#entriesMax = bounds.entriesMax ?? Number.POSITIVE_INFINITY;
    this.#bytesMax = bounds.bytesMax ?? Number.POSITIVE_INFINITY;
  }

  get exceeded(): boolean {
    return this.#sizes.size > this.#entriesMax || this.#sizes.calculatedSize > this.#bytesMax;
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

  /** The least recently used key; it stays until it is deleted. */
  victim(): Key | undefined {
    const first = this.#sizes.rkeys().next();
    return first.done ? undefined : first.value;
  }
}
