/**
 * An ordered map of keys, as a sorted list of leaves, each a Map of a bounded number of keys. It is a B+-tree
 * of height two (Bayer and McCreight 1972; Comer, "The Ubiquitous B-Tree", 1979) whose leaves are hash maps: a
 * read is a binary search over the leaves and one look into a Map, and no Map ever grows so large that its
 * growth stalls the process. Keys are put in order within a leaf only when the leaf is listed or split.
 *
 * Always true:
 * - Leaf i holds the keys from its low key on and below the low key of leaf i + 1; the first low key is ''.
 * - Two neighbours hold more than half of a full leaf together: so n keys stand in at most 4n / max + 1 leaves.
 * - Keys that come in order leave full leaves behind them.
 *
 * A frozen view shares the leaves; a leaf that a live view shares is copied before its first write, as bbolt
 * and LMDB do with pages. A leaf is shared if it is older (`generation`) than the newest view. Values are never
 * changed in place, so a copy of the Map is enough. Without a live view nothing is ever copied.
 */
import { LEAF_KEYS_MAX } from '../limits.js';
import type { Key } from '../model.js';
import { Leaf, type Packed, type Packing } from './leaf.js';

/** Some entries in key order, and whether there are more of the kind behind them. */
export interface LeavesPage<V> {
  readonly entries: readonly (readonly [Key, V])[];
  readonly more: boolean;
}

/** What the map held when it was frozen, in key order. */
export interface FrozenLeaves<V> extends Iterable<readonly [Key, V]> {
  readonly size: number;
  /** What it held under the key. */
  get(key: Key): V | undefined;
  /** Ends the view, and the copying for it. Iterating it throws from then on. */
  release(): void;
}

export class Leaves<V extends object> {
  readonly #keysMax: number;
  readonly #packing: Packing<V> | null;
  readonly #leaves: Leaf<V>[];
  /** The low key of each leaf; it need not be in the leaf. */
  readonly #lows: string[] = [''];
  #size = 0;
  /** Views that were ever made, which is the number of the newest. */
  #generation = 0;
  readonly #liveViews = new Set<number>();
  /** The newest of them; 0: none. */
  #newestLiveView = 0;
  /** The leaf that was found last: keys come in runs, and one change looks for its leaf more than once. */
  #found = 0;

  /** Without a packing every value stays the object that it is. */
  constructor(keysMax = LEAF_KEYS_MAX, packing: Packing<V> | null = null) {
    this.#keysMax = keysMax;
    this.#packing = packing;
    this.#leaves = [new Leaf(packing, 0)];
  }

  get size(): number {
    return this.#size;
  }

  /** How many leaves there are. */
  get leaves(): number {
    return this.#leaves.length;
  }

  get(key: Key): V | undefined {
    return this.#leaves[this.#find(key)]!.get(key);
  }

  /** Gives what was there before. */
  set(key: Key, value: V): V | undefined {
    const index = this.#find(key);
    const leaf = this.#leaves[index]!;
    const previous = leaf.get(key);
    if (previous !== undefined) this.#writable(index).replace(key, value);
    else this.#add(leaf.size < this.#keysMax ? index : this.#makeRoom(index, key), key, value);
    return previous;
  }

  /**
   * Adds a key that is behind all others, without a search: so a base, which is in key order, fills leaf after leaf.
   * False, and nothing has happened, where the key is not behind them.
   */
  append(key: Key, value: V): boolean {
    const last = this.#leaves.length - 1;
    // What is behind all keys that the last leaf ever had is behind its low key too.
    const leaf = this.#leaves[last]!;
    if (key <= leaf.greatest) return false;
    const full = leaf.size >= this.#keysMax;
    if (full) leaf.pack();
    this.#writable(full ? this.#roomBehind(last, key) : last).append(key, value);
    this.#size += 1;
    return true;
  }

  /**
   * Whether packed entries that begin with this key can be appended. They become a leaf of their own, so the last one
   * must be full, or it would stay thin.
   */
  takesPacked(first: Key): boolean {
    const { size, greatest } = this.#leaves.at(-1)!;
    return first > greatest && (size === 0 || size >= this.#keysMax);
  }

  /** Adds packed entries, at least one, whose first key it takes. */
  appendPacked(packed: Packed<V>): void {
    const first = packed.keyAt(0);
    if (!this.takesPacked(first)) throw new Error('These leaves cannot be followed by a packed one.');
    const last = this.#leaves.length - 1;
    const index = this.#leaves[last]!.size === 0 ? last : this.#roomBehind(last, first);
    this.#writable(index).begin(packed);
    this.#size += packed.size;
  }

  /** Gives what was there. `known`: the same, from whoever has just asked for it: to make it anew takes a microsecond. */
  delete(key: Key, known?: V): V | undefined {
    const index = this.#find(key);
    const previous = known ?? this.#leaves[index]!.get(key);
    if (previous === undefined) return undefined;
    this.#writable(index).remove(key);
    this.#size -= 1;
    if (!this.#join(index)) this.#join(index - 1);
    return previous;
  }

  /** The first `limit` entries that begin with `prefix`, stand behind `after` and are `wanted`. */
  page(
    prefix: string,
    after: Key | undefined,
    limit: number,
    wanted: (value: V) => boolean = () => true,
  ): LeavesPage<V> {
    const entries: (readonly [Key, V])[] = [];
    const from = after !== undefined && after > prefix ? after : prefix;
    for (const entry of this.#entriesFrom(from)) {
      const [key, value] = entry;
      if (!key.startsWith(prefix)) break;
      if (key === after || !wanted(value)) continue;
      if (entries.length >= limit) return { entries, more: true };
      entries.push(entry);
    }
    return { entries, more: false };
  }

  /** A view of what there is now, at the cost of a list of the leaves. Several may live at once. */
  freeze(): FrozenLeaves<V> {
    this.#generation += 1;
    const view = this.#generation;
    this.#liveViews.add(view);
    this.#newestLiveView = view;
    const leaves = this.#leaves.slice();
    const lows = this.#lows.slice();
    return {
      size: this.#size,
      get: key => leaves[lastAtMost(lows, key)]!.get(key),
      release: () => this.#release(view),
      [Symbol.iterator]: () => this.#entriesOfView(view, leaves),
    };
  }

  #release(view: number): void {
    this.#liveViews.delete(view);
    this.#newestLiveView = Math.max(0, ...this.#liveViews);
  }

  *#entriesOfView(view: number, leaves: readonly Leaf<V>[]): IterableIterator<readonly [Key, V]> {
    for (const leaf of leaves) {
      for (const entry of leaf) {
        if (!this.#liveViews.has(view)) throw new Error('The view was released.');
        yield entry;
      }
    }
  }

  *#entriesFrom(from: string): IterableIterator<readonly [Key, V]> {
    for (let index = this.#find(from); index < this.#leaves.length; index++) {
      yield* this.#leaves[index]!.entriesFrom(from);
    }
  }

  /** The leaf that a key belongs to: the last one whose low key is not behind it. */
  #find(key: string): number {
    const found = this.#found;
    const next = this.#lows[found + 1];
    if (this.#lows[found]! <= key && (next === undefined || key < next)) return found;
    this.#found = lastAtMost(this.#lows, key);
    return this.#found;
  }

  #add(index: number, key: Key, value: V): void {
    this.#writable(index).add(key, value);
    this.#size += 1;
  }

  /** The leaf itself, or its copy in its place if a live view has it. */
  #writable(index: number): Leaf<V> {
    const leaf = this.#leaves[index]!;
    if (leaf.generation >= this.#newestLiveView) return leaf;
    const copy = leaf.copy(this.#generation);
    this.#leaves[index] = copy;
    return copy;
  }

  /** Makes room for a key whose leaf is full, and tells in which leaf. */
  #makeRoom(index: number, key: Key): number {
    if (key > this.#leaves[index]!.greatest) return this.#roomBehind(index, key);
    this.#split(index);
    return key < this.#lows[index + 1]! ? index : index + 1;
  }

  /**
   * For a key behind all of a full leaf. The next leaf takes it if it can: else keys that come in descending
   * order right behind a full leaf would each get a leaf of their own.
   */
  #roomBehind(index: number, key: Key): number {
    const next = this.#leaves[index + 1];
    if (next !== undefined && next.size < this.#keysMax) {
      this.#lows[index + 1] = key;
    } else {
      this.#leaves.splice(index + 1, 0, new Leaf(this.#packing, this.#generation));
      this.#lows.splice(index + 1, 0, key);
    }
    return index + 1;
  }

  #split(index: number): void {
    const { lower, upper, middle } = this.#leaves[index]!.split(this.#generation);
    this.#leaves.splice(index, 1, lower, upper);
    this.#lows.splice(index + 1, 0, middle);
  }

  /** Makes one leaf of a leaf and the next, if they are small enough or one is empty. */
  #join(index: number): boolean {
    const left = this.#leaves[index];
    const right = this.#leaves[index + 1];
    if (left === undefined || right === undefined) return false;
    const smaller = left.size < right.size ? left : right;
    const together = left.size + right.size;
    if (smaller.size > 0 && 2 * together > this.#keysMax) return false;
    if (smaller.size > 0) this.#writable(smaller === left ? index + 1 : index).takeAll(smaller);
    this.#leaves.splice(smaller === left ? index : index + 1, 1);
    this.#lows.splice(index + 1, 1);
    return true;
  }
}

/** The position of the last low key that is not behind `key`. */
function lastAtMost(lows: readonly string[], key: string): number {
  let low = 0;
  let high = lows.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (lows[middle]! <= key) low = middle;
    else high = middle - 1;
  }
  return low;
}
