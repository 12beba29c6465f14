/**
 * Conditional requests (RFC 9110 §13). The ETag is the change id in quotes; without the quotes it is understood too,
 * since shells lose them. A tag of another form is one that no document of ours has.
 *
 * A condition that cannot be understood is 400: a write must not go through because its guard had a typing error.
 * Only an If-Modified-Since that is no date is passed over, as §13.1.3 wants it; all that costs is a whole answer.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isAmong, isOneOf, mismatch } from '../condition.js';
import { CairnError } from '../errors.js';
import { type ChangeId, type Entry, formatChangeId } from '../model.js';
import type { WriteCondition } from '../service/keys.js';
import { parseHttpDate } from './http-date.js';

/** `full`: send the document. `not_modified`: the caller has it. */
export type ReadVerdict = 'full' | 'not_modified';

interface Tag {
  readonly weak: boolean;
  /** Undefined: no document of ours has this tag. */
  readonly id: ChangeId | undefined;
}

/** RFC 9110 §8.8.3 with our own tags bare as well, and commas around them (§5.6.1: empty elements are ignored). */
const TAG = /[ \t,]*(?:(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"|(W\/)?(\d+-\d+))[ \t]*(?=,|$)/y;
const REST = /[ \t,]*$/y;
const CHANGE_ID = /^(0|[1-9]\d{0,14})-(0|[1-9]\d{0,14})$/;

export function etagOf(id: ChangeId): string {
  return `"${formatChangeId(id)}"`;
}

/** Of a list. */
export function weakEtagOf(id: ChangeId): string {
  return `W/${etagOf(id)}`;
}

/** What a GET or HEAD adds: in whole seconds, the last change that the caller has seen. */
export interface ReadCondition extends WriteCondition {
  readonly modifiedSince?: number;
}

const NO_CONDITION: WriteCondition = {};

/** In the order of §13.2.2: a date counts only where its list of tags is not there. */
export function writeCondition(headers: IncomingHttpHeaders): WriteCondition {
  if (isUnconditional(headers)) return NO_CONDITION;
  const match = idsOf('If-Match', headers['if-match'], 'strong');
  const noneMatch = idsOf('If-None-Match', headers['if-none-match'], 'weak');
  const unmodifiedSince = match === undefined ? unmodifiedSinceOf(headers) : undefined;
  return {
    ...(match === undefined ? {} : { match }),
    ...(noneMatch === undefined ? {} : { noneMatch }),
    ...(unmodifiedSince === undefined ? {} : { unmodifiedSince }),
  };
}

/** Most requests. */
function isUnconditional(headers: IncomingHttpHeaders): boolean {
  return (
    headers['if-match'] === undefined &&
    headers['if-none-match'] === undefined &&
    headers['if-unmodified-since'] === undefined
  );
}

export function readCondition(headers: IncomingHttpHeaders): ReadCondition {
  const condition = writeCondition(headers);
  const since = headers['if-modified-since'];
  const modifiedSince =
    since === undefined || condition.noneMatch !== undefined ? undefined : parseHttpDate(since);
  return modifiedSince === undefined ? condition : { ...condition, modifiedSince };
}

/**
 * Decides a GET or HEAD whose plain answer would be 200. `entry` is undefined where that answer does not come from
 * a document.
 * @throws CairnError `revision_mismatch`
 */
export function judgeRead(condition: ReadCondition, entry: Entry | undefined): ReadVerdict {
  const { match, noneMatch, unmodifiedSince, modifiedSince } = condition;
  if (match !== undefined && !isAmong(match, entry)) throw mismatch(entry);
  if (entry === undefined) return 'full';
  if (unmodifiedSince !== undefined && entry.time > unmodifiedSince) throw mismatch(entry);
  if (noneMatch !== undefined && isAmong(noneMatch, entry)) return 'not_modified';
  return modifiedSince !== undefined && entry.time <= modifiedSince ? 'not_modified' : 'full';
}

/**
 * Decides a GET of a list, whose validator is the last change of its collection. It is a weak one: an entry whose time
 * is over leaves the list at once, and the collection a moment later.
 * @throws CairnError `revision_mismatch`: no list holds what a strong condition asks for
 */
export function judgeList({ match, noneMatch }: ReadCondition, id: ChangeId): ReadVerdict {
  if (match !== undefined && match !== 'any') throw mismatch(undefined);
  return noneMatch !== undefined && (noneMatch === 'any' || isOneOf(noneMatch, id)) ? 'not_modified' : 'full';
}

/** Strong comparison (§13.1.1): a weak tag never matches. Weak (§13.1.2): its mark does not count. */
function idsOf(
  name: string,
  value: string | undefined,
  comparison: 'strong' | 'weak',
): readonly ChangeId[] | 'any' | undefined {
  if (value === undefined) return undefined;
  if (value.trim() === '*') return 'any';
  const tags = tagsOf(name, value).filter(({ weak }) => comparison === 'weak' || !weak);
  return tags.flatMap(({ id }) => id ?? []);
}

function tagsOf(name: string, value: string): readonly Tag[] {
  const tags: Tag[] = [];
  TAG.lastIndex = 0;
  let end = 0;
  for (let match = TAG.exec(value); match !== null; match = TAG.exec(value)) {
    const [, weak, quoted, weakBare, bare] = match;
    tags.push({ weak: weak !== undefined || weakBare !== undefined, id: changeIdOf(quoted ?? bare ?? '') });
    end = TAG.lastIndex;
  }
  REST.lastIndex = end;
  if (tags.length === 0 || !REST.test(value)) throw malformed(`${name} is neither * nor a list of ETags.`);
  return tags;
}

/** Undefined: it is none. */
export function changeIdOf(text: string): ChangeId | undefined {
  const match = CHANGE_ID.exec(text);
  return match === null ? undefined : { epoch: Number(match[1]), revision: Number(match[2]) };
}

function unmodifiedSinceOf(headers: IncomingHttpHeaders): number | undefined {
  const value = headers['if-unmodified-since'];
  if (value === undefined) return undefined;
  const date = parseHttpDate(value);
  if (date !== undefined) return date;
  throw malformed('If-Unmodified-Since is no HTTP date.', 'Send the Last-Modified of an earlier answer.');
}

function malformed(message: string, hint?: string): CairnError {
  return new CairnError('invalid_precondition', message, hint === undefined ? {} : { hint });
}
