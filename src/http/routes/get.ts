/** `GET /get/<key>` and `GET /get?key=`: a plain key, wrapped as the service has it that users come from. */
import { encodeString } from '../../json/string.js';
import type { Key } from '../../model.js';
import { keyAndValue } from '../answer.js';
import { type DocumentParts, documentQuery, readDocument } from '../document.js';
import { type Call, keyOf, type Operation, type Reply, type Route } from '../route.js';

const summary = 'One key and its value.';

export function getRoutes(parts: DocumentParts): readonly Route[] {
  const handle = (call: Call) => read(call, keyOf(call), parts);
  const operation: Omit<Operation, 'query'> = {
    role: 'read',
    summary,
    body: 'none',
    errors: 'brief',
    handle,
  };
  return [
    { path: '/get', key: 'path', operations: { GET: { ...operation, query: documentQuery } } },
    { path: '/get', key: 'query', operations: { GET: { ...operation, query: ['key', ...documentQuery] } } },
  ];
}

function read(call: Call, key: Key, parts: DocumentParts): Reply {
  return readDocument(call, { collection: 'kv', key }, parts, value => keyAndValue(encodeString(key), value));
}
