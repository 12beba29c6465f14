/** Whether the condition of an operation holds for what the key has now: `match` goes first. */
import { isAmong, mismatch } from '../condition.js';
import type { Condition, Entry } from '../model.js';

/** @throws CairnError `revision_mismatch` */
export function checkCondition(condition: Condition, found: Entry | undefined, op: number): void {
  const { match, noneMatch } = condition;
  if (match !== undefined && !isAmong(match, found)) throw mismatch(found, op);
  if (noneMatch !== undefined && isAmong(noneMatch, found)) throw mismatch(found, op);
}
