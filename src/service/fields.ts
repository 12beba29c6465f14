/**
 * What a policy asks of single members of a document, without a schema: that they are there, and that they are email
 * addresses.
 */
import { CairnError } from '../errors.js';
import { fromUnicode } from '../json/bytes.js';
import { escapeToken, memberAt } from '../json/pointer.js';
import { decodeLiteral } from '../json/string.js';
import { EMAIL_BYTES_MAX } from '../limits.js';
import type { JsonText, Policy } from '../model.js';

/** Neither white space, nor what nobody can see, nor another `@`; then a domain of at least two labels. */
const EMAIL =
  /^[^@\s\p{Cc}\p{Cf}\p{Cs}]+@(?:[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?\.)+[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?$/u;

export type FieldPolicy = Pick<Policy, 'required' | 'emails'>;

/** @throws CairnError `not_an_object`, `member_missing`, `invalid_email` */
export function checkFields(text: JsonText, { required, emails }: FieldPolicy): void {
  if (required.length > 0 && !text.startsWith('{')) {
    const message = 'A document of this collection is an object.';
    throw new CairnError('not_an_object', message, { hint: `Send a JSON object with ${list(required)}.` });
  }
  for (const name of required) refuseMissing(text, name, required);
  for (const name of emails) refuseNoEmail(text, name);
}

/** Not whether anybody reads it, which only a message to it can tell. */
export function isEmail(text: string): boolean {
  return text.length <= EMAIL_BYTES_MAX && fromUnicode(text).length <= EMAIL_BYTES_MAX && EMAIL.test(text);
}

function refuseMissing(text: JsonText, name: string, required: readonly string[]): void {
  const value = memberAt(text, pointerTo(name));
  if (value?.startsWith('"') && decodeLiteral(value).trim() !== '') return;
  const what = value === undefined ? `has no "${name}"` : `has a "${name}" that is empty or no string`;
  throw new CairnError('member_missing', `The document ${what}.`, {
    pointer: pointerTo(name),
    hint: `A document of this collection has ${list(required)}, each a string.`,
  });
}

function refuseNoEmail(text: JsonText, name: string): void {
  const value = memberAt(text, pointerTo(name));
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
