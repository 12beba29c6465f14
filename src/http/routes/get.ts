/** `GET /get/<key>` and `GET /get?key=`: a plain key, wrapped as the service has it that users come from. */
import { encodeString } from '../../json/string.js';
import type { Key } from '../../model.js';
import { keyAndValue } from '../answer.js';
import { type DocumentParts, documentQuery, readDocument } from '../document.js';
import { type Documentation, type ExampleRequest, ofDocument, readHeaders } from '../documentation.js';
import { type Call, keyOf, type Operation, type Reply, type Route } from '../route.js';
import { otherForms } from './collection-docs.js';

const summary = 'One key and its value.';

const before: ExampleRequest = { method: 'POST', path: '/set', body: '{"key":"key_1","value":"value_1"}' };

const docs: Omit<Documentation, 'examples'> = {
  tag: 'Plain keys',
  takes: readHeaders,
  fails: ['key_not_found'],
  answers: {
    200: {
      summary: 'The key and its value, the value alone in another form, or its past.',
      content: { 'application/json': ['KeyAndValue', 'History'], ...otherForms },
      headers: ofDocument,
    },
    304: { summary: 'The caller has it.', headers: ofDocument },
  },
};

const ofPath: Documentation = {
  ...docs,
  examples: [
    {
      title: 'The key and its value',
      after: [before],
      path: '/get/key_1',
      status: 200,
      answer: '{"key":"key_1","value":"value_1"}',
    },
    {
      title: 'The bare value, for a shell',
      after: [before],
      path: '/get/key_1?raw',
      status: 200,
      answerType: 'text/plain',
      answer: 'value_1',
    },
    {
      title: 'A value that stands in for a missing one',
      path: '/get/mode?raw&default=normal',
      status: 200,
      answerType: 'text/plain',
      answer: 'normal',
    },
    {
      title: 'A key that is not there',
      path: '/get/nothing',
      status: 404,
      answer: '{"status":"error","message":"Key not found"}',
    },
  ],
};

const ofQuery: Documentation = {
  ...docs,
  required: ['key'],
  examples: [
    {
      title: 'The key and its value',
      after: [before],
      path: '/get?key=key_1',
      status: 200,
      answer: '{"key":"key_1","value":"value_1"}',
    },
  ],
};

export function getRoutes(parts: DocumentParts): readonly Route[] {
  const handle = (call: Call) => read(call, keyOf(call), parts);
  const operation: Omit<Operation, 'query' | 'docs'> = {
    access: { verbs: ['read'], of: 'key', collection: 'kv' },
    summary,
    body: 'none',
    waits: true,
    direct: true,
    errors: 'brief',
    handle,
  };
  return [
    { path: '/get', key: 'path', operations: { GET: { ...operation, docs: ofPath, query: documentQuery } } },
    {
      path: '/get',
      key: 'query',
      operations: { GET: { ...operation, docs: ofQuery, query: ['key', ...documentQuery] } },
    },
  ];
}

function read(call: Call, key: Key, parts: DocumentParts): Reply | Promise<Reply> {
  return readDocument(call, { collection: 'kv', key }, parts, value => keyAndValue(encodeString(key), value));
}
