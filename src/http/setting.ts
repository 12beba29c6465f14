/**
 * `{"key","value","ttl"}`: the body of `/set`, and of a POST where the id is the key; on `/set` also as form fields, the
 * value a string then. What is not known is refused, and nothing is guessed.
 */
import { CairnError } from '../errors.js';
import { fromUnicode } from '../json/bytes.js';
import { keyFromJson, keyFromUnicode } from '../json/key.js';
import { scanMembers } from '../json/scan.js';
import { encodeString } from '../json/string.js';
import type { JsonText, Key, Milliseconds } from '../model.js';
import { ttlFromJson, ttlFromText } from '../service/ttl.js';
import { fieldsOf, fieldsOfMembers } from './fields.js';
import type { Body } from './route.js';

export interface Setting {
  /** Null where it is missing and may be. */
  readonly key: Key | null;
  readonly value: JsonText;
  readonly ttl?: Milliseconds;
}

export interface SettingRules {
  /** A call that works. */
  readonly example: string;
  /** Whether the key may be missing. */
  readonly keyless?: boolean;
}

const FIELDS = ['key', 'value', 'ttl'] as const;

/** @throws CairnError of the status 400 */
export function settingOf(body: Body | undefined, rules: SettingRules): Setting {
  if (body?.type === 'json') {
    return fromMembers(fieldsOfMembers(scanMembers(body.bytes), { ...rules, known: FIELDS }), rules);
  }
  if (body?.type === 'form') return fromForm(fieldsOf(body.fields, { ...rules, known: FIELDS }), rules);
  throw new Error('a setting came without a body');
}

function fromMembers(members: ReadonlyMap<string, JsonText>, rules: SettingRules): Setting {
  const { key, value, ttl } = required(members, rules);
  return {
    key: key === undefined ? null : keyFromJson(key),
    value,
    ...(ttl === undefined ? {} : { ttl: ttlFromJson(ttl) }),
  };
}

function fromForm(fields: ReadonlyMap<string, string>, rules: SettingRules): Setting {
  const { key, value, ttl } = required(fields, rules);
  return {
    key: key === undefined ? null : keyFromUnicode(key),
    value: encodeString(fromUnicode(value)),
    ...(ttl === undefined ? {} : { ttl: ttlFromText(ttl) }),
  };
}

function required<T>(
  fields: ReadonlyMap<string, T>,
  { example, keyless = false }: SettingRules,
): { key: T | undefined; value: T; ttl: T | undefined } {
  const [key, value] = [fields.get('key'), fields.get('value')];
  const hint = `Try: ${example}`;
  if (key === undefined && !keyless) throw new CairnError('invalid_key', 'The body has no "key".', { hint });
  if (value === undefined) throw new CairnError('missing_field', 'The body has no "value".', { hint });
  return { key, value, ttl: fields.get('ttl') };
}
