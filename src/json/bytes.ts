/**
 * The way between byte strings (see model.ts) and what JavaScript means by a string, and the way to keep them
 * small in memory.
 *
 * V8 answers `slice` with a view that keeps the whole parent alive, and `+` with a pair of its halves. A value of
 * 20 bytes that was cut out of a body of 1 MiB would hold the MiB for as long as it is stored. So whatever may be
 * stored is a copy of its own, and `flat` and `flatSlice` make it.
 */
import { Buffer } from 'node:buffer';
import type { ByteString } from '../model.js';

/** V8 copies a slice shorter than this, and gives a view of its parent from here on. */
const VIEW_LENGTH_MIN = 13;

/** Where short strings are copied through: 0.1 µs each, and no garbage; a new buffer takes up to twice that. */
const scratch = Buffer.allocUnsafeSlow(4096);

const ASCII = /^[\0-\x7f]*$/;

export function isAscii(text: string): boolean {
  return ASCII.test(text);
}

/** The text that these UTF-8 bytes mean; bytes that are not UTF-8 become U+FFFD. */
export function toUnicode(bytes: ByteString): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8');
}

/** The UTF-8 bytes of a text; a lone surrogate, which has none, becomes U+FFFD. */
export function fromUnicode(text: string): ByteString {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** The same bytes as a string that holds nothing else in memory. */
export function flat(bytes: ByteString): ByteString {
  if (bytes.length < VIEW_LENGTH_MIN) return bytes;
  if (bytes.length > scratch.length) return Buffer.from(bytes, 'latin1').toString('latin1');
  return scratch.toString('latin1', 0, scratch.write(bytes, 'latin1'));
}

/** The bytes from `start` up to `end` as a string that holds nothing else in memory. */
export function flatSlice(bytes: ByteString, start: number, end: number): ByteString {
  return flat(bytes.slice(start, end));
}
