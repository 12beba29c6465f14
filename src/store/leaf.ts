/**
 * The entries of one leaf of the ordered map (leaves.ts). What was changed lately is loose: a Map of keys to values.
 * Where the values have a packing, the rest is packed: bytes that never change, with what is loose laid over them.
 * After some changes the two are packed anew, so a leaf is mostly bytes however it came to be.
 *
 * Always true:
 * - The value of a key is the loose one, if there is one. A loose null says that the packed one is gone.
 * - To pack replaces the bytes and the Map and changes neither, and no entry: who is just passing over the leaf, for a
 *   view or a page, goes on with those that it began with.
 */
import type { Key } from '../model.js';

/** Entries as bytes, in key order. Never changed. */
export interface Packed<V> {
  readonly size: number;
  get(key: Key): V | undefined;
  has(key: Key): boolean;
  /** The place of the first key that is not before `from`; `size` where all are. */
  placeFrom(from: string): number;
  keyAt(place: number): Key;
  valueAt(place: number): V;
  /** The same with the values of these keys, which are in order; null: the entry is gone. */
  with(keys: readonly Key[], values: readonly (V | null)[]): Packed<V>;
  /** Those before a place, and those from it on. */
  cut(place: number): readonly [Packed<V>, Packed<V>];
}

/** How values of one kind are packed. */
export interface Packing<V> {
  /** Where packing begins. */
  readonly nothing: Packed<V>;
  /** Changes after which a leaf is packed anew. */
  readonly looseMax: number;
  /** Whether this value can be packed; if not it stays loose. */
  takes(key: Key, value: V): boolean;
}

export class Leaf<V extends object> {
  /** The number of the newest view when the leaf was made: it and those before do not have this leaf. */
  readonly generation: number;
  /** No key of the leaf is behind it; '' where there never was one. */
  greatest = '';
  readonly #packing: Packing<V> | null;
  #packed: Packed<V> | null;
  #loose = new Map<Key, V | null>();
  /** The loose keys in order, kept from one listing to the next; null after one came or went. */
  #sorted: readonly Key[] | null = null;
  /** Loose keys that the next packing takes in. */
  #packable = 0;
  #size = 0;

  constructor(packing: Packing<V> | null, generation: number) {
    this.#packing = packing;
    this.#packed = packing?.nothing ?? null;
    this.generation = generation;
  }

  get size(): number {
    return this.#size;
  }

  get(key: Key): V | undefined {
    const loose = this.#loose.get(key);
    if (loose !== undefined) return loose ?? undefined;
    return this.#packed?.get(key);
  }

  /** Adds a key that is not there. */
  add(key: Key, value: V): void {
    this.#size += 1;
    if (key > this.greatest) this.greatest = key;
    this.#put(key, value);
  }

  /** Adds a key behind all others, which waits unpacked until `pack`: those in order need to be packed only once. */
  append(key: Key, value: V): void {
    this.#size += 1;
    this.greatest = key;
    this.#loose.set(key, value);
    this.#sorted = null;
    this.#packable += 1;
  }

  /** Gives a key that is there another value. */
  replace(key: Key, value: V): void {
    this.#put(key, value);
  }

  /** Takes away a key that is there. */
  remove(key: Key): void {
    this.#size -= 1;
    if (this.#packed?.has(key)) {
      this.#put(key, null);
    } else {
      this.#loose.delete(key);
      this.#sorted = null;
    }
  }

  /** Takes all of another leaf, none of which is here. */
  takeAll(other: Leaf<V>): void {
    for (const [key, value] of other) this.add(key, value);
  }

  /** Takes packed entries in place of nothing: the leaf is empty. */
  begin(packed: Packed<V>): void {
    this.#loose = new Map();
    this.#sorted = null;
    this.#packable = 0;
    this.#packed = packed;
    this.#size = packed.size;
    if (packed.size > 0) this.greatest = packed.keyAt(packed.size - 1);
  }

  copy(generation: number): Leaf<V> {
    const copy = new Leaf<V>(this.#packing, generation);
    copy.greatest = this.greatest;
    copy.#packed = this.#packed;
    copy.#loose = new Map(this.#loose);
    copy.#sorted = this.#sorted;
    copy.#packable = this.#packable;
    copy.#size = this.#size;
    return copy;
  }

  /** Its lower and its upper half, and the first key of the upper one. This leaf is of no use any more. */
  split(generation: number): { lower: Leaf<V>; upper: Leaf<V>; middle: Key } {
    this.pack();
    const lower = new Leaf(this.#packing, generation);
    const upper = new Leaf(this.#packing, generation);
    const middle = this.#keyAt(this.#size >> 1);
    if (this.#packed !== null) {
      const [before, behind] = this.#packed.cut(this.#packed.placeFrom(middle));
      lower.begin(before);
      upper.begin(behind);
    }
    for (const key of this.#sortedKeys()) {
      const value = this.#loose.get(key);
      if (value) (key < middle ? lower : upper).add(key, value);
    }
    return { lower, upper, middle };
  }

  /** All entries in key order. The order of the loose ones is not kept: a base passes over every leaf once. */
  [Symbol.iterator](): IterableIterator<readonly [Key, V]> {
    return merged(this.#loose, this.#sorted ?? inOrder(this.#loose), this.#packed, '');
  }

  /** The entries whose key is not before `from`, in key order. */
  entriesFrom(from: string): IterableIterator<readonly [Key, V]> {
    return merged(this.#loose, this.#sortedKeys(), this.#packed, from);
  }

  #put(key: Key, value: V | null): void {
    const known = this.#loose.size;
    this.#loose.set(key, value);
    if (this.#loose.size === known) return;
    this.#sorted = null;
    if (this.#packing === null || (value !== null && !this.#packing.takes(key, value))) return;
    this.#packable += 1;
    if (this.#packable >= this.#packing.looseMax) this.pack();
  }

  /** Packs what is loose. No entry changes by it, so this may be done to a leaf that a view shares. */
  pack(): void {
    const packing = this.#packing;
    if (packing === null || this.#packed === null || this.#loose.size === 0) return;
    const keys = this.#sortedKeys();
    const loose = new Map<Key, V | null>();
    const values = keys.map(key => {
      const value = this.#loose.get(key)!;
      if (value === null || packing.takes(key, value)) return value;
      loose.set(key, value);
      return null; // what stays loose is not packed as well
    });
    this.#packed = this.#packed.with(keys, values);
    this.#loose = loose;
    this.#sorted = null;
    this.#packable = 0;
  }

  #keyAt(place: number): Key {
    if (this.#loose.size === 0) return this.#packed!.keyAt(place);
    if (this.#packed === null) return this.#sortedKeys()[place]!;
    let before = place;
    for (const [key] of this) {
      if (before === 0) return key;
      before -= 1;
    }
    throw new Error('A leaf has fewer keys than it counts.');
  }

  #sortedKeys(): readonly Key[] {
    this.#sorted ??= inOrder(this.#loose);
    return this.#sorted;
  }
}

/** The packed entries with the loose ones over them, from a key on. */
function* merged<V>(
  loose: ReadonlyMap<Key, V | null>,
  keys: readonly Key[],
  packed: Packed<V> | null,
  from: string,
): IterableIterator<readonly [Key, V]> {
  const places = packed?.size ?? 0;
  let place = packed?.placeFrom(from) ?? 0;
  for (let i = lowerBound(keys, from); i < keys.length; i++) {
    const key = keys[i]!;
    for (; place < places; place++) {
      const packedKey = packed!.keyAt(place);
      if (packedKey > key) break;
      if (packedKey < key) yield [packedKey, packed!.valueAt(place)];
    }
    const value = loose.get(key);
    if (value) yield [key, value];
  }
  for (; place < places; place++) yield [packed!.keyAt(place), packed!.valueAt(place)];
}

function inOrder(loose: ReadonlyMap<Key, unknown>): readonly Key[] {
  return [...loose.keys()].sort();
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
