/**
 * A place in a line of a snapshot file, and what can be read from there without making an object of it. Shared by the
 * rows of a log (rows.ts) and those of a base (entry-rows.ts).
 */
import type { ByteString } from '../model.js';
import { isByteString } from './line.js';

/** Where a line's JSON begins. */
export const JSON_FROM = 9;
/** What stands between the parts of a line. */
export const VALUES = Buffer.from(',"values":[');
export const ROWS_END = Buffer.from('],"lengths":[');
export const NULL = Buffer.from('null');
/** No number stands here. */
export const NONE = -1;
/** Digits of a number that is exact in any case. */
const DIGITS_MAX = 15;

export const COMMA = 0x2c;
export const MINUS = 0x2d;
export const BRACKET = 0x5b;
export const ROW_END = 0x5d;
const ZERO = 0x30;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

/** Whatever does not find what it looks for leaves it anywhere. */
export class Cursor {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  /** Steps over these bytes, if they stand here. */
  skip(text: Uint8Array): boolean {
    const bytes = this.#bytes;
    const from = this.#at;
    for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text[i]) return false;
    this.#at = from + text.length;
    return true;
  }

  /** Steps over one byte, if it stands here. */
  skipByte(byte: number): boolean {
    if (this.#bytes[this.#at] !== byte) return false;
    this.#at += 1;
    return true;
  }

  /** A whole number as JSON writes it, or NONE. */
  whole(): number {
    const bytes = this.#bytes;
    const from = this.#at;
    let at = from;
    let value = 0;
    for (let digit = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[at]! - ZERO) {
      value = value * 10 + digit;
      at += 1;
    }
    this.#at = at;
    const digits = at - from;
    if (digits === 0 || digits > DIGITS_MAX || (digits > 1 && bytes[from] === ZERO)) return NONE;
    return value;
  }

  /** A comma and a whole number behind it, or NONE. */
  nextWhole(): number {
    return this.skipByte(COMMA) ? this.whole() : NONE;
  }

  /** A string without escapes, or null. */
  string(): ByteString | null {
    const from = this.#at + 1;
    return this.skipString() ? this.#bytes.latin1Slice(from, this.#at - 1) : null;
  }

  /** Steps over a string without escapes, if one stands here. */
  skipString(): boolean {
    const bytes = this.#bytes;
    if (!this.skipByte(QUOTE)) return false;
    let at = this.#at;
    for (let byte = bytes[at]!; byte !== QUOTE; byte = bytes[at]!) {
      if (!(byte >= SPACE) || byte === BACKSLASH) return false; // also where the line ends
      at += 1;
    }
    this.#at = at + 1;
    return true;
  }
}

/** The text whose JSON string this is, or null. */
export function unquoted(json: ByteString): ByteString | null {
  try {
    const text: unknown = JSON.parse(json);
    return typeof text === 'string' && isByteString(text) ? text : null;
  } catch {
    return null;
  }
}
