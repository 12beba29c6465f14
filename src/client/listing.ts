/** Lists: what is asked of them, and the pages that come back. */
import { numberIn } from './document.js';
import { badAnswer } from './errors.js';
import { type Decode, elementsOf, membersOf, stringOf } from './json.js';
import type { Answer, CallOptions, Query } from './transport.js';

export interface ListOptions extends CallOptions {
  readonly prefix?: string | undefined;
  /** Conditions as the service has them: `metadata.enabled=true`. All must hold. */
  readonly where?: string | readonly string[] | undefined;
  /** Documents of one page. */
  readonly limit?: number | undefined;
}

export interface PageOptions extends ListOptions {
  /** The `next` of the page before. */
  readonly cursor?: string | undefined;
  /** Count also what a prefix or a condition leaves, which costs a scan. */
  readonly count?: boolean | undefined;
}

export interface Item<T> {
  readonly key: string;
  readonly value: T;
}

export interface Page<T> {
  readonly items: readonly Item<T>[];
  /** The cursor of the next page; undefined: this is the last one. */
  readonly next: string | undefined;
  readonly total: number | undefined;
  /** Of the last change in the collection, weak. */
  readonly etag: string;
  /** The store when it was read. */
  readonly revision: number;
}

export function listQuery({ prefix, where, limit, cursor, count }: PageOptions): Query {
  return { prefix, where, limit, cursor, count };
}

/** `id`: the member that holds the key; null: the items are `{"key","value"}`. */
export function pageOf<T>(answer: Answer, id: string | null, decode: Decode): Page<T> {
  const { headers } = answer;
  const total = headers.get('x-total-count');
  return {
    items: elementsOf(answer.text).map(text => itemOf<T>(text, id, decode)),
    next: nextOf(headers),
    total: total === null ? undefined : Number(total),
    etag: headers.get('etag') ?? '',
    revision: numberIn(headers, 'x-revision'),
  };
}

function itemOf<T>(text: string, id: string | null, decode: Decode): Item<T> {
  const members = membersOf(text);
  if (id !== null) return { key: stringOf(members.get(id)), value: decode(text) as T };
  const value = members.get('value');
  if (value === undefined) throw badAnswer('A document of the list has no value: is its id within?');
  return { key: stringOf(members.get('key')), value: decode(value) as T };
}

/** The cursor in `Link: </kv?…&cursor=…>; rel="next"`. */
export function nextOf(headers: Headers): string | undefined {
  const query = /<[^>?]*\?([^>]*)>\s*;\s*rel="next"/.exec(headers.get('link') ?? '')?.[1];
  return query === undefined ? undefined : (new URLSearchParams(query).get('cursor') ?? undefined);
}
