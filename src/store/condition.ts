/** Whether the condition of an operation holds for what the key has now (RFC 9110 §13.1: `match` goes first). */
import { CairnError } from '../errors.js';
import { type ChangeId, type Condition, type Entry, formatChangeId } from '../model.js';

/** @throws CairnError `revision_mismatch` */
export function checkCondition(condition: Condition, found: Entry | undefined, op: number): void {
  const { match, noneMatch } = condition;
  if (match !== undefined && !matches(match, found)) throw mismatch(found, op);
  if (noneMatch !== undefined && matches(noneMatch, found)) throw mismatch(found, op);
}

function matches(wanted: readonly ChangeId[] | 'any', found: Entry | undefined): boolean {
  if (found === undefined) return false;
  if (wanted === 'any') return true;
  return wanted.some(id => id.revision === found.revision && id.epoch === found.epoch);
}

function mismatch(found: Entry | undefined, op: number): CairnError {
  const current = found === undefined ? null : formatChangeId(found);
  const message = current === null ? 'The key is not there.' : `The key is there, at ${current}.`;
  return new CairnError('revision_mismatch', message, { op, current });
}
