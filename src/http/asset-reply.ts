/** An answer that is the same for everybody until another version runs: whoever has it is told so by its ETag. */

import { emptyReply, type Headers } from './answer.js';
import type { Asset } from './assets.js';
import type { Call, Reply } from './route.js';

/** May be kept, and is asked for again each time. */
const CACHE = 'no-cache';

export function assetReply(
  { headers }: Call,
  { bytes, tag }: Asset,
  type: string,
  more: Headers = {},
): Reply {
  const own = { ETag: tag, 'Cache-Control': CACHE };
  if (isAmong(headers['if-none-match'] ?? '', tag)) return emptyReply(304, own);
  // It is there for everybody, without a token too: whoever does not read it keeps nobody else from an answer.
  return { status: 200, headers: { 'Content-Type': type, ...own, ...more }, body: bytes, held: 0 };
}

/** The weak comparison of RFC 9110 §13.1.2. */
function isAmong(list: string, tag: string): boolean {
  return list.split(',').some(each => each.trim() === '*' || each.trim().replace(/^W\//, '') === tag);
}
