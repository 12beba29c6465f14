/**
 * `POST /set`: a plain key, as the service has it that users come from. The body is `{"key","value","ttl"}`, or the
 * same three as form fields, the value a string then. Its answer is always the same 200.
 */
import { CairnError } from '../../errors.js';
import { fromUnicode } from '../../json/bytes.js';
import { keyFromJson, keyFromUnicode } from '../../json/key.js';
import { scanMembers } from '../../json/scan.js';
import { encodeString } from '../../json/string.js';
import type { JsonText, Key, Milliseconds } from '../../model.js';
import { ttlFromJson, ttlFromText } from '../../service/ttl.js';
import { documentHeaders, durableHeader, objectReply } from '../answer.js';
import type { DocumentParts } from '../document.js';
import { nameShown } from '../request-target.js';
import type { Call, Reply, Route } from '../route.js';
import { writeOptions } from '../write.js';

interface Setting {
  readonly key: Key;
  readonly value: JsonText;
  readonly ttl?: Milliseconds;
}

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

async function set(call: Call, { keys, clock }: DocumentParts): Promise<Reply> {
  const { key, value, ttl } = settingOf(call);
  const options = { ...writeOptions(call), ...(ttl === undefined ? {} : { ttl }) };
  const { entry, durable } = await keys.put({ collection: 'kv', key }, value, options);
  return objectReply(200, answer, { ...documentHeaders(entry, clock.now()), ...durableHeader(durable) });
}

function settingOf({ body }: Call): Setting {
  if (body?.type === 'json')
    return fromMembers(fieldsOf(scanMembers(body.bytes).map(member => [member.name, member.text])));
  if (body?.type === 'form') return fromForm(fieldsOf([...body.fields]));
  throw new Error('a set came without a body');
}

function fromMembers(members: ReadonlyMap<string, JsonText>): Setting {
  const { key, value, ttl } = required(members);
  return { key: keyFromJson(key), value, ...(ttl === undefined ? {} : { ttl: ttlFromJson(ttl) }) };
}

function fromForm(fields: ReadonlyMap<string, string>): Setting {
  const { key, value, ttl } = required(fields);
  return {
    key: keyFromUnicode(key),
    value: encodeString(fromUnicode(value)),
    ...(ttl === undefined ? {} : { ttl: ttlFromText(ttl) }),
  };
}

/** Each known, none twice. */
function fieldsOf<T>(entries: readonly (readonly [string, T])[]): ReadonlyMap<string, T> {
  const fields = new Map<string, T>();
  for (const [name, value] of entries) {
    if (name !== 'key' && name !== 'value' && name !== 'ttl') throw unknownField(name);
    if (fields.has(name)) throw duplicateField(name);
    fields.set(name, value);
  }
  return fields;
}

function required<T>(fields: ReadonlyMap<string, T>): { key: T; value: T; ttl: T | undefined } {
  const key = fields.get('key');
  const value = fields.get('value');
  if (key === undefined)
    throw new CairnError('invalid_key', 'The body has no "key".', { hint: `Try: ${EXAMPLE}` });
  if (value === undefined) {
    throw new CairnError('missing_field', 'The body has no "value".', { hint: `Try: ${EXAMPLE}` });
  }
  return { key, value, ttl: fields.get('ttl') };
}

function unknownField(name: string): CairnError {
  const message = `The body has the field${nameShown(name)}, which is not known here.`;
  return new CairnError('unknown_field', message, {
    hint: `There are "key", "value" and "ttl"; more goes inside the value. Try: ${EXAMPLE}`,
  });
}

function duplicateField(name: string): CairnError {
  const message = `The body has the field${nameShown(name)} twice.`;
  return new CairnError('duplicate_field', message, { hint: `Send it once. Try: ${EXAMPLE}` });
}
