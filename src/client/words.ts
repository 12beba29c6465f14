/** Keys, conditions and lifetimes, from what a caller gives to what stands in a request. */
import { CairnClientError } from './errors.js';
import type { CallOptions, Query } from './transport.js';

/** What every write may ask for. */
export interface WriteOptions extends CallOptions {
  /** Answered after its fsync, or at once; absent: as the collection has it. */
  readonly sync?: boolean | undefined;
  /** Kept beside the version. */
  readonly comment?: string | undefined;
}

/** Conditions (RFC 9110 §13): an ETag of an earlier answer, or `*`. */
export interface Conditional {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

/** How long a key lives: seconds, or `500ms 30s 5m 2h 7d`. */
export type Ttl = number | string;

export interface PutOptions extends WriteOptions, Conditional {
  readonly ttl?: Ttl | undefined;
}

export interface DeleteOptions extends WriteOptions, Conditional {
  /** The history too. */
  readonly purge?: boolean | undefined;
}

const SEGMENT = /^\.{1,2}$/;

/**
 * A key as the rest of a path; its slashes stay. A URL cannot hold every word: it takes `.` and `..` out, and would ask
 * for another key, so those are refused here as the service refuses them.
 * @throws CairnClientError `invalid_key`
 */
export function pathOf(key: string): string {
  const segments = key.split('/');
  if (key === '' || segments.some(segment => SEGMENT.test(segment))) throw invalidKey(key);
  try {
    return segments.map(encodeURIComponent).join('/');
  } catch {
    throw invalidKey(key);
  }
}

function invalidKey(key: string): CairnClientError {
  const shown = JSON.stringify(key.slice(0, 64));
  return new CairnClientError('invalid_key', `${shown} is no key.`, {
    status: 0,
    hint: 'A key is 1 to 512 bytes of UTF-8 without control characters and without segments "." or "..".',
  });
}

/** `sync` says no as well; `ttl` where it is given. */
export function writeQuery({
  sync,
  ttl,
}: {
  readonly sync?: boolean | undefined;
  ttl?: Ttl | undefined;
}): Query {
  return { sync: sync === undefined ? undefined : String(sync), ttl };
}

export function writeHeaders(options: WriteOptions & Conditional): Record<string, string | undefined> {
  const { comment } = options;
  return {
    ...conditionHeaders(options),
    'x-comment': comment === undefined ? undefined : bytesOf(comment),
  };
}

export function conditionHeaders({ ifMatch, ifNoneMatch }: Conditional): Record<string, string | undefined> {
  return { 'if-match': ifMatch, 'if-none-match': ifNoneMatch };
}

/** A header holds bytes: one character each. */
function bytesOf(text: string): string {
  return Array.from(new TextEncoder().encode(text), byte => String.fromCharCode(byte)).join('');
}

/** `1700000000-17`: an ETag without what is around it. */
export function changeIdOf(etag: string): string {
  return etag.replace(/^W\//, '').replace(/^"(.*)"$/, '$1');
}
