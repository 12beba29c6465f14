/**
 * GET of one document, the same in every collection: `raw`, `default`, `path` and `as`, conditions and headers. A route
 * says where the document stands and how it is wrapped.
 */
import { CairnError } from '../errors.js';
import { fromUnicode } from '../json/bytes.js';
import { memberAt, parsePointer } from '../json/pointer.js';
import { decodeString, encodeString } from '../json/string.js';
import type { ByteString, JsonText, Version } from '../model.js';
import { Interest } from '../service/interest.js';
import { type Keys, keyNotFound, type Place, type Reading } from '../service/keys.js';
import { type Versions, versionNotFound } from '../service/versions.js';
import type { Watches } from '../service/watches.js';
import { documentHeaders, emptyReply, jsonReply, rawReply, storeHeaders } from './answer.js';
import { judgeRead, type ReadCondition, readCondition } from './conditional.js';
import { flagOf } from './request-target.js';
import type { Call, Reply } from './route.js';
import { readPast, versionOf, versionQuery } from './versions.js';
import { type View, viewOf, viewReply, weakened } from './view.js';
import { refuseHopeless, unchangedUntil, unmoved, type Wait, waitOf, waitQuery } from './wait.js';

/** The query parameters that every document knows. */
export const documentQuery = ['raw', 'default', 'path', 'as', ...versionQuery, ...waitQuery] as const;

export interface DocumentParts {
  readonly keys: Keys;
  readonly versions: Versions;
  readonly watches: Watches;
}

/** How a route shows a value; not asked for `raw`. */
export type Wrap = (value: JsonText) => ByteString;

interface Wishes {
  readonly raw: boolean;
  readonly view: View | undefined;
  /** Undefined: what is there now. */
  readonly version: Version | undefined;
  readonly pointer: string;
  /** What to answer where there is nothing, as bytes. */
  readonly fallback: ByteString | undefined;
  readonly condition: ReadCondition;
}

export function readDocument(
  call: Call,
  place: Place,
  parts: DocumentParts,
  wrap: Wrap,
): Reply | Promise<Reply> {
  const wait = waitOf(call.query);
  return wait === null ? read(call, place, parts, wrap) : readLater(call, place, parts, wrap, wait);
}

async function readLater(
  call: Call,
  place: Place,
  parts: DocumentParts,
  wrap: Wrap,
  wait: Wait,
): Promise<Reply> {
  // A date says nothing of a change within a second, and only If-None-Match asks for an empty answer.
  const { 'if-modified-since': _, ...headers } = call.headers;
  const readNow = () => read({ ...call, headers }, place, parts, wrap);
  refuseHopeless(readNow);
  const { key, collection } = place;
  const interest = new Interest({ collections: [collection], range: { key }, grant: call.caller.grant });
  const unchanged = await unchangedUntil(wait, interest, parts.watches, call);
  return unchanged === null ? readNow() : unmoved(readNow, unchanged);
}

function read(call: Call, place: Place, parts: DocumentParts, wrap: Wrap): Reply {
  const past = readPast(call, place, parts.versions);
  if (past !== null) return past;
  const { keys, versions } = parts;
  const wishes = wishesOf(call);
  const { version } = wishes;
  const { entry, revision } = version === undefined ? keys.read(place) : versions.read(place, version);
  const value = entry === undefined ? undefined : memberAt(entry.text, wishes.pointer);
  if (entry === undefined || value === undefined) return missing(wishes, { entry, revision }, wrap);
  const headers = documentHeaders(entry, keys.now());
  const { view } = wishes;
  if (judgeRead(wishes.condition, entry) === 'not_modified') {
    return emptyReply(304, view === undefined ? headers : weakened(headers));
  }
  if (view !== undefined) return viewReply(view, value, place.key, headers);
  return wishes.raw ? rawReply(200, bare(value), headers) : jsonReply(200, wrap(value), headers);
}

/** Everything that is 400 comes before the look at the document, so that it does not depend on what is there. */
function wishesOf({ query, headers }: Call): Wishes {
  const pointer = query.get('path') ?? '';
  parsePointer(pointer);
  const fallback = query.get('default');
  return {
    raw: flagOf(query, 'raw') ?? false,
    view: viewOf(query),
    version: versionOf(query, 'version'),
    pointer,
    fallback: fallback === undefined ? undefined : fromUnicode(fallback),
    condition: readCondition(headers),
  };
}

/** `default` stands in for the value, always as a string: `?raw` shows it as it was given. */
function missing({ raw, fallback, condition, version }: Wishes, reading: Reading, wrap: Wrap): Reply {
  if (fallback === undefined) throw notThere(reading, version);
  judgeRead(condition, reading.entry);
  const headers = storeHeaders(reading.revision);
  return raw ? rawReply(200, fallback, headers) : jsonReply(200, wrap(encodeString(fallback)), headers);
}

function notThere({ entry, revision }: Reading, version: Version | undefined): CairnError {
  if (entry === undefined)
    return version === undefined ? keyNotFound(revision) : versionNotFound(version, revision);
  return new CairnError('member_not_found', 'The value has nothing at this path.', { revision });
}

function bare(value: JsonText): ByteString {
  return decodeString(value) ?? value;
}
