/** `?history` and `?diff=3..5` of a document, and the number in `?version=3` and `?rollback=3`. */
import { CairnError } from '../errors.js';
import { encodeString } from '../json/string.js';
import { HISTORY_AT_ONCE_MAX } from '../limits.js';
import type { ByteString, Version, VersionRecord } from '../model.js';
import type { Place } from '../service/keys.js';
import type { Versions } from '../service/versions.js';
import { jsonReply, storeHeaders } from './answer.js';
import { inChunks } from './chunks.js';
import { flagOf } from './request-target.js';
import type { Call, Reply } from './route.js';

/** What a GET may ask of the past. Each excludes the others. */
export const versionQuery = ['history', 'version', 'diff'] as const;

/** Words of a GET that make no sense beside these two: they are of the document itself. */
const OF_DOCUMENT = ['raw', 'default', 'path', 'as'];

/** The answer about the past of a document, or null where the document itself is asked for. */
export function readPast(call: Call, place: Place, versions: Versions): Reply | null {
  const { query } = call;
  const asked = versionQuery.filter(word => query.has(word));
  if (asked.length > 1) throw invalid(`"${asked[0]}" and "${asked[1]}" in the query exclude each other`);
  const [word] = asked;
  if (word === undefined || word === 'version') return null;
  const other = OF_DOCUMENT.find(name => query.has(name));
  if (other !== undefined) throw invalid(`"${word}" and "${other}" in the query exclude each other`);
  if (word === 'diff') return diff(query.get(word) ?? '', place, versions);
  return (flagOf(query, word) ?? false) ? history(place, versions) : null;
}

function history(place: Place, versions: Versions): Reply {
  const { versions: past, revision } = versions.past(place);
  const headers = storeHeaders(revision);
  if (past.length <= HISTORY_AT_ONCE_MAX) return jsonReply(200, [...rowsOf(past)].join(''), headers);
  return { ...jsonReply(200, '', headers), body: null, stream: inChunks(rowsOf(past)) };
}

function* rowsOf(past: readonly VersionRecord[]): Generator<ByteString> {
  for (const [i, record] of past.entries()) yield `${i === 0 ? '[' : ','}${rowOf(record)}`;
  yield ']';
}

function rowOf({ version, revision, time, by, comment, text }: VersionRecord): ByteString {
  const at = new Date(time * 1000).toISOString();
  const who = by === null ? 'null' : encodeString(by);
  const why = comment === null ? 'null' : encodeString(comment);
  const what = `"version":${version},"revision":${revision},"at":"${at}","by":${who},"comment":${why}`;
  return `{${what},"deleted":${text === null}}`;
}

function diff(range: string, place: Place, versions: Versions): Reply {
  const [, from, to] = /^(\d{1,15})(?:\.\.(\d{1,15}))?$/.exec(range) ?? [];
  if (from === undefined) throw invalid('"diff" in the query is not two versions, as 3..5, or one, as 3');
  const { patch, revision } = versions.diff(place, Number(from), to === undefined ? undefined : Number(to));
  const headers = { ...storeHeaders(revision), 'Content-Type': 'application/json-patch+json' };
  return jsonReply(200, patch, headers);
}

/** The version that the query names; undefined: none. @throws CairnError `invalid_parameter` */
export function versionOf(query: Call['query'], word: 'version' | 'rollback'): Version | undefined {
  const text = query.get(word);
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw invalid(`"${word}" in the query is no version`);
}

function invalid(reason: string): CairnError {
  return new CairnError('invalid_parameter', `${reason}.`, {
    hint: 'For example ?history, ?version=3, ?diff=3..5, or POST …?rollback=3.',
  });
}
