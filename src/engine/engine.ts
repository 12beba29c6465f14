/**
 * The contract of an engine: what the services above stand on, and what the memory engine (memory.ts) and any
 * other keep. `test/fixtures/engine-contract.ts` is the same contract as a test suite.
 *
 * - Reads are synchronous and see every change that was committed, at once, also before its fsync.
 * - All changes pass `commit`. It is atomic: either every operation is applied, with consecutive revisions, or
 *   none. Two commits never mix. It names each key once, and bounds are held against what it leaves behind.
 * - Evictions are changes of the commit that made them necessary, after all of its own, and spare what it names. What a
 *   start finds beyond a smaller bound goes by itself, in turns after it.
 * - An expired entry is never read, however late the expiry itself comes; that is a change of its own.
 * - Where the policy keeps a history, versions go on after a deletion, which is one itself, and a put of the text that
 *   is there changes nothing but its deadline; a moved deadline is a change and no version. The history of a deleted key
 *   goes after the policy's time.
 * - No two documents have one value in a unique field; a batch is judged by what it leaves behind.
 * - A collection that is not in the policies does not exist: every method throws `not_found` for it.
 */
import type { Distribution } from '../histogram.js';
import type {
  Buried,
  ByteString,
  Change,
  ChangeId,
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
  /** Whose commit it is. The engine makes no use of it; who stands around it does (service/services.ts). */
  readonly origin?: Origin | undefined;
}

/** Who asks for a change, and by which request: what the log tells, and whom an error tells nothing of others' keys. */
export interface Origin {
  /** The id of the token. */
  readonly caller: string;
  /** The address of the other end of the connection. */
  readonly peer: string;
  readonly method: string;
  readonly route: string;
  /** The request id. */
  readonly id: string;
  /** The trace that the request is part of; null: none. */
  readonly trace?: { readonly trace_id: string; readonly span_id: string } | null;
  /** Absent: everything. */
  readonly mayRead?: ((collection: string, key: ByteString) => boolean) | undefined;
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

/** What whoever watches over an engine wants to know beside its status. Counts are those of this process. */
export interface EngineMeasures {
  /** Keys that have a deadline. */
  readonly deadlines: number;
  /** Bytes that all collections together may have; null: no bound. */
  readonly bytesMax: number | null;
  /** How often the wall clock leapt ahead, so that expiry waited. */
  readonly clockJumps: number;
  /** Null: it has no volume of its own. */
  readonly storage: StorageMeasures | null;
}

/** Why writes, or growth alone, are refused. `filling`: the volume is not full yet, and growth is refused before it is. */
export type StorageTrouble = 'full' | 'filling' | 'error';

export interface StorageMeasures {
  readonly trouble: StorageTrouble | null;
  /** Of each line of a log: its write and its fsync. */
  readonly fsync: Distribution;
  /** Writes and fsyncs of logs that failed, and logs that could not begin. */
  readonly failures: number;
  /** Bytes that were written to logs. */
  readonly writtenBytes: number;
  /** Bytes of the logs that a start would read. */
  readonly logBytes: number;
  /** Bytes of changes that no fsync covers yet, and for how long the oldest of them has waited. */
  readonly undurableBytes: number;
  readonly undurableMs: Milliseconds;
  /** When it was last looked: before a line is written, once a second at most. Null: the volume does not tell. */
  readonly volume: { readonly freeBytes: number; readonly totalBytes: number } | null;
  /** The newest base that this process made, `at` by the wall clock; null: none yet. */
  readonly base: { readonly at: Milliseconds; readonly ms: Milliseconds; readonly bytes: number } | null;
  /** Bases that could not be made. */
  readonly baseFailures: number;
  /** What the start took to read everything. */
  readonly restoreMs: Milliseconds;
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
   * Without operations it changes nothing, and with `sync` waits until all that was committed before is durable.
   * @throws CairnError
   * `revision_mismatch` (with `op` and `current`), `duplicate_value` (with `op`, `field` and `key`), `quota_exceeded`, `batch_too_large`;
   * `storage_full`, `storage_error`, `overloaded` with `outcome`: `not_applied` before anything was changed,
   * `unknown` after an fsync that failed: the change is in memory, is read, and becomes durable if the disk recovers.
   */
  commit(operations: readonly Operation[], options?: CommitOptions): Promise<Commit>;
  /** The last change, by the epoch in which it was made. Of a store that never changed: its epoch, and revision 0. */
  readonly present: ChangeId;
  /**
   * The changes after this one, oldest first, at most `limit` of them: what whoever saw it has missed. A bare revision
   * is one of the present line of history, and so is any with the present epoch: whoever puts together the epoch and the
   * revision of an answer has seen that much, whichever epoch made the change. Null where they are not kept any more, and where the change did not survive
   * (another epoch has its revision), or never was. At least the last changes within `WINDOW_CHANGES_MAX` and
   * `WINDOW_BYTES_MAX` are kept, over a clean stop and start too.
   */
  changesAfter(since: ChangeId | Revision, limit: number): readonly Change[] | null;
  /** Called with the changes of each commit, expiry and eviction, after they are applied. Returns the way out. */
  subscribe(listener: (changes: readonly Change[]) => void): () => void;
  collections(): readonly CollectionStatus[];
  status(): EngineStatus;
  measures(): EngineMeasures;
  /**
   * Makes everything durable and ends. Rejects with what failed if that was not possible. Commits after it throw
   * `draining`; a second call is the first.
   */
  close(): Promise<void>;
}
