/**
 * `/<collection>`: many documents at once. A list is an array in key order, of the documents where they have their id
 * within, else of `{"key","value"}`; its Link header leads to the next page.
 */
import { CairnError } from '../../errors.js';
import { scanValue } from '../../json/scan.js';
import { encodeString } from '../../json/string.js';
import { ENTRY_OVERHEAD_BYTES, LIST_LIMIT_MAX, LIST_STREAM_BYTES, WHERES_MAX } from '../../limits.js';
import type { ByteString, Entry, Key, Milliseconds, Revision } from '../../model.js';
import { forbidden, isWhole, mayDo, visibleParts } from '../../service/grant.js';
import { Interest } from '../../service/interest.js';
import type { Keys } from '../../service/keys.js';
import type { List, ListRequest, Lists } from '../../service/lists.js';
import type { DocumentPolicy } from '../../service/rules.js';
import { ttlFromQuery } from '../../service/ttl.js';
import { parseWhere } from '../../service/where.js';
import {
  documentHeaders,
  durableHeader,
  emptyReply,
  filteredHeader,
  type Headers,
  jsonReply,
  keyAndValue,
  objectReply,
  storeHeaders,
} from '../answer.js';
import { inChunks } from '../chunks.js';
import { judgeList, readCondition, weakEtagOf } from '../conditional.js';
import { cursorOf, keyOfCursor } from '../cursor.js';
import type { DocumentParts } from '../document.js';
import { noteOf } from '../note.js';
import { flagOf, prefixOf } from '../request-target.js';
import type { Call, Reply, Route } from '../route.js';
import { type Setting, settingOf } from '../setting.js';
import { unchangedUntil, waitOf, waitQuery } from '../wait.js';
import { durabilityOf, refuseConditions, writeOptions } from '../write.js';
import { listDocs } from './collection-docs.js';

export interface CollectionParts extends DocumentParts {
  readonly lists: Lists;
}

export function collectionRoute(collection: string, parts: CollectionParts): Route {
  const docs = listDocs(collection, parts.keys.policyOf(collection));
  return {
    path: `/${collection}`,
    operations: {
      GET: {
        access: { verbs: ['read'], of: 'range', collection },
        summary: 'The documents in key order, a page at a time.',
        docs: docs.GET,
        query: ['prefix', 'limit', 'cursor', 'keys', 'count', ...waitQuery],
        repeatable: 'where',
        body: 'none',
        waits: true,
        handle: call => list(call, collection, parts),
      },
      POST: {
        access: { verbs: ['write'], of: 'body', collection },
        summary: 'Creates a document.',
        docs: docs.POST,
        query: ['ttl', 'sync'],
        body: 'value',
        example: exampleOf(collection, parts.keys),
        handle: call => create(call, collection, parts),
      },
      DELETE: {
        access: { verbs: ['write'], of: 'whole range', collection },
        summary: 'Deletes all documents under a prefix; with ?purge their histories too.',
        docs: docs.DELETE,
        query: ['prefix', 'purge', 'sync'],
        body: 'none',
        handle: call => deletePrefix(call, collection, parts),
      },
    },
  };
}

function exampleOf(collection: string, keys: Keys): string {
  const { idField } = keys.policyOf(collection);
  const body = idField === null ? '{"key":"a","value":{"any":"json"}}' : `{"${idField}":"a","any":"json"}`;
  return `curl -d '${body}' …/${collection}`;
}

async function list(call: Call, collection: string, listParts: CollectionParts): Promise<Reply> {
  const { keys, lists } = listParts;
  const request = requestOf(call, collection);
  const namesOnly = flagOf(call.query, 'keys') ?? false;
  const condition = readCondition(call.headers);
  const unchanged = await waited(call, request, listParts);
  const { lastChange } = lists.status(collection);
  const tag = { ETag: weakEtagOf(lastChange) };
  if (judgeList(condition, lastChange) === 'not_modified') return emptyReply(304, tag);
  const parts = visibleParts(call.caller.grant, collection, request.prefix);
  const whole = isWhole(parts, request.prefix);
  // How many there are that may not be seen is nothing to tell either.
  const total = whole ? await totalOf(call, request, lists) : null;
  const page = await lists.page({ ...request, parts });
  return listReply(page, namesOnly, keys.policyOf(collection), {
    ...tag,
    ...storeHeaders(unchanged ?? page.revision),
    ...filteredHeader(!whole),
    ...(total === null ? {} : { 'X-Total-Count': String(total) }),
    ...(page.next === null
      ? {}
      : { Link: `<${call.path}?${nextQuery(call, cursorOf(page.next))}>; rel="next"` }),
  });
}

/** Until something below the prefix changes, whatever `where` says of it. Null: it did, or it was not asked for. */
async function waited(
  call: Call,
  { collection, prefix }: ListRequest,
  { watches }: CollectionParts,
): Promise<Revision | null> {
  flagOf(call.query, 'count'); // what is wrong is told before
  const wait = waitOf(call.query);
  if (wait === null) return null;
  const interest = new Interest({ collections: [collection], range: { prefix }, grant: call.caller.grant });
  return unchangedUntil(wait, interest, watches, call);
}

function requestOf({ query, repeated }: Call, collection: string): ListRequest {
  const cursor = query.get('cursor');
  if (repeated.length > WHERES_MAX) throw invalid(`"where" stands there more than ${WHERES_MAX} times`);
  return {
    collection,
    prefix: prefixOf(query),
    after: cursor === undefined ? undefined : keyOfCursor(cursor),
    limit: limitOf(query.get('limit')),
    wheres: repeated.map(parseWhere),
  };
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return LIST_LIMIT_MAX;
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= LIST_LIMIT_MAX) return limit;
  throw invalid(`"limit" is no whole number from 1 to ${LIST_LIMIT_MAX}`);
}

/** Of a part it costs a scan, which has to be asked for. Null: it was not. */
async function totalOf({ query }: Call, request: ListRequest, lists: Lists): Promise<number | null> {
  const wanted = flagOf(query, 'count');
  const whole = request.prefix === '' && request.wheres.length === 0;
  if (whole) return wanted === false ? null : lists.status(request.collection).entries;
  return wanted === true ? lists.count(request) : null;
}

function itemOf([key, { text }]: readonly [Key, Entry], { idField }: DocumentPolicy): ByteString {
  return idField === null ? keyAndValue(encodeString(key), text) : text;
}

/** A long one is made while it is read: its texts are those of the store, and as one text it would be them once more. */
function listReply({ entries }: List, namesOnly: boolean, policy: DocumentPolicy, headers: Headers): Reply {
  const bytes = namesOnly ? 0 : entries.reduce((sum, [, { text }]) => sum + text.length, 0);
  const parts = partsOf(entries, namesOnly, policy);
  if (bytes <= LIST_STREAM_BYTES) return jsonReply(200, [...parts].join(''), headers);
  const held = bytes + entries.length * ENTRY_OVERHEAD_BYTES;
  return { ...jsonReply(200, '', headers), body: null, stream: inChunks(parts), held };
}

/** A text is a part of its own, since to join it with another would copy it. */
function* partsOf(
  entries: List['entries'],
  namesOnly: boolean,
  { idField }: DocumentPolicy,
): Generator<ByteString> {
  let before = '[';
  for (const [key, { text }] of entries) {
    if (namesOnly) yield `${before}${encodeString(key)}`;
    else if (idField !== null) yield* [before, text];
    else yield* [`${before}{"key":${encodeString(key)},"value":`, text, '}'];
    before = ',';
  }
  yield before === '[' ? '[]' : ']';
}

/** The next page begins elsewhere, and waits for nothing. */
const NOT_OF_NEXT: ReadonlySet<string> = new Set(['cursor', 'wait', 'since']);

function nextQuery({ query, repeated }: Call, cursor: string): string {
  const words = new URLSearchParams([...query].filter(([name]) => !NOT_OF_NEXT.has(name)));
  for (const where of repeated) words.append('where', where);
  words.append('cursor', cursor);
  return words.toString();
}

async function create(call: Call, collection: string, { keys }: CollectionParts): Promise<Reply> {
  const { key, value, ttl } = newDocumentOf(call, keys.policyOf(collection), exampleOf(collection, keys));
  const { text, ...place } = keys.place(collection, key, value);
  if (!mayDo(call.caller.grant, 'write', collection, place.key)) throw mayNotCreate();
  const options = { ...writeOptions(call), ...(ttl === undefined ? {} : { ttl }) };
  const { entry, durable } = await keys.create(place, text, options);
  return jsonReply(201, itemOf([place.key, entry], keys.policyOf(collection)), {
    ...documentHeaders(entry, keys.now()),
    ...durableHeader(durable),
    Location: `/${collection}/${pathOf(place.key)}`,
  });
}

/** An id that was made is under no prefix. */
function mayNotCreate(): CairnError {
  return forbidden(
    'write this key',
    'Send a key or an id that the token covers; one that is made for you is under no prefix.',
  );
}

/** With its id within, the document is the body, and its ttl stands in the query as with a PUT. */
function newDocumentOf(
  { body, query }: Call,
  { idField, generatedId }: DocumentPolicy,
  example: string,
): Pick<Setting, 'key' | 'value'> & { readonly ttl?: Milliseconds | 'none' } {
  const ttl = query.get('ttl');
  if (idField === null) {
    if (ttl !== undefined) throw invalid('"ttl" stands in the body here');
    return settingOf(body, { example, keyless: generatedId });
  }
  if (body?.type !== 'json') throw new Error('a new document came without a body');
  return {
    key: null,
    value: scanValue(body.bytes),
    ...(ttl === undefined ? {} : { ttl: ttlFromQuery(ttl) }),
  };
}

/** A key as the rest of a path; its slashes stay. */
function pathOf(key: ByteString): string {
  return Buffer.from(key, 'latin1').toString('utf8').split('/').map(encodeURIComponent).join('/');
}

async function deletePrefix(
  call: Call,
  collection: string,
  { lists, versions }: CollectionParts,
): Promise<Reply> {
  const prefix = prefixOf(call.query);
  if (prefix === '') throw withoutPrefix(collection);
  refuseConditions(call, 'Delete the keys one by one, each with its ETag.');
  durabilityOf(call); // it is durable, whatever is asked for
  const purge = flagOf(call.query, 'purge') ?? false;
  if (purge) versions.refuseWithout(collection);
  const { deleted, revision } = await lists.deletePrefix({
    collection,
    prefix,
    purge,
    note: noteOf(call),
    origin: call.origin(),
  });
  return objectReply(200, { deleted }, { ...storeHeaders(revision), ...durableHeader(deleted > 0) });
}

function withoutPrefix(collection: string): CairnError {
  const message = '"prefix" is missing or empty, and would delete all there is.';
  return new CairnError('invalid_parameter', message, {
    hint: `Try: curl -X DELETE '…/${collection}?prefix=a/', or DELETE …/${collection}/<key> for one.`,
  });
}

function invalid(reason: string): CairnError {
  return new CairnError('invalid_parameter', `${reason}.`, {
    hint: 'For example ?prefix=a/&limit=100&where=name=value; the Link header of a page leads to the next.',
  });
}
