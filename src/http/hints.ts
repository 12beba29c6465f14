/**
 * What a caller is shown whose body is not what the call takes: beside what is wrong with it, a call that works, as the
 * route declares one.
 */
import { CairnError, type ErrorCode } from '../errors.js';

/** Those that say only what is wrong with a body. */
const OF_BODIES: ReadonlySet<ErrorCode> = new Set([
  'invalid_json',
  'missing_field',
  'not_an_object',
  'id_missing',
]);

/** The table's own names a call too, which is of another path. */
const AT_ITS_PLACE =
  'Check the JSON at the place that the message names; in a shell it stands in single quotes.';

/** A line of an import shows what a line is. */
export function withExample(error: unknown, example: string | undefined): unknown {
  if (!(error instanceof CairnError) || example === undefined || !OF_BODIES.has(error.code)) return error;
  const { code, message, details } = error;
  const own = details.hint ?? (code === 'invalid_json' ? AT_ITS_PLACE : error.hint);
  if (details.line !== undefined || own.includes('curl')) return error;
  return new CairnError(code, message, { ...details, hint: `${own} Try: ${example}` });
}
