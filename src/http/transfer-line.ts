/**
 * One key as a line of an export, and a line of an import as what it asks for:
 * `{"collection":"kv","key":"a","value":1,"expires":"2030-01-01T00:00:00.000Z"}`. What an export writes, an import
 * takes, and the key is as it was: `"expires":null` says that it has no deadline where a put would get one.
 */
import { CairnError } from '../errors.js';
import { parseInstant } from '../instant.js';
import { keyFromJson } from '../json/key.js';
import { type Member, scanMembers } from '../json/scan.js';
import { decodeString, encodeString } from '../json/string.js';
import { TTL_MS_MAX } from '../limits.js';
import type { ByteString, Entry, JsonText, Key, Milliseconds } from '../model.js';
import { SERVICES, type ServiceFacts } from '../service/services.js';
import type { ExportPage, ImportPut } from '../service/transfer.js';
import { ttlFromJson } from '../service/ttl.js';
import { fieldsOfMembers } from './fields.js';

export const IMPORT_EXAMPLE = `curl -d '{"collection":"kv","key":"a","value":1}' …/import`;

const SERVICE_HINT =
  'For example {"collection":"services","key":"a","value":{},"id":1,"enabled":true}, or without these two.';

const rules = {
  known: ['collection', 'key', 'value', 'ttl', 'expires', 'id', 'enabled'],
  example: IMPORT_EXAMPLE,
};

const LINE_BREAKS = /[\r\n]/g;

/** What stands before the value, and behind it: a large value is not copied into a line of its own. */
export function aroundValue(
  { collection, mortal, facts }: ExportPage,
  key: Key,
  entry: Entry,
): readonly [before: ByteString, behind: ByteString] {
  const deadline = entry.deadline();
  const life = deadline === null ? (mortal ? ',"expires":null' : '') : `,"expires":"${isoOf(deadline)}"`;
  return [
    `{"collection":"${collection}","key":${encodeString(key)},"value":`,
    `${life}${factsOf(facts(key))}}\n`,
  ];
}

/** A line break in JSON stands between its tokens, where a space says the same. `text`: any piece of it. */
export function inOneLine(text: ByteString): ByteString {
  return text.includes('\n') || text.includes('\r') ? text.replace(LINE_BREAKS, ' ') : text;
}

function factsOf(facts: ServiceFacts | undefined): ByteString {
  return facts === undefined ? '' : `,"id":${facts.id},"enabled":${facts.enabled}`;
}

function isoOf(deadline: Milliseconds): string {
  return new Date(deadline).toISOString();
}

/**
 * `collection`: where the line names none. `now`: by which things expire.
 * @throws CairnError of the status 400
 */
export function importPutOf(bytes: ByteString, collection: string, now: Milliseconds): ImportPut {
  const fields = fieldsOfMembers(membersOf(bytes), rules);
  const [named, key, value] = [fields.get('collection'), fields.get('key'), fields.get('value')];
  const hint = `Try: ${IMPORT_EXAMPLE}`;
  if (key === undefined) throw new CairnError('invalid_key', 'The line has no "key".', { hint });
  if (value === undefined) throw new CairnError('missing_field', 'The line has no "value".', { hint });
  const into = named === undefined ? collection : decodeString(named);
  if (into === undefined) throw wrong('"collection" is no string', hint);
  return {
    collection: into,
    key: keyFromJson(key),
    text: value,
    ...lifeOf(fields.get('ttl'), fields.get('expires'), now),
    ...factsIn(into, fields.get('id'), fields.get('enabled')),
  };
}

/** The number and the switch of a service, which no other collection has. */
function factsIn(
  collection: string,
  id: JsonText | undefined,
  enabled: JsonText | undefined,
): Pick<ImportPut, 'facts'> {
  if (id === undefined && enabled === undefined) return {};
  if (collection !== SERVICES) {
    const name = id === undefined ? 'enabled' : 'id';
    throw new CairnError('unknown_field', `Only a service has "${name}" beside its value.`, {
      hint: `Try: ${IMPORT_EXAMPLE}`,
    });
  }
  const number = id === undefined || /^[1-9]\d{0,14}$/.test(id);
  if (!number || !(enabled === undefined || enabled === 'true' || enabled === 'false')) {
    throw wrong('"id" is no whole number from 1 on, or "enabled" neither true nor false', SERVICE_HINT);
  }
  return {
    facts: {
      ...(id === undefined ? {} : { id: Number(id) }),
      ...(enabled === undefined ? {} : { enabled: enabled === 'true' }),
    },
  };
}

function wrong(reason: string, hint: string): CairnError {
  return new CairnError('invalid_operation', `${reason}.`, { hint });
}

/** `curl -d` takes the line ends out of a file, which nobody sees who looks at the file. */
function membersOf(bytes: ByteString): readonly Member[] {
  try {
    return scanMembers(bytes);
  } catch (error) {
    if (!(error instanceof CairnError) || error.code !== 'invalid_json') throw error;
    const hint = 'A line is one JSON object. Send a file by curl --data-binary: -d takes its line ends out.';
    throw new CairnError(error.code, error.message, { ...error.details, hint });
  }
}

function lifeOf(
  ttl: JsonText | undefined,
  expires: JsonText | undefined,
  now: Milliseconds,
): Pick<ImportPut, 'life'> {
  if (ttl !== undefined && expires !== undefined) throw invalid('The line has both "ttl" and "expires"');
  if (ttl !== undefined) return { life: { ttl: ttlFromJson(ttl) } };
  if (expires === undefined) return {};
  return { life: expires === 'null' ? { ttl: 'none' } : { deadline: deadlineOf(expires, now) } };
}

function deadlineOf(expires: JsonText, now: Milliseconds): Milliseconds {
  const deadline = parseInstant(decodeString(expires) ?? '');
  if (deadline === undefined) throw invalid('"expires" is no instant such as 2030-01-01T00:00:00Z');
  if (deadline - now > TTL_MS_MAX) throw invalid('"expires" is more than 10 years away');
  return deadline;
}

function invalid(reason: string): CairnError {
  return new CairnError('invalid_ttl', `${reason}.`, {
    hint: 'Send a "ttl" such as 30 or "2h", or the "expires" of an export, or neither.',
  });
}
