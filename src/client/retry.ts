/** When a call is repeated, and how long after. */
import type { Random } from './clock.js';
import type { CairnClientError } from './errors.js';
import { BACKOFF_FIRST_MS, BACKOFF_LAST_MS, RETRY_AFTER_MS_MAX } from './limits.js';

/** Refused before anything was done, whatever the call was. */
const UNTOUCHED: ReadonlySet<string> = new Set(['loading', 'draining', 'overloaded', 'rate_limited']);

/** Statuses of the service, or of a proxy before it, that may pass. */
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export function mayRepeat({ code, status, details }: CairnClientError, repeatable: boolean): boolean {
  if (code === 'timeout') return false; // the time of the call is over
  if (repeatable) return code === 'network' || PASSING.has(status);
  if (details['outcome'] === 'unknown') return false;
  return details['outcome'] === 'not_applied' || UNTOUCHED.has(code);
}

/**
 * Milliseconds before the next attempt: half of a doubled back-off and a random part of its other half, and no less than
 * was asked for. Undefined: longer than a call waits.
 */
export function delayOf(
  attempt: number,
  retryAfterMs: number | undefined,
  random: Random,
): number | undefined {
  if (retryAfterMs !== undefined && retryAfterMs > RETRY_AFTER_MS_MAX) return undefined;
  const most = Math.min(BACKOFF_FIRST_MS * 2 ** Math.min(attempt - 1, 16), BACKOFF_LAST_MS);
  const jittered = most / 2 + (most / 2) * random();
  // A random part on top: everybody was told the same second.
  return retryAfterMs === undefined ? jittered : retryAfterMs + jittered;
}
