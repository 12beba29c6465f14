/**
 * Writes that a browser sends for a page of another site. Such a page cannot read our answers, since nothing allows
 * it to (no CORS headers), but a form or a simple request would still change data. Programs send neither header.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { CairnError } from '../errors.js';

/** All that changes nothing; a verb that is not known changes something. */
const reads: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** @throws CairnError `cross_site` */
export function refuseCrossSite(method: string, headers: IncomingHttpHeaders): void {
  if (reads.has(method) || isOurs(headers)) return;
  throw new CairnError('cross_site', 'A page of another site may not write here.');
}

function isOurs(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const { origin, host } = headers;
  return origin === undefined || isSameHost(origin, host ?? '');
}

/** The scheme is left out: behind a proxy that ends TLS we do not know our own. `null` is nobody's origin. */
function isSameHost(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false;
  const theirs = new URL(origin);
  // With the same scheme in front, a port that it implies falls away on both sides.
  const ours = `${theirs.protocol}//${host}`;
  return URL.canParse(ours) && new URL(ours).host === theirs.host;
}
