/**
 * Who is let in. A valid token always is, whatever others do from the same address; who tries many wrong ones is told to
 * wait. Where `--rate-limit` is set, so many requests a second are answered of one token, or of one address where none
 * is needed. What comes without any token has tried none: it is answered 401 and not counted.
 */
import { isIPv6 } from 'node:net';
import { CairnError } from '../errors.js';
import { FAILED_LOGINS_PER_MINUTE } from '../limits.js';
import type { Clock } from '../platform/clock.js';
import { Buckets } from './buckets.js';
import type { TokenGate } from './gate.js';
import type { Caller } from './route.js';

export interface AdmissionOptions {
  /** Null as long as it is not known who may come in. */
  readonly gate: () => TokenGate | null;
  readonly clock: Clock;
  /** Requests a second of one caller; 0: no limit. */
  readonly rateLimit: number;
}

export class Admission {
  readonly #gate: () => TokenGate | null;
  readonly #failures: Buckets;
  readonly #requests: Buckets | null;

  constructor({ gate, clock, rateLimit }: AdmissionOptions) {
    this.#gate = gate;
    this.#failures = new Buckets({
      clock,
      size: FAILED_LOGINS_PER_MINUTE,
      perSecond: FAILED_LOGINS_PER_MINUTE / 60,
    });
    this.#requests = rateLimit === 0 ? null : new Buckets({ clock, size: rateLimit, perSecond: rateLimit });
  }

  /**
   * `authorization`: the values of all Authorization headers that came. `address`: of the other end of the connection.
   * @throws CairnError `loading`, `unauthenticated`, `rate_limited`
   */
  admit(authorization: readonly string[], address: string): Caller {
    const gate = this.#gate();
    if (gate === null) throw new CairnError('loading', 'The service is starting.');
    const caller = gate.callerOf(authorization);
    if (caller === null) throw this.#refusal(authorization.length > 0, address);
    const wait = this.#wait(gate, caller, address);
    if (wait === null) return caller;
    throw new CairnError('rate_limited', 'There are more requests a second than one caller may send.', {
      retryAfter: wait,
    });
  }

  /** Whom `admit` would let in if there were no limit of requests, or null. Nothing is counted. */
  callerOf(authorization: readonly string[]): Caller | null {
    return this.#gate()?.callerOf(authorization) ?? null;
  }

  /** Counts a request of somebody whom `callerOf` gave. False: it is one too many, and `admit` says how long to wait. */
  count(caller: Caller, address: string): boolean {
    const gate = this.#gate();
    return gate !== null && this.#wait(gate, caller, address) === null;
  }

  /** Seconds; null: it may be. */
  #wait({ required }: TokenGate, caller: Caller, address: string): number | null {
    return this.#requests?.take(required ? caller.id : originOf(address)) ?? null;
  }

  #refusal(tried: boolean, address: string): CairnError {
    const wait = tried ? this.#failures.take(originOf(address)) : null;
    if (wait === null) return new CairnError('unauthenticated', 'A valid token is needed.');
    return new CairnError('rate_limited', 'There were too many wrong tokens from this address.', {
      retryAfter: wait,
    });
  }
}

/** Who stands behind an address: of IPv6 the first 64 bits, since whoever has one has all of these. */
export function originOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [front = '', back = ''] = address.replace(/%.*$/, '').split('::');
  const [high, low] = [wordsOf(front), wordsOf(back)];
  const zeros = address.includes('::') ? Math.max(8 - high.length - low.length, 0) : 0;
  const words = [...high, ...Array.from({ length: zeros }, () => '0'), ...low];
  return `${words.slice(0, 4).join(':')}::/64`;
}

/** Sixteen bits each, without leading zeros; an IPv4 address at the end is two of them. */
function wordsOf(text: string): string[] {
  if (text === '') return [];
  return text.split(':').flatMap(word => {
    if (word.includes('.')) return ['ipv4', 'ipv4'];
    return [Number.parseInt(word, 16).toString(16)];
  });
}
