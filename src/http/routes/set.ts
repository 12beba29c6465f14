/**
 * `POST /set`: a plain key, as the service has it that users come from. The body is `{"key","value","ttl"}`, or the
 * same three as form fields, the value a string then. Its answer is always the same 200.
 */
import { refuseUngranted } from '../../service/grant.js';
import { documentHeaders, durableHeader, objectReply } from '../answer.js';
import type { DocumentParts } from '../document.js';
import { type Documentation, ofWrite, writeHeaders } from '../documentation.js';
import type { Call, Reply, Route } from '../route.js';
import { settingOf } from '../setting.js';
import { writeOptions } from '../write.js';

const EXAMPLE = `curl -d '{"key":"a","value":{"any":"json"}}' …/set`;

const answer = { status: 'success', message: 'key-value pair is set successfully' };

const docs: Documentation = {
  tag: 'Plain keys',
  more: 'The body is JSON or form fields; the answer is the same for a new key and for one that was there.',
  takes: writeHeaders,
  input: 'Setting',
  stores: 'kv',
  answers: {
    200: { summary: 'It is set.', content: { 'application/json': 'SettingDone' }, headers: ofWrite },
  },
  examples: [
    {
      title: 'A string',
      path: '/set',
      body: '{"key":"key_1","value":"value_1"}',
      status: 200,
      answer: JSON.stringify(answer),
    },
    {
      title: 'For half an hour, and on disk before the answer',
      path: '/set?sync=true',
      body: '{"key":"orders/db","value":{"host":"db-1","port":5432},"ttl":"30m"}',
      status: 200,
      answer: JSON.stringify(answer),
    },
    {
      title: 'As form fields',
      path: '/set',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: 'key=lock&value=me&ttl=30s',
      status: 200,
      answer: JSON.stringify(answer),
    },
    { title: 'A member that is misspelt', path: '/set', body: '{"key":"a","valeu":1}', status: 400 },
  ],
};

export function setRoute(parts: DocumentParts): Route {
  return {
    path: '/set',
    operations: {
      POST: {
        access: { verbs: ['write'], of: 'body', collection: 'kv' },
        summary: 'Sets a key to a value.',
        docs,
        query: ['sync'],
        body: 'set',
        direct: true,
        example: EXAMPLE,
        handle: call => set(call, parts),
      },
    },
  };
}

async function set(call: Call, { keys }: DocumentParts): Promise<Reply> {
  const { key, value, ttl } = settingOf(call.body, { example: EXAMPLE });
  if (key === null) throw new Error('a setting came without a key');
  refuseUngranted(call.caller.grant, 'write', 'kv', key);
  const options = { ...writeOptions(call), ...(ttl === undefined ? {} : { ttl }) };
  const { entry, durable } = await keys.put({ collection: 'kv', key }, value, options);
  return objectReply(200, answer, { ...documentHeaders(entry, keys.now()), ...durableHeader(durable) });
}
