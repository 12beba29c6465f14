/**
 * `POST /set`: a plain key, as the service has it that users come from. The body is `{"key","value","ttl"}`, or the
 * same three as form fields, the value a string then. Its answer is always the same 200.
 */
import { documentHeaders, durableHeader, objectReply } from '../answer.js';
import type { DocumentParts } from '../document.js';
import type { Call, Reply, Route } from '../route.js';
import { settingOf } from '../setting.js';
import { writeOptions } from '../write.js';

const EXAMPLE = `curl -d '{"key":"a","value":{"any":"json"}}' …/set`;

const answer = { status: 'success', message: 'key-value pair is set successfully' };

export function setRoute(parts: DocumentParts): Route {
  return {
    path: '/set',
    operations: {
      POST: {
        role: 'write',
        summary: 'Sets a key to a value.',
        query: ['sync'],
        body: 'set',
        example: EXAMPLE,
        handle: call => set(call, parts),
      },
    },
  };
}

async function set(call: Call, { keys }: DocumentParts): Promise<Reply> {
  const { key, value, ttl } = settingOf(call.body, { example: EXAMPLE });
  if (key === null) throw new Error('a setting came without a key');
  const options = { ...writeOptions(call), ...(ttl === undefined ? {} : { ttl }) };
  const { entry, durable } = await keys.put({ collection: 'kv', key }, value, options);
  return objectReply(200, answer, { ...documentHeaders(entry, keys.now()), ...durableHeader(durable) });
}
