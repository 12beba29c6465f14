/**
 * `where=metadata.enabled=true`: whether a document has this value in this field.
 *
 * The field is a dotted path, or a JSON Pointer where it begins with `/`; the first `=` behind it ends it. A string is
 * compared with the text, any other value as JSON: `10` finds `10`, `10.0` and `"10"`, and `"10"` in quotes the string
 * alone. An array matches by any of its elements; what is not there matches nothing.
 */
import { CairnError } from '../errors.js';
import { fromUnicode } from '../json/bytes.js';
import { isEqual, isEqualScalar } from '../json/equal.js';
import { memberUnder, parsePointer } from '../json/pointer.js';
import { scanValue } from '../json/scan.js';
import { Scanner } from '../json/scanner.js';
import { decodeLiteral } from '../json/string.js';
import { type JsonTree, openAll, openWithin } from '../json/tree.js';
import { VALUE_DEPTH_MAX, WHERE_PARTS_MAX, WHERE_STEP_BYTES } from '../limits.js';
import type { ByteString, JsonText } from '../model.js';

export interface Where {
  /** Of the field, from the document down. */
  readonly tokens: readonly string[];
  /** What a string there must be. */
  readonly text: ByteString;
  /** Whether the value may be of another type than a string. */
  readonly loose: boolean;
  /**
   * Whether it holds for a document. It pauses each time that it has gone over some KiB: whoever asks may let others have
   * their turn.
   */
  look(document: JsonText): Generator<undefined, boolean>;
}

/** @throws CairnError `invalid_parameter` */
export function parseWhere(condition: string): Where {
  const equals = condition.indexOf('=');
  if (equals <= 0) throw invalid('has no field and "="');
  const field = condition.slice(0, equals);
  const tokens = field.startsWith('/') ? parsePointer(field) : field.split('.');
  if (tokens.length > VALUE_DEPTH_MAX) throw invalid(`reaches more than ${VALUE_DEPTH_MAX} deep`);
  const wanted = condition.slice(equals + 1);
  const isWanted = matcherOf(wanted);
  return {
    tokens,
    text: fromUnicode(wanted),
    loose: jsonOf(wanted) !== undefined,
    *look(document) {
      const value = memberUnder(document, tokens);
      if (value === undefined) return false;
      yield;
      return isWanted(value) || (yield* hasElement(value, isWanted));
    },
  };
}

/** Whether the value is an array, and one of its elements is wanted. */
function* hasElement(
  array: JsonText,
  isWanted: (element: JsonText) => boolean,
): Generator<undefined, boolean> {
  const scanner = new Scanner(array);
  if (!scanner.atArray()) return false;
  let pauseAt = 0;
  for (const _ of scanner.eachElement()) {
    const start = scanner.position;
    scanner.skipValue(VALUE_DEPTH_MAX);
    if (isWanted(array.slice(start, scanner.position) as JsonText)) return true;
    if (scanner.position < pauseAt) continue;
    yield;
    pauseAt = scanner.position + WHERE_STEP_BYTES;
  }
  return false;
}

/** Whether a value is what a condition says; an array has as many as it has elements, so little is done for each. */
function matcherOf(wanted: string): (value: JsonText) => boolean {
  const json = jsonOf(wanted);
  const kind = kindOf(json ?? '');
  const tree = json === undefined ? undefined : openAll(json);
  return value => {
    const own = kindOf(value);
    if (own === '"' && decodeLiteral(value) === wanted) return true;
    if (json === undefined || own !== kind) return false;
    return tree === undefined || typeof tree === 'string'
      ? isEqualScalar(value, json)
      : isEqualTo(value, tree);
  };
}

/** What the value is, by its first byte; `0` for a number. */
function kindOf(value: JsonText | ''): string {
  const first = value.charAt(0);
  return /[-\d]/.test(first) ? '0' : first;
}

/** What holds more values than a query can write is no such one, and is not gone over to its end. */
function isEqualTo(value: JsonText, tree: JsonTree): boolean {
  const own = openWithin(value, WHERE_PARTS_MAX);
  return own !== undefined && isEqual(own, tree);
}

/** The condition as JSON, if it is any. */
function jsonOf(wanted: string): JsonText | undefined {
  try {
    return scanValue(fromUnicode(wanted));
  } catch (error) {
    if (error instanceof CairnError) return undefined;
    throw error;
  }
}

function invalid(reason: string): CairnError {
  return new CairnError('invalid_parameter', `"where" in the query ${reason}.`, {
    hint: 'Write where=name=value; a dotted path or a JSON Pointer for a member within: where=db.port=5432.',
  });
}
