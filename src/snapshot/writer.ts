/**
 * Brings the changes of the store to the volume. One loop owns the log: it writes a line, fsyncs it, then the next,
 * with all that came meanwhile (group commit), so that a line proves those before it durable.
 *
 * - Periodic changes go out when the oldest has waited for the interval; a change that somebody waits for goes out
 *   at once, and with it all before it.
 * - When the log fails it has ended. Its changes stay in the queue, whoever waits is told `unknown`, writes are
 *   refused, and a new log that takes over all of the queue is tried with growing pauses. It seals the old one at
 *   its last fsynced line. Then a base is made.
 * - When the log has lost its name or its bytes, the files do not hold the state any more: a base of all that is in
 *   memory and a log after it begin a new history.
 * - When little space is left, growth is refused, deletions pass, and what no start needs is given up.
 * - When the logs since the newest base have outgrown it, the state is frozen at a revision S; what is queued up to
 *   S ends the old log, a new one begins after S, and the base of S follows it, in slices, beside the traffic.
 */
import { CairnError, systemCode } from '../errors.js';
import { CLOSE_MS, CLOSE_TRIES_MS, LINE_BYTES_TARGET, RETRY_FIRST_MS, UNDURABLE_MS_MAX } from '../limits.js';
import type { Change, Epoch, Revision } from '../model.js';
import type { Clock, Timer } from '../platform/clock.js';
import type { Files } from '../platform/files.js';
import type { Logger } from '../platform/logger.js';
import type { FrozenState } from './base.js';
import { encodeGroup, encodeNote } from './format.js';
import { Generations } from './generations.js';
import { FORMAT, type Seal } from './header.js';
import { BirthError, LogFile, LostLogError } from './log-file.js';
import { WriterGauge, type WriterMeasures } from './measures.js';
import { Outage, type StorageProblem } from './outage.js';
import { Pace } from './pace.js';
import { UndurableQueue } from './queue.js';
import type { Recovered } from './recovery.js';
import { Space } from './space.js';

export interface WriterOptions {
  readonly files: Files;
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds between two appends of periodic changes. */
  readonly intervalMs: number;
  /** The state of the store now, for a base. */
  readonly freeze: () => FrozenState;
  /** What a base would take now, about. */
  readonly stateBytes: () => number;
  /** Called when `problem` is another. */
  readonly onProblem?: () => void;
  /** Log bytes since the newest base under which none is made. */
  readonly rotateBytesMin?: number;
}

export class SnapshotWriter {
  readonly #options: WriterOptions;
  readonly #store: string;
  readonly #epoch: Epoch;
  readonly #queue: UndurableQueue;
  readonly #generations: Generations;
  readonly #outage: Outage;
  readonly #space: Space;
  readonly #pace: Pace;
  readonly #gauge: WriterGauge;

  #log: LogFile | null = null;
  /** Of the log that ended last; the one that is open has its own. */
  #seal: Seal | null;
  /** Whether the files do not lead to the present state any more, so that a new history must begin. */
  #severed = false;
  #nextNumber: number;
  /** Whether the names that this start found are durable: a killed process may have left one in the cache alone. */
  #foundNames = false;

  /** Whether the loop runs. Set and cleared in one turn with its decisions, so that no kick is lost. */
  #busy = false;
  #running: Promise<void> = Promise.resolve();
  #closing = false;

  constructor(options: WriterOptions, recovered: Omit<Recovered<unknown>, 'target'>) {
    const { successor } = recovered;
    const { store, epoch } = successor;
    this.#options = options;
    this.#store = store;
    this.#epoch = epoch;
    this.#seal = successor.prev;
    this.#nextNumber = successor.number;
    this.#generations = new Generations({ ...options, store, epoch }, recovered);
    const kick = (): void => this.#kick();
    this.#outage = new Outage(options.clock, kick);
    this.#space = new Space(options, kick);
    this.#pace = new Pace(options.clock, options.intervalMs, kick);
    this.#queue = new UndurableQueue(successor.after);
    this.#gauge = new WriterGauge(options.clock);
    if (successor.takeOver.length > 0) this.#enqueue(successor.takeOver);
  }

  get durableRevision(): Revision {
    return this.#queue.durableRevision;
  }

  /** Why all writes are refused, or growth alone; null: none is. */
  get problem(): StorageProblem | null {
    return this.#outage.problem ?? this.#space.problem;
  }

  measures(): WriterMeasures {
    const parts = { log: this.#log, queue: this.#queue, generations: this.#generations, space: this.#space };
    return this.#gauge.read({ ...parts, outage: this.#outage.problem });
  }

  /**
   * Begins the first log. A volume that cannot be written is a problem like any later one, and tried again; a
   * directory that this user may not write to is a mistake of the set-up: `snapshot_denied`.
   */
  async start(): Promise<void> {
    this.#busy = true;
    const error = await this.#beginLog();
    const code = systemCode(error);
    if (code === 'EACCES' || code === 'EPERM') {
      this.#outage.cancel();
      const { directory } = this.#options;
      const message = `${directory} cannot be written (${code}).`;
      throw new CairnError('snapshot_denied', message, { file: directory, cause: error });
    }
    await this.#lookAtSpace();
    this.#busy = false;
    this.#kick();
  }

  /**
   * Throws where no change may be made now: `draining`, `storage_full`, `storage_error`, `overloaded`. `grows`: it is
   * more than deletions, for which there is room on a volume that is nearly full.
   */
  admit(grows: boolean): void {
    if (this.#closing)
      throw new CairnError('draining', 'The process is stopping.', { outcome: 'not_applied' });
    const problem = grows ? this.problem : this.#outage.problem;
    if (problem !== null) {
      const retryAfter = Math.ceil(this.#outage.pauseMs / 1000);
      throw new CairnError(problem.code, problem.message, { outcome: 'not_applied', retryAfter });
    }
    const burden = this.#burden(grows ? this.#space.roomToGrow : this.#space.roomToDelete);
    if (burden !== null)
      throw new CairnError('overloaded', burden, { outcome: 'not_applied', retryAfter: 1 });
  }

  /** Whether `admit` would let a deletion in. */
  get hasRoom(): boolean {
    return !this.#closing && this.#outage.problem === null && this.#burden(this.#space.roomToDelete) === null;
  }

  #burden(room: number): string | null {
    const { clock, intervalMs } = this.#options;
    return this.#queue.burden(clock.monotonic(), intervalMs + UNDURABLE_MS_MAX, room);
  }

  /** Takes consecutive changes, as one unit that is never torn. At least one. */
  append(changes: readonly Change[]): void {
    this.#enqueue(changes);
    if (this.#queue.bytes >= LINE_BYTES_TARGET) this.#pace.hurry();
    this.#pace.changed();
    if (this.#pace.lineDue) this.#kick();
  }

  /** Resolves after the fsync that covers the revision. Rejects with `storage_…`, outcome `unknown`. */
  durable(revision: Revision): Promise<void> {
    const waiting = this.#queue.wait(revision);
    const { problem } = this.#outage;
    if (problem !== null) this.#queue.failWaiters(this.#unknown(problem));
    else if (this.#queue.awaited) this.#kick();
    return waiting;
  }

  /**
   * Brings everything to the volume, says so in the log, and ends. A volume that fails is tried for some seconds,
   * then it rejects with `storage_…`; the changes are lost with the process. So it does after CLOSE_MS with one that
   * does not answer at all.
   */
  async close(): Promise<void> {
    this.#closing = true;
    this.#pace.stop();
    this.#space.cancel();
    const { clock } = this.#options;
    let hangs: Timer | null = null;
    const given = new Promise<never>((_, reject) => {
      const message = `The volume of the snapshots has not answered for ${CLOSE_MS} ms.`;
      hangs = clock.setTimer(CLOSE_MS, () => reject(this.#unknown({ code: 'storage_error', message })));
    });
    await Promise.race([this.#finish(), given]).finally(() => hangs?.cancel());
  }

  async #finish(): Promise<void> {
    await this.#generations.abandon();
    this.#kick();
    await this.#running;
    // The loop may have begun one more before it saw that this is the end.
    await this.#generations.abandon();
    const log = this.#log;
    if (log !== null) await log.check().catch(error => this.#end(log, error));
    const until = this.#options.clock.monotonic() + CLOSE_TRIES_MS;
    while (this.#failed !== null && this.#options.clock.monotonic() < until) {
      await new Promise<void>(resolve => this.#options.clock.setTimer(RETRY_FIRST_MS, resolve));
      this.#outage.hurry();
      this.#kick();
      await this.#running;
    }
    this.#outage.cancel();
    this.#space.cancel();
    if (this.#failed !== null) throw this.#unknown(this.#failed);
    await this.#writeEnd();
  }

  /** Why something that is in memory is not on the volume. */
  get #failed(): StorageProblem | null {
    return this.#queue.empty && !this.#severed ? null : this.#outage.problem;
  }

  /** Everything is durable already: without this line the next start begins a new epoch, and nothing else is lost. */
  async #writeEnd(): Promise<void> {
    try {
      await this.#log?.commit(encodeNote('end', this.durableRevision));
      await this.#log?.close();
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'the clean stop could not be noted in the log');
    }
  }

  #enqueue(changes: readonly Change[]): void {
    this.#queue.push(encodeGroup(changes), this.#options.clock.monotonic());
  }

  #unknown(problem: StorageProblem): CairnError {
    return new CairnError(problem.code, problem.message, { outcome: 'unknown', retryAfter: 1 });
  }

  #kick(): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#running = this.#run();
  }

  /** Does what is to be done until nothing is. Never rejects: what fails becomes the problem. */
  async #run(): Promise<void> {
    for (;;) {
      const step = this.#nextStep();
      if (step === null) break;
      await step;
    }
    this.#busy = false;
  }

  #nextStep(): Promise<unknown> | null {
    if (this.#log === null) return this.#outage.due ? this.#beginLog() : null;
    const writes = !this.#queue.empty && (this.#pace.lineDue || this.#queue.awaited || this.#closing);
    if (this.#space.due || (writes && this.#space.stale)) return this.#lookAtSpace();
    if (!this.#closing && this.#isBaseDue(this.#log)) return this.#rotate(this.#log);
    if (writes) return this.#writeLine(this.#log);
    if (this.#pace.markDue) return this.#writeMark(this.#log);
    return null;
  }

  #isBaseDue(log: LogFile): boolean {
    return this.#generations.due(log.bytes, this.#options.stateBytes(), this.#space);
  }

  /** What no start needs is given up before growth is refused, and again as long as it is. */
  async #lookAtSpace(): Promise<void> {
    const before = this.#space.problem;
    await this.#space.look();
    if (this.#space.problem !== null) {
      await this.#generations.freeSpace();
      await this.#space.look();
    }
    const { problem } = this.#space;
    if (this.#closing) this.#space.cancel();
    if ((before === null) === (problem === null)) return;
    const { logger, directory, onProblem } = this.#options;
    if (problem !== null) logger.warn({ directory }, problem.message);
    else logger.warn({ directory }, 'the volume has space again, growth is taken');
    onProblem?.();
  }

  /** Whether a line was written. */
  async #writeLine(log: LogFile, upTo: Revision = Number.POSITIVE_INFINITY): Promise<boolean> {
    const next = this.#queue.nextLine(LINE_BYTES_TARGET, upTo);
    if (next === null) return false;
    this.#pace.lineTakes(next.groups < this.#queue.length);
    if (!(await this.#commit(log, next.line))) return false;
    this.#queue.madeDurable(next.groups);
    this.#space.wrote(next.line.length);
    this.#pace.lineWritten();
    return true;
  }

  async #writeMark(log: LogFile): Promise<void> {
    this.#pace.marked();
    await this.#commit(log, encodeNote('mark', this.durableRevision));
  }

  /** False: the log has ended, and the problem is set. */
  async #commit(log: LogFile, line: Buffer): Promise<boolean> {
    try {
      await this.#gauge.commit(log, line);
      return true;
    } catch (error) {
      this.#end(log, error);
      return false;
    }
  }

  /** The log is never written again. */
  #end(log: LogFile, error: unknown): void {
    this.#seal = log.seal;
    this.#severed ||= error instanceof LostLogError;
    this.#generations.ended(log);
    this.#log = null;
    this.#fail(error);
  }

  #fail(error: unknown): void {
    const { logger, directory, onProblem } = this.#options;
    this.#gauge.failed();
    if (this.#outage.problem === null)
      logger.error({ directory, err: error }, 'writes are refused, reads go on');
    this.#queue.failWaiters(this.#unknown(this.#outage.fail(error)));
    if (this.#closing) this.#outage.cancel();
    onProblem?.();
  }

  /** A new log that takes over all of the queue. Gives what failed, which is the problem then, or undefined. */
  async #beginLog(): Promise<unknown> {
    const full = this.#outage.problem?.code === 'storage_full';
    // Of a history that is severed the old files are all that a start would find.
    if (full && !this.#severed) await this.#generations.freeSpace();
    const groups = this.#queue.length;
    // What deletions have left may fit where their line does not.
    const anew = this.#severed || (full && this.#options.stateBytes() < this.#queue.bytes);
    try {
      if (!this.#foundNames) await this.#options.files.syncDirectory(this.#options.directory);
      this.#foundNames = true;
      this.#log = await (anew
        ? this.#newHistory()
        : this.#newLog(this.#seal, this.#queue.allLines(LINE_BYTES_TARGET)));
    } catch (error) {
      const cause = error instanceof BirthError ? error.cause : error;
      this.#fail(cause);
      return cause;
    }
    this.#queue.madeDurable(groups);
    if (this.#outage.problem === null) return undefined;
    this.#outage.end();
    // One of a new history is there already.
    if (!anew) this.#generations.want();
    this.#severed = false;
    this.#options.logger.warn({ directory: this.#options.directory }, 'the volume takes writes again');
    this.#options.onProblem?.();
    return undefined;
  }

  /** A base of all that is in memory, then a log after it that follows none. No change comes meanwhile. */
  #newHistory(): Promise<LogFile> {
    const state = this.#options.freeze();
    const number = this.#nextNumber++;
    return this.#generations.found(state, number, () => this.#newLog(null, [], state.revision, number));
  }

  #newLog(
    prev: Seal | null,
    lines: readonly Buffer[],
    after = this.durableRevision,
    number = this.#nextNumber++,
  ): Promise<LogFile> {
    const { files, directory } = this.#options;
    const head = { cairn: 'log', format: FORMAT, store: this.#store, epoch: this.#epoch } as const;
    return LogFile.begin(files, directory, { ...head, number, after, prev }, lines);
  }

  async #rotate(old: LogFile): Promise<void> {
    this.#generations.begin();
    const state = this.#options.freeze();
    let goesOn = true;
    while (goesOn && this.durableRevision < state.revision)
      goesOn = await this.#writeLine(old, state.revision);
    if (!goesOn) return state.release();
    try {
      this.#log = await this.#newLog(old.seal, []);
    } catch (error) {
      state.release();
      const cause = error instanceof BirthError ? error.cause : error;
      if (!(error instanceof BirthError) || error.renameTried) {
        await old.close().catch(() => undefined);
        this.#end(old, cause);
      } else {
        this.#options.logger.warn({ err: cause }, 'a new log could not begin; the old one goes on');
      }
      return;
    }
    this.#generations.ended(old);
    // All of it was fsynced: an error here has nothing left to lose.
    await old.close().catch(() => undefined);
    this.#generations.make(state, this.#log.number);
  }
}
