/** Who makes a change and why, as a version of a key says it: the token's name, and the header `X-Comment`. */
import { isUtf8 } from 'node:buffer';
import { CairnError } from '../errors.js';
import { fromUnicode } from '../json/bytes.js';
import { COMMENT_BYTES_MAX } from '../limits.js';
import type { ByteString, Note } from '../model.js';
import { ANONYMOUS, type Call } from './route.js';

/** Node gives the bytes of a header as a byte string; control characters it lets through are a tab, and C1. */
const CONTROL = /[\0-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]/;

/** @throws CairnError `invalid_comment` */
export function noteOf({ caller, headers }: Call): Note {
  const by = caller === ANONYMOUS ? null : fromUnicode(caller.id);
  return { by, comment: commentOf(headers['x-comment']) };
}

function commentOf(header: string | string[] | undefined): ByteString | null {
  if (header === undefined || header === '') return null;
  const comment = Array.isArray(header) ? header.join(', ') : header;
  if (comment.length > COMMENT_BYTES_MAX)
    throw invalid(`has ${comment.length} bytes; ${COMMENT_BYTES_MAX} are allowed`);
  if (!isUtf8(Buffer.from(comment, 'latin1'))) throw invalid('is not UTF-8');
  if (CONTROL.test(comment)) throw invalid('has a control character');
  return comment;
}

function invalid(reason: string): CairnError {
  return new CairnError('invalid_comment', `X-Comment ${reason}.`);
}
