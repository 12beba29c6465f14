/** An answer without Koa and without a request, for what never became one. Its connection ends with it. */
import { STATUS_CODES } from 'node:http';
import type { ByteString } from '../model.js';
import type { Reply } from './route.js';

/** On every answer there is. */
export function commonHeaders(requestId: string): Record<string, string> {
  return { 'X-Request-Id': requestId, 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };
}

export function rawAnswer({ status, headers, body }: Reply, requestId: string, now: Date): ByteString {
  const all = {
    Date: now.toUTCString(),
    ...commonHeaders(requestId),
    ...headers,
    'Content-Length': String(body?.length ?? 0),
    Connection: 'close',
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n${body ?? ''}`;
}
