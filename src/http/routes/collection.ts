/**
 * `/<collection>`: many documents at once, the same in every collection whose id is the key. A list is an array of
 * `{"key","value"}` in key order; its Link header leads to the next page.
 */
import { CairnError } from '../../errors.js';
import { fromUnicode } from '../../json/bytes.js';
import { encodeString } from '../../json/string.js';
import { KEY_BYTES_MAX, LIST_LIMIT_MAX, WHERES_MAX } from '../../limits.js';
import type { ByteString } from '../../model.js';
import type { Place } from '../../service/keys.js';
import type { List, ListRequest, Lists } from '../../service/lists.js';
import { parseWhere } from '../../service/where.js';
import {
  documentHeaders,
  durableHeader,
  jsonReply,
  keyAndValue,
  objectReply,
  storeHeaders,
} from '../answer.js';
import { cursorOf, keyOfCursor } from '../cursor.js';
import type { DocumentParts } from '../document.js';
import { flagOf } from '../request-target.js';
import type { Call, Reply, Route } from '../route.js';
import { settingOf } from '../setting.js';
import { writeOptions } from '../write.js';

export interface CollectionParts extends DocumentParts {
  readonly lists: Lists;
  readonly newId: () => string;
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
        summary: 'Creates a document; without a key it gets a random one.',
        query: ['sync'],
        body: 'value',
        example: exampleOf(collection),
        handle: call => create(call, collection, parts),
      },
      DELETE: {
        role: 'write',
        summary: 'Deletes all documents under a prefix.',
        query: ['prefix', 'sync'],
        body: 'none',
        handle: call => deletePrefix(call, collection, parts),
      },
    },
  };
}

function exampleOf(collection: string): string {
  return `curl -d '{"key":"a","value":{"any":"json"}}' …/${collection}`;
}

async function list(call: Call, collection: string, { lists }: CollectionParts): Promise<Reply> {
  const request = requestOf(call, collection);
  const namesOnly = flagOf(call.query, 'keys') ?? false;
  const total = await totalOf(call, request, lists);
  const page = await lists.page(request);
  return jsonReply(200, bodyOf(page, namesOnly), {
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
    prefix: prefixOf(query.get('prefix') ?? ''),
    after: cursor === undefined ? undefined : keyOfCursor(cursor),
    limit: limitOf(query.get('limit')),
    wheres: repeated.map(parseWhere),
  };
}

function prefixOf(prefix: string): ByteString {
  const bytes = fromUnicode(prefix);
  if (bytes.length > KEY_BYTES_MAX) throw invalid(`"prefix" is longer than any key, ${KEY_BYTES_MAX} bytes`);
  return bytes;
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
  if (whole) return wanted === false ? null : lists.total(request.collection);
  return wanted === true ? lists.count(request) : null;
}

function bodyOf({ entries }: List, namesOnly: boolean): ByteString {
  const items = entries.map(([key, { text }]) => {
    const name = encodeString(key);
    return namesOnly ? name : keyAndValue(name, text);
  });
  return `[${items.join(',')}]`;
}

function nextQuery({ query, repeated }: Call, cursor: string): string {
  const words = new URLSearchParams([...query].filter(([name]) => name !== 'cursor'));
  for (const where of repeated) words.append('where', where);
  words.append('cursor', cursor);
  return words.toString();
}

async function create(
  call: Call,
  collection: string,
  { keys, clock, newId }: CollectionParts,
): Promise<Reply> {
  const rules = { example: exampleOf(collection), generated: true };
  const { key, value, ttl } = settingOf(call.body, rules);
  const place = { collection, key: key ?? (newId() as Place['key']) };
  const options = { ...writeOptions(call), ...(ttl === undefined ? {} : { ttl }) };
  const { entry, durable } = await keys.create(place, value, options);
  return jsonReply(201, keyAndValue(encodeString(place.key), entry.text), {
    ...documentHeaders(entry, clock.now()),
    ...durableHeader(durable),
    Location: `/${collection}/${pathOf(place.key)}`,
  });
}

/** A key as the rest of a path; its slashes stay. */
function pathOf(key: ByteString): string {
  return Buffer.from(key, 'latin1').toString('utf8').split('/').map(encodeURIComponent).join('/');
}

async function deletePrefix(call: Call, collection: string, { lists }: CollectionParts): Promise<Reply> {
  const prefix = prefixOf(call.query.get('prefix') ?? '');
  if (prefix === '') throw invalid('"prefix" is missing or empty, and would delete all there is');
  const { condition, durability } = writeOptions(call);
  if (Object.keys(condition ?? {}).length > 0) {
    throw new CairnError('invalid_precondition', 'A deletion by prefix takes no condition.', {
      hint: 'Delete the keys one by one, each with its ETag.',
    });
  }
  const { deleted, revision, durable } = await lists.deletePrefix({ collection, prefix }, durability);
  return objectReply(200, { deleted }, { ...storeHeaders(revision), ...durableHeader(durable) });
}

function invalid(reason: string): CairnError {
  return new CairnError('invalid_parameter', `${reason}.`);
}
