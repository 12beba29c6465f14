/**
 * A time to live as callers give it: more than 0 and at most ten years, parts of a second too; anything else is
 * `invalid_ttl`. `null` is refused as well: it could mean no deadline or the collection's default, and nothing is
 * stored by guess. Who wants the default leaves the ttl out.
 */
import { formatDuration, parseDuration, wholeMilliseconds } from '../duration.js';
import { CairnError } from '../errors.js';
import { decodeString } from '../json/string.js';
import { TTL_MS_MAX } from '../limits.js';
import type { JsonText, Milliseconds } from '../model.js';

const NUMBER = /^[-0-9]/;

/** The member `ttl` of a body: a number of seconds, or a duration in a string. */
export function ttlFromJson(text: JsonText): Milliseconds {
  if (NUMBER.test(text)) return checked(wholeMilliseconds(Number(text) * 1000));
  const duration = decodeString(text);
  if (duration === undefined) throw invalid('is neither a number nor a string');
  return checked(parseDuration(duration));
}

/** The field `ttl` of a form: as in JSON, always as text. */
export function ttlFromText(text: string): Milliseconds {
  return checked(parseDuration(text));
}

/** The parameter `ttl` of a query; `none` takes a deadline away. */
export function ttlFromQuery(text: string): Milliseconds | 'none' {
  return text === 'none' ? 'none' : ttlFromText(text);
}

function checked(ttl: Milliseconds | null): Milliseconds {
  if (ttl === null) throw invalid('is no duration');
  if (ttl <= 0) throw invalid('is not more than 0');
  if (ttl > TTL_MS_MAX) throw invalid(`is longer than 10 years (${formatDuration(TTL_MS_MAX)})`);
  return ttl;
}

function invalid(reason: string): CairnError {
  return new CairnError('invalid_ttl', `The ttl ${reason}.`);
}
