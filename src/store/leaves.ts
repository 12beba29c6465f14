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

interface Leaf<V> {
  readonly entries: Map<Key, V>;
  /** The number of the newest view when the leaf was made: it and those before do not have this leaf. */
  readonly generation: number;
  /** The keys in order, kept from one listing to the next; null after a key came or went. */
  sorted: readonly Key[] | null;
  /** No key of the leaf is behind it; '' where there never was one. */
  greatest: string;
}

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
  readonly #leaves: Leaf<V>[] = [newLeaf(0)];
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

  constructor(keysMax = LEAF_KEYS_MAX) {
    this.#keysMax = keysMax;
  }

  get size(): number {
    return this.#size;
  }

  /** How many leaves there are. */
  get leaves(): number {
    return this.#leaves.length;
  }

  get(key: Key): V | undefined {
    return this.#leaves[this.#find(key)]!.entries.get(key);
  }

  /** Gives what was there before. */
  set(key: Key, value: V): V | undefined {
    const index = this.#find(key);
    const { entries } = this.#leaves[index]!;
    const previous = entries.get(key);
    if (previous !== undefined) this.#writable(index).entries.set(key, value);
    else this.#add(entries.size < this.#keysMax ? index : this.#makeRoom(index, key), key, value);
    return previous;
  }

  /**
   * Adds a key that is behind all others, without a search: so a base, which is in key order, fills leaf after leaf.
   * False, and nothing has happened, where the key is not behind them.
   */
  append(key: Key, value: V): boolean {
    const last = this.#leaves.length - 1;
    // What is behind all keys that the last leaf ever had is behind its low key too.
    const { entries, greatest } = this.#leaves[last]!;
    if (key <= greatest) return false;
    this.#add(entries.size < this.#keysMax ? last : this.#roomBehind(last, key), key, value);
    return true;
  }

  /** Gives what was there. */
  delete(key: Key): V | undefined {
    const index = this.#find(key);
    const previous = this.#leaves[index]!.entries.get(key);
    if (previous === undefined) return undefined;
    const leaf = this.#writable(index);
    leaf.entries.delete(key);
    leaf.sorted = null;
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
      get: key => leaves[lastAtMost(lows, key)]!.entries.get(key),
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
      // Not kept in the leaf: a base passes over all leaves once, and their orders would stay in memory.
      for (const key of leaf.sorted ?? inOrder(leaf)) {
        if (!this.#liveViews.has(view)) throw new Error('The view was released.');
        yield [key, leaf.entries.get(key)!];
      }
    }
  }

  *#entriesFrom(from: string): IterableIterator<readonly [Key, V]> {
    let index = this.#find(from);
    let position = lowerBound(this.#sortedKeys(index), from);
    for (; index < this.#leaves.length; index++, position = 0) {
      const { entries } = this.#leaves[index]!;
      const keys = this.#sortedKeys(index);
      for (; position < keys.length; position++) yield [keys[position]!, entries.get(keys[position]!)!];
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
    const leaf = this.#writable(index);
    leaf.entries.set(key, value);
    leaf.sorted = null;
    if (key > leaf.greatest) leaf.greatest = key;
    this.#size += 1;
  }

  /** The leaf itself, or its copy in its place if a live view has it. */
  #writable(index: number): Leaf<V> {
    const leaf = this.#leaves[index]!;
    if (leaf.generation >= this.#newestLiveView) return leaf;
    const copy = { ...leaf, entries: new Map(leaf.entries), generation: this.#generation };
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
    if (next !== undefined && next.entries.size < this.#keysMax) {
      this.#lows[index + 1] = key;
    } else {
      this.#leaves.splice(index + 1, 0, newLeaf(this.#generation));
      this.#lows.splice(index + 1, 0, key);
    }
    return index + 1;
  }

  #split(index: number): void {
    const { entries } = this.#leaves[index]!;
    const keys = this.#sortedKeys(index);
    const middle = keys.length >> 1;
    const lower = leafOf(keys.slice(0, middle), entries, this.#generation);
    const upper = leafOf(keys.slice(middle), entries, this.#generation);
    this.#leaves.splice(index, 1, lower, upper);
    this.#lows.splice(index + 1, 0, keys[middle]!);
  }

  /** Makes one leaf of a leaf and the next, if they are small enough or one is empty. */
  #join(index: number): boolean {
    const left = this.#leaves[index];
    const right = this.#leaves[index + 1];
    if (left === undefined || right === undefined) return false;
    const smaller = left.entries.size < right.entries.size ? left : right;
    const together = left.entries.size + right.entries.size;
    if (smaller.entries.size > 0 && 2 * together > this.#keysMax) return false;
    this.#pour(smaller, smaller === left ? index + 1 : index);
    this.#leaves.splice(smaller === left ? index : index + 1, 1);
    this.#lows.splice(index + 1, 1);
    return true;
  }

  /** Adds all of a leaf to its neighbour. */
  #pour(from: Leaf<V>, to: number): void {
    if (from.entries.size === 0) return;
    const leaf = this.#writable(to);
    for (const [key, value] of from.entries) leaf.entries.set(key, value);
    leaf.sorted = null;
    if (from.greatest > leaf.greatest) leaf.greatest = from.greatest;
  }

  #sortedKeys(index: number): readonly Key[] {
    const leaf = this.#leaves[index]!;
    leaf.sorted ??= inOrder(leaf);
    return leaf.sorted;
  }
}

function newLeaf<V>(generation: number): Leaf<V> {
  return { entries: new Map(), generation, sorted: null, greatest: '' };
}

function leafOf<V>(keys: readonly Key[], from: ReadonlyMap<Key, V>, generation: number): Leaf<V> {
  const entries = new Map<Key, V>();
  for (const key of keys) entries.set(key, from.get(key)!);
  return { entries, generation, sorted: null, greatest: keys.at(-1) ?? '' };
}

function inOrder<V>(leaf: Leaf<V>): readonly Key[] {
  return [...leaf.entries.keys()].sort();
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

/** The position of the first key that is not before `from`. */
function lowerBound(keys: readonly string[], from: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle]! < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
