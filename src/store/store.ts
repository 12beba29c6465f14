/**
 * What is in memory: all collections, their bounds, one expiry and the counter of changes.
 *
 * Every change is first decided as a `Change` and then performed, and a replay performs the same changes: so what
 * comes back from the disk is what was there. Deciding checks everything before anything is touched: `apply`
 * either throws and has changed nothing, or has done all of it.
 *
 * An entry whose time is over is not there for any reader, though it counts for the bounds until `expire` or an
 * operation on its key takes it away, which is a change of its own. A collection without a policy left the
 * configuration: its entries stay, expire and are frozen like all others, and nobody can reach them.
 *
 * A plain Error thrown here is a defect of the caller or a damaged snapshot, never a caller's request.
 */
import { checkCondition } from '../condition.js';
import { CairnError } from '../errors.js';
import {
  type BaseEntry,
  type BaseRows,
  type BaseVersion,
  type Buried,
  type ByteString,
  type Change,
  type ChangeId,
  type CollectionStatus,
  type DeleteChange,
  type Entry,
  type Epoch,
  formatChangeId,
  type Key,
  type Milliseconds,
  type Operation,
  type Outcome,
  type Page,
  type Policies,
  type Policy,
  type PutChange,
  type Range,
  type Revision,
  type TouchChange,
  type VersionRecord,
} from '../model.js';
import type { Clock } from '../platform/clock.js';
import { Collection } from './collection.js';
import { decideRemoval, decideWrite, type Moment, type Removal, type Step, sourceOf } from './decision.js';
import { indexOf, refuseDuplicates } from './duplicates.js';
import { idOf, type StoredEntry, unchanged } from './entry.js';
import { Expiry } from './expiry.js';
import { type FrozenStore, freeze } from './frozen.js';
import { checkBounds, Growth, growthsOf, NOTHING } from './growth.js';
import { recordOf } from './histories.js';
import { GuardedTime } from './time.js';
import type { Claims } from './unique.js';

const ALL = Number.POSITIVE_INFINITY;

export interface StoreOptions {
  readonly policies: Policies;
  readonly clock: Clock;
  /** Bytes of all collections together. */
  readonly bytesMax: number;
}

export interface Applied {
  /** Those of the operations, those that had expired before them, and evictions at the end. */
  readonly changes: readonly Change[];
  /** One for each operation. */
  readonly outcomes: readonly Outcome[];
  /** After the last change. */
  readonly revision: Revision;
}

export class Store {
  readonly #time: GuardedTime;
  readonly #bytesMax: number;
  readonly #expiry = new Expiry();
  /** Of the histories whose key is deleted. */
  readonly #graves = new Expiry();
  readonly #collections = new Map<string, Collection>();
  /** 0: none has begun. */
  #epoch: Epoch = 0;
  #revision: Revision = 0;

  constructor(options: StoreOptions) {
    this.#time = new GuardedTime(options.clock);
    this.#bytesMax = options.bytesMax;
    for (const [name, policy] of Object.entries(options.policies)) {
      this.#collections.set(name, this.#newCollection(name, policy));
    }
  }

  get epoch(): Epoch {
    return this.#epoch;
  }

  /** Of the last change. */
  get revision(): Revision {
    return this.#revision;
  }

  get entries(): number {
    return [...this.#collections.values()].reduce((sum, { entries }) => sum + entries, 0);
  }

  get bytes(): number {
    let bytes = 0;
    for (const collection of this.#collections.values()) bytes += collection.bytes;
    return bytes;
  }

  /** The time by which things expire. */
  now(): Milliseconds {
    return this.#time.now();
  }

  /** Keys that have a deadline. */
  get deadlines(): number {
    return this.#expiry.size;
  }

  /** How often the wall clock leapt ahead, so that expiry waited. */
  get clockJumps(): number {
    return this.#time.jumps;
  }

  /** The changes that are decided from now on belong to it. */
  beginEpoch(epoch: Epoch): void {
    this.#epoch = epoch;
  }

  /** Counts as use. */
  get(collection: string, key: Key): Entry | undefined {
    const { leaves, order } = this.#known(collection);
    const entry = leaves.get(key);
    if (entry === undefined || (entry.expiry !== null && entry.isOver(this.#time.now()))) return undefined;
    order?.use(key);
    return entry;
  }

  /** Deleted keys that have a history, in key order. */
  buried(name: string, { prefix = '', after, limit }: Range): Buried {
    const { histories } = this.#known(name);
    if (histories === null) return { keys: [], more: false };
    return histories.buried(prefix, after, limit, this.#time.now());
  }

  /** The key whose document has this string in this field, which the policy says is unique; without ASCII case. */
  find(name: string, field: string, value: ByteString): Key | undefined {
    const collection = this.#known(name);
    const key = collection.unique?.find(field, value);
    return key !== undefined && collection.get(key)?.isOver(this.#time.now()) === false ? key : undefined;
  }

  page(collection: string, range: Range): Page {
    const now = this.#time.now();
    const { leaves } = this.#known(collection);
    return leaves.page(range.prefix ?? '', range.after, range.limit, entry => !entry.isOver(now));
  }

  /** All versions of a key that are kept, oldest first; also of one that was deleted. */
  history(collection: string, key: Key): readonly VersionRecord[] {
    const now = this.#time.now();
    const { histories, leaves } = this.#known(collection);
    const entry = leaves.get(key);
    const kept = histories?.get(key, now)?.versions();
    return kept ?? (entry === undefined || entry.isOver(now) ? [] : [recordOf(entry)]);
  }

  /**
   * `permit` is asked last, where anything is to change, and may refuse it.
   * @throws CairnError `not_found`, `revision_mismatch`, `duplicate_value`, `quota_exceeded`; then nothing was changed.
   */
  apply(operations: readonly Operation[], permit: () => void = () => {}): Applied {
    const now = this.#time.now();
    const steps = operations.map((operation, op) => this.#check(operation, op, now));
    const claims = refuseDuplicates(steps, now);
    const growths = growthsOf(steps, now);
    const bytes = this.bytes;
    checkBounds(growths, bytes, this.#bytesMax);
    if (growths.length > 0) permit();
    const changes: Change[] = [];
    const outcomes = steps.map(step => this.#take(step, now, changes, claims.get(step.operation)));
    const bytesMax = Math.max(bytes, this.#bytesMax);
    for (const growth of growths) this.#makeRoom(growth, bytesMax, now, changes);
    for (const { collection } of growths) this.#forgetOver(collection);
    return { changes, outcomes, revision: this.#revision };
  }

  /** Takes away at most `limit` entries whose time is over. */
  expire(limit: number): readonly Change[] {
    const now = this.#time.now();
    const changes: Change[] = [];
    while (changes.length < limit) {
      const node = this.#expiry.due(now);
      if (node === null) break;
      const collection = this.#collections.get(node.collection)!;
      this.#takeAway(collection, { key: node.key, reason: 'expired' }, now, changes);
      this.#forgetOver(collection);
    }
    return changes;
  }

  /** Takes away at most `limit` histories of deleted keys whose time is over, which is no change. Tells how many. */
  forget(limit: number): number {
    const now = this.#time.now();
    for (let forgotten = 0; forgotten < limit; forgotten++) {
      const grave = this.#graves.due(now);
      if (grave === null) return forgotten;
      this.#collections.get(grave.collection)!.histories?.forget(grave.key);
    }
    return limit;
  }

  /** When the next entry expires, or the next history goes. */
  nextDeadline(): Milliseconds | null {
    const [entry, grave] = [this.#expiry.next(), this.#graves.next()];
    return entry === null || grave === null ? (entry ?? grave) : Math.min(entry, grave);
  }

  /** Takes an entry of a base. They come in key order, which makes the fullest leaves. */
  load(collection: string, entry: BaseEntry): void {
    const into = this.#collectionOf(collection);
    if (!into.load(entry.key, entry, entry.deadline)) throw new Error('The base has a key twice.');
  }

  /** The same for a line of them. They are all there when `loaded` was called. */
  loadRows(collection: string, rows: BaseRows): void {
    if (!this.#collectionOf(collection).loadRows(rows)) throw new Error('The base has a key twice.');
  }

  /** Takes a version of a base, behind all entries of its collection. */
  loadVersion(collection: string, version: BaseVersion): void {
    if (this.#collectionOf(collection).loadVersion(version)) return;
    throw new Error('The base has a version of a key that is not there.');
  }

  /** After the base: the store is at this revision, and what came before it in each collection is not known. */
  loaded(revision: Revision, epoch: Epoch): void {
    this.#revision = revision;
    for (const collection of this.#collections.values()) collection.loaded({ epoch, revision });
  }

  /**
   * After recovery, before anything is decided: makes the indexes of the unique fields, some entries at a step.
   * @throws CairnError `configuration` where what is there does not fit the policies
   */
  *index(): Generator<void, void> {
    const now = this.#time.now();
    for (const collection of this.#collections.values()) collection.unique = yield* indexOf(collection, now);
  }

  /** Performs a change that was decided earlier. */
  replay(change: Change): void {
    if (change.revision !== this.#revision + 1) {
      throw new Error(`A change of revision ${change.revision} cannot follow revision ${this.#revision}.`);
    }
    if (change.type === 'delete') this.#remove(change);
    else this.#write(change);
  }

  /** After recovery: evicts what a smaller bound no longer holds, at most `limit` entries. */
  settle(limit = ALL): readonly Change[] {
    const now = this.#time.now();
    const changes: Change[] = [];
    for (const collection of this.#collections.values()) {
      this.#makeRoom(new Growth(collection, NOTHING), ALL, now, changes, limit);
      this.#forgetOver(collection);
    }
    return changes;
  }

  freeze(): FrozenStore {
    return freeze(this.#collections.values(), this.#revision);
  }

  /** Those of the configuration, in its order. */
  collections(): readonly CollectionStatus[] {
    return [...this.#collections.values()].flatMap(({ name, policy, entries, bytes, lastChange }) =>
      policy === null ? [] : [{ name, policy, entries, bytes, lastChange }],
    );
  }

  /** Collections that have left the configuration and still hold data. */
  unknown(): readonly { readonly name: string; readonly entries: number }[] {
    return [...this.#collections.values()].flatMap(({ name, policy, entries }) =>
      policy === null && entries > 0 ? [{ name, entries }] : [],
    );
  }

  #known(name: string): Collection {
    const collection = this.#collections.get(name);
    if (collection === undefined || collection.policy === null) {
      throw new CairnError('not_found', `There is no collection "${name}".`);
    }
    return collection;
  }

  /** What recovery brings has a place, in the configuration or not. */
  #collectionOf(name: string): Collection {
    const known = this.#collections.get(name);
    if (known !== undefined) return known;
    const unknown = this.#newCollection(name, null);
    this.#collections.set(name, unknown);
    return unknown;
  }

  #newCollection(name: string, policy: Policy | null): Collection {
    return new Collection(name, policy, { expiry: this.#expiry, graves: this.#graves });
  }

  #check(operation: Operation, op: number, now: Milliseconds): Step {
    const collection = this.#known(operation.collection);
    const stored = collection.get(operation.key);
    const found = stored === undefined || stored.isOver(now) ? undefined : stored;
    if (operation.condition !== undefined) checkCondition(operation.condition, found, op);
    return { operation, collection, stored, found };
  }

  #take(step: Step, now: Milliseconds, changes: Change[], claims?: Claims): Outcome {
    const { operation, collection, stored, found } = step;
    const { key } = operation;
    if (stored !== found) this.#takeAway(collection, { key, reason: 'expired' }, now, changes);
    if (operation.type === 'delete') {
      const reason = operation.purge === true ? 'purged' : 'deleted';
      const buried = reason === 'purged' && collection.histories?.get(key, now) !== undefined;
      if (found === undefined && !buried) return { type: 'absent' };
      const removal = { key, reason, note: operation.note } as const;
      return { type: 'deleted', id: this.#takeAway(collection, removal, now, changes) };
    }
    if (operation.type === 'touch' && found === undefined) return { type: 'absent' };
    const change = decideWrite(step, operation, this.#next(now));
    if (change === null) return unchanged(found);
    const entry = this.#write(change, claims);
    changes.push(change);
    const type = operation.type === 'touch' ? 'touched' : found === undefined ? 'created' : 'replaced';
    return { type, id: idOf(change), entry };
  }

  #takeAway(
    collection: Collection,
    removal: Omit<Removal, 'version'>,
    now: Milliseconds,
    changes: Change[],
  ): ChangeId {
    const { key } = removal;
    const entry = collection.get(key);
    const version = entry?.version ?? collection.histories?.get(key, now)?.last.version;
    if (version === undefined) throw new Error('The store lost a key that expires, is evicted or purged.');
    const change = decideRemoval(collection, { ...removal, version }, this.#next(now));
    this.#remove(change, entry);
    changes.push(change);
    return idOf(change);
  }

  /**
   * Evicts until the collection is within its bounds (or as it was, where a start found it beyond them) and, if all are
   * over theirs, has given back its growth; at most until there are `limit` changes.
   */
  #makeRoom(growth: Growth, bytesMax: number, now: Milliseconds, changes: Change[], limit = ALL): void {
    const { collection, before } = growth;
    const { order, bytes } = collection;
    if (order === null) return;
    const owes = () => bytes - collection.bytes < growth.bytes && this.bytes > bytesMax;
    const victims = order.victims();
    while (changes.length < limit && (order.exceeds(before) || owes())) {
      const { value: key } = victims.next();
      if (key === undefined) return;
      this.#takeAway(collection, { key, reason: 'evicted' }, now, changes);
    }
  }

  /** Over a bound, the histories of deleted keys go before their time: as then, it is no change. */
  #forgetOver(collection: Collection): void {
    collection.histories?.forgetWhile(() => collection.isOver || this.bytes > this.#bytesMax);
  }

  #next(now: Milliseconds): Moment {
    if (this.#epoch === 0) throw new Error('The store decides nothing before an epoch has begun.');
    return { epoch: this.#epoch, revision: this.#revision + 1, now };
  }

  #write(change: PutChange | TouchChange, claims?: Claims): StoredEntry {
    const collection = this.#collectionOf(change.collection);
    const entry = collection.write(change, sourceOf(change, collection), claims);
    this.#passed(collection, change);
    return entry;
  }

  /** `entry`: what is there, where it is known already. */
  #remove(change: DeleteChange, entry?: StoredEntry): void {
    const collection = this.#collectionOf(change.collection);
    if (!collection.remove(change, entry))
      throw new Error(`Change ${formatChangeId(change)} deletes a key that is not there.`);
    this.#passed(collection, change);
  }

  #passed(collection: Collection, { epoch, revision }: ChangeId): void {
    this.#revision = revision;
    collection.lastChange = { epoch, revision };
  }
}
