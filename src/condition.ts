/**
 * The one rule by which a condition holds (RFC 9110 §13.1), for the store and the services, which decide a write, and
 * for HTTP, which decides a read.
 */
import { CairnError } from './errors.js';
import { type ChangeId, type Condition, type Entry, formatChangeId } from './model.js';

/** Whether what the key has now is among the wanted; nothing is there for a key that is not. */
export function isAmong(wanted: readonly ChangeId[] | 'any', found: Entry | undefined): boolean {
  if (found === undefined) return false;
  return wanted === 'any' || isOneOf(wanted, found);
}

export function isOneOf(wanted: readonly ChangeId[], found: ChangeId): boolean {
  return wanted.some(id => id.revision === found.revision && id.epoch === found.epoch);
}

/** Whether it holds for what the key has now: `match` goes first. @throws CairnError `revision_mismatch` */
export function checkCondition(condition: Condition, found: Entry | undefined, op?: number): void {
  const { match, noneMatch } = condition;
  if (match !== undefined && !isAmong(match, found)) throw mismatch(found, op);
  if (noneMatch !== undefined && isAmong(noneMatch, found)) throw mismatch(found, op);
}

/** What is thrown where a condition does not hold; `op` numbers the operation of a batch. */
export function mismatch(found: Entry | undefined, op?: number): CairnError {
  const current = found === undefined ? null : formatChangeId(found);
  const message = current === null ? 'The key is not there.' : `The key is there, at ${current}.`;
  return new CairnError('revision_mismatch', message, { current, ...(op === undefined ? {} : { op }) });
}
