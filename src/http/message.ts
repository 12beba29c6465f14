/**
 * What Node's parser lets through and HTTP does not, or not for us: two Host headers or none, HTTP/0.9, more headers
 * than we take, transfer codings that nobody decodes, expectations that nobody meets. After any of these it is not
 * sure where the next request begins, so the connection ends with the answer.
 */
import type { IncomingMessage } from 'node:http';
import { CairnError } from '../errors.js';
import { HEADERS_MAX } from '../limits.js';

/** Of these Node keeps the first and drops the rest without a word. */
const onlyOnce: ReadonlySet<string> = new Set([
  'host',
  'content-type',
  'if-modified-since',
  'if-unmodified-since',
]);

/** @throws CairnError `bad_request`, `headers_too_large`, `unsupported_transfer_encoding`, `expectation_failed` */
export function checkMessage(req: IncomingMessage): void {
  const { headers, rawHeaders, httpVersion } = req;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') throw bad('The HTTP version is neither 1.0 nor 1.1.');
  if (rawHeaders.length / 2 > HEADERS_MAX) {
    throw new CairnError('headers_too_large', `There are more than ${HEADERS_MAX} headers.`);
  }
  refuseRepeated(rawHeaders);
  if (headers.host === undefined && httpVersion === '1.1') throw bad('There is no Host header.');
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    throw new CairnError('unsupported_transfer_encoding', 'The Transfer-Encoding is more than chunked.');
  }
  const { expect } = headers;
  if (expect !== undefined && httpVersion === '1.1' && expect.toLowerCase() !== '100-continue') {
    throw new CairnError('expectation_failed', 'Only 100-continue can be expected.');
  }
}

/** All values of one header, as they came. */
export function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
}

function refuseRepeated(rawHeaders: readonly string[]): void {
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? '';
    if (!onlyOnce.has(name)) continue;
    if (seen.has(name)) throw bad(`The header ${name} is there twice.`);
    seen.add(name);
  }
}

function bad(message: string): CairnError {
  return new CairnError('bad_request', message);
}
