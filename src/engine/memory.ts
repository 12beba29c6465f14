/**
 * The memory engine: the store holds the truth while the process lives, the snapshot is the truth when it starts.
 * A failed disk never undoes what a reader has seen: writes are refused, reads go on.
 *
 * One turn of the event loop takes a commit from `admit` to `append`, so nothing comes between the revision, the
 * queue of the snapshot and the watchers.
 */
import { CairnError, systemCode } from '../errors.js';
import {
  BASE_ROW_BYTES,
  CHANGES_SLICE,
  ENTRY_OVERHEAD_BYTES,
  EXPIRY_PAUSE_MS,
  INDEX_SLICE_MS,
  LINE_BYTES_MAX,
} from '../limits.js';
import type {
  ByteString,
  Change,
  ChangeId,
  Durability,
  Entry,
  Epoch,
  Key,
  Milliseconds,
  Policies,
  Revision,
} from '../model.js';
import type { Clock, Timer } from '../platform/clock.js';
import type { DirectoryLock, Files, Locks } from '../platform/files.js';
import type { Logger } from '../platform/logger.js';
import { listDirectory, removeUnfinished } from '../snapshot/directory.js';
import { acquireLock } from '../snapshot/lock.js';
import { type Recovered, recover } from '../snapshot/recovery.js';
import { SnapshotWriter } from '../snapshot/writer.js';
import { Store } from '../store/store.js';
import type { ChangeWindow } from '../store/window.js';
import type {
  Buried,
  CollectionStatus,
  Commit,
  CommitOptions,
  Engine,
  EngineMeasures,
  EngineStatus,
  Operation,
  Page,
  Range,
  VersionRecord,
} from './engine.js';
import { lookBack } from './look-back.js';

export interface MemoryEngineOptions {
  readonly files: Files;
  /** Null: the directory is not locked, on the word of whoever started it. */
  readonly locks: Locks | null;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly directory: string;
  readonly policies: Policies;
  /** Milliseconds between two appends of periodic changes. */
  readonly intervalMs: Milliseconds;
  /** Bytes of all collections together. */
  readonly bytesMax: number;
  readonly newStoreId: () => string;
  /** Called when the directory is there and no other process has it, before anything is read. */
  readonly onLocked?: () => Promise<void>;
  readonly onProgress?: (bytes: number, totalBytes: number) => void;
  readonly rotateBytesMin?: number;
}

/** What a start found. */
export interface Restored {
  readonly entries: number;
  /** Logs that were read; 0: a new store. */
  readonly logs: number;
  readonly clean: boolean;
  readonly ms: number;
}

/** Changes that belong to one commit must stand in one line; each may double when its text has newlines. */
const OPERATION_BYTES = 256;

/** Loads and starts. Throws what these two throw. */
export async function openMemoryEngine(options: MemoryEngineOptions): Promise<MemoryEngine> {
  const engine = await loadMemoryEngine(options);
  await engine.start();
  return engine;
}

/**
 * Locks the directory and reads what is there, into an engine that must be started before anything else. Nothing is
 * written, so a process that is told to stop meanwhile may leave it. Throws `snapshot_…`, `lock_unavailable`.
 */
export async function loadMemoryEngine(options: MemoryEngineOptions): Promise<MemoryEngine> {
  const { files, locks, clock, logger, directory, policies, bytesMax } = options;
  await files.makeDirectory(directory).catch((cause: unknown) => {
    const reason = systemCode(cause) ?? String(cause);
    throw new CairnError('snapshot_denied', `${directory} cannot be made: ${reason}.`, {
      file: directory,
      cause,
    });
  });
  const lock = locks === null ? null : await acquireLock({ locks, clock, logger, directory });
  try {
    await options.onLocked?.();
    const began = clock.monotonic();
    await removeUnfinished(files, directory, await listDirectory(files, directory));
    const recovered = await recover({
      files,
      directory,
      newTarget: () => new Store({ policies, clock, bytesMax }),
      newStoreId: options.newStoreId,
      now: clock.now(),
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    });
    report(recovered, logger);
    await indexAll(recovered.target, clock);
    const window = await lookBack(recovered, options);
    return new MemoryEngine(options, recovered, window, lock, clock.monotonic() - began);
  } catch (error) {
    await lock?.release();
    throw error;
  }
}

/** In slices: probes are answered meanwhile. */
async function indexAll(store: Store, clock: Clock): Promise<void> {
  let sliceEnd = clock.monotonic() + INDEX_SLICE_MS;
  for (const _ of store.index()) {
    if (clock.monotonic() < sliceEnd) continue;
    await clock.turn();
    sliceEnd = clock.monotonic() + INDEX_SLICE_MS;
  }
}

function report({ target, torn, warnings }: Recovered<Store>, logger: Logger): void {
  for (const warning of warnings) logger.warn({}, warning);
  if (torn !== null) {
    logger.warn(
      { ...torn },
      'the last log ends in a torn line, which was never answered as durable and is not used',
    );
  }
  for (const { name, entries } of target.unknown()) {
    logger.warn(
      { collection: name, entries },
      'a collection that is not configured keeps its data and cannot be reached',
    );
  }
}

export class MemoryEngine implements Engine {
  readonly restored: Restored;
  readonly #options: MemoryEngineOptions;
  readonly #store: Store;
  readonly #window: ChangeWindow;
  readonly #writer: SnapshotWriter;
  readonly #lock: DirectoryLock | null;
  readonly #listeners = new Set<(changes: readonly Change[]) => void>();
  #expiry: Timer | null = null;
  #expiryAt = Number.POSITIVE_INFINITY;
  /** Null: every collection is within its bounds. */
  #settling: Timer | null = null;
  #closed: Promise<void> | null = null;

  constructor(
    options: MemoryEngineOptions,
    recovered: Recovered<Store>,
    window: ChangeWindow,
    lock: DirectoryLock | null,
    ms: number,
  ) {
    const { target: store, successor, logs, clean } = recovered;
    this.#options = options;
    this.#store = store;
    this.#window = window;
    this.#lock = lock;
    this.restored = {
      entries: store.entries,
      logs: logs.length,
      clean,
      ms: Math.round(ms),
    };
    store.beginEpoch(successor.epoch);
    this.#writer = new SnapshotWriter(
      {
        ...options,
        freeze: () => store.freeze(),
        stateBytes: () => store.bytes - store.entries * (ENTRY_OVERHEAD_BYTES - BASE_ROW_BYTES),
        onProblem: () => this.#settle(),
      },
      recovered,
    );
  }

  /**
   * Begins to write. A volume that cannot be written just now is no reason not to start; a directory that this
   * user may not write to is: `snapshot_denied`.
   */
  async start(): Promise<void> {
    try {
      await this.#writer.start();
    } catch (error) {
      await this.#lock?.release();
      throw error;
    }
    this.#settle();
    this.#scheduleExpiry();
  }

  get epoch(): Epoch {
    return this.#store.epoch;
  }

  get revision(): Revision {
    return this.#store.revision;
  }

  now(): Milliseconds {
    return this.#store.now();
  }

  get degraded(): boolean {
    return this.#writer.problem !== null;
  }

  get(collection: string, key: Key): Entry | undefined {
    return this.#store.get(collection, key);
  }

  history(collection: string, key: Key): readonly VersionRecord[] {
    return this.#store.history(collection, key);
  }

  buried(collection: string, range: Range): Buried {
    return this.#store.buried(collection, range);
  }

  find(collection: string, field: string, value: ByteString): Key | undefined {
    return this.#store.find(collection, field, value);
  }

  page(collection: string, range: Range): Page {
    return this.#store.page(collection, range);
  }

  async commit(operations: readonly Operation[], options: CommitOptions = {}): Promise<Commit> {
    if (operations.length > 1) refuseTooLarge(operations);
    const grows = operations.some(({ type }) => type !== 'delete');
    const admit = (): void => this.#writer.admit(grows);
    const { changes, outcomes, revision } = this.#store.apply(operations, admit);
    const { epoch } = this.#store;
    this.#publish(changes);
    this.#scheduleExpiry();
    // What found nothing to change has nothing to wait for, and nothing that could be unknown.
    const changed = operations.length === 0 || outcomes.some(({ type }) => type !== 'absent');
    const durable = changed && (options.durability ?? this.#strongest(operations)) === 'sync';
    // What is there already is waited for too, but not on a volume that takes nothing.
    if (durable && changes.length === 0) admit();
    if (durable) await this.#writer.durable(revision);
    return { outcomes, revision, epoch, durable };
  }

  get present(): ChangeId {
    return this.#window.present;
  }

  changesAfter(since: ChangeId | Revision, limit: number): readonly Change[] | null {
    const isPresent = typeof since !== 'number' && since.epoch === this.#store.epoch;
    return this.#window.after(isPresent ? since.revision : since, limit);
  }

  subscribe(listener: (changes: readonly Change[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  collections(): readonly CollectionStatus[] {
    return this.#store.collections();
  }

  status(): EngineStatus {
    const { problem, durableRevision } = this.#writer;
    const { revision, epoch, entries, bytes } = this.#store;
    const storage = problem === null ? 'ok' : 'degraded';
    return { storage, problem: problem?.message ?? null, revision, durableRevision, epoch, entries, bytes };
  }

  measures(): EngineMeasures {
    const { deadlines, clockJumps } = this.#store;
    const storage = { ...this.#writer.measures(), restoreMs: this.restored.ms };
    return { deadlines, bytesMax: this.#options.bytesMax, clockJumps, storage };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#expiry?.cancel();
    this.#settling?.cancel();
    try {
      await this.#writer.close();
    } finally {
      await this.#lock?.release();
    }
  }

  #strongest(operations: readonly Operation[]): Durability {
    const { policies } = this.#options;
    return operations.some(({ collection }) => policies[collection]?.durability === 'sync')
      ? 'sync'
      : 'periodic';
  }

  /**
   * To the snapshot, then to whoever subscribed. Evictions, which stand last, need not be in one line with what made
   * them necessary: a start that finds fewer of them only has more.
   */
  #publish(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    for (const change of changes) this.#window.append(change);
    const evictions = changes.findIndex(change => change.type === 'delete' && change.reason === 'evicted');
    const together = evictions < 0 ? changes.length : evictions;
    if (together > 0) this.#writer.append(changes.slice(0, together));
    for (let i = together; i < changes.length; i += CHANGES_SLICE) {
      this.#writer.append(changes.slice(i, i + CHANGES_SLICE));
    }
    for (const listener of this.#listeners) this.#tell(listener, changes);
  }

  /** A listener that throws is a defect of its own, and none of the commit. */
  #tell(listener: (changes: readonly Change[]) => void, changes: readonly Change[]): void {
    try {
      listener(changes);
    } catch (error) {
      this.#options.logger.error({ err: error }, 'a subscriber failed');
    }
  }

  /**
   * One timer for all keys: set to the nearest deadline, and moved only when a nearer one comes. What is due already
   * waits for `delayMin`.
   */
  #scheduleExpiry(delayMin = 0): void {
    const next = this.#store.nextDeadline();
    if (next === null || next >= this.#expiryAt || this.#closed !== null) return;
    const { clock } = this.#options;
    this.#expiry?.cancel();
    this.#expiryAt = next;
    const wait = next - clock.now();
    this.#expiry = clock.setTimer(wait > 0 ? wait : delayMin, () => this.#expire());
  }

  /** So many in a turn, so that requests are answered while a hundred thousand expire at once. */
  #expire(): void {
    this.#expiryAt = Number.POSITIVE_INFINITY;
    const forgotten = this.#store.forget(CHANGES_SLICE);
    // What has expired is hidden from reads all the same; on a volume that cannot take it the queue would only grow.
    const changes = this.#writer.hasRoom ? this.#store.expire(CHANGES_SLICE) : [];
    this.#publish(changes);
    // What is due and yet stays waits for the volume, or for a clock that jumped ahead.
    this.#scheduleExpiry(changes.length + forgotten === 0 ? EXPIRY_PAUSE_MS : 0);
  }

  /**
   * Evicts what a smaller bound no longer holds, so many in a turn: it may be all of a million. Not while the volume fails
   * or has enough to write: a change that is decided and then lost could be told only by a new epoch, and a start begins
   * one only for what was written.
   */
  #settle(): void {
    this.#settling?.cancel();
    this.#settling = null;
    if (this.#closed !== null) return;
    const { hasRoom } = this.#writer;
    const changes = hasRoom ? this.#store.settle(CHANGES_SLICE) : [];
    this.#publish(changes);
    if (hasRoom && changes.length < CHANGES_SLICE) return;
    const pause = hasRoom ? 0 : EXPIRY_PAUSE_MS;
    this.#settling = this.#options.clock.setTimer(pause, () => this.#settle());
  }
}

function refuseTooLarge(operations: readonly Operation[]): void {
  let bytes = 0;
  for (const operation of operations) {
    const { by, comment } = operation.note ?? {};
    // Twice: what has expired under the key is a change of its own, in the same line.
    bytes +=
      2 * (OPERATION_BYTES + operation.key.length * 2) + ((by?.length ?? 0) + (comment?.length ?? 0)) * 2;
    if (operation.type === 'put') bytes += operation.text.length * (operation.text.includes('\n') ? 2 : 1);
  }
  if (bytes <= LINE_BYTES_MAX) return;
  throw new CairnError(
    'batch_too_large',
    `The changes take about ${bytes} bytes in one line of the snapshot.`,
  );
}
