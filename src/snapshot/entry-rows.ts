/**
 * Reads the rows of a line of a base straight from its bytes, by the rules of rows.ts: it takes what format.ts writes, as
 * JSON.parse would, and leaves anything else to it. The rows stay where they are: of each its numbers are read, and the
 * places of its key and text. So who wants the bytes takes them, and no object was made that nobody needs.
 */
import type { BaseEntry, BaseRows, EntryNumbers, JsonText, Key } from '../model.js';
import {
  BRACKET,
  COMMA,
  Cursor,
  JSON_FROM,
  MINUS,
  NONE,
  NULL,
  ROW_END,
  ROWS_END,
  unquoted,
  VALUES,
} from './cursor.js';

/** What stands around the rows. */
const COLLECTION = Buffer.from('{"collection":');
const ENTRIES = Buffer.from(',"entries":[');

/** The entries of a base line. Null: the line is not of this form. */
export function scanEntries(line: Buffer): { collection: string; rows: BaseRows } | null {
  const cursor = new Cursor(line, JSON_FROM);
  if (!cursor.skip(COLLECTION)) return null;
  const collection = cursor.string();
  if (collection === null || !cursor.skip(ENTRIES)) return null;
  const rows = new EntryRows(line);
  do {
    if (!rows.scanRow(cursor)) return null;
  } while (cursor.skipByte(COMMA));
  return rows.scanLengths(cursor) ? { collection, rows } : null;
}

/** Numbers of a row in its table, and what stands in each. */
const NUMBERS = 5;
const VERSION = 0;
const REVISION = 1;
const EPOCH_OF = 2;
const TIME = 3;
/** NONE: it does not expire. */
const DEADLINE = 4;

/** Places of a row in their table. */
const PLACES = 4;
const KEY_START = 0;
const KEY_END = 1;
/** Those of the text are counted from the first value on. */
const TEXT_START = 2;
/** Negative: the text stands as a JSON string. */
const TEXT_END = 3;

/** Rows for which there is room at first; a line of small entries has about as many. */
const ROWS_FIRST = 1_024;

/** Shared by all lines, since the rows of one are good only until the next is read. */
let sharedNumbers = new Float64Array(NUMBERS * ROWS_FIRST);
let sharedPlaces = new Int32Array(PLACES * ROWS_FIRST);

/** The rows of a line as tables of numbers. */
class EntryRows implements BaseRows {
  readonly bytes: Buffer;
  size = 0;
  #numbers = sharedNumbers;
  #places = sharedPlaces;
  /** Where the first value stands. */
  #values = 0;

  constructor(line: Buffer) {
    this.bytes = line;
  }

  /** Adds the row that stands at the cursor, if one does. */
  scanRow(cursor: Cursor): boolean {
    if (this.size * NUMBERS === this.#numbers.length) this.#grow();
    const numbers = this.#numbers;
    const row = this.size * NUMBERS;
    const place = this.size * PLACES;
    if (!cursor.skipByte(BRACKET)) return false;
    this.#places[place + KEY_START] = cursor.at + 1;
    if (!cursor.skipString()) return false;
    this.#places[place + KEY_END] = cursor.at - 1;
    for (let column = VERSION; column <= TIME; column++) {
      const number = cursor.nextWhole();
      if (number < 0) return false;
      numbers[row + column] = number;
    }
    if (!cursor.skipByte(COMMA)) return false;
    const expires = !cursor.skip(NULL);
    const deadline = expires ? cursor.whole() : NONE;
    if (expires && deadline === NONE) return false;
    numbers[row + DEADLINE] = deadline;
    this.size += 1;
    return cursor.skipByte(ROW_END);
  }

  /** Reads what stands behind the rows; false where it is not as many lengths and values that fill the line. */
  scanLengths(cursor: Cursor): boolean {
    if (!cursor.skip(ROWS_END)) return false;
    const places = this.#places;
    let start = 0;
    for (let row = 0; row < this.size; row++) {
      if (row > 0 && !cursor.skipByte(COMMA)) return false;
      const quoted = cursor.skipByte(MINUS);
      const length = cursor.whole();
      if (length <= 0 || length > this.bytes.length) return false;
      const end = start + length;
      places[row * PLACES + TEXT_START] = start;
      places[row * PLACES + TEXT_END] = quoted ? -end : end;
      start = end + 1;
    }
    if (!cursor.skipByte(ROW_END) || !cursor.skip(VALUES)) return false;
    this.#values = cursor.at;
    return this.#values + start - 1 === this.bytes.length - 3 && this.#unquotes();
  }

  entryAt(row: number): BaseEntry {
    return {
      key: this.bytes.latin1Slice(this.keyStart(row), this.keyEnd(row)) as Key,
      text: this.#textAt(row)!,
      ...this.numbersAt(row),
      deadline: this.deadline(row),
    };
  }

  *[Symbol.iterator](): IterableIterator<BaseEntry> {
    for (let row = 0; row < this.size; row++) yield this.entryAt(row);
  }

  keyStart(row: number): number {
    return this.#places[row * PLACES + KEY_START]!;
  }

  keyEnd(row: number): number {
    return this.#places[row * PLACES + KEY_END]!;
  }

  textStart(row: number): number {
    return this.#values + this.#places[row * PLACES + TEXT_START]!;
  }

  textEnd(row: number): number {
    return this.#values + Math.abs(this.#places[row * PLACES + TEXT_END]!);
  }

  isQuoted(row: number): boolean {
    return this.#places[row * PLACES + TEXT_END]! < 0;
  }

  numbersAt(row: number): EntryNumbers {
    const numbers = this.#numbers;
    const from = row * NUMBERS;
    return {
      version: numbers[from + VERSION]!,
      revision: numbers[from + REVISION]!,
      epoch: numbers[from + EPOCH_OF]!,
      time: numbers[from + TIME]!,
    };
  }

  deadline(row: number): number | null {
    const deadline = this.#numbers[row * NUMBERS + DEADLINE]!;
    return deadline === NONE ? null : deadline;
  }

  #textAt(row: number): JsonText | null {
    const value = this.bytes.latin1Slice(this.textStart(row), this.textEnd(row));
    return (this.isQuoted(row) ? unquoted(value) : value) as JsonText | null;
  }

  /** Whether every text that stands as a JSON string is one. */
  #unquotes(): boolean {
    for (let row = 0; row < this.size; row++) {
      if (this.isQuoted(row) && this.#textAt(row) === null) return false;
    }
    return true;
  }

  #grow(): void {
    const numbers = new Float64Array(2 * this.#numbers.length);
    const places = new Int32Array(2 * this.#places.length);
    numbers.set(this.#numbers);
    places.set(this.#places);
    this.#numbers = sharedNumbers = numbers;
    this.#places = sharedPlaces = places;
  }
}
