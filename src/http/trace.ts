/**
 * What names a request in the log: its id, and the trace that it is part of, as a caller says it by `traceparent` (W3C
 * Trace Context, §3.2). The trace is taken over into the log and nowhere else. What is not valid is as if it had not come.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { LogFields } from '../platform/logger.js';

/** A request id of a caller that may stand in our logs and headers. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

export interface Trace {
  readonly trace_id: string;
  /** The caller's span: Cairn makes none of its own. */
  readonly span_id: string;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const NOTHING = /^0+$/;

/** One that came several times comes here with commas in it, and is none. */
export function traceOf(header: string | string[] | undefined): Trace | null {
  if (header === undefined) return null;
  const [, version, trace_id, span_id, more] = TRACEPARENT.exec(String(header)) ?? [];
  if (trace_id === undefined || span_id === undefined) return null;
  // A later version may have more behind a dash; ff is none.
  if (version === 'ff' || (version === '00' && more !== undefined)) return null;
  return NOTHING.test(trace_id) || NOTHING.test(span_id) ? null : { trace_id, span_id };
}

/** What every log line about a request begins with. */
export function requestFields(request: {
  readonly requestId: string;
  readonly trace: Trace | null;
}): LogFields {
  const { requestId: id, trace } = request;
  return trace === null ? { id } : { id, ...trace };
}
