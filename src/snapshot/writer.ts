/**
 * Brings the changes of the store to the volume. One loop owns the log: it writes a line, fsyncs it, then the next,
 * with all that came meanwhile (group commit), so that a line proves those before it durable.
 *
 * - Periodic changes go out when the oldest has waited for the interval; a change that somebody waits for goes out
 *   at once, and with it all before it.
 * - When the log fails it has ended. Its changes stay in the queue, whoever waits is told `unknown`, writes are
 *   refused, and a new log that takes over all of the queue is tried with growing pauses. It seals the old one at
 *   its last fsynced line. Then a base is made.
 * - When the logs since the newest base have outgrown it, the state is frozen at a revision S; what is queued up to
 *   S ends the old log, a new one begins after S, and the base of S follows it, in slices, beside the traffic.
 */
import { CairnError, systemCode } from '../errors.js';
import {
  LINE_BYTES_TARGET,
  MARK_AFTER_MS,
  RETRY_FIRST_MS,
  RETRY_LAST_MS,
  UNDURABLE_BYTES_MAX,
  UNDURABLE_MS_MAX,
} from '../limits.js';
import type { Change, Epoch, Revision } from '../model.js';
import type { Clock, Timer } from '../platform/clock.js';
import type { Files } from '../platform/files.js';
import type { Logger } from '../platform/logger.js';
import type { FrozenState } from './base.js';
import { encodeGroup, encodeNote, FORMAT, type Seal } from './format.js';
import { Generations } from './generations.js';
import { BirthError, LogFile } from './log-file.js';
import { UndurableQueue } from './queue.js';
import type { Recovered } from './recovery.js';

export interface WriterOptions {
  readonly files: Files;
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds between two appends of periodic changes. */
  readonly intervalMs: number;
  /** The state of the store now, for a base. */
  readonly freeze: () => FrozenState;
  /** Called when writes are refused, and when they are taken again. */
  readonly onProblem?: (problem: StorageProblem | null) => void;
  /** Log bytes since the newest base under which none is made. */
  readonly rotateBytesMin?: number;
}

/** Why writes are refused. */
export interface StorageProblem {
  readonly code: 'storage_full' | 'storage_error';
  readonly message: string;
}

/** Milliseconds for which `close` tries to bring the queue to a volume that fails. */
const CLOSE_TRIES_MS = 5_000;

export class SnapshotWriter {
  readonly #options: WriterOptions;
  readonly #store: string;
  readonly #epoch: Epoch;
  readonly #queue: UndurableQueue;
  readonly #generations: Generations;

  #log: LogFile | null = null;
  /** Of the log that ended last; the one that is open has its own. */
  #seal: Seal | null;
  #nextNumber: number;
  #problem: StorageProblem | null = null;
  #retry: Timer | null = null;
  #retryMs = RETRY_FIRST_MS;
  #retryDue = false;

  /** Whether the loop runs. Set and cleared in one turn with its decisions, so that no kick is lost. */
  #busy = false;
  #running: Promise<void> = Promise.resolve();
  #closing = false;
  #interval: Timer | null = null;
  #due = false;
  #mark: Timer | null = null;
  #markDue = false;

  constructor(options: WriterOptions, recovered: Omit<Recovered<unknown>, 'target'>) {
    const { successor } = recovered;
    this.#options = options;
    this.#store = successor.store;
    this.#epoch = successor.epoch;
    this.#seal = successor.prev;
    this.#nextNumber = successor.number;
    this.#generations = new Generations(
      { ...options, store: successor.store, epoch: successor.epoch },
      recovered,
    );
    this.#queue = new UndurableQueue(successor.after);
    if (successor.takeOver.length > 0) this.#enqueue(successor.takeOver);
  }

  get durableRevision(): Revision {
    return this.#queue.durableRevision;
  }

  get problem(): StorageProblem | null {
    return this.#problem;
  }

  /**
   * Begins the first log. A volume that cannot be written is a problem like any later one, and tried again; a
   * directory that this user may not write to is a mistake of the set-up: `snapshot_denied`.
   */
  async start(): Promise<void> {
    this.#busy = true;
    const error = await this.#beginLog();
    this.#busy = false;
    const code = systemCode(error);
    if (code === 'EACCES' || code === 'EPERM') {
      this.#retry?.cancel();
      const { directory } = this.#options;
      const message = `${directory} cannot be written (${code}).`;
      throw new CairnError('snapshot_denied', message, { file: directory, cause: error });
    }
    this.#kick();
  }

  /** Throws where no change may be made now: `draining`, `storage_full`, `storage_error`, `overloaded`. */
  admit(): void {
    if (this.#closing)
      throw new CairnError('draining', 'The process is stopping.', { outcome: 'not_applied' });
    if (this.#problem !== null) {
      const retryAfter = Math.ceil(this.#retryMs / 1000);
      throw new CairnError(this.#problem.code, this.#problem.message, { outcome: 'not_applied', retryAfter });
    }
    const burden = this.#burden();
    if (burden !== null)
      throw new CairnError('overloaded', burden, { outcome: 'not_applied', retryAfter: 1 });
  }

  /** Whether `admit` would let a change in. */
  get hasRoom(): boolean {
    return !this.#closing && this.#problem === null && this.#burden() === null;
  }

  /** What is too much for the volume, for a person; null: nothing. */
  #burden(): string | null {
    const { oldestSince, bytes } = this.#queue;
    const late = this.#options.intervalMs + UNDURABLE_MS_MAX;
    if (bytes > UNDURABLE_BYTES_MAX) return `${bytes} bytes of changes wait for the volume.`;
    if (oldestSince === undefined || this.#options.clock.monotonic() - oldestSince <= late) return null;
    return `Changes have waited for the volume for over ${late} ms.`;
  }

  /** Takes consecutive changes, as one unit that is never torn. At least one. */
  append(changes: readonly Change[]): void {
    this.#enqueue(changes);
    if (this.#queue.bytes >= LINE_BYTES_TARGET) this.#due = true;
    if (this.#due) this.#kick();
    else
      this.#interval ??= this.#options.clock.setTimer(this.#options.intervalMs, () => this.#intervalOver());
  }

  /** Resolves after the fsync that covers the revision. Rejects with `storage_…`, outcome `unknown`. */
  durable(revision: Revision): Promise<void> {
    const waiting = this.#queue.wait(revision);
    if (this.#problem !== null) this.#queue.failWaiters(this.#unknown(this.#problem));
    else if (this.#queue.awaited) this.#kick();
    return waiting;
  }

  /**
   * Brings everything to the volume, says so in the log, and ends. A volume that fails is tried for some seconds,
   * then it rejects with `storage_…`; the changes are lost with the process. One that hangs holds it as long.
   */
  async close(): Promise<void> {
    this.#closing = true;
    this.#interval?.cancel();
    this.#mark?.cancel();
    await this.#generations.abandon();
    this.#kick();
    await this.#running;
    // The loop may have begun one more before it saw that this is the end.
    await this.#generations.abandon();
    const until = this.#options.clock.monotonic() + CLOSE_TRIES_MS;
    while (this.#problem !== null && !this.#queue.empty && this.#options.clock.monotonic() < until) {
      await this.#pause(RETRY_FIRST_MS);
      this.#retryDue = true;
      this.#kick();
      await this.#running;
    }
    this.#retry?.cancel();
    if (this.#problem !== null && !this.#queue.empty) throw this.#unknown(this.#problem);
    await this.#writeEnd();
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

  #intervalOver(): void {
    this.#due = true;
    this.#kick();
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
    if (this.#log === null) return this.#retryDue ? this.#beginLog() : null;
    if (!this.#closing && this.#generations.due(this.#log.bytes)) return this.#rotate(this.#log);
    const awaited = this.#due || this.#queue.awaited || this.#closing;
    if (awaited && !this.#queue.empty) return this.#writeLine(this.#log);
    if (this.#markDue) return this.#writeMark(this.#log);
    return null;
  }

  async #writeLine(log: LogFile, upTo: Revision = Number.POSITIVE_INFINITY): Promise<void> {
    this.#interval?.cancel();
    this.#interval = null;
    this.#mark?.cancel();
    this.#markDue = false;
    const next = this.#queue.nextLine(LINE_BYTES_TARGET, upTo);
    if (next === null) return;
    // What does not fit into this line has waited as long.
    this.#due = next.groups < this.#queue.length;
    if (!(await this.#commit(log, next.line))) return;
    this.#queue.madeDurable(next.groups);
    if (this.#closing) return;
    this.#mark = this.#options.clock.setTimer(MARK_AFTER_MS, () => {
      this.#markDue = true;
      this.#kick();
    });
  }

  async #writeMark(log: LogFile): Promise<void> {
    this.#markDue = false;
    await this.#commit(log, encodeNote('mark', this.durableRevision));
  }

  /** False: the log has ended, and the problem is set. */
  async #commit(log: LogFile, line: Buffer): Promise<boolean> {
    try {
      await log.commit(line);
      return true;
    } catch (error) {
      this.#end(log);
      this.#fail(error);
      return false;
    }
  }

  /** The log is never written again. */
  #end(log: LogFile): void {
    this.#seal = log.seal;
    this.#generations.ended(log);
    this.#log = null;
  }

  #fail(error: unknown): void {
    const code = systemCode(error);
    const full = code === 'ENOSPC' || code === 'EDQUOT';
    const problem: StorageProblem = {
      code: full ? 'storage_full' : 'storage_error',
      message: full
        ? `The volume of the snapshots is full (${code}).`
        : `The volume of the snapshots failed (${code ?? error}).`,
    };
    if (this.#problem === null) {
      this.#options.logger.error(
        { directory: this.#options.directory, err: error },
        'writes are refused, reads go on',
      );
    }
    this.#problem = problem;
    this.#queue.failWaiters(this.#unknown(problem));
    this.#options.onProblem?.(problem);
    if (this.#closing) return;
    this.#retry?.cancel();
    this.#retry = this.#options.clock.setTimer(this.#retryMs, () => {
      this.#retryDue = true;
      this.#kick();
    });
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_LAST_MS);
  }

  /** A new log that takes over all of the queue. Gives what failed, which is the problem then, or undefined. */
  async #beginLog(): Promise<unknown> {
    this.#retryDue = false;
    if (this.#problem?.code === 'storage_full') await this.#generations.freeSpace();
    const groups = this.#queue.length;
    try {
      this.#log = await this.#newLog(this.#seal, this.#queue.allLines(LINE_BYTES_TARGET));
    } catch (error) {
      const cause = error instanceof BirthError ? error.cause : error;
      this.#fail(cause);
      return cause;
    }
    this.#queue.madeDurable(groups);
    if (this.#problem === null) return undefined;
    this.#problem = null;
    this.#retryMs = RETRY_FIRST_MS;
    this.#generations.want();
    this.#options.logger.warn({ directory: this.#options.directory }, 'the volume takes writes again');
    this.#options.onProblem?.(null);
    return undefined;
  }

  #newLog(prev: Seal | null, lines: readonly Buffer[]): Promise<LogFile> {
    const header = {
      cairn: 'log',
      format: FORMAT,
      store: this.#store,
      epoch: this.#epoch,
      number: this.#nextNumber++,
      after: this.durableRevision,
      prev,
    } as const;
    return LogFile.begin(this.#options.files, this.#options.directory, header, lines);
  }

  async #rotate(old: LogFile): Promise<void> {
    this.#generations.begin();
    const state = this.#options.freeze();
    while (this.#log === old && this.durableRevision < state.revision)
      await this.#writeLine(old, state.revision);
    if (this.#log !== old) return state.release();
    try {
      this.#log = await this.#newLog(old.seal, []);
    } catch (error) {
      state.release();
      const cause = error instanceof BirthError ? error.cause : error;
      if (!(error instanceof BirthError) || error.renameTried) {
        await old.close().catch(() => undefined);
        this.#end(old);
        this.#fail(cause);
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

  #pause(ms: number): Promise<void> {
    return new Promise(resolve => this.#options.clock.setTimer(ms, resolve));
  }
}
