/**
 * `/config?service=<name>`: versioned configuration, its answers to the letter as the service has them that users come
 * from. A version counts from 0, and from there again for a service that was deleted and made again; `/services/<name>`
 * is the same configuration as a document.
 */
import { CairnError } from '../../errors.js';
import { keyFromUnicode } from '../../json/key.js';
import { scanValue } from '../../json/scan.js';
import { encodeString } from '../../json/string.js';
import { CONFIG_STREAM_BYTES, HISTORY_AT_ONCE_MAX } from '../../limits.js';
import type { ByteString, Entry, JsonText, Revision, VersionRecord } from '../../model.js';
import { isWhole, reachedParts } from '../../service/grant.js';
import { type Keys, keyNotFound, type Place } from '../../service/keys.js';
import type { Lists } from '../../service/lists.js';
import { SERVICES, type ServicesEngine } from '../../service/services.js';
import { entryOf, versionNotFound } from '../../service/versions.js';
import {
  documentHeaders,
  durableHeader,
  emptyReply,
  type Headers,
  jsonReply,
  storeHeaders,
} from '../answer.js';
import { inChunks, slicesOf } from '../chunks.js';
import { etagOf, judgeRead, readCondition } from '../conditional.js';
import { flagOf } from '../request-target.js';
import type { Call, Reply, Route } from '../route.js';
import { viewOf, viewReply, weakened } from '../view.js';
import { writeOptions } from '../write.js';
import { configDocs } from './config-docs.js';

export interface ConfigParts {
  readonly keys: Keys;
  /** Throws `loading` while there is none. */
  readonly engine: () => ServicesEngine;
  readonly lists: Lists;
}

const EXAMPLE = `curl -d '{"db":{"host":"10.0.0.5"}}' '…/config?service=<name>'`;

export function configRoute(parts: ConfigParts): Route {
  const common = { errors: 'service', example: EXAMPLE } as const;
  const named = { of: 'named', word: 'service', collection: SERVICES } as const;
  return {
    path: '/config',
    operations: {
      GET: {
        ...common,
        access: { verbs: ['read'], ...named },
        summary: 'The configuration of a service: the only version, or all of them by number.',
        docs: configDocs.GET,
        query: ['service', 'version', 'as'],
        body: 'none',
        handle: call => read(call, parts),
      },
      POST: {
        ...common,
        access: { verbs: ['write'], ...named },
        summary: 'Makes a service with its first configuration.',
        docs: configDocs.POST,
        query: ['service', 'sync'],
        body: 'value',
        handle: call => create(call, parts),
      },
      PATCH: {
        ...common,
        access: { verbs: ['write'], ...named },
        summary:
          'Adds a version, which is the whole configuration; with ?enabled and no body switches the service.',
        docs: configDocs.PATCH,
        query: ['service', 'enabled', 'sync'],
        body: 'value',
        handle: call => update(call, parts),
      },
      DELETE: {
        ...common,
        access: { verbs: ['write'], ...named },
        summary: 'Deletes a service that is not enabled.',
        docs: configDocs.DELETE,
        query: ['service', 'sync'],
        body: 'none',
        handle: call => remove(call, parts),
      },
    },
  };
}

function placeOf({ query }: Call): Place {
  const name = query.get('service');
  if (name !== undefined) return { collection: SERVICES, key: keyFromUnicode(name) };
  throw new CairnError('invalid_key', 'The service has no name.', {
    hint: 'Ask for /config?service=<name>.',
  });
}

function read(call: Call, { keys, engine }: ConfigParts): Reply {
  const place = placeOf(call);
  const view = viewOf(call.query);
  const wanted = wantedOf(call);
  const condition = readCondition(call.headers);
  const { entry, revision } = keys.read(place);
  if (entry === undefined) throw keyNotFound(revision);
  const past = pastOf(engine().history(SERVICES, place.key));
  const one = oneOf(past, view === undefined ? wanted : (wanted ?? 'latest'), entry, revision);
  const enabled = String(engine().facts(place.key)?.enabled ?? true);
  const headers = { ...documentHeaders(one ?? entry, keys.now()), 'X-Enabled': enabled };
  if (judgeRead(condition, one ?? entry) === 'not_modified') {
    return emptyReply(304, view === undefined ? headers : weakened(headers));
  }
  if (one === null) return allOf(past, headers);
  return view === undefined
    ? jsonReply(200, one.text, headers)
    : viewReply(view, one.text, place.key, headers);
}

/** Undefined: all of them. */
function wantedOf({ query }: Call): number | 'latest' | undefined {
  const version = query.get('version');
  if (version === undefined || version === 'latest') return version;
  if (/^\d{1,15}$/.test(version)) return Number(version);
  throw new CairnError('invalid_parameter', '"version" in the query is no version.', {
    hint: 'Write version=0 for the first one, or version=latest.',
  });
}

/** The versions since the service was made, oldest first. A service may have very many: nothing is made of each. */
interface ServicePast {
  readonly history: readonly VersionRecord[];
  /** Where in it the first of them stands. */
  readonly from: number;
  readonly length: number;
}

function pastOf(history: readonly VersionRecord[]): ServicePast {
  const from = history.findLastIndex(({ text }) => text === null) + 1;
  return { history, from, length: history.length - from };
}

/** Null: all of several are asked for. @throws CairnError `version_not_found` */
function oneOf(
  { history, from, length }: ServicePast,
  wanted: number | 'latest' | undefined,
  present: Entry,
  revision: Revision,
): Entry | null {
  if (wanted === 'latest') return present;
  if (wanted === undefined) return length === 1 ? present : null;
  if (wanted === length - 1) return present;
  const found = history[from + wanted];
  const entry = found === undefined ? undefined : entryOf(found);
  if (entry === undefined) throw versionNotFound(wanted, revision);
  return entry;
}

/** By number, each as a string. */
function allOf(past: ServicePast, headers: Headers): Reply {
  if (isShort(past)) return jsonReply(200, [...partsOf(past)].join(''), headers);
  // The texts are those of the store, which lets none of them go while the service is there.
  const held = past.history.length * REFERENCE_BYTES;
  return { ...jsonReply(200, '', headers), body: null, stream: inChunks(partsOf(past)), held };
}

/** Bytes of a place in a list. */
const REFERENCE_BYTES = 8;

function isShort({ history, from, length }: ServicePast): boolean {
  if (length > HISTORY_AT_ONCE_MAX) return false;
  let bytes = 0;
  for (let i = from; i < history.length; i++) bytes += history[i]?.text?.length ?? 0;
  return bytes <= CONFIG_STREAM_BYTES;
}

/** A long text is encoded in pieces, so that no reader keeps more than one of them. */
function* partsOf({ history, from, length }: ServicePast): Generator<ByteString> {
  for (let number = 0; number < length; number++) {
    yield `${number === 0 ? '{' : ','}"${number}":"`;
    for (const piece of slicesOf(history[from + number]?.text ?? '')) yield encodeString(piece).slice(1, -1);
    yield '"';
  }
  yield '}';
}

async function create(call: Call, { keys, engine, lists }: ConfigParts): Promise<Reply> {
  const place = placeOf(call);
  const text = objectOf(call);
  const present = engine();
  const writing = keys.create(place, text, writeOptions(call));
  // It is applied, or refused, by now; while it waits for its fsync others may change these.
  const { services } = present;
  const { id, enabled } = present.facts(place.key) ?? { id: 0, enabled: true };
  const { entry, durable } = await writing;
  const name = encodeString(place.key);
  const total = (await reachedOf(call, lists)) ?? services;
  const facts = `"ID":${id},"enabled":${enabled},"service":${name},"serviceJSONconf":${encodeString(text)}`;
  return jsonReply(200, `{${facts},"success":true,"total_configs":${total}}`, {
    ...documentHeaders(entry, keys.now()),
    ...durableHeader(durable),
  });
}

/**
 * How many services the token may read or write: of others it is not told how many there are. Null: all of them. The new
 * one counts, also where somebody has deleted it meanwhile.
 */
async function reachedOf({ caller }: Call, lists: Lists): Promise<number | null> {
  const parts = reachedParts(caller.grant, SERVICES);
  if (isWhole(parts, '')) return null;
  return Math.max(1, await lists.count({ collection: SERVICES, prefix: '', parts, wheres: [] }));
}

async function update(call: Call, parts: ConfigParts): Promise<Reply> {
  const { keys } = parts;
  const place = placeOf(call);
  const enabled = flagOf(call.query, 'enabled');
  if (enabled !== undefined) return switchTo(call, place, enabled, parts);
  const text = objectOf(call);
  const options = writeOptions(call);
  const { entry: before, revision } = keys.read(place);
  if (before === undefined) throw keyNotFound(revision);
  const { entry, durable } = await keys.put(place, text, { ...options, ttl: 'keep', always: true });
  return done({ ...documentHeaders(entry, keys.now()), ...durableHeader(durable) });
}

async function switchTo(
  call: Call,
  place: Place,
  enabled: boolean,
  { keys, engine }: ConfigParts,
): Promise<Reply> {
  const { body } = call;
  if (body?.type === 'json' && body.bytes.trim() !== '') {
    throw new CairnError('bad_request', 'A call that switches a service takes no body.', {
      hint: `curl -X PATCH '…/config?service=<name>&enabled=${enabled}'`,
    });
  }
  const { condition, durability, origin } = writeOptions(call);
  const { entry, revision: before } = keys.read(place);
  if (entry === undefined) throw keyNotFound(before);
  keys.refuseUnless(condition, entry);
  const options = durability === undefined ? { origin } : { durability, origin };
  const { revision, durable } = await engine().switch(place.key, enabled, options);
  // The document is as it was, and the change is one of the store.
  const headers = { ...documentHeaders(entry, keys.now()), ...storeHeaders(revision) };
  return done({ ...headers, ...durableHeader(durable), 'X-Enabled': String(enabled) });
}

async function remove(call: Call, { keys }: ConfigParts): Promise<Reply> {
  const { id, durable } = await keys.delete(placeOf(call), writeOptions(call));
  return done({ ETag: etagOf(id), ...storeHeaders(id.revision), ...durableHeader(durable) });
}

/** @throws CairnError `not_an_object`, and as the scanner does */
function objectOf({ body }: Call): JsonText {
  if (body?.type !== 'json') throw new Error('a configuration came without a body');
  const text = scanValue(body.bytes);
  if (text.startsWith('{')) return text;
  throw new CairnError('not_an_object', 'The configuration of a service is an object.');
}

function done(headers: Headers): Reply {
  return jsonReply(200, '{"success":true}', headers);
}
