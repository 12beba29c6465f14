/**
 * What a caller may do: verbs, by collection and key prefix. A prefix ends at a slash: `app` covers the keys `app` and
 * `app/…`, and not `apple`. What is not granted is refused whether the key is there or not.
 */
import { CairnError } from '../errors.js';
import { fromUnicode } from '../json/bytes.js';
import type { ByteString, Key } from '../model.js';

export type Verb = 'read' | 'write';

/** Prefixes with their boundary still to be looked at; `all`: every key. An empty list: none. */
export type Scope = 'all' | readonly ByteString[];

export interface Grant {
  /** Every verb on every key, so that nothing need be looked at. */
  readonly everything: boolean;
  scopeOf(verb: Verb, collection: string): Scope;
  /** Whether the verb is granted for anything that begins with the prefix, in whatever collection. */
  reaches(verb: Verb, prefix: ByteString): boolean;
}

export const EVERYTHING: Grant = { everything: true, scopeOf: () => 'all', reaches: () => true };

/** One thing that a token may do. */
export interface Right {
  readonly verb: Verb;
  /** `*`: every one. */
  readonly collection: string;
  /** Null: every key. */
  readonly prefix: ByteString | null;
}

/** Each right adds to what the others give; none takes anything away. */
export function grantOf(rights: readonly Right[]): Grant {
  const scopeOf = (verb: Verb, collection: string): Scope => {
    const own = rights.filter(
      right => right.verb === verb && (right.collection === collection || right.collection === '*'),
    );
    const prefixes = own.flatMap(({ prefix }) => prefix ?? []);
    return prefixes.length < own.length ? 'all' : prefixes;
  };
  const reaches = (verb: Verb, prefix: ByteString): boolean =>
    rights.some(
      right => right.verb === verb && (right.prefix === null || partsOf([right.prefix], prefix).length > 0),
    );
  const hasAll = (verb: Verb) =>
    rights.some(right => right.verb === verb && right.collection === '*' && right.prefix === null);
  return { everything: hasAll('read') && hasAll('write'), scopeOf, reaches };
}

export function covers(scope: Scope, key: ByteString): boolean {
  return scope === 'all' || scope.some(prefix => isUnder(prefix, key));
}

export function mayDo(grant: Grant, verb: Verb, collection: string, key: ByteString): boolean {
  return grant.everything || covers(grant.scopeOf(verb, collection), key);
}

/** @throws CairnError `forbidden` */
export function refuseUngranted(grant: Grant, verb: Verb, collection: string, key: Key): void {
  if (!mayDo(grant, verb, collection, key)) throw forbidden(`${verb} this key`);
}

/** `what`: as in "read this key". */
export function forbidden(what: string, hint?: string): CairnError {
  return new CairnError('forbidden', `The token may not ${what}.`, hint === undefined ? {} : { hint });
}

/** Whether a key may be named to whoever asks; undefined: every one. */
export type MayRead = ((collection: string, key: ByteString) => boolean) | undefined;

/** Which other key has a unique value is told to who may read that key, whoever found it out. */
export function withoutHidden(error: CairnError, collection: string, mayRead: MayRead): CairnError {
  const { key, ...details } = error.details;
  if (error.code !== 'duplicate_value' || key === undefined) return error;
  if (mayRead === undefined || mayRead(collection, fromUnicode(key))) return error;
  const message = `Another document has this ${JSON.stringify(details.field)} already.`;
  const hint =
    'Change the member "field". The token may not read the other document, so its key is not told.';
  return new CairnError(error.code, message, { ...details, hint });
}

/** Some keys that stand together. */
export interface Part {
  readonly prefix: ByteString;
  /** Only the key that the prefix itself is. */
  readonly alone: boolean;
}

/**
 * What a scope covers of all keys that begin with a prefix: parts in key order that have no key in common. None: nothing
 * of it.
 */
export function partsOf(scope: Scope, prefix: ByteString): readonly Part[] {
  if (scope === 'all') return [{ prefix, alone: false }];
  const parts: Part[] = [];
  for (const part of scope.flatMap(boundariesOf).sort(byStart)) {
    const cut = cutOf(part, prefix);
    const last = parts.at(-1);
    if (cut === null || (last !== undefined && holds(last, cut.prefix))) continue;
    parts.push(cut);
  }
  return parts;
}

/** What may be read of all keys that begin with a prefix. */
export function visibleParts(grant: Grant, collection: string, prefix: ByteString): readonly Part[] {
  return partsOf(grant.scopeOf('read', collection), prefix);
}

/** What a verb or another may be done to in a collection. */
export function reachedParts(grant: Grant, collection: string): readonly Part[] {
  const [read, write] = [grant.scopeOf('read', collection), grant.scopeOf('write', collection)];
  return partsOf(read === 'all' || write === 'all' ? 'all' : [...read, ...write], '');
}

/** Whether the parts of a prefix are all of it. */
export function isWhole(parts: readonly Part[], prefix: ByteString): boolean {
  return parts.some(part => part.prefix === prefix && !part.alone);
}

export function isWithin(parts: readonly Part[], key: ByteString): boolean {
  return parts.some(part => holds(part, key));
}

/** The prefix itself, or what stands behind it and a slash; a prefix that ends with one is a boundary already. */
function isUnder(prefix: ByteString, key: ByteString): boolean {
  if (!key.startsWith(prefix)) return false;
  return key.length === prefix.length || prefix === '' || prefix.endsWith('/') || key[prefix.length] === '/';
}

/** `app` as what it covers: the key `app`, and all that begins with `app/`. */
function boundariesOf(prefix: ByteString): readonly Part[] {
  if (prefix === '' || prefix.endsWith('/')) return [{ prefix, alone: false }];
  return [
    { prefix, alone: true },
    { prefix: `${prefix}/`, alone: false },
  ];
}

/** Of two that begin alike the wider one comes first, so that it holds the other. */
function byStart(one: Part, other: Part): number {
  if (one.prefix !== other.prefix) return one.prefix < other.prefix ? -1 : 1;
  return Number(one.alone) - Number(other.alone);
}

/** What of the part begins with the prefix. */
function cutOf(part: Part, prefix: ByteString): Part | null {
  if (part.prefix.startsWith(prefix)) return part;
  return !part.alone && prefix.startsWith(part.prefix) ? { prefix, alone: false } : null;
}

/** Whether a key, or all that begins with a prefix, is in it. */
export function holds(part: Part, start: ByteString): boolean {
  return part.alone ? part.prefix === start : start.startsWith(part.prefix);
}
