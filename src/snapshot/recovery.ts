/**
 * What a start does with the files it finds: from the newest log back along `prev` to the newest whole base, or
 * to where the history begins, and from there forward again. No file is changed, so a crash in the middle is
 * harmless and a second run finds the same.
 *
 * - Up to the sealed length of a log every line must be right and follow the one before it. What stands behind the
 *   seal was never promised and is not read.
 * - Bytes at the end of the last log with no right line behind them, unless an older one, are a torn tail: a write
 *   that a crash cut short. One line is fsynced before the next is written, so nothing that was answered can stand
 *   there. They are told, counted and not used.
 * - All else is damage: a wrong line with right ones behind it, a gap, a base without its log, a read error. Recovery
 *   then refuses with the place and never guesses. A broken base is no damage while an older one, with all
 *   its logs, gives the same state.
 * - Nothing proves the last line durable: after a failed fsync the page cache still shows it. So the next log
 *   takes its changes over and seals this one before it (`successor`).
 */
import { CairnError } from '../errors.js';
import type { BaseEntry, BaseRows, BaseVersion, Change, Epoch, Revision } from '../model.js';
import type { File, Files } from '../platform/files.js';
import { BaseReader } from './base.js';
import { damaged, type Place, withRepairHint } from './damage.js';
import { fileName, greatestNumber, listDirectory } from './directory.js';
import { type BaseLine, decodeLogLine, type LogLine, type RowsLine } from './format.js';
import { FormatError, type Seal } from './header.js';
import { hidesRightLine } from './line.js';
import { type KnownLog, LogFinder } from './log-finder.js';
import { decodeSegment, withFile } from './opening.js';
import { readSegments, type Segment } from './reader.js';
import { type SealedLog, sealedLogs } from './tail.js';

/**
 * Takes what is recovered: the base in key order per collection, the versions of a collection behind its entries, its
 * revision, then the changes in their order.
 */
export interface RecoveryTarget {
  load(collection: string, entry: BaseEntry): void;
  /** The same for all entries of a line, which may be used until it returns. */
  loadRows(collection: string, rows: BaseRows): void;
  loadVersion(collection: string, version: BaseVersion): void;
  /** After the base: it is of this revision, in an epoch that is not before that of its changes. */
  loaded(revision: Revision, epoch: Epoch): void;
  replay(change: Change): void;
}

/** Bytes at the end of the last log that are no whole line. */
export interface TornTail {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

/** How the log must begin that goes on from here. */
export interface Successor {
  readonly store: string;
  readonly epoch: Epoch;
  readonly number: number;
  readonly after: Revision;
  readonly prev: Seal | null;
  /** Changes in memory that it must hold from its birth, since nothing proves them durable. */
  readonly takeOver: readonly Change[];
}

export interface Recovered<Target> {
  readonly target: Target;
  readonly revision: Revision;
  readonly successor: Successor;
  /** Of the newest log; that of the successor where there is none. */
  readonly epoch: Epoch;
  /** Whether the last process stopped cleanly, so that its epoch goes on. Also true of a new directory. */
  readonly clean: boolean;
  readonly torn: TornTail | null;
  /** The base that was used, and its bytes. */
  readonly base: { readonly number: number; readonly bytes: number } | null;
  /** The logs from that base on, oldest first, and the bytes that count in them. */
  readonly logs: readonly { readonly number: number; readonly bytes: number }[];
  /** The same and those before that base, oldest first, as far as what the successor takes over. */
  readonly past: readonly SealedLog[];
  /** What was passed over, in a sentence each, for a person. */
  readonly warnings: readonly string[];
}

export interface RecoveryOptions<Target extends RecoveryTarget> {
  readonly files: Files;
  readonly directory: string;
  /** A new and empty target: a broken base is noticed only when part of it is loaded. */
  readonly newTarget: () => Target;
  readonly newStoreId: () => string;
  /** Wall clock in milliseconds: a new epoch is its second. */
  readonly now: number;
  readonly onProgress?: (bytes: number, totalBytes: number) => void;
}

/** @throws CairnError `snapshot_damaged`, `snapshot_foreign` (with file, offset, revision, follows), `snapshot_denied` */
export async function recover<Target extends RecoveryTarget>(
  options: RecoveryOptions<Target>,
): Promise<Recovered<Target>> {
  try {
    return await new Recovery(options).run();
  } catch (error) {
    throw withRepairHint(error, options.directory);
  }
}

/** The place of a log's last right line, or of its first if it has no other. */
interface LogEnd {
  readonly offset: number;
  readonly last: LogLine | null;
  readonly torn: TornTail | null;
}

class Recovery<Target extends RecoveryTarget> {
  readonly #options: RecoveryOptions<Target>;
  readonly #warnings: string[] = [];
  #revision: Revision = 0;
  #bytesRead = 0;
  #bytesTotal = 0;

  constructor(options: RecoveryOptions<Target>) {
    this.#options = options;
  }

  async run(): Promise<Recovered<Target>> {
    const listing = await listDirectory(this.#options.files, this.#options.directory);
    const finder = new LogFinder(this.#options.files, this.#options.directory);
    const newest = await finder.newest(listing.logs);
    this.#warnings.push(...finder.warnings);
    const nextNumber = greatestNumber(listing) + 1;
    if (newest === null) {
      const orphan = listing.bases.at(-1);
      if (orphan !== undefined)
        throw damaged('a base has no log', { file: fileName(orphan, 'base'), revision: 0 });
      return this.#empty(nextNumber);
    }
    const bases = new Set(listing.bases);
    const chain = await finder.chain(newest, bases);
    const { target, base, logs } = await this.#loadNewestBase(chain, bases);
    const end = await this.#replay(target, logs);
    const clean = end.last?.type === 'end' && end.torn === null;
    const takeOver = end.last?.type === 'batch' ? end.last.changes : [];
    const { store, epoch } = newest.header;
    const successor = {
      store,
      epoch: clean ? epoch : Math.max(epoch + 1, Math.floor(this.#options.now / 1000)),
      number: nextNumber,
      after: takeOver[0] === undefined ? this.#revision : takeOver[0].revision - 1,
      prev: { number: newest.number, checksum: newest.checksum, bytes: end.offset },
      takeOver,
    };
    return {
      target,
      revision: this.#revision,
      successor,
      epoch,
      clean,
      torn: end.torn,
      base,
      logs: logs.map((log, i) => ({
        number: log.number,
        bytes: logs[i + 1]?.header.prev?.bytes ?? end.offset,
      })),
      past: sealedLogs(chain, successor),
      warnings: this.#warnings,
    };
  }

  #empty(number: number): Recovered<Target> {
    const epoch = Math.floor(this.#options.now / 1000);
    return {
      target: this.#options.newTarget(),
      revision: 0,
      successor: { store: this.#options.newStoreId(), epoch, number, after: 0, prev: null, takeOver: [] },
      epoch,
      clean: true,
      torn: null,
      base: null,
      logs: [],
      past: [],
      warnings: this.#warnings,
    };
  }

  /** Tries the bases from the newest; without one, the chain must reach back to an empty store. */
  async #loadNewestBase(
    chain: readonly KnownLog[],
    bases: ReadonlySet<number>,
  ): Promise<{ target: Target; base: Recovered<Target>['base']; logs: readonly KnownLog[] }> {
    let broken: CairnError | null = null;
    for (let at = chain.length - 1; at >= 0; at--) {
      const log = chain[at] as KnownLog;
      if (!bases.has(log.number)) continue;
      const logs = chain.slice(at);
      const target = this.#options.newTarget();
      try {
        const bytes = await this.#loadBase(target, log, logs);
        return { target, base: { number: log.number, bytes }, logs };
      } catch (error) {
        if (!(error instanceof CairnError) || error.code !== 'snapshot_damaged') throw error;
        broken ??= error;
        this.#warnings.push(
          `${fileName(log.number, 'base')} is broken (${error.message}); the one before it is used`,
        );
      }
    }
    const oldest = chain[0] as KnownLog;
    if (oldest.header.prev !== null || oldest.header.after !== 0) {
      throw (
        broken ??
        damaged('the base that it needs is missing', {
          file: fileName(oldest.number, 'base'),
          revision: oldest.header.after,
        })
      );
    }
    this.#count(chain);
    return { target: this.#options.newTarget(), base: null, logs: chain };
  }

  async #loadBase(target: Target, log: KnownLog, logs: readonly KnownLog[]): Promise<number> {
    const name = fileName(log.number, 'base');
    return this.#withFile(name, async file => {
      const { size } = await file.stat();
      this.#count(logs, size);
      const reader = new BaseReader({
        name,
        store: log.header.store,
        number: log.number,
        revision: log.header.after,
      });
      for await (const segments of readSegments(file, size)) {
        for (const segment of segments) {
          const line = reader.takeRows(segment);
          if (line !== null) loadAll(target, line, { file: name, offset: segment.offset });
        }
        this.#progress(segments);
      }
      reader.finish();
      this.#revision = log.header.after;
      target.loaded(this.#revision, log.header.epoch);
      return size;
    });
  }

  async #replay(target: Target, logs: readonly KnownLog[]): Promise<LogEnd> {
    let end: LogEnd = { offset: 0, last: null, torn: null };
    for (const [i, log] of logs.entries()) {
      const seal = logs[i + 1]?.header.prev?.bytes;
      if (log.header.after !== this.#revision) {
        const message = `it begins after revision ${log.header.after}, and the state is at ${this.#revision}`;
        throw damaged(message, { file: log.name, offset: 0, revision: this.#revision });
      }
      end = await this.#replayLog(target, log, seal ?? log.size, seal !== undefined);
    }
    return end;
  }

  async #replayLog(target: Target, log: KnownLog, bytes: number, sealed: boolean): Promise<LogEnd> {
    let last: LogLine | null = null;
    let offset = 0;
    let wrong: Segment | null = null;
    await this.#withFile(log.name, async file => {
      for await (const segments of readSegments(file, bytes)) {
        for (const segment of segments) {
          if (segment.state !== 'right' || wrong !== null) {
            wrong ??= segment;
            if (sealed || this.#provesMore(segment)) throw this.#damagedLine(log, wrong, segment, sealed);
          } else if (segment.offset > 0) {
            last = this.#replayLine(target, log, segment, last);
            offset = segment.offset;
          } else {
            offset = segment.end; // until a line follows, the next log seals behind the first
          }
        }
        this.#progress(segments);
      }
    });
    if (wrong === null) return { offset, last, torn: null };
    const { offset: from } = wrong as Segment;
    return { offset, last, torn: { file: log.name, offset: from, bytes: bytes - from } };
  }

  #replayLine(target: Target, log: KnownLog, segment: Segment, last: LogLine | null): LogLine {
    const line = decodeSegment(log.name, segment, decodeLogLine);
    const follows =
      line.type === 'batch' ? line.first === this.#revision + 1 : line.revision === this.#revision;
    if (!follows || last?.type === 'end') {
      const message = 'a line does not follow the one before it';
      throw damaged(message, { file: log.name, offset: segment.offset, revision: this.#revision });
    }
    if (line.type === 'batch') {
      replayAll(target, line.changes, { file: log.name, offset: segment.offset, revision: this.#revision });
      this.#revision += line.count;
    }
    return line;
  }

  /** Whether there is a line that was written behind a wrong one: only when that one was durable. */
  #provesMore(segment: Segment): boolean {
    if (segment.state === 'wrong') return hidesRightLine(segment.line);
    return segment.state === 'right' && this.#mayFollow(segment);
  }

  /**
   * After a power cut some file systems show, in blocks whose data did not arrive, what stood there before: right
   * lines of a file that was removed. They are older than all that is in this log.
   */
  #mayFollow({ line }: Segment): boolean {
    try {
      const found = decodeLogLine(line);
      return found.type === 'batch' ? found.first > this.#revision : found.revision >= this.#revision;
    } catch (error) {
      if (error instanceof FormatError) return false; // the first line of a log, or a line of a base
      throw error;
    }
  }

  #damagedLine(log: KnownLog, wrong: Segment, found: Segment, sealed: boolean): CairnError {
    const { offset } = wrong;
    const right = `a right line ${found === wrong ? 'within it' : `at byte ${found.offset}`}`;
    const follows = sealed ? 'the log after it says that it counts' : right;
    return damaged('a line is wrong', { file: log.name, offset, revision: this.#revision, follows });
  }

  #withFile<Result>(name: string, use: (file: File) => Promise<Result>): Promise<Result> {
    const { files, directory } = this.#options;
    return withFile(files, directory, name, this.#revision, use);
  }

  #count(logs: readonly KnownLog[], baseBytes = 0): void {
    this.#bytesRead = 0;
    this.#bytesTotal = logs.reduce((sum, log) => sum + log.size, baseBytes);
  }

  #progress(segments: readonly Segment[]): void {
    for (const { offset, end } of segments) this.#bytesRead += end - offset;
    this.#options.onProgress?.(this.#bytesRead, this.#bytesTotal);
  }
}

/** What does not fit what came before it was not written by a base. */
export function loadAll(target: RecoveryTarget, line: BaseLine | RowsLine, place: Place): void {
  try {
    if (line.type === 'rows') target.loadRows(line.collection, line.rows);
    if (line.type === 'entries') for (const entry of line.entries) target.load(line.collection, entry);
    if (line.type === 'versions')
      for (const version of line.versions) target.loadVersion(line.collection, version);
  } catch (cause) {
    throw damaged('a row does not fit those before it', { ...place, cause });
  }
}

/** A change that does not fit the state was made on another one: as good as a gap. */
function replayAll(target: RecoveryTarget, changes: readonly Change[], place: Place): void {
  try {
    for (const change of changes) target.replay(change);
  } catch (cause) {
    throw damaged('a change does not fit the state', { ...place, cause });
  }
}
