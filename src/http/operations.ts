/**
 * `{"ops":[{"op":"put","collection":"configs","key":"a","value":{…},"ttl":30,"if":"none"},…]}`: the body of a batch.
 * It may be as large as eight values, so it is read in slices between which others have their turn. An error of one
 * operation says which one it is.
 */
import { CairnError } from '../errors.js';
import { keyFromJson } from '../json/key.js';
import { type Member, scanRows } from '../json/scan.js';
import { decodeString } from '../json/string.js';
import { BATCH_AT_ONCE_BYTES, BATCH_MEMBERS_MAX, BATCH_OPERATIONS_MAX, BODY_BYTES_MAX } from '../limits.js';
import type { ByteString, Condition, JsonText } from '../model.js';
import { type BatchOperation, numbered } from '../service/batch.js';
import { ttlFromJson } from '../service/ttl.js';
import type { Turns } from '../service/turns.js';
import { changeIdOf } from './conditional.js';
import { fieldsOf, fieldsOfMembers } from './fields.js';

export const BATCH_EXAMPLE = `curl -d '{"ops":[{"op":"put","collection":"kv","key":"a","value":1}]}' …/batch`;

const known: Readonly<Record<BatchOperation['type'], readonly string[]>> = {
  put: ['op', 'collection', 'key', 'value', 'ttl', 'if'],
  delete: ['op', 'collection', 'key', 'if'],
};

type Fields = ReadonlyMap<string, JsonText>;

/** @throws CairnError of the status 400, with `op`; `batch_too_large` */
export async function operationsOf(bytes: ByteString, turns: Turns): Promise<readonly BatchOperation[]> {
  const reading = read(bytes);
  const slice = bytes.length <= BATCH_AT_ONCE_BYTES ? null : await turns.begin();
  try {
    for (;;) {
      const { done, value } = reading.next();
      if (done === true) return value;
      if (slice?.isOver) await slice.next();
    }
  } finally {
    slice?.end();
  }
}

const ROW = { bytesMax: BODY_BYTES_MAX, membersMax: BATCH_MEMBERS_MAX };

/** Pauses behind each operation. */
function* read(bytes: ByteString): Generator<undefined, readonly BatchOperation[]> {
  const names: string[] = [];
  const operations: BatchOperation[] = [];
  const places = new Set<string>();
  const onMember = (name: string, isArray: boolean) => void names.push(checked(name, isArray, names));
  for (const members of scanRows(bytes, onMember, ROW)) {
    if (operations.length === BATCH_OPERATIONS_MAX) throw tooMany();
    operations.push(numbered(operations.length, () => operationOf(members, places)));
    yield;
  }
  if (names.length > 0) return operations;
  throw new CairnError('missing_field', 'The body has no "ops".', { hint: `Try: ${BATCH_EXAMPLE}` });
}

/** The name of a member of the body, which has one. */
function checked(name: string, isArray: boolean, before: readonly string[]): string {
  fieldsOf(
    [...before, name].map(field => [field, null]),
    { known: ['ops'], example: BATCH_EXAMPLE },
  );
  if (!isArray) throw wrong('"ops" is no array');
  return name;
}

function operationOf(members: readonly Member[] | null, places: Set<string>): BatchOperation {
  if (members === null) throw wrong('The operation is no object');
  const type = typeOf(members);
  const fields = fieldsOfMembers(members, { known: known[type], example: BATCH_EXAMPLE });
  const place = { collection: collectionOf(required(fields, 'collection')), key: keyOf(fields) };
  const name = `${place.collection}\0${place.key}`;
  if (places.has(name)) throw new CairnError('duplicate_key', 'An operation before it names the same key.');
  places.add(name);
  const wanted = fields.get('if');
  const condition = wanted === undefined ? {} : { condition: conditionOf(wanted) };
  if (type === 'delete') return { type, ...place, ...condition };
  const ttl = fields.get('ttl');
  const lifetime = ttl === undefined ? {} : { ttl: ttlFromJson(ttl) };
  return { type, ...place, text: required(fields, 'value'), ...lifetime, ...condition };
}

/** What else may be there depends on it; one that comes twice is refused with the rest. */
function typeOf(members: readonly Member[]): BatchOperation['type'] {
  const type = members.find(({ name }) => name === 'op')?.text;
  if (type === undefined) throw missing('op');
  const name = decodeString(type);
  if (name === 'put' || name === 'delete') return name;
  throw wrong('"op" is neither "put" nor "delete"');
}

function keyOf(fields: Fields) {
  const key = fields.get('key');
  if (key !== undefined) return keyFromJson(key);
  throw new CairnError('invalid_key', 'The operation has no "key".', { hint: `Try: ${BATCH_EXAMPLE}` });
}

function collectionOf(text: JsonText): ByteString {
  const name = decodeString(text);
  if (name === undefined) throw wrong('"collection" is no string');
  return name;
}

/** A change id, as an answer gives it or as its ETag; `none`: nothing may be there; `any`: something must be. */
function conditionOf(text: JsonText): Condition {
  const wanted = decodeString(text) ?? '';
  if (wanted === 'none') return { noneMatch: 'any' };
  if (wanted === 'any') return { match: 'any' };
  const id = changeIdOf(wanted.replace(/^"(.*)"$/, '$1'));
  if (id !== undefined) return { match: [id] };
  throw new CairnError('invalid_precondition', '"if" is no change id, and neither "none" nor "any".', {
    hint: 'Send the "etag" of an earlier answer, "none" for a new key, or "any" for one that is there.',
  });
}

function required(fields: Fields, name: string): JsonText {
  const text = fields.get(name);
  if (text === undefined) throw missing(name);
  return text;
}

function missing(name: string): CairnError {
  const hint = `Try: ${BATCH_EXAMPLE}`;
  return new CairnError('missing_field', `The operation has no "${name}".`, { hint });
}

function wrong(reason: string): CairnError {
  return new CairnError('invalid_operation', `${reason}.`, { hint: `Try: ${BATCH_EXAMPLE}` });
}

function tooMany(): CairnError {
  return new CairnError('batch_too_large', `The batch has more than ${BATCH_OPERATIONS_MAX} operations.`, {
    hint: 'Send several batches, or POST /import for what need not happen at one moment.',
  });
}
