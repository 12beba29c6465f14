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
  type Note,
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

/** Null: where there is a history, a put of what is there already changes nothing. */
export function decideWrite(
  step: Step,
  operation: PutOperation | TouchOperation,
  at: Moment,
): PutChange | TouchChange | null {
  const { collection, found } = step;
  if (changesNothing(step, operation, at.now)) return null;
  const deadline = deadlineOf(operation.ttl, step, at.now);
  const moves = onlyMoves(operation, step);
  const before = found?.version ?? buriedVersion(step, at.now);
  const origin = {
    collection: collection.name,
    key: operation.key,
    epoch: at.epoch,
    revision: at.revision,
    version: moves && keepsHistory(collection, operation.key) ? before : before + 1,
    time: seconds(at.now),
    deadline,
    ...noteOf(collection, operation.key, operation.note),
  };
  return moves || operation.type === 'touch'
    ? { type: 'touch', ...origin }
    : { type: 'put', ...origin, text: operation.text };
}

/** Whether the operation leaves the text that is there, and may give it another deadline. */
export function onlyMoves(operation: Operation, step: Step): boolean {
  return operation.type === 'touch' || (operation.type === 'put' && isSame(operation, step));
}

/** Where there is a history, a put of the text and the deadline that are there already. */
export function changesNothing(
  step: Step,
  operation: PutOperation | TouchOperation,
  now: Milliseconds,
): boolean {
  const deadline = isSame(operation, step) ? step.found?.deadline() : undefined;
  return deadline !== undefined && deadline === deadlineOf(operation.ttl, step, now);
}

/** Whether it leaves everything as it is; what has expired under its key is no such thing. */
export function isIdle(step: Step, now: Milliseconds): boolean {
  const { operation, collection, stored, found } = step;
  if (stored !== found) return false;
  if (operation.type === 'put') return changesNothing(step, operation, now);
  if (found !== undefined) return false;
  return operation.type === 'touch' || !operation.purge || !collection.histories?.get(operation.key, now);
}

function isSame(operation: PutOperation | TouchOperation, { collection, found }: Step): boolean {
  if (operation.type === 'touch' || operation.always === true) return false;
  return keepsHistory(collection, operation.key) && found?.text === operation.text;
}

/** Of a key that was deleted and has its history. */
function buriedVersion({ operation, collection }: Step, now: Milliseconds): number {
  return collection.histories?.get(operation.key, now)?.last.version ?? 0;
}

/** What goes: an entry, or the history that it left. */
export interface Removal {
  readonly key: Key;
  /** Of what is there. */
  readonly version: number;
  readonly reason: DeleteReason;
  readonly note?: Note | undefined;
}

export function decideRemoval(collection: Collection, removal: Removal, at: Moment): DeleteChange {
  const { key, version, reason, note } = removal;
  return {
    type: 'delete',
    collection: collection.name,
    key,
    epoch: at.epoch,
    revision: at.revision,
    version: keepsHistory(collection, key) ? version + 1 : version,
    time: seconds(at.now),
    reason,
    ...noteOf(collection, key, note),
  };
}

/**
 * Whether a change of the key is a version. What left the configuration goes on as it was: else a key of one version,
 * which has no list yet, would begin anew when it is back.
 */
function keepsHistory({ policy, histories, keptHistory }: Collection, key: Key): boolean {
  return histories !== null && (policy !== null || keptHistory || histories.has(key));
}

const NOBODY: Note = { by: null, comment: null };

function noteOf(collection: Collection, key: Key, note = NOBODY): { readonly note?: Note } {
  return keepsHistory(collection, key) ? { note } : {};
}

/** What the entry after the change is made of: a touch leaves the text that is there, as does a put of the same. */
export function sourceOf(change: PutChange | TouchChange, collection: Collection): EntrySource {
  if (change.type === 'put' && collection.histories === null) return change;
  const before = collection.get(change.key);
  if (change.type === 'put') return before?.text === change.text ? { ...change, text: before.text } : change;
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
