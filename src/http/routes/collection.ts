/**
 * `/<collection>`: many documents at once. A list is an array in key order, of the documents where they have their id
 * within, else of `{"key","value"}`; its Link header leads to the next page.
 */
import { CairnError } from '../../errors.js';
import { scanValue } from '../../json/scan.js';
import { encodeString } from '../../json/string.js';
import { LIST_LIMIT_MAX, WHERES_MAX } from '../../limits.js';
import type { ByteString, Entry, Key, Milliseconds } from '../../model.js';
import type { Keys } from '../../service/keys.js';
import type { List, ListRequest, Lists } from '../../service/lists.js';
import type { DocumentPolicy } from '../../service/rules.js';
import { ttlFromQuery } from '../../service/ttl.js';
import { parseWhere } from '../../service/where.js';
import {
  documentHeaders,
  durableHeader,
  emptyReply,
  jsonReply,
  keyAndValue,
  objectReply,
  storeHeaders,
} from '../answer.js';
import { judgeList, readCondition, weakEtagOf } from '../conditional.js';
import { cursorOf, keyOfCursor } from '../cursor.js';
import type { DocumentParts } from '../document.js';
import { noteOf } from '../note.js';
import { flagOf, prefixOf } from '../request-target.js';
import type { Call, Reply, Route } from '../route.js';
import { type Setting, settingOf } from '../setting.js';
import { durabilityOf, refuseConditions, writeOptions } from '../write.js';

export interface CollectionParts extends DocumentParts {
  readonly lists: Lists;
}

export function collectionRoute(collection: string, parts: CollectionParts): Route {
  return {
    path: `/${collection}`,
    operations: {
      GET: {
        role: 'read',
        summary: 'The documents in key order, a page at a time.',
        query: ['prefix', 'limit', 'cursor', 'keys', 'count'],
        repeatable: 'where',
        body: 'none',
        handle: call => list(call, collection, parts),
      },
      POST: {
        role: 'write',
        summary: 'Creates a document.',
        query: ['ttl', 'sync'],
        body: 'value',
        example: exampleOf(collection, parts.keys),
        handle: call => create(call, collection, parts),
      },
      DELETE: {
        role: 'write',
        summary: 'Deletes all documents under a prefix; with ?purge their histories too.',
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

async function list(call: Call, collection: string, { keys, lists }: CollectionParts): Promise<Reply> {
  const request = requestOf(call, collection);
  const namesOnly = flagOf(call.query, 'keys') ?? false;
  const { lastChange } = lists.status(collection);
  const tag = { ETag: weakEtagOf(lastChange) };
  if (judgeList(readCondition(call.headers), lastChange) === 'not_modified') return emptyReply(304, tag);
  const total = await totalOf(call, request, lists);
  const page = await lists.page(request);
  return jsonReply(200, bodyOf(page, namesOnly, keys.policyOf(collection)), {
    ...tag,
    ...storeHeaders(page.revision),
    ...(total === null ? {} : { 'X-Total-Count': String(total) }),
    ...(page.next === null
      ? {}
      : { Link: `<${call.path}?${nextQuery(call, cursorOf(page.next))}>; rel="next"` }),
  });
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

function bodyOf({ entries }: List, namesOnly: boolean, policy: DocumentPolicy): ByteString {
  const items = entries.map(item => (namesOnly ? encodeString(item[0]) : itemOf(item, policy)));
  return `[${items.join(',')}]`;
}

function nextQuery({ query, repeated }: Call, cursor: string): string {
  const words = new URLSearchParams([...query].filter(([name]) => name !== 'cursor'));
  for (const where of repeated) words.append('where', where);
  words.append('cursor', cursor);
  return words.toString();
}

async function create(call: Call, collection: string, { keys }: CollectionParts): Promise<Reply> {
  const { key, value, ttl } = newDocumentOf(call, keys.policyOf(collection), exampleOf(collection, keys));
  const { text, ...place } = keys.place(collection, key, value);
  const options = { ...writeOptions(call), ...(ttl === undefined ? {} : { ttl }) };
  const { entry, durable } = await keys.create(place, text, options);
  return jsonReply(201, itemOf([place.key, entry], keys.policyOf(collection)), {
    ...documentHeaders(entry, keys.now()),
    ...durableHeader(durable),
    Location: `/${collection}/${pathOf(place.key)}`,
  });
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
  if (prefix === '') throw invalid('"prefix" is missing or empty, and would delete all there is');
  refuseConditions(call, 'Delete the keys one by one, each with its ETag.');
  durabilityOf(call); // it is durable, whatever is asked for
  const purge = flagOf(call.query, 'purge') ?? false;
  if (purge) versions.refuseWithout(collection);
  const { deleted, revision } = await lists.deletePrefix({ collection, prefix, purge, note: noteOf(call) });
  return objectReply(200, { deleted }, { ...storeHeaders(revision), ...durableHeader(deleted > 0) });
}

function invalid(reason: string): CairnError {
  return new CairnError('invalid_parameter', `${reason}.`, {
    hint: 'For example ?prefix=a/&limit=100&where=name=value; the Link header of a page leads to the next.',
  });
}
