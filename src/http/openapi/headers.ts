/** The headers that a route may look at, and those that an answer may have, each with its type, unit and meaning. */
import { COMMENT_BYTES_MAX } from '../../limits.js';
import type { AnswerHeader, RequestHeader } from '../documentation.js';
import type { Word } from './words.js';

const text = (description: string, more: Word['schema'] = {}): Word => ({
  schema: { type: 'string', ...more },
  description,
});
const number = (description: string): Word => ({ schema: { type: 'integer', minimum: 0 }, description });

const LISTS = 'ETags with commas between them, or `*`. The quotes may be missing.';

export const requestHeaders: Readonly<Record<RequestHeader, Word>> = {
  'If-Match': text(`Only if the document is one of these; else 412. ${LISTS}`),
  'If-None-Match': text(`Only if the document is none of these: a read is 304 then, a write 412. ${LISTS}`),
  'If-Modified-Since': text('Else 304. An HTTP date, which counts without If-None-Match only.'),
  'If-Unmodified-Since': text('Else 412. An HTTP date, which counts without If-Match only.'),
  'Last-Event-ID': text('The change id of the last event that came; goes before ?since=.'),
  'X-Comment': text('Why: it stands in the history.', { maxLength: COMMENT_BYTES_MAX }),
};

export const answerHeaders: Readonly<Record<AnswerHeader, Word>> = {
  'Accept-Patch': text('The types of a patch that the path takes.'),
  Allow: text('The verbs that the path takes.'),
  ETag: text('The change id in quotes; weak (W/) of a list, or of another form of a document.', {
    pattern: '^(?:W/)?"[^"]+"$',
  }),
  'Last-Modified': text('When the document was last changed, as an HTTP date.'),
  Link: text('The next page: `<…>; rel="next"`. Without it this was the last one.'),
  Location: text('The path of the new document.', { pattern: '^/' }),
  'Retry-After': number('Seconds to wait.'),
  'WWW-Authenticate': text('The scheme of the token.', { const: 'Bearer' }),
  'X-Durable': text('Whether the change is on disk already.', { enum: ['true', 'false'] }),
  'X-Enabled': text('Whether the service is enabled.', { enum: ['true', 'false'] }),
  'X-Epoch': number('The Unix second at which this line of history began. After a loss it is a greater one.'),
  'X-Filtered': text('There may be more than the token shows.', { const: 'true' }),
  'X-Request-Id': text('The id of the request, as in the log; that of the request where it had one.'),
  'X-Revision': number('The revision of the last change: of the document, else of the store.'),
  'X-Storage': text('The volume does not take writes.', { const: 'degraded' }),
  'X-Total-Count': number('How many documents there are.'),
  'X-TTL': number('Seconds until it expires, rounded up.'),
  'X-Version': number('How often the key was changed.'),
};
