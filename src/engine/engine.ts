/**
 * The contract of an engine: what the services above stand on, and what the memory engine (memory.ts) and any
 * other keep. `test/fixtures/engine-contract.ts` is the same contract as a test suite.
 *
 * - Reads are synchronous and see every change that was committed, at once, also before its fsync.
 * - All changes pass `commit`. It is atomic: either every operation is applied, with consecutive revisions, or
 *   none. Two commits never mix. It names each key once, and bounds are held against what it leaves behind.
 * - Evictions are changes of the commit that made them necessary, after all of its own, and spare what it names.
 * - An expired entry is never read, however late the expiry itself comes; that is a change of its own.
 * - Where the policy keeps a history, versions go on after a deletion, which is one itself, and a put of the text that
 *   is there changes nothing but its deadline. The history of a deleted key goes after the policy's time.
 * - No two documents have one value in a unique field; a batch is judged by what it leaves behind.
 * - A collection that is not in the policies does not exist: every method throws `not_found` for it.
 */
import type {
  Buried,
  ByteString,
  Change,
  CollectionStatus,
  Durability,
  Entry,
  Epoch,
  Key,
  Milliseconds,
  Operation,
  Outcome,
  Page,
  Range,
  Revision,
  VersionRecord,
} from '../model.js';

export type {
  Buried,
  CollectionStatus,
  Condition,
  DeleteOperation,
  Operation,
  Outcome,
  Page,
  PutOperation,
  Range,
  TouchOperation,
  VersionRecord,
} from '../model.js';

export interface Commit {
  /** One for each operation, in their order. */
  readonly outcomes: readonly Outcome[];
  /** The store's revision when it was applied. */
  readonly revision: Revision;
  readonly epoch: Epoch;
  /** Whether the fsync that covers it is done. */
  readonly durable: boolean;
}

export interface CommitOptions {
  /** Absent: the strongest that the collections of the operations have by policy. */
  readonly durability?: Durability;
}

export interface EngineStatus {
  readonly storage: 'ok' | 'degraded';
  /** Why it is degraded, for a person; null when it is not. */
  readonly problem: string | null;
  readonly revision: Revision;
  readonly durableRevision: Revision;
  readonly epoch: Epoch;
  readonly entries: number;
  readonly bytes: number;
}

export interface Engine {
  readonly epoch: Epoch;
  readonly revision: Revision;
  /** The time by which things expire: the wall clock, unless it leapt ahead just now. */
  now(): Milliseconds;
  /** True while the volume cannot be written; one field, since every answer looks at it. */
  readonly degraded: boolean;
  /** Counts as use in a collection that evicts. */
  get(collection: string, key: Key): Entry | undefined;
  /**
   * The versions of a key that are kept, oldest first, the present one last; of a deleted key too, whose deletion is the
   * last. Empty where nothing is known of the key. Without a history the present version is all there is.
   */
  history(collection: string, key: Key): readonly VersionRecord[];
  /** Deleted keys that have a history, in key order. */
  buried(collection: string, range: Range): Buried;
  /**
   * The key whose document has this string in this field; only of a field that the policy says is unique. Whatever its
   * ASCII case.
   */
  find(collection: string, field: string, value: ByteString): Key | undefined;
  /** Does not count as use. */
  page(collection: string, range: Range): Page;
  /**
   * @throws CairnError
   * `revision_mismatch` (with `op` and `current`), `duplicate_value` (with `op`, `field` and `key`), `quota_exceeded`, `batch_too_large`;
   * `storage_full`, `storage_error`, `overloaded` with `outcome`: `not_applied` before anything was changed,
   * `unknown` after an fsync that failed: the change is in memory, is read, and becomes durable if the disk recovers.
   */
  commit(operations: readonly Operation[], options?: CommitOptions): Promise<Commit>;
  /** Called with the changes of each commit, expiry and eviction, after they are applied. Returns the way out. */
  subscribe(listener: (changes: readonly Change[]) => void): () => void;
  collections(): readonly CollectionStatus[];
  status(): EngineStatus;
  /**
   * Makes everything durable and ends. Rejects with what failed if that was not possible. Commits after it throw
   * `draining`; a second call is the first.
   */
  close(): Promise<void>;
}
