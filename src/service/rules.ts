/**
 * What the policy of a collection asks of a document before it is stored: its id within, its size, its members, its
 * schema. Whatever way a document takes into the store, it passes here, so no way in is laxer than another.
 *
 * A refusal of these may depend on what the document says, and a condition on its key goes before that (412 before
 * 422): whoever has one looks at it first where `looksInside` is true.
 */
import { CairnError } from '../errors.js';
import { membersOf } from '../json/pointer.js';
import { encodeString } from '../json/string.js';
import { VALUE_BYTES_MAX } from '../limits.js';
import type { JsonText, Key, Policy } from '../model.js';
import { checkFields, type FieldPolicy, fieldNames, type Members } from './fields.js';
import { type Identified, identify, keepingId, withId } from './identity.js';
import type { Place } from './keys.js';
import type { DocumentCheck } from './schema.js';

/** What of a policy the documents themselves must keep to. */
export type DocumentPolicy = Pick<Policy, 'idField' | 'generatedId' | 'history'> & FieldPolicy;

const PLAIN: DocumentPolicy = { idField: null, generatedId: false, history: 0, required: [], emails: [] };

export class Rules {
  /** A name may come from a body: `constructor` is no collection. */
  readonly #policies: ReadonlyMap<string, DocumentPolicy>;

  readonly #checks: ReadonlyMap<string, DocumentCheck>;

  /** `checks`: the schemas of the collections that have one. */
  constructor(
    policies: Readonly<Record<string, DocumentPolicy>>,
    checks: ReadonlyMap<string, DocumentCheck> = new Map(),
  ) {
    this.#policies = new Map(Object.entries(policies));
    this.#checks = checks;
  }

  /** Those that are served, in the order of the configuration. */
  get collections(): readonly string[] {
    return [...this.#policies.keys()];
  }

  /** @throws CairnError `not_found` */
  refuseUnknown(collection: string): void {
    if (this.#policies.has(collection)) return;
    throw new CairnError('not_found', 'There is no such collection.', {
      hint: 'GET / lists the collections.',
    });
  }

  policyOf(collection: string): DocumentPolicy {
    return this.#policies.get(collection) ?? PLAIN;
  }

  /** Whether a document of this collection may be refused for what it says, and not only for its size. */
  looksInside(collection: string): boolean {
    const { idField, required, emails } = this.policyOf(collection);
    return idField !== null || required.length + emails.length > 0 || this.#checks.has(collection);
  }

  /**
   * The document as it is stored under its key.
   * @throws CairnError `not_an_object`, `id_missing`, `id_mismatch`, `value_too_large`, `member_missing`,
   * `invalid_email`, `schema_violation`
   */
  documentOf({ collection, key }: Place, text: JsonText): JsonText {
    const policy = this.policyOf(collection);
    const { idField } = policy;
    // One pass, whatever is asked: a document may be a MiB.
    const members = membersOf(text, [...(idField === null ? [] : [idField]), ...fieldNames(policy)]);
    const document = idField === null ? text : withId(text, idField, key, members);
    if (document.length > VALUE_BYTES_MAX) throw valueTooLarge(document.length);
    checkFields(document, policy, document === text ? members : joined(members, idField, key));
    this.#checks.get(collection)?.(document);
    return document;
  }

  /** What a patch made of a document: its id was within, and stays. All else is for `documentOf`. @throws CairnError */
  patchedOf({ collection, key }: Place, text: JsonText): JsonText {
    const { idField } = this.policyOf(collection);
    return idField === null ? text : keepingId(text, idField, key);
  }

  /**
   * The key of a new document: its id within, the key that came beside it, or one that is made where it may be.
   * @throws CairnError `not_an_object`, `id_missing`, `invalid_key`, `key_too_long`
   */
  identified(collection: string, key: Key | null, text: JsonText, newId: () => Key): Identified {
    const { idField, generatedId } = this.policyOf(collection);
    const made = generatedId ? newId : null;
    if (idField !== null) return identify(text, idField, made);
    if (key !== null) return { key, text };
    if (made !== null) return { key: made(), text };
    throw new CairnError('invalid_key', 'The body has no "key".');
  }
}

/** The members of a document that got its id just now. */
function joined(members: Members, idField: string | null, key: Key): Members {
  return idField === null ? members : new Map([...members, [idField, encodeString(key)]]);
}

function valueTooLarge(bytes: number): CairnError {
  const message = `The value has ${bytes} bytes of JSON text; ${VALUE_BYTES_MAX} are allowed.`;
  return new CairnError('value_too_large', message);
}
