/**
 * What a batch does to the sizes of the collections, and whether their bounds and the bound of all together
 * allow it. A batch is judged by what it leaves behind, not step by step: a deletion makes room for a put of
 * the same batch, whichever stands first.
 *
 * - Only growth is refused: what shrinks or stays passes, however full the store is.
 * - A collection that evicts makes room from what the batch does not name. So it refuses only what cannot fit
 *   even then: nothing that a batch writes is evicted for its sake.
 * - Over the bound of all together, a collection that evicts gives back what the batch made it grow, from its
 *   own entries; it never evicts another's, nor for another's growth.
 */
import { CairnError } from '../errors.js';
import type { Milliseconds, Operation, VersionRecord } from '../model.js';
import type { Collection } from './collection.js';
import { changesNothing, isIdle, onlyMoves, type Step } from './decision.js';
import { entrySize, type StoredEntry } from './entry.js';
import type { Extent } from './eviction.js';

export const NOTHING: Extent = { entries: 0, bytes: 0 };

export class Growth {
  readonly collection: Collection;
  /** Beyond what was there. */
  entries = 0;
  bytes = 0;
  /** What the batch writes and touches. */
  keptEntries = 0;
  keptBytes = 0;
  /** What was there, as far as a collection that evicts may have it: only a start finds more than its bounds. */
  readonly before: Extent;
  /** What the histories of deleted keys take that the batch does not name: they go where the room is needed. */
  spare: number;
  /** The last operation that made it grow. */
  op = 0;

  constructor(collection: Collection, before: Extent = collection.order?.extent ?? NOTHING) {
    this.collection = collection;
    this.before = before;
    this.spare = collection.histories?.buriedBytes ?? 0;
  }

  /** Counts one operation, by the sizes of its entry before and after; 0: not there. */
  count(op: number, before: number, after: number): void {
    this.bytes += after - before;
    if (before > 0) this.entries -= 1;
    if (after > before) this.op = op;
    if (after === 0) return;
    this.entries += 1;
    this.keptEntries += 1;
    this.keptBytes += after;
  }

  /** A deletion leaves a history behind, for which there is always room. */
  countHistory(op: number, bytes: number): void {
    this.bytes += bytes;
    if (bytes > 0) this.op = op;
  }
}

/** One for each collection that the steps name; none where nothing would change. A key may be named once: a second step would not see the first. */
export function growthsOf(steps: readonly Step[], now: Milliseconds): readonly Growth[] {
  if (steps.every(step => isIdle(step, now))) return [];
  const growths = new Map<Collection, Growth>();
  const named = new Set<string>();
  for (const [op, step] of steps.entries()) {
    const { operation, collection, stored, found } = step;
    named.add(`${collection.name}\0${operation.key}`);
    const growth = growths.get(collection) ?? new Growth(collection);
    growths.set(collection, growth);
    const before = stored === undefined ? 0 : entrySize(operation.key, stored.text);
    growth.count(op, before, sizeAfter(operation, found));
    growth.countHistory(op, historyGrowth(step, before, now));
    growth.spare -= collection.histories?.buriedBytesOf(operation.key) ?? 0;
  }
  if (named.size < steps.length) throw new Error('A batch names a key twice.');
  return [...growths.values()];
}

function sizeAfter(operation: Operation, found: StoredEntry | undefined): number {
  if (operation.type === 'put') return entrySize(operation.key, operation.text);
  return operation.type === 'delete' || found === undefined ? 0 : entrySize(operation.key, found.text);
}

/** What it adds to the history of its key; where no entry stays, never more than the one that was there gave back. */
function historyGrowth(step: Step, before: number, now: Milliseconds): number {
  const { operation, collection, stored, found } = step;
  const { histories } = collection;
  const { type, key } = operation;
  if (histories === null) return 0;
  if (type === 'delete' && operation.purge === true) return -(histories.get(key, now)?.bytes ?? 0);
  if (found !== undefined && onlyMoves(operation, step)) {
    return type === 'put' && changesNothing(step, operation, now) ? 0 : histories.growthOfHold(key, found);
  }
  const [first, ...more] = versionsOf(step);
  if (first === undefined) return 0;
  const growth = histories.growth(key, stored, [first, ...more], now);
  return sizeAfter(operation, found) === 0 ? Math.min(before, growth) : growth;
}

/** Those that the operation makes, as far as their sizes go. What has expired is a deletion before it. */
function versionsOf(step: Step): VersionRecord[] {
  const { operation, stored, found } = step;
  const expired = stored === found ? [] : [{ ...NOWHEN, ...NOBODY, text: null }];
  const { type, note = NOBODY } = operation;
  if (type === 'put') return [...expired, { ...NOWHEN, ...note, text: operation.text }];
  return found === undefined ? expired : [{ ...NOWHEN, ...note, text: null }];
}

/** A size does not depend on it. */
const NOWHEN = { version: 0, epoch: 0, revision: 0, time: 0 };
const NOBODY = { by: null, comment: null };

/** @throws CairnError `quota_exceeded` */
export function checkBounds(growths: readonly Growth[], bytes: number, bytesMax: number): void {
  for (const growth of growths) checkCollection(growth);
  checkTotal(growths, bytes, bytesMax);
}

function checkCollection(growth: Growth): void {
  const { name, policy, order, entries, bytes } = growth.collection;
  const holder = `The collection "${name}" holds`;
  if (policy === null) return;
  if (order !== null) {
    refuseOver(growth.keptEntries, policy.entriesMax, holder, 'entries', growth.op);
    refuseOver(growth.keptBytes, policy.bytesMax, holder, 'bytes', growth.op);
    return;
  }
  if (growth.entries > 0) {
    refuseOver(entries + growth.entries, policy.entriesMax, holder, 'entries', growth.op);
  }
  if (growth.bytes > 0) {
    refuseOver(bytes + growth.bytes - growth.spare, policy.bytesMax, holder, 'bytes', growth.op);
  }
}

function checkTotal(growths: readonly Growth[], bytes: number, bytesMax: number): void {
  const allowed = Math.max(bytes, bytesMax);
  const after = growths.reduce((sum, growth) => sum + growth.bytes - growth.spare, bytes);
  if (after <= allowed) return;
  const grown = growths.filter(growth => growth.bytes > 0);
  const evicting = grown.filter(growth => growth.collection.order !== null);
  const firm = evicting.reduce((sum, growth) => sum - growth.bytes, after);
  const refusing = grown.findLast(growth => growth.collection.order === null);
  if (refusing !== undefined && firm > allowed) refuseOver(firm, bytesMax, TOTAL, 'bytes', refusing.op);
  for (const growth of evicting) {
    const spare = growth.collection.bytes + growth.bytes - growth.keptBytes;
    if (spare < Math.min(growth.bytes, after - allowed)) {
      refuseOver(after - spare, bytesMax, TOTAL, 'bytes', growth.op);
    }
  }
}

const TOTAL = 'All collections together hold';

function refuseOver(size: number, max: number | null, holder: string, unit: string, op: number): void {
  if (max === null || size <= max) return;
  throw new CairnError('quota_exceeded', `${holder} at most ${max} ${unit}; this would need ${size}.`, {
    op,
  });
}
