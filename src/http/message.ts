/**
 * What Node's parser lets through and HTTP does not, or not for us: two Host headers or none, HTTP/0.9, more headers
 * than we take, transfer codings that nobody decodes, expectations that nobody meets. After any of these it is not
 * sure where the next request begins, so the connection ends with the answer.
 */
import type { IncomingMessage } from 'node:http';
import { CairnError } from '../errors.js';
import { HEADERS_MAX } from '../limits.js';

/** Of these Node keeps the first and drops the rest without a word. By length: no other is looked at closer. */
const onlyOnce: ReadonlyMap<number, string> = new Map(
  ['host', 'content-type', 'if-modified-since', 'if-unmodified-since'].map(name => [name.length, name]),
);

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
  const values: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const given = rawHeaders[at] ?? '';
    if (given.length === name.length && given.toLowerCase() === name) values.push(rawHeaders[at + 1] ?? '');
  }
  return values;
}

function refuseRepeated(rawHeaders: readonly string[]): void {
  let seen = '';
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const given = rawHeaders[at] ?? '';
    const name = onlyOnce.get(given.length);
    if (name === undefined || name !== given.toLowerCase()) continue;
    if (seen.includes(`${name} `)) throw bad(`The header ${name} is there twice.`);
    seen += `${name} `;
  }
}

function bad(message: string): CairnError {
  return new CairnError('bad_request', message);
}
