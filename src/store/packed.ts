/**
 * Stored entries as bytes: two arrays for a whole leaf in place of four objects for each entry. A million small
 * entries take a third of the memory so, and the garbage collector has nothing to look at, to copy or to move.
 *
 *     rows    six words for each entry, in key order: where its bytes begin, and its numbers
 *     bytes   key and text of each entry, one behind the other, in the same order
 *
 * Never changed. An entry that is asked for is made anew, with strings that are copies: nothing that is handed out
 * keeps the bytes alive.
 */
import { KEY_BYTES_MAX, LEAF_LOOSE_MAX, PACKED_TEXT_BYTES_MAX } from '../limits.js';
import type { EntryNumbers, JsonText, Key } from '../model.js';
import { StoredEntry } from './entry.js';
import type { ExpiryNode } from './expiry.js';
import type { Packed, Packing } from './leaf.js';

/** Words of a row, and what stands in each. */
export const ROW = 6;
const START = 0;
const VERSION = 1;
const EPOCH = 2;
const TIME = 3;
const REVISION = 4;
/** The length of the key in the upper half, the bits of the revision above its word in the lower. */
const LENGTH = 5;

const WORD = 2 ** 32;
const HALF_BITS = 16;
const HALF = 2 ** HALF_BITS;

export class PackedEntries implements Packed<StoredEntry> {
  readonly size: number;
  readonly #rows: Uint32Array;
  readonly #bytes: Buffer;
  /** How many bytes all keys begin with alike. */
  readonly #common: number;
  /** What was looked for last, and where it belongs. */
  #soughtKey = '';
  #soughtPlace = 0;
  /** Where the deadlines of the entries stand; null: none of them expires. */
  readonly #nodes: readonly (ExpiryNode | null)[] | null;

  constructor(rows: Uint32Array, bytes: Buffer, nodes: readonly (ExpiryNode | null)[] | null) {
    this.size = rows.length / ROW;
    this.#rows = rows;
    this.#bytes = bytes;
    this.#nodes = nodes;
    this.#common = this.size === 0 ? 0 : this.#commonLength();
  }

  /** Of all keys and texts. */
  get bytes(): number {
    return this.#bytes.length;
  }

  get(key: Key): StoredEntry | undefined {
    const place = this.#placeOf(key);
    return this.#isAt(place, key) ? this.valueAt(place) : undefined;
  }

  has(key: Key): boolean {
    return this.#isAt(this.#placeOf(key), key);
  }

  placeFrom(from: string): number {
    return this.#search(from, 0);
  }

  keyAt(place: number): Key {
    const start = this.#start(place);
    return this.#bytes.latin1Slice(start, start + this.#keyLength(place)) as Key;
  }

  valueAt(place: number): StoredEntry {
    const rows = this.#rows;
    const row = place * ROW;
    const textStart = this.#start(place) + this.#keyLength(place);
    const source = {
      text: this.#bytes.latin1Slice(textStart, this.#start(place + 1)) as JsonText,
      epoch: rows[row + EPOCH]!,
      revision: (rows[row + LENGTH]! % HALF) * WORD + rows[row + REVISION]!,
      version: rows[row + VERSION]!,
      time: rows[row + TIME]!,
    };
    return new StoredEntry(source, this.#nodes?.[place] ?? null);
  }

  with(keys: readonly Key[], values: readonly (StoredEntry | null)[]): PackedEntries {
    const places: number[] = [];
    let size = this.size;
    let bytes = this.#bytes.length;
    let place = 0;
    let there = this.#keyOrEnd(0);
    for (const [i, key] of keys.entries()) {
      if (there !== null && key > there) {
        place = this.#search(key, place + 1);
        there = this.#keyOrEnd(place);
      }
      const known = key === there;
      places.push(known ? ~place : place);
      if (known) {
        size -= 1;
        bytes -= this.#start(place + 1) - this.#start(place);
      }
      const value = values[i]!;
      if (value === null) continue;
      size += 1;
      bytes += key.length + value.text.length;
    }
    return this.#merge(keys, values, places, new Packer(size, bytes));
  }

  cut(place: number): readonly [PackedEntries, PackedEntries] {
    return [this.#part(0, place), this.#part(place, this.size)];
  }

  /** `places` tells before which place each change belongs; the complement of one, that it takes this place. */
  #merge(
    keys: readonly Key[],
    values: readonly (StoredEntry | null)[],
    places: readonly number[],
    packer: Packer,
  ): PackedEntries {
    let copied = 0;
    for (let i = 0; i < keys.length; i++) {
      const known = places[i]! < 0;
      const place = known ? ~places[i]! : places[i]!;
      if (copied < place) this.#copy(copied, place, packer);
      copied = known ? place + 1 : place;
      const value = values[i]!;
      if (value !== null) packer.add(keys[i]!, value);
    }
    if (copied < this.size) this.#copy(copied, this.size, packer);
    return packer.finish();
  }

  #part(from: number, to: number): PackedEntries {
    const packer = new Packer(to - from, this.#start(to) - this.#start(from));
    this.#copy(from, to, packer);
    return packer.finish();
  }

  #copy(from: number, to: number, packer: Packer): void {
    const rows = this.#rows.subarray(from * ROW, to * ROW);
    packer.copy(rows, this.#bytes.subarray(this.#start(from), this.#start(to)), this.#nodes?.slice(from, to));
  }

  /** Where the bytes of a place begin; those behind the last place begin at the end. */
  #start(place: number): number {
    return place < this.size ? this.#rows[place * ROW + START]! : this.#bytes.length;
  }

  #keyLength(place: number): number {
    return this.#rows[place * ROW + LENGTH]! >>> HALF_BITS;
  }

  #keyOrEnd(place: number): Key | null {
    return place < this.size ? this.keyAt(place) : null;
  }

  /** As `placeFrom`, and remembers it: a change looks for its key more than once, and keys come in runs. */
  #placeOf(key: Key): number {
    if (key === this.#soughtKey) return this.#soughtPlace;
    const place = this.#isPlaceOf(key, this.#soughtPlace) ? this.#soughtPlace : this.#search(key, 0);
    this.#soughtKey = key;
    this.#soughtPlace = place;
    return place;
  }

  /** The first place from `low` on whose key is not before `key`. */
  #search(key: string, low: number): number {
    const from = this.#commonWith(key);
    let lowest = low;
    let high = this.size;
    while (lowest < high) {
      const middle = (lowest + high) >> 1;
      if (this.#compare(key, middle, from) > 0) lowest = middle + 1;
      else high = middle;
    }
    return lowest;
  }

  /** Whether the key at this place is not before `key`, and the one before it is. */
  #isPlaceOf(key: string, place: number): boolean {
    const from = this.#commonWith(key);
    if (place < this.size && this.#compare(key, place, from) > 0) return false;
    return place === 0 || this.#compare(key, place - 1, from) > 0;
  }

  #isAt(place: number, key: Key): boolean {
    return place < this.size && this.#compare(key, place, 0) === 0;
  }

  /** Below 0 where the key stands before that of the place, above 0 behind it. They are the same up to `from`. */
  #compare(key: string, place: number, from: number): number {
    const bytes = this.#bytes;
    const start = this.#rows[place * ROW + START]!;
    const length = this.#keyLength(place);
    const common = Math.min(length, key.length);
    for (let i = from; i < common; i++) {
      const difference = key.charCodeAt(i) - bytes[start + i]!;
      if (difference !== 0) return difference;
    }
    return key.length - length;
  }

  /** How many bytes of the key need not be compared with any: none, unless it begins as all of them do. */
  #commonWith(key: string): number {
    const common = this.#common;
    for (let i = 0; i < common; i++) if (key.charCodeAt(i) !== this.#bytes[i]) return 0;
    return common;
  }

  #commonLength(): number {
    const last = this.#start(this.size - 1);
    const length = Math.min(this.#keyLength(0), this.#keyLength(this.size - 1));
    let common = 0;
    while (common < length && this.#bytes[common] === this.#bytes[last + common]) common += 1;
    return common;
  }
}

/** Fills the arrays of packed entries whose sizes are known, in key order. */
class Packer {
  readonly #rows: Uint32Array;
  readonly #bytes: Buffer;
  /** Made when the first node comes. */
  #nodes: (ExpiryNode | null)[] | null = null;
  #row = 0;
  #end = 0;
  /** Keys and texts that are written in one go: each write costs as much as a hundred bytes. */
  #unwritten: string[] = [];

  constructor(size: number, bytes: number) {
    this.#rows = new Uint32Array(size * ROW);
    this.#bytes = Buffer.allocUnsafeSlow(bytes);
  }

  add(key: Key, entry: StoredEntry): void {
    const rows = this.#rows;
    const row = this.#row;
    writeRow(rows, row, this.#end, key.length, entry);
    if (entry.expiry !== null) this.#addNode(row / ROW, entry.expiry);
    this.#row += ROW;
    this.#end += key.length + entry.text.length;
    this.#unwritten.push(key, entry.text);
  }

  copy(rows: Uint32Array, bytes: Buffer, nodes: readonly (ExpiryNode | null)[] | undefined): void {
    this.#write();
    const moved = this.#end - rows[START]!;
    this.#rows.set(rows, this.#row);
    const end = this.#row + rows.length;
    if (moved !== 0) for (let row = this.#row; row < end; row += ROW) this.#rows[row + START]! += moved;
    this.#bytes.set(bytes, this.#end);
    nodes?.forEach((node, i) => {
      if (node !== null) this.#addNode(this.#row / ROW + i, node);
    });
    this.#row = end;
    this.#end += bytes.length;
  }

  finish(): PackedEntries {
    this.#write();
    return new PackedEntries(this.#rows, this.#bytes, this.#nodes);
  }

  #addNode(place: number, node: ExpiryNode): void {
    this.#nodes ??= new Array<ExpiryNode | null>(this.#rows.length / ROW).fill(null);
    this.#nodes[place] = node;
  }

  #write(): void {
    if (this.#unwritten.length === 0) return;
    const text = this.#unwritten.join('');
    this.#bytes.latin1Write(text, this.#end - text.length);
    this.#unwritten = [];
  }
}

/** Writes the words of a row at this place in the rows. */
export function writeRow(
  rows: Uint32Array,
  row: number,
  start: number,
  keyLength: number,
  { version, epoch, time, revision }: EntryNumbers,
): void {
  rows[row + START] = start;
  rows[row + VERSION] = version;
  rows[row + EPOCH] = epoch;
  rows[row + TIME] = time;
  rows[row + REVISION] = revision;
  rows[row + LENGTH] = keyLength * HALF + Math.floor(revision / WORD);
}

/** Whether an entry with these lengths and numbers can be packed. All can but those with a long text. */
export function fits(
  keyLength: number,
  textLength: number,
  { version, epoch, time, revision }: EntryNumbers,
): boolean {
  const right = isWord(version) && isWord(epoch) && isWord(time) && revision < HALF * WORD;
  return right && keyLength <= KEY_BYTES_MAX && textLength <= PACKED_TEXT_BYTES_MAX;
}

function isWord(number: number): boolean {
  return number >>> 0 === number;
}

export const packing: Packing<StoredEntry> = {
  nothing: new Packer(0, 0).finish(),
  looseMax: LEAF_LOOSE_MAX,
  takes: (key, entry) => fits(key.length, entry.text.length, entry),
};
