/**
 * The rule of access of an operation: which verbs it needs, and where the keys stand that it reads or writes. What the
 * path or the query names is refused here, before the body is read, and in the same words whether it is there or not.
 * What a body names is asked of the caller's grant by the handler.
 */
import { CairnError } from '../errors.js';
import { fromUnicode } from '../json/bytes.js';
import { keyFromUnicode } from '../json/key.js';
import type { Key } from '../model.js';
import { forbidden, type Grant, isWhole, mayDo, partsOf, type Verb } from '../service/grant.js';

interface Rule {
  /** All of them are needed: who changes a part of a document is shown the rest of it. */
  readonly verbs: readonly [Verb, ...Verb[]];
}

/** The key that the path or `?key=` names. */
interface OfKey extends Rule {
  readonly of: 'key';
  readonly collection: string;
}

/** The key that another word of the query names. */
interface OfNamed extends Rule {
  readonly of: 'named';
  readonly word: string;
  readonly collection: string;
}

/**
 * What begins with `?prefix=`, as far as it is granted; nothing of it is refused. Without a collection it is that of
 * `?collection=`, or all of them, and `?key=` may name one key instead.
 */
interface OfRange extends Rule {
  readonly of: 'range';
  readonly collection: string | null;
}

/** All that begins with `?prefix=`: a part of it is refused. */
interface OfWholeRange extends Rule {
  readonly of: 'whole range';
  readonly collection: string;
}

/** What the body names: the handler asks. Without a collection it names that too. Who has nothing is refused before. */
interface OfBody extends Rule {
  readonly of: 'body';
  readonly collection: string | null;
}

/** No key: whoever may do this anywhere may do it. The handler shows what the grant covers. */
interface Anywhere extends Rule {
  readonly of: 'anywhere';
}

export type NeedsToken = OfKey | OfNamed | OfRange | OfWholeRange | OfBody | Anywhere;

/** `open`: for everybody, without a token. */
export type Access = 'open' | NeedsToken;

/** What a call names, as far as it can be understood. */
export interface Named {
  readonly key?: Key | undefined;
  readonly query: ReadonlyMap<string, string>;
}

/**
 * For what lasts longer than a call: the token was removed, is over, or may do something else since it began.
 * @throws CairnError `unauthenticated`
 */
export function refuseStale(caller: { isCurrent(): boolean }): void {
  if (!caller.isCurrent()) throw new CairnError('unauthenticated', 'The token does not count any more.');
}

/** @throws CairnError `forbidden` */
export function refuseUncovered(access: NeedsToken, grant: Grant, named: Named): void {
  if (grant.everything) return;
  for (const verb of access.verbs) {
    if (!isGranted(access, grant, verb, named)) throw forbidden(whatOf(access, verb));
  }
}

function isGranted(access: NeedsToken, grant: Grant, verb: Verb, { key, query }: Named): boolean {
  switch (access.of) {
    case 'key':
      return key !== undefined && mayDo(grant, verb, access.collection, key);
    case 'named':
      return mayDoNamed(grant, verb, access.collection, query.get(access.word));
    case 'range':
      return reachesRange(grant, verb, access.collection ?? query.get('collection'), query);
    case 'whole range': {
      const prefix = fromUnicode(query.get('prefix') ?? '');
      return isWhole(partsOf(grant.scopeOf(verb, access.collection), prefix), prefix);
    }
    case 'body':
      return access.collection === null
        ? grant.reaches(verb, '')
        : partsOf(grant.scopeOf(verb, access.collection), '').length > 0;
    case 'anywhere':
      return grant.reaches(verb, '');
  }
}

/** What is missing or no key is the handler's to refuse. */
function mayDoNamed(grant: Grant, verb: Verb, collection: string, name: string | undefined): boolean {
  const key = keyOf(name);
  return key === null
    ? partsOf(grant.scopeOf(verb, collection), '').length > 0
    : mayDo(grant, verb, collection, key);
}

function reachesRange(
  grant: Grant,
  verb: Verb,
  collection: string | undefined,
  query: ReadonlyMap<string, string>,
): boolean {
  if (collection !== undefined && query.has('key'))
    return mayDoNamed(grant, verb, collection, query.get('key'));
  const prefix = fromUnicode(query.get('prefix') ?? '');
  if (collection === undefined) return grant.reaches(verb, prefix);
  return partsOf(grant.scopeOf(verb, collection), prefix).length > 0;
}

function keyOf(name: string | undefined): Key | null {
  if (name === undefined) return null;
  try {
    return keyFromUnicode(name);
  } catch (error) {
    if (error instanceof CairnError) return null;
    throw error;
  }
}

function whatOf({ of }: NeedsToken, verb: Verb): string {
  if (of === 'key' || of === 'named') return `${verb} this key`;
  if (of === 'whole range') return `${verb} all keys with this prefix`;
  return of === 'range' ? `${verb} anything with this prefix` : `${verb} anything here`;
}
