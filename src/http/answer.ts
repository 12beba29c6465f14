/** Replies, and the headers that a document brings. */
import type { Engine } from '../engine/engine.js';
import { fromUnicode } from '../json/bytes.js';
import type { ByteString, Entry, JsonText, Milliseconds, Revision } from '../model.js';
import { etagOf } from './conditional.js';
import { formatHttpDate } from './http-date.js';
import type { Reply } from './route.js';

export type Headers = Readonly<Record<string, string>>;

const JSON_TYPE = 'application/json; charset=utf-8';
const TEXT_TYPE = 'text/plain; charset=utf-8';
/** A JSON value a line. */
export const LINES_TYPE = 'application/x-ndjson; charset=utf-8';

export function jsonReply(status: number, text: ByteString, headers: Headers = {}): Reply {
  return { status, headers: { 'Content-Type': JSON_TYPE, ...headers }, body: text };
}

/** For what Cairn itself has to say. */
export function objectReply(status: number, value: object, headers: Headers = {}): Reply {
  return jsonReply(status, fromUnicode(JSON.stringify(value)), headers);
}

/** Bytes of somebody else's, so a browser must not take them for a page of ours (nosniff is on every answer). */
export function rawReply(status: number, bytes: ByteString, headers: Headers = {}): Reply {
  return {
    status,
    headers: { 'Content-Type': TEXT_TYPE, 'Content-Security-Policy': 'sandbox', ...headers },
    body: bytes,
  };
}

export function textReply(status: number, text: string, headers: Headers = {}): Reply {
  return { status, headers: { 'Content-Type': TEXT_TYPE, ...headers }, body: fromUnicode(text) };
}

export function emptyReply(status: 204 | 304, headers: Headers = {}): Reply {
  return { status, headers, body: null };
}

export function documentHeaders(entry: Entry, now: Milliseconds): Headers {
  const deadline = entry.deadline();
  return {
    ETag: etagOf(entry),
    'Last-Modified': formatHttpDate(entry.time),
    'X-Version': String(entry.version),
    'X-Revision': String(entry.revision),
    ...(deadline === null ? {} : { 'X-TTL': secondsLeft(deadline, now) }),
  };
}

/** Where there is no document: a watch since this revision misses nothing. */
export function storeHeaders(revision: Revision): Headers {
  return { 'X-Revision': String(revision) };
}

/** Something was left out that the token may not see. */
export function filteredHeader(filtered: boolean): Headers {
  return filtered ? { 'X-Filtered': 'true' } : {};
}

export function durableHeader(durable: boolean): Headers {
  return { 'X-Durable': String(durable) };
}

/** `{"key":…,"value":…}`, the value as it is. */
export function keyAndValue(key: JsonText, value: JsonText): ByteString {
  return `{"key":${key},"value":${value}}`;
}

/** Rounded up: what is still there has at least a second in whole numbers. */
function secondsLeft(deadline: Milliseconds, now: Milliseconds): string {
  return String(Math.max(Math.ceil((deadline - now) / 1000), 0));
}

/** On every answer about data, errors too, once the caller is known. */
export function storeFacts(engine: Engine | null): Headers {
  if (engine === null) return {};
  const epoch = String(engine.epoch);
  return engine.degraded ? { 'X-Epoch': epoch, 'X-Storage': 'degraded' } : { 'X-Epoch': epoch };
}
