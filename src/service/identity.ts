/**
 * The id of a document within itself: in some collections the key is the string of one member, and stays in step with
 * it. A document without it gets it as its first member, so that what comes back says what it is.
 */
import { CairnError } from '../errors.js';
import { flat } from '../json/bytes.js';
import { keyFromJson } from '../json/key.js';
import { membersOf } from '../json/pointer.js';
import { decodeString, encodeString } from '../json/string.js';
import { writeName } from '../json/tree.js';
import type { JsonText, Key } from '../model.js';
import type { Members } from './fields.js';

export interface Identified {
  readonly key: Key;
  readonly text: JsonText;
}

/**
 * A new document by its own id, or by one that is made where it has none and may.
 * @throws CairnError `not_an_object`, `id_missing`; `invalid_key`, `key_too_long` where the id is no key
 */
export function identify(text: JsonText, field: string, newId: (() => Key) | null): Identified {
  const id = idOf(text, field);
  if (id !== undefined) return { key: keyFromJson(id), text };
  if (newId === null) throw idMissing(field);
  const key = newId();
  return { key, text: withMember(text, field, key) };
}

/**
 * The document as it stands under its key. `members`: where its id is among them.
 * @throws CairnError `not_an_object`, `id_missing`, `id_mismatch`
 */
export function withId(text: JsonText, field: string, key: Key, members: Members): JsonText {
  const id = idOf(text, field, members);
  if (id === undefined) return withMember(text, field, key);
  if (decodeString(id) !== key) throw idMismatch(field);
  return text;
}

/** After a patch, which may leave the id as it is and nothing else. @throws CairnError as `withId` */
export function keepingId(text: JsonText, field: string, key: Key): JsonText {
  const id = idOf(text, field);
  if (id === undefined || decodeString(id) !== key) throw idMismatch(field);
  return text;
}

/** The literal of a string, which need be no key. */
function idOf(text: JsonText, field: string, members = membersOf(text, [field])): JsonText | undefined {
  if (!text.startsWith('{')) {
    const hint = `Send a JSON object; its "${field}" is its id.`;
    throw new CairnError('not_an_object', 'A document of this collection is an object.', { hint });
  }
  const id = members.get(field);
  if (id === undefined) return undefined;
  if (!id.startsWith('"')) throw idMissing(field);
  return id;
}

/** Spliced in, so that the rest stays as it came. */
function withMember(text: JsonText, field: string, key: Key): JsonText {
  const member = `{${writeName(field)}:${encodeString(key)}`;
  const rest = text.slice(1);
  return flat(/^[ \t\r\n]*\}/.test(rest) ? `${member}}` : `${member},${rest}`) as JsonText;
}

function idMissing(field: string): CairnError {
  const message = `The document has no string "${field}".`;
  return new CairnError('id_missing', message, {
    hint: `Its "${field}" is its id, and the name in its URL.`,
  });
}

function idMismatch(field: string): CairnError {
  return new CairnError('id_mismatch', `The "${field}" of the document is not the id in its URL.`, {
    hint: `Leave "${field}" out, or as it is; for another id POST a new document.`,
  });
}
