/**
 * The unique fields of one collection: which key has a value. Strings are compared without ASCII case, numbers by what
 * they are worth, so that `1` and `1.0` are one; null, what is absent, and whole objects and arrays are no values of this
 * kind.
 *
 * The index is made when all is recovered, and kept up with from then on. Of two entries with one value, of which the
 * one has expired and was not yet taken away, it names the other.
 */
import { createHash } from 'node:crypto';
import { CairnError } from '../errors.js';
import { toUnicode } from '../json/bytes.js';
import { decimalOf } from '../json/equal.js';
import { membersOf } from '../json/pointer.js';
import { decodeString } from '../json/string.js';
import { CLAIM_BYTES_MAX, CLAIM_OVERHEAD_BYTES } from '../limits.js';
import type { ByteString, JsonText, Key } from '../model.js';

/** One value of one field, as one string. */
type Claim = string;

/** What one document claims, by field. */
export type Claims = readonly (readonly [field: string, claim: Claim])[];

export class UniqueFields {
  readonly #fields: readonly string[];
  readonly #holders = new Map<Claim, Key>();
  #bytes = 0;

  constructor(fields: readonly string[]) {
    this.#fields = fields;
  }

  /** The key whose document has this string there. */
  find(field: string, value: ByteString): Key | undefined {
    return this.#holders.get(claimOf(field, `"${folded(value)}`));
  }

  /** What the index counts for. */
  get bytes(): number {
    return this.#bytes;
  }

  holder(claim: Claim): Key | undefined {
    return this.#holders.get(claim);
  }

  /** Goes over all of it, once. */
  claims(text: JsonText): Claims {
    const claims: (readonly [string, Claim])[] = [];
    const members = membersOf(text, this.#fields);
    for (const field of this.#fields) {
      const value = scalarOf(members.get(field));
      if (value !== undefined) claims.push([field, claimOf(field, value)]);
    }
    return claims;
  }

  /** Takes what the new text claims, and gives up what only the old one did. `taken`: the new ones, where known already. */
  replace(key: Key, before: JsonText | undefined, after: JsonText | undefined, taken?: Claims): void {
    if (before === after) return;
    for (const [, claim] of before === undefined ? [] : this.claims(before)) {
      if (this.#holders.get(claim) === key) this.#count(claim, -1, this.#holders.delete(claim));
    }
    for (const [, claim] of after === undefined ? [] : (taken ?? this.claims(after))) {
      this.#count(claim, 1, !this.#holders.has(claim));
      this.#holders.set(claim, key);
    }
  }

  #count(claim: Claim, sign: 1 | -1, changed: boolean): void {
    if (changed) this.#bytes += sign * (claim.length + CLAIM_OVERHEAD_BYTES);
  }
}

/** What is refused for a value that another key has. `key`: the other one. */
export function duplicate(field: string, key: Key, op: number): CairnError {
  const other = toUnicode(key);
  const message = `Another document has this ${JSON.stringify(field)} already: ${JSON.stringify(other)}.`;
  return new CairnError('duplicate_value', message, { op, field, key: other });
}

/** Long values would be in memory twice. */
function claimOf(field: string, value: string): Claim {
  if (value.length <= CLAIM_BYTES_MAX) return `${field}\0${value}`;
  return `${field}\0\0${createHash('sha256').update(value, 'latin1').digest('base64')}`;
}

/** A string with a quote before it, so that `"1e1"` is not 10. */
function scalarOf(value: JsonText | undefined): string | undefined {
  if (value === undefined || value === 'null' || /^[[{]/.test(value)) return undefined;
  const string = decodeString(value);
  return string === undefined ? (decimalOf(value) ?? value) : `"${folded(string)}`;
}

function folded(bytes: ByteString): ByteString {
  return bytes.replace(/[A-Z]+/g, letters => letters.toLowerCase());
}
