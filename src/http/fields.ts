/** The members of a body of Cairn's own: each is known, and none stands there twice. Nothing is stored by guess. */
import { CairnError } from '../errors.js';
import type { Member } from '../json/scan.js';
import type { JsonText } from '../model.js';
import { nameShown } from './request-target.js';

export interface FieldRules {
  /** All that may be there. */
  readonly known: readonly string[];
  /** A call that works. */
  readonly example: string;
}

/** @throws CairnError `unknown_field`, `duplicate_field` */
export function fieldsOf<T>(
  entries: Iterable<readonly [string, T]>,
  rules: FieldRules,
): ReadonlyMap<string, T> {
  const fields = new Map<string, T>();
  for (const [name, value] of entries) add(fields, name, value, rules);
  return fields;
}

/** @throws CairnError `unknown_field`, `duplicate_field` */
export function fieldsOfMembers(
  members: readonly Member[],
  rules: FieldRules,
): ReadonlyMap<string, JsonText> {
  const fields = new Map<string, JsonText>();
  for (const { name, text } of members) add(fields, name, text, rules);
  return fields;
}

function add<T>(fields: Map<string, T>, name: string, value: T, rules: FieldRules): void {
  if (!rules.known.includes(name)) throw unknownField(name, rules);
  if (fields.has(name)) throw duplicateField(name, rules);
  fields.set(name, value);
}

function unknownField(name: string, { known, example }: FieldRules): CairnError {
  const message = `The body has the field${nameShown(name)}, which is not known here.`;
  return new CairnError('unknown_field', message, {
    hint: `There are ${listOf(known)}; more goes inside the value. Try: ${example}`,
  });
}

function duplicateField(name: string, { example }: FieldRules): CairnError {
  const message = `The body has the field${nameShown(name)} twice.`;
  return new CairnError('duplicate_field', message, { hint: `Send it once. Try: ${example}` });
}

function listOf(names: readonly string[]): string {
  const quoted = names.map(name => `"${name}"`);
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`;
}
