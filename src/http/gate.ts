/**
 * Who calls. A token is known by its SHA-256 and looked up by that, so that neither memory nor timing gives one away: how
 * much of a digest is right tells nothing of the token. A request without a token, with a malformed, doubled, wrong,
 * removed or expired one gets the same answer. A token stands in the Authorization header and nowhere else: a URL is
 * written into logs.
 */
import { createHash } from 'node:crypto';
import { EVERYTHING, type Grant } from '../service/grant.js';
import { ANONYMOUS, type Caller } from './route.js';

/** One token, without the token. */
export interface KnownToken {
  /** For logs: names the token and tells nothing of it. */
  readonly id: string;
  /** 32 bytes: see `digestOf`. */
  readonly sha256: Uint8Array;
  /** Absent: everything. */
  readonly grant?: Grant;
  /** Whether its time is over; absent: it has no end. */
  readonly isOver?: () => boolean;
}

export interface TokenGateOptions {
  /** False: everybody is let in, whatever comes in Authorization. */
  readonly required: boolean;
  readonly tokens: readonly KnownToken[];
  /** Those that may come and go; another list each time that they do, with the same object for what stayed. */
  readonly more?: () => readonly KnownToken[];
}

/** The name of the scheme in any case (RFC 9110 §11.1). A token may hold more than RFC 6750 lets one hold. */
const BEARER = /^bearer +([\x21-\x7e]+)$/i;

interface Known {
  readonly token: KnownToken;
  readonly caller: Caller;
}

export class TokenGate {
  readonly required: boolean;
  readonly #tokens: readonly KnownToken[];
  readonly #more: () => readonly KnownToken[];
  /** By digest, for the list that `more` gave last. */
  #known: ReadonlyMap<string, Known> | null = null;
  #list: readonly KnownToken[] = [];

  constructor({ required, tokens, more = () => NONE }: TokenGateOptions) {
    this.required = required;
    this.#tokens = tokens;
    this.#more = more;
  }

  /** `authorization`: the values of all Authorization headers that came. Null: nobody who is let in. */
  callerOf(authorization: readonly string[]): Caller | null {
    if (!this.required) return ANONYMOUS;
    const [value, ...others] = authorization;
    const token = BEARER.exec(value ?? '')?.[1];
    if (token === undefined || others.length > 0) return null;
    return this.#find(digestOf(token))?.caller ?? null;
  }

  #find(digest: Uint8Array): Known | undefined {
    const known = this.#inForce().get(nameOf(digest));
    return known?.token.isOver?.() === true ? undefined : known;
  }

  #inForce(): ReadonlyMap<string, Known> {
    const list = this.#more();
    if (this.#known !== null && list === this.#list) return this.#known;
    this.#list = list;
    const all = [...list, ...this.#tokens].map(
      token => [nameOf(token.sha256), this.#knownAs(token)] as const,
    );
    this.#known = new Map(all);
    return this.#known;
  }

  #knownAs(token: KnownToken): Known {
    const { id, sha256, grant = EVERYTHING } = token;
    const isCurrent = () => this.#find(sha256)?.token === token;
    return { token, caller: { id, grant, isCurrent } };
  }
}

const NONE: readonly KnownToken[] = [];

function nameOf(digest: Uint8Array): string {
  return Buffer.from(digest).toString('latin1');
}

export function digestOf(token: string): Uint8Array {
  return createHash('sha256').update(token, 'utf8').digest();
}
