/** What comes back: a document with what its headers say of it. */
import { badAnswer } from './errors.js';
import type { Decode } from './json.js';
import type { Answer } from './transport.js';
import { changeIdOf } from './words.js';

export interface Document<T> {
  readonly key: string;
  readonly value: T;
  /** For `ifMatch`, `ifNoneMatch` and `getUnless`. */
  readonly etag: string;
  /** The change that made it, for `since`; without its quotes the ETag is the same. */
  readonly since: string;
  /** From 1, for this key. */
  readonly version: number;
  /** Of the change that made it, for the whole store. */
  readonly revision: number;
  /** Seconds that it still lives; undefined: until it is deleted. */
  readonly ttl: number | undefined;
}

export interface Written<T> extends Document<T> {
  /** Whether it was not there before. */
  readonly created: boolean;
  /** Whether it is on disk already. */
  readonly durable: boolean;
}

export function documentOf<T>(key: string, answer: Answer, decode: Decode): Document<T> {
  const { headers } = answer;
  const etag = headers.get('etag');
  if (etag === null) throw badAnswer('The answer has no ETag.', answer.status);
  const ttl = headers.get('x-ttl');
  return {
    key,
    // The caller says what type his values have; nobody here can know.
    value: decode(answer.text) as T,
    etag,
    since: changeIdOf(etag),
    version: numberIn(headers, 'x-version'),
    revision: numberIn(headers, 'x-revision'),
    ttl: ttl === null ? undefined : Number(ttl),
  };
}

export function writtenOf<T>(key: string, answer: Answer, decode: Decode): Written<T> {
  return {
    ...documentOf<T>(key, answer, decode),
    created: answer.status === 201,
    durable: isDurable(answer),
  };
}

export function isDurable({ headers }: Pick<Answer, 'headers'>): boolean {
  return headers.get('x-durable') === 'true';
}

export function numberIn(headers: Headers, name: string): number {
  const value = headers.get(name);
  if (value !== null && /^\d+$/.test(value)) return Number(value);
  throw badAnswer(`The answer has no ${name}.`);
}

/** Where the store stands, as an answer about nothing has it; undefined: it does not say. */
export function storeSince(headers: Headers): string | undefined {
  const [epoch, revision] = [headers.get('x-epoch'), headers.get('x-revision')];
  return epoch === null || revision === null ? undefined : `${epoch}-${revision}`;
}
