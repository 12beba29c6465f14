/**
 * Packs rows of a base straight from the bytes of their lines, leaf after leaf, so that a start makes neither objects
 * nor strings of what nobody has asked for yet. It takes rows as long as they come in key order and can be packed;
 * whoever feeds it has another way for the rest.
 */
import { LEAF_KEYS_MAX } from '../limits.js';
import type { BaseRows } from '../model.js';
import type { ExpiryNode } from './expiry.js';
import { fits, PackedEntries, ROW, writeRow } from './packed.js';

/** Bytes for which there is room at first. */
const BYTES_FIRST = 64 * 1024;

export class RowPacker {
  readonly #rows = new Uint32Array(LEAF_KEYS_MAX * ROW);
  #bytes = Buffer.allocUnsafeSlow(BYTES_FIRST);
  #nodes: (ExpiryNode | null)[] | null = null;
  #size = 0;
  #end = 0;
  /** Where the last key begins and ends in the bytes. */
  #keyStart = 0;
  #keyEnd = 0;

  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#size === LEAF_KEYS_MAX;
  }

  /** Whether this row can be the next. */
  takes(rows: BaseRows, row: number): boolean {
    const keyLength = rows.keyEnd(row) - rows.keyStart(row);
    const textLength = rows.textEnd(row) - rows.textStart(row);
    if (rows.isQuoted(row) || !fits(keyLength, textLength, rows.numbersAt(row))) return false;
    return this.#size === 0 || this.#isBehind(rows.bytes, rows.keyStart(row), rows.keyEnd(row));
  }

  /** Adds a row that it takes, if it is not full. */
  add(rows: BaseRows, row: number, node: ExpiryNode | null): void {
    const keyStart = rows.keyStart(row);
    const keyEnd = rows.keyEnd(row);
    const keyLength = keyEnd - keyStart;
    this.#reserve(keyLength + rows.textEnd(row) - rows.textStart(row));
    const start = this.#end;
    writeRow(this.#rows, this.#size * ROW, start, keyLength, rows.numbersAt(row));
    this.#copy(rows.bytes, keyStart, keyEnd);
    this.#copy(rows.bytes, rows.textStart(row), rows.textEnd(row));
    this.#keyStart = start;
    this.#keyEnd = start + keyLength;
    if (node !== null) this.#nodes ??= new Array<ExpiryNode | null>(this.#size).fill(null);
    this.#nodes?.push(node);
    this.#size += 1;
  }

  /** Gives what was added, in arrays that are just as long, and begins anew. */
  take(): PackedEntries {
    const rows = this.#rows.slice(0, this.#size * ROW);
    const bytes = Buffer.allocUnsafeSlow(this.#end);
    this.#bytes.copy(bytes, 0, 0, this.#end);
    const packed = new PackedEntries(rows, bytes, this.#nodes);
    this.#nodes = null;
    this.#size = 0;
    this.#end = 0;
    return packed;
  }

  #isBehind(bytes: Buffer, start: number, end: number): boolean {
    const last = this.#bytes;
    const lastLength = this.#keyEnd - this.#keyStart;
    const length = end - start;
    for (let i = 0; i < length && i < lastLength; i++) {
      const difference = bytes[start + i]! - last[this.#keyStart + i]!;
      if (difference !== 0) return difference > 0;
    }
    return length > lastLength;
  }

  #copy(from: Buffer, start: number, end: number): void {
    const bytes = this.#bytes;
    let at = this.#end;
    for (let i = start; i < end; i++) bytes[at++] = from[i]!;
    this.#end = at;
  }

  #reserve(more: number): void {
    if (this.#end + more <= this.#bytes.length) return;
    const bytes = Buffer.allocUnsafeSlow(2 * (this.#end + more));
    this.#bytes.copy(bytes, 0, 0, this.#end);
    this.#bytes = bytes;
  }
}
