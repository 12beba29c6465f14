/**
 * `/<collection>/<key>`: one document, the value itself as the body; the same in every collection whose id is the key.
 */
import { CairnError } from '../../errors.js';
import { checkMergePatch, mergePatch } from '../../json/merge-patch.js';
import { applyPatch, parsePatch } from '../../json/patch.js';
import { scanValue } from '../../json/scan.js';
import { encodeString } from '../../json/string.js';
import type { JsonText, Milliseconds } from '../../model.js';
import type { Keys, Place, Written } from '../../service/keys.js';
import { ttlFromQuery } from '../../service/ttl.js';
import { documentHeaders, durableHeader, emptyReply, jsonReply } from '../answer.js';
import { etagOf } from '../conditional.js';
import { type DocumentParts, documentQuery, readDocument } from '../document.js';
import { flagOf } from '../request-target.js';
import { type Body, type Call, keyOf, type Reply, type Route } from '../route.js';
import { versionOf } from '../versions.js';
import { writeOptions } from '../write.js';
import { documentDocs } from './collection-docs.js';

const PATCH_EXAMPLE = `curl -X PATCH -d '{"a":2}' …, or without a body curl -X PATCH '…?ttl=30m'`;

export function documentRoute(collection: string, parts: DocumentParts): Route {
  const placeOf = (call: Call): Place => ({ collection, key: keyOf(call) });
  const docs = documentDocs(collection, parts.keys.policyOf(collection));
  return {
    path: `/${collection}`,
    key: 'path',
    operations: {
      GET: {
        access: { verbs: ['read'], of: 'key', collection },
        summary: 'The value of a key.',
        docs: docs.GET,
        query: documentQuery,
        body: 'none',
        waits: true,
        direct: true,
        handle: call => readDocument(call, placeOf(call), parts, value => value),
      },
      PUT: {
        access: { verbs: ['write'], of: 'key', collection },
        summary: 'Sets a key to the body.',
        docs: docs.PUT,
        query: ['ttl', 'sync'],
        body: 'value',
        direct: true,
        text: parts.keys.policyOf(collection).idField === null,
        example: `curl -X PUT -d '{"a":1}' …/${collection}/<key>`,
        handle: call => put(call, placeOf(call), parts),
      },
      POST: {
        access: { verbs: ['write', 'read'], of: 'key', collection },
        summary: 'Makes an old version the present one, also of a deleted key.',
        docs: docs.POST,
        query: ['rollback', 'ttl', 'sync'],
        body: 'none',
        example: 'PUT stores a value under its key; POST goes back to a version: …?rollback=3',
        handle: call => rollback(call, placeOf(call), parts),
      },
      PATCH: {
        access: { verbs: ['write', 'read'], of: 'key', collection },
        summary: 'Changes a part of a value; with ?ttl and no body only its deadline.',
        docs: docs.PATCH,
        query: ['ttl', 'sync'],
        body: 'patch',
        example: PATCH_EXAMPLE,
        handle: call => patch(call, placeOf(call), parts),
      },
      DELETE: {
        access: { verbs: ['write'], of: 'key', collection },
        summary: 'Deletes a key; with ?purge its history too.',
        docs: docs.DELETE,
        query: ['purge', 'sync'],
        body: 'none',
        direct: true,
        handle: call => remove(call, placeOf(call), parts),
      },
    },
  };
}

/** What makes a new text of the one that is there. All that is 400 is thrown here, before the document is looked at. */
function changeOf(body: Body): (text: JsonText) => JsonText {
  if (body.type === 'operations') {
    const operations = parsePatch(scanValue(body.bytes));
    return text => scanValue(applyPatch(text, operations));
  }
  if (body.type !== 'merge') throw new Error('a patch came as something else');
  const changes = scanValue(body.bytes);
  checkMergePatch(changes);
  return text => mergePatch(text, changes);
}

async function patch(call: Call, place: Place, { keys }: DocumentParts): Promise<Reply> {
  const { entry, durable } = await change(call, place, keys);
  return jsonReply(200, entry.text, { ...documentHeaders(entry, keys.now()), ...durableHeader(durable) });
}

async function change(call: Call, place: Place, keys: Keys): Promise<Written> {
  const [options, ttl] = [writeOptions(call), ttlOf(call)];
  if (call.body !== undefined && !isBlank(call.body)) {
    return keys.patch(place, changeOf(call.body), ttl === undefined ? options : { ...options, ttl });
  }
  if (ttl !== undefined) return keys.touch(place, ttl, options);
  throw new CairnError('invalid_json', 'There is no patch and no ttl.', { hint: `Try: ${PATCH_EXAMPLE}` });
}

function isBlank(body: Body): boolean {
  return body.type !== 'form' && body.bytes.trim() === '';
}

function ttlOf({ query }: Call): Milliseconds | 'none' | undefined {
  const ttl = query.get('ttl');
  return ttl === undefined ? undefined : ttlFromQuery(ttl);
}

async function put(call: Call, place: Place, { keys }: DocumentParts): Promise<Reply> {
  const ttl = ttlOf(call);
  const options = { ...writeOptions(call), ...(ttl === undefined ? {} : { ttl }) };
  const { created, entry, durable } = await keys.put(place, textOf(call), options);
  return jsonReply(created ? 201 : 200, entry.text, {
    ...documentHeaders(entry, keys.now()),
    ...durableHeader(durable),
    ...(created ? { Location: call.path } : {}),
  });
}

async function rollback(call: Call, place: Place, { keys, versions }: DocumentParts): Promise<Reply> {
  const version = versionOf(call.query, 'rollback');
  if (version === undefined) {
    throw new CairnError('invalid_parameter', 'A POST to a key names the version to go back to.', {
      hint: `POST …?rollback=3; a new document comes by PUT here, or by POST to the collection.`,
    });
  }
  const ttl = ttlOf(call) ?? 'keep';
  const { created, entry, durable } = await versions.rollback(place, version, { ...writeOptions(call), ttl });
  return jsonReply(created ? 201 : 200, entry.text, {
    ...documentHeaders(entry, keys.now()),
    ...durableHeader(durable),
    ...(created ? { Location: call.path } : {}),
  });
}

async function remove(call: Call, place: Place, { keys, versions }: DocumentParts): Promise<Reply> {
  const purge = flagOf(call.query, 'purge') ?? false;
  if (purge) versions.refuseWithout(place.collection);
  const { id, durable } = await keys.delete(place, { ...writeOptions(call), purge });
  return emptyReply(204, { ETag: etagOf(id), 'X-Revision': String(id.revision), ...durableHeader(durable) });
}

function textOf({ body }: Call): JsonText {
  if (body?.type === 'text') return encodeString(body.bytes);
  if (body?.type === 'json') return scanValue(body.bytes);
  throw new Error('a put came without a value');
}
