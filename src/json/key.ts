/**
 * What a key is, and the ways in which one arrives: as bytes, as text, as a JSON string, in the path of a URL.
 *
 * A key is 1 to 512 bytes of UTF-8 without control characters (they would forge lines in logs, headers and NDJSON)
 * and without a segment `.` or `..` between slashes (clients take those out of a URL and then ask for another
 * key). Nothing is normalised. A refused key is never shown: messages name the rule and the place.
 */
import { Buffer, isUtf8 } from 'node:buffer';
import { CairnError } from '../errors.js';
import { KEY_BYTES_MAX } from '../limits.js';
import type { ByteString, JsonText, Key } from '../model.js';
import { flat, fromUnicode } from './bytes.js';
import { decodeString } from './string.js';

/** Printable ASCII without the dot: nothing that any rule but the length speaks of. Most keys are this. */
const HARMLESS = /^[ -\-/-~]+$/;

/** C0 and DEL; C1; U+2028 and U+2029; as UTF-8 bytes. */
const CONTROL = /[\0-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]/;

const DOT_SEGMENT = /(?:^|\/)\.\.?(?:\/|$)/;

const LONE_SURROGATE = /\p{Surrogate}/u;

const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
const ESCAPE = /%[0-9A-Fa-f]{2}/g;
const NO_BYTE = /[^\0-\xff]/;

export function keyFromBytes(bytes: ByteString): Key {
  if (bytes.length <= KEY_BYTES_MAX && HARMLESS.test(bytes)) return asKey(bytes);
  if (bytes.length === 0) throw new CairnError('invalid_key', 'The key is empty.');
  if (bytes.length > KEY_BYTES_MAX) {
    throw new CairnError('key_too_long', `The key has ${bytes.length} bytes; ${KEY_BYTES_MAX} are allowed.`);
  }
  if (!isUtf8Bytes(bytes)) throw new CairnError('invalid_utf8', 'The key is not UTF-8.');
  refuseControls(bytes);
  if (DOT_SEGMENT.test(bytes)) {
    throw new CairnError(
      'invalid_key',
      'The key has a segment "." or "..", which clients take out of a URL.',
    );
  }
  return asKey(bytes);
}

export function keyFromUnicode(text: string): Key {
  if (LONE_SURROGATE.test(text)) throw loneSurrogate();
  return keyFromBytes(fromUnicode(text));
}

/** The key that a member of a JSON body gives. */
export function keyFromJson(text: JsonText): Key {
  if (!text.startsWith('"')) throw new CairnError('invalid_key', 'The key is not a string.');
  const bytes = decodeString(text);
  if (bytes === undefined) throw loneSurrogate();
  return keyFromBytes(bytes);
}

/**
 * The key that a path gives: all that follows the slash behind the collection, as it was sent. It is decoded once.
 * `+` is itself, as RFC 3986 has it; only in a query it is a space. Bytes that a client did not encode count as
 * themselves.
 */
export function keyFromPath(raw: ByteString): Key {
  const bytes = raw.includes('%') ? decodePercent(raw) : raw;
  if (HARMLESS.test(bytes)) return keyFromBytes(bytes);
  if (!isUtf8Bytes(bytes)) {
    throw new CairnError('invalid_path_encoding', 'The key in the path is not UTF-8 when it is decoded.');
  }
  return keyFromBytes(bytes);
}

function decodePercent(raw: ByteString): ByteString {
  const bad = raw.search(BAD_ESCAPE);
  if (bad !== -1) {
    const message = `The "%" at character ${bad + 1} of the key in the path is not followed by two hex digits.`;
    throw new CairnError('invalid_path_encoding', message);
  }
  return raw.replace(ESCAPE, hex => String.fromCharCode(Number.parseInt(hex.slice(1), 16)));
}

/** The one place where bytes become a key. A flat copy, since a key may be stored (see bytes.ts). */
function asKey(bytes: ByteString): Key {
  return flat(bytes) as Key;
}

function isUtf8Bytes(bytes: ByteString): boolean {
  return !NO_BYTE.test(bytes) && isUtf8(Buffer.from(bytes, 'latin1'));
}

function refuseControls(bytes: ByteString): void {
  const control = CONTROL.exec(bytes);
  if (control === null) return;
  const codePoint = Buffer.from(control[0], 'latin1').toString('utf8').charCodeAt(0);
  const name = `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
  throw new CairnError(
    'invalid_key',
    `The key holds the control character ${name} at byte ${control.index + 1}.`,
  );
}

function loneSurrogate(): CairnError {
  return new CairnError('invalid_key', 'The key holds a lone surrogate, which no UTF-8 can say.');
}
