/**
 * What a policy asks of single members of a document, without a schema: that they are there, and that they are email
 * addresses.
 */
import { CairnError } from '../errors.js';
import { fromUnicode } from '../json/bytes.js';
import { escapeToken, membersOf } from '../json/pointer.js';
import { decodeLiteral } from '../json/string.js';
import { EMAIL_BYTES_MAX } from '../limits.js';
import type { JsonText, Policy } from '../model.js';

/** Neither white space, nor what nobody can see, nor another `@`; then a domain of at least two labels. */
const EMAIL =
  /^[^@\s\p{Cc}\p{Cf}\p{Cs}]+@(?:[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?\.)+[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?$/u;

export type FieldPolicy = Pick<Policy, 'required' | 'emails'>;

/** Those members of a document that somebody asks for, by their names; one that is not there is not within. */
export type Members = ReadonlyMap<string, JsonText>;

/** The members that `checkFields` looks at. */
export function fieldNames({ required, emails }: FieldPolicy): readonly string[] {
  return [...required, ...emails];
}

/**
 * `members`: those that the policy names, where they are known already: a document may be long.
 * @throws CairnError `not_an_object`, `member_missing`, `invalid_email`
 */
export function checkFields(
  text: JsonText,
  policy: FieldPolicy,
  members: Members = membersOf(text, fieldNames(policy)),
): void {
  const { required, emails } = policy;
  if (required.length > 0 && !text.startsWith('{')) {
    const message = 'A document of this collection is an object.';
    throw new CairnError('not_an_object', message, { hint: `Send a JSON object with ${list(required)}.` });
  }
  for (const name of required) refuseMissing(members.get(name), name, required);
  for (const name of emails) refuseNoEmail(members.get(name), name);
}

/** Not whether anybody reads it, which only a message to it can tell. */
export function isEmail(text: string): boolean {
  return text.length <= EMAIL_BYTES_MAX && fromUnicode(text).length <= EMAIL_BYTES_MAX && EMAIL.test(text);
}

function refuseMissing(value: JsonText | undefined, name: string, required: readonly string[]): void {
  if (value?.startsWith('"') && decodeLiteral(value).trim() !== '') return;
  const what = value === undefined ? `has no "${name}"` : `has a "${name}" that is empty or no string`;
  throw new CairnError('member_missing', `The document ${what}.`, {
    pointer: pointerTo(name),
    hint: `A document of this collection has ${list(required)}, each a string.`,
  });
}

function refuseNoEmail(value: JsonText | undefined, name: string): void {
  if (value === undefined || (value.startsWith('"') && isEmail(decodeLiteral(value)))) return;
  throw new CairnError('invalid_email', `The "${name}" of the document is no email address.`, {
    pointer: pointerTo(name),
  });
}

function pointerTo(name: string): string {
  return `/${escapeToken(name)}`;
}

function list(names: readonly string[]): string {
  return names.map(name => `"${name}"`).join(', ');
}
