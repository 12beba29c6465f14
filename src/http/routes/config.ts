/**
 * `/config?service=<name>`: versioned configuration, its answers to the letter as the service has them that users come
 * from. A version counts from 0, and from there again for a service that was deleted and made again; `/services/<name>`
 * is the same configuration as a document.
 */
import { CairnError } from '../../errors.js';
import { keyFromUnicode } from '../../json/key.js';
import { scanValue } from '../../json/scan.js';
import { encodeString } from '../../json/string.js';
import { CONFIG_STREAM_BYTES } from '../../limits.js';
import type { ByteString, Entry, JsonText, Revision, VersionRecord } from '../../model.js';
import { type Keys, keyNotFound, type Place } from '../../service/keys.js';
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
import { inChunks } from '../chunks.js';
import { etagOf, judgeRead, readCondition } from '../conditional.js';
import { flagOf } from '../request-target.js';
import type { Call, Reply, Route } from '../route.js';
import { viewOf, viewReply, weakened } from '../view.js';
import { writeOptions } from '../write.js';

export interface ConfigParts {
  readonly keys: Keys;
  /** Throws `loading` while there is none. */
  readonly engine: () => ServicesEngine;
}

const EXAMPLE = `curl -d '{"db":{"host":"10.0.0.5"}}' '…/config?service=<name>'`;

export function configRoute(parts: ConfigParts): Route {
  const common = { errors: 'service', example: EXAMPLE } as const;
  return {
    path: '/config',
    operations: {
      GET: {
        ...common,
        role: 'read',
        summary: 'The configuration of a service: the only version, or all of them by number.',
        query: ['service', 'version', 'as'],
        body: 'none',
        handle: call => read(call, parts),
      },
      POST: {
        ...common,
        role: 'write',
        summary: 'Makes a service with its first configuration.',
        query: ['service', 'sync'],
        body: 'value',
        handle: call => create(call, parts),
      },
      PATCH: {
        ...common,
        role: 'write',
        summary:
          'Adds a version, which is the whole configuration; with ?enabled and no body switches the service.',
        query: ['service', 'enabled', 'sync'],
        body: 'value',
        handle: call => update(call, parts),
      },
      DELETE: {
        ...common,
        role: 'write',
        summary: 'Deletes a service that is not enabled.',
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
  const versions = versionsOf(engine().history(SERVICES, place.key));
  const one = oneOf(versions, view === undefined ? wanted : (wanted ?? 'latest'), entry, revision);
  const enabled = String(engine().facts(place.key)?.enabled ?? true);
  const headers = { ...documentHeaders(one ?? entry, keys.now()), 'X-Enabled': enabled };
  if (judgeRead(condition, one ?? entry) === 'not_modified') {
    return emptyReply(304, view === undefined ? headers : weakened(headers));
  }
  if (one === null) return allOf(versions, headers);
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

/** Those since the service was made, oldest first. */
function versionsOf(history: readonly VersionRecord[]): readonly Entry[] {
  const from = history.findLastIndex(({ text }) => text === null) + 1;
  return history.slice(from).flatMap(record => entryOf(record) ?? []);
}

/** Null: all of several are asked for. @throws CairnError `version_not_found` */
function oneOf(
  versions: readonly Entry[],
  wanted: number | 'latest' | undefined,
  present: Entry,
  revision: Revision,
): Entry | null {
  if (wanted === 'latest') return present;
  if (wanted === undefined) return versions.length === 1 ? present : null;
  const found = wanted === versions.length - 1 ? present : versions[wanted];
  if (found === undefined) throw versionNotFound(wanted, revision);
  return found;
}

/** By number, each as a string. */
function allOf(versions: readonly Entry[], headers: Headers): Reply {
  const bytes = versions.reduce((sum, { text }) => sum + text.length, 0);
  if (bytes <= CONFIG_STREAM_BYTES) return jsonReply(200, [...partsOf(versions)].join(''), headers);
  return { ...jsonReply(200, '', headers), body: null, stream: inChunks(partsOf(versions)) };
}

function* partsOf(versions: readonly Entry[]): Generator<ByteString> {
  for (const [i, { text }] of versions.entries()) yield `${i === 0 ? '{' : ','}"${i}":${encodeString(text)}`;
  yield '}';
}

async function create(call: Call, { keys, engine }: ConfigParts): Promise<Reply> {
  const place = placeOf(call);
  const text = objectOf(call);
  const writing = keys.create(place, text, writeOptions(call));
  // It is applied, or refused, by now; while it waits for its fsync others may change these.
  const { services } = engine();
  const { id, enabled } = engine().facts(place.key) ?? { id: 0, enabled: true };
  const { entry, durable } = await writing;
  const name = encodeString(place.key);
  const facts = `"ID":${id},"enabled":${enabled},"service":${name},"serviceJSONconf":${encodeString(text)}`;
  return jsonReply(200, `{${facts},"success":true,"total_configs":${services}}`, {
    ...documentHeaders(entry, keys.now()),
    ...durableHeader(durable),
  });
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
  const { condition, durability } = writeOptions(call);
  const { entry, revision } = keys.read(place);
  if (entry === undefined) throw keyNotFound(revision);
  keys.refuseUnless(condition, entry);
  const options = durability === undefined ? {} : { durability };
  const { durable } = await engine().switch(place.key, enabled, options);
  const headers = { ...documentHeaders(entry, keys.now()), ...durableHeader(durable) };
  return done({ ...headers, 'X-Enabled': String(enabled) });
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
