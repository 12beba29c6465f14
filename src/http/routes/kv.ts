/** `/kv/<key>`: a plain key as a document, the value itself as the body. */
import { scanValue } from '../../json/scan.js';
import { encodeString } from '../../json/string.js';
import type { JsonText } from '../../model.js';
import type { Place } from '../../service/keys.js';
import { ttlFromQuery } from '../../service/ttl.js';
import { documentHeaders, durableHeader, emptyReply, jsonReply } from '../answer.js';
import { etagOf } from '../conditional.js';
import { type DocumentParts, documentQuery, readDocument } from '../document.js';
import { type Call, keyOf, type Reply, type Route } from '../route.js';
import { writeOptions } from '../write.js';

export function kvRoute(parts: DocumentParts): Route {
  return {
    path: '/kv',
    key: 'path',
    operations: {
      GET: {
        role: 'read',
        summary: 'The value of a key.',
        query: documentQuery,
        body: 'none',
        handle: call => readDocument(call, placeOf(call), parts, value => value),
      },
      PUT: {
        role: 'write',
        summary: 'Sets a key to the body.',
        query: ['ttl', 'sync'],
        body: 'value',
        text: true,
        example: `curl -X PUT -d '{"a":1}' …/kv/<key>`,
        handle: call => put(call, parts),
      },
      DELETE: {
        role: 'write',
        summary: 'Deletes a key.',
        query: ['sync'],
        body: 'none',
        handle: call => remove(call, parts),
      },
    },
  };
}

async function put(call: Call, { keys, clock }: DocumentParts): Promise<Reply> {
  const ttl = call.query.get('ttl');
  const options = { ...writeOptions(call), ...(ttl === undefined ? {} : { ttl: ttlFromQuery(ttl) }) };
  const { created, entry, durable } = await keys.put(placeOf(call), textOf(call), options);
  return jsonReply(created ? 201 : 200, entry.text, {
    ...documentHeaders(entry, clock.now()),
    ...durableHeader(durable),
    ...(created ? { Location: call.path } : {}),
  });
}

async function remove(call: Call, { keys }: DocumentParts): Promise<Reply> {
  const { id, durable } = await keys.delete(placeOf(call), writeOptions(call));
  return emptyReply(204, { ETag: etagOf(id), 'X-Revision': String(id.revision), ...durableHeader(durable) });
}

function placeOf(call: Call): Place {
  return { collection: 'kv', key: keyOf(call) };
}

function textOf({ body }: Call): JsonText {
  if (body?.type === 'text') return encodeString(body.bytes);
  if (body?.type === 'json') return scanValue(body.bytes);
  throw new Error('a put came without a value');
}
