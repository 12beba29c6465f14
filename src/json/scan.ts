/**
 * Bodies and documents as texts: checks that a body is what RFC 8259 and our bounds allow, and cuts it where asked,
 * without parsing it. What it gives out is byte for byte what came in, in strings of its own that do not keep the
 * body alive (see bytes.ts). The input is known to be UTF-8.
 *
 * Errors, all with line and column: `invalid_json`, `too_deep`, `number_out_of_range`.
 */
import { CairnError } from '../errors.js';
import { VALUE_DEPTH_MAX } from '../limits.js';
import type { ByteString, JsonText } from '../model.js';
import { flatSlice } from './bytes.js';
import { Scanner } from './scanner.js';
import { decodeLiteral } from './string.js';

const BYTE_ORDER_MARK = '\xef\xbb\xbf';

/** A member of an object. */
export interface Member {
  /** Decoded, as JavaScript has it: a lone surrogate stays one. */
  readonly name: string;
  readonly text: JsonText;
}

/** What is taken of one object of many: they come in one body, and others have their turn only between them. */
export interface RowLimits {
  /** Longer ones are refused. */
  readonly bytesMax: number;
  /** No more are given out. */
  readonly membersMax: number;
}

const UNLIMITED: RowLimits = { bytesMax: Number.POSITIVE_INFINITY, membersMax: Number.POSITIVE_INFINITY };

/** The one value that a body holds, less the white space around it. */
export function scanValue(bytes: ByteString, depthMax: number = VALUE_DEPTH_MAX): JsonText {
  const scanner = begin(bytes);
  const start = scanner.position;
  scanner.skipValue(depthMax);
  const end = scanner.position;
  finish(scanner);
  return jsonSlice(bytes, start, end);
}

/**
 * The members of the one object that a body holds, in their order; one that comes twice is there twice.
 * `depthMax` bounds each member's value by itself.
 */
export function scanMembers(bytes: ByteString, depthMax: number = VALUE_DEPTH_MAX): Member[] {
  const scanner = begin(bytes);
  if (!scanner.atObject()) throw notAnObject(bytes, depthMax);
  const members = membersAt(scanner, bytes, depthMax);
  finish(scanner);
  return members;
}

/**
 * The objects in an array that is a member of the one object that a body holds, each as its members, in one pass and
 * one at a time: the bytes are many, and whoever takes them may let others have a turn. Null: an element that is no
 * object. `onMember` is told of each member of the body before it is gone over, and throws where it should not be there.
 * @throws CairnError `value_too_large` too
 */
export function* scanRows(
  bytes: ByteString,
  onMember: (name: string, isArray: boolean) => void,
  rows: RowLimits,
): Generator<readonly Member[] | null> {
  const depthMax = VALUE_DEPTH_MAX;
  const scanner = begin(bytes);
  if (!scanner.atObject()) throw notAnObject(bytes, depthMax, rows.bytesMax);
  for (const [nameStart, nameEnd] of scanner.eachMember()) {
    onMember(decodeLiteral(bytes.slice(nameStart, nameEnd)), scanner.atArray());
    if (!scanner.atArray()) {
      scanner.skipValue(depthMax);
      continue;
    }
    for (const _ of scanner.eachElement()) {
      if (scanner.atObject()) yield membersAt(scanner, bytes, depthMax, rows);
      else {
        scanner.skipValue(depthMax, scanner.position + rows.bytesMax);
        yield null;
      }
    }
  }
  finish(scanner);
}

/** Goes over the object that begins here. */
function membersAt(scanner: Scanner, bytes: ByteString, depthMax: number, limits = UNLIMITED): Member[] {
  const members: Member[] = [];
  const endMax = scanner.position + limits.bytesMax;
  scanner.members((nameStart, nameEnd) => {
    const start = scanner.position;
    scanner.skipValue(depthMax, endMax);
    if (members.length === limits.membersMax) return;
    const name = decodeLiteral(bytes.slice(nameStart, nameEnd));
    members.push({ name, text: jsonSlice(bytes, start, scanner.position) });
  });
  return members;
}

/** A part of a text that is known to be one whole value. */
export function jsonSlice(bytes: ByteString, start: number, end: number): JsonText {
  return flatSlice(bytes, start, end) as JsonText;
}

/** A scanner at the first byte of the value. */
function begin(bytes: ByteString): Scanner {
  const scanner = new Scanner(bytes);
  if (bytes.startsWith(BYTE_ORDER_MARK)) throw scanner.fail('a byte order mark is not allowed');
  scanner.skipSpace();
  if (scanner.atEnd())
    throw new CairnError('invalid_json', 'There is no JSON: the text is empty.', {
      hint: 'Send one JSON value as the body.',
    });
  return scanner;
}

function finish(scanner: Scanner): void {
  scanner.skipSpace();
  if (!scanner.atEnd()) throw scanner.fail('the JSON value has ended, and more follows');
}

/** The error for a value of the wrong kind; one that is no JSON at all is told first, unless it is long. */
function notAnObject(bytes: ByteString, depthMax: number, bytesMax = Number.POSITIVE_INFINITY): CairnError {
  if (bytes.length <= bytesMax) scanValue(bytes, depthMax);
  return new CairnError('invalid_json', 'The JSON is a value, but not an object.', {
    hint: 'Send one JSON object.',
  });
}
