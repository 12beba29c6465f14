/**
 * Who calls. A token is known by its SHA-256 and compared in constant time, so that neither memory nor timing gives
 * one away. A request without a token, with a malformed, doubled or wrong one gets the same answer. A token stands
 * in the Authorization header and nowhere else: a URL is written into logs.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { CairnError } from '../errors.js';
import { ANONYMOUS, type Caller } from './route.js';

/** One token, without the token. What it may do comes here when there are tokens that may not do everything. */
export interface KnownToken {
  /** For logs: names the token and tells nothing of it. */
  readonly id: string;
  /** 32 bytes: see `digestOf`. */
  readonly sha256: Uint8Array;
}

export interface TokenGateOptions {
  /** False: everybody is let in, whatever comes in Authorization. */
  readonly required: boolean;
  readonly tokens: readonly KnownToken[];
}

/** The name of the scheme in any case (RFC 9110 §11.1). A token may hold more than RFC 6750 lets one hold. */
const BEARER = /^bearer +([\x21-\x7e]+)$/i;

export class TokenGate {
  readonly required: boolean;
  readonly #tokens: readonly KnownToken[];

  constructor({ required, tokens }: TokenGateOptions) {
    this.required = required;
    this.#tokens = tokens;
  }

  /**
   * `authorization`: the values of all Authorization headers that came.
   * @throws CairnError `unauthenticated`
   */
  admit(authorization: readonly string[]): Caller {
    if (!this.required) return ANONYMOUS;
    const [value, ...others] = authorization;
    const token = BEARER.exec(value ?? '')?.[1];
    const known = token === undefined || others.length > 0 ? undefined : this.#find(digestOf(token));
    if (known === undefined) throw new CairnError('unauthenticated', 'A valid token is needed.');
    return { id: known.id };
  }

  /** Compares with all of them: how long it takes does not tell which one it was. */
  #find(digest: Uint8Array): KnownToken | undefined {
    return this.#tokens.filter(({ sha256 }) => timingSafeEqual(sha256, digest))[0];
  }
}

export function digestOf(token: string): Uint8Array {
  return createHash('sha256').update(token, 'utf8').digest();
}
