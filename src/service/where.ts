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
import { decodeLiteral } from '../json/string.js';
import { openArray } from '../json/tree.js';
import { VALUE_DEPTH_MAX } from '../limits.js';
import type { ByteString, JsonText } from '../model.js';

export interface Where {
  /** Of the field, from the document down. */
  readonly tokens: readonly string[];
  /** What a string there must be. */
  readonly text: ByteString;
  /** Whether the value may be of another type than a string. */
  readonly loose: boolean;
  /** Whether it holds for a document. */
  holds(document: JsonText): boolean;
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
    holds(document) {
      const value = memberUnder(document, tokens);
      if (value === undefined) return false;
      return isWanted(value) || (openArray(value) ?? []).some(element => isWanted(element as JsonText));
    },
  };
}

/** Whether a value is what a condition says; an array has as many as it has elements, so little is done for each. */
function matcherOf(wanted: string): (value: JsonText) => boolean {
  const json = jsonOf(wanted);
  const isContainer = json !== undefined && /^[[{]/.test(json);
  return value => {
    if (value.startsWith('"') && decodeLiteral(value) === wanted) return true;
    if (json === undefined || /^[[{]/.test(value) !== isContainer) return false;
    return isContainer ? isEqual(value, json) : isEqualScalar(value, json);
  };
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
