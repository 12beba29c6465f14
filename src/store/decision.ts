/**
 * From an operation to the change that it becomes, and from the change to the entry. The only place where
 * versions, times and deadlines are decided.
 */
import {
  type ChangeId,
  type DeleteChange,
  type DeleteReason,
  formatChangeId,
  type Key,
  type Milliseconds,
  type Operation,
  type PutChange,
  type PutOperation,
  type TouchChange,
  type TouchOperation,
} from '../model.js';
import type { Collection } from './collection.js';
import type { EntrySource, StoredEntry } from './entry.js';

/** An operation beside what it meets. */
export interface Step {
  readonly operation: Operation;
  readonly collection: Collection;
  /** What is in the collection. */
  readonly stored: StoredEntry | undefined;
  /** The same, unless its time is over. */
  readonly found: StoredEntry | undefined;
}

/** The id that the change gets, and the time at which it happens. */
export interface Moment extends ChangeId {
  readonly now: Milliseconds;
}

export function decideWrite(
  step: Step,
  operation: PutOperation | TouchOperation,
  at: Moment,
): PutChange | TouchChange {
  const { collection, found } = step;
  const origin = {
    collection: collection.name,
    key: operation.key,
    epoch: at.epoch,
    revision: at.revision,
    version: (found?.version ?? 0) + 1,
    time: seconds(at.now),
    deadline: deadlineOf(operation.ttl, step, at.now),
  };
  return operation.type === 'touch'
    ? { type: 'touch', ...origin }
    : { type: 'put', ...origin, text: operation.text };
}

export function decideRemoval(
  collection: Collection,
  key: Key,
  reason: DeleteReason,
  version: number,
  at: Moment,
): DeleteChange {
  return {
    type: 'delete',
    collection: collection.name,
    key,
    epoch: at.epoch,
    revision: at.revision,
    version,
    time: seconds(at.now),
    reason,
  };
}

/** What the entry after the change is made of: a touch leaves the text that is there. */
export function sourceOf(change: PutChange | TouchChange, collection: Collection): EntrySource {
  if (change.type === 'put') return change;
  const before = collection.get(change.key);
  if (before === undefined)
    throw new Error(`Change ${formatChangeId(change)} touches a key that is not there.`);
  return { ...change, text: before.text };
}

function deadlineOf(asked: PutOperation['ttl'], step: Step, now: Milliseconds): Milliseconds | null {
  const { collection, found } = step;
  if (asked === 'none') return null;
  // There is no deadline to keep for a new key: it gets what a put without a ttl gets.
  if (asked === 'keep' && found !== undefined) return found.deadline();
  const ttl = typeof asked === 'number' ? asked : collection.policy?.defaultTtl;
  return ttl === null || ttl === undefined ? null : Math.ceil(now + ttl);
}

function seconds(time: Milliseconds): number {
  return Math.floor(time / 1000);
}
