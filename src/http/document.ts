/**
 * GET of one document, the same in every collection: `raw`, `default` and `path`, conditions and headers. A route
 * says where the document stands and how it is wrapped.
 */
import { CairnError } from '../errors.js';
import { fromUnicode } from '../json/bytes.js';
import { memberAt, parsePointer } from '../json/pointer.js';
import { decodeString, encodeString } from '../json/string.js';
import type { ByteString, JsonText } from '../model.js';
import { type Keys, keyNotFound, type Place, type Reading } from '../service/keys.js';
import { documentHeaders, emptyReply, jsonReply, rawReply, storeHeaders } from './answer.js';
import { judgeRead, type ReadCondition, readCondition } from './conditional.js';
import { flagOf } from './request-target.js';
import type { Call, Reply } from './route.js';

/** The query parameters that every document knows. */
export const documentQuery = ['raw', 'default', 'path'] as const;

export interface DocumentParts {
  readonly keys: Keys;
}

/** How a route shows a value; not asked for `raw`. */
export type Wrap = (value: JsonText) => ByteString;

interface Wishes {
  readonly raw: boolean;
  readonly pointer: string;
  /** What to answer where there is nothing, as bytes. */
  readonly fallback: ByteString | undefined;
  readonly condition: ReadCondition;
}

export function readDocument(call: Call, place: Place, { keys }: DocumentParts, wrap: Wrap): Reply {
  const wishes = wishesOf(call);
  const { entry, revision } = keys.read(place);
  const value = entry === undefined ? undefined : memberAt(entry.text, wishes.pointer);
  if (entry === undefined || value === undefined) return missing(wishes, { entry, revision }, wrap);
  const headers = documentHeaders(entry, keys.now());
  if (judgeRead(wishes.condition, entry) === 'not_modified') return emptyReply(304, headers);
  return wishes.raw ? rawReply(200, bare(value), headers) : jsonReply(200, wrap(value), headers);
}

/** Everything that is 400 comes before the look at the document, so that it does not depend on what is there. */
function wishesOf({ query, headers }: Call): Wishes {
  const pointer = query.get('path') ?? '';
  parsePointer(pointer);
  const fallback = query.get('default');
  return {
    raw: flagOf(query, 'raw') ?? false,
    pointer,
    fallback: fallback === undefined ? undefined : fromUnicode(fallback),
    condition: readCondition(headers),
  };
}

/** `default` stands in for the value, always as a string: `?raw` shows it as it was given. */
function missing({ raw, fallback, condition }: Wishes, reading: Reading, wrap: Wrap): Reply {
  if (fallback === undefined) throw notThere(reading);
  judgeRead(condition, reading.entry);
  const headers = storeHeaders(reading.revision);
  return raw ? rawReply(200, fallback, headers) : jsonReply(200, wrap(encodeString(fallback)), headers);
}

function notThere({ entry, revision }: Reading): CairnError {
  if (entry === undefined) return keyNotFound(revision);
  return new CairnError('member_not_found', 'The value has nothing at this path.', { revision });
}

function bare(value: JsonText): ByteString {
  return decodeString(value) ?? value;
}
