/**
 * The files of the directory as generations: a base and the logs from its number on are one. Knows when the logs
 * have outgrown their base, makes the next base beside the traffic, and removes what no start needs any more.
 *
 * Kept are the two newest whole bases and everything from the older one's number on, so that a base which turns
 * out broken costs nothing but time; on a full volume only the newest and its logs.
 */
import { join } from 'node:path';
import { ROTATE_BYTES_MIN, ROTATE_LOGS_MAX, SPACE_ROTATE_BYTES_MIN } from '../limits.js';
import type { Epoch, Milliseconds } from '../model.js';
import type { Clock } from '../platform/clock.js';
import type { File, Files } from '../platform/files.js';
import type { Logger } from '../platform/logger.js';
import { type FrozenState, writeBase } from './base.js';
import { fileName, listDirectory } from './directory.js';
import { BirthError } from './log-file.js';

/** Milliseconds until a base that failed is tried again. */
const BASE_RETRY_MS = 60_000;

export interface GenerationsOptions {
  readonly files: Files;
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: string;
  readonly epoch: Epoch;
  /** Log bytes since the newest base under which none is made. */
  readonly rotateBytesMin?: number;
}

/** Of the volume, in bytes. */
export interface Room {
  readonly free: number;
  /** Of these, what growth may not take. */
  readonly reserve: number;
}

interface Sized {
  readonly number: number;
  readonly bytes: number;
}

/** A base that this process made. */
export interface MadeBase {
  /** By the wall clock. */
  readonly at: Milliseconds;
  readonly ms: Milliseconds;
  readonly bytes: number;
}

export class Generations {
  readonly #options: GenerationsOptions;
  /** Logs from the newest base on that have ended. */
  #logs: Sized[];
  /** The newest whole bases that are known, ascending, two at most. */
  #bases: Sized[];
  #wanted = false;
  #notBefore = Number.NEGATIVE_INFINITY;
  #task: Promise<void> | null = null;
  #abandoned = false;
  /** The newest that was made here. */
  #made: MadeBase | null = null;
  #failures = 0;

  constructor(
    options: GenerationsOptions,
    found: { readonly base: Sized | null; readonly logs: readonly Sized[] },
  ) {
    this.#options = options;
    this.#logs = [...found.logs];
    this.#bases = found.base === null ? [] : [found.base];
  }

  get made(): MadeBase | null {
    return this.#made;
  }

  /** Bases that could not be made beside the traffic. */
  get failures(): number {
    return this.#failures;
  }

  /** Of the logs that have ended, and that a start would read. */
  get logBytes(): number {
    return this.#logs.reduce((sum, log) => sum + log.bytes, 0);
  }

  /** Asks for a base at the next occasion. */
  want(): void {
    this.#wanted = true;
  }

  /** A log will not be written any more. */
  ended(log: Sized): void {
    this.#logs.push({ number: log.number, bytes: log.bytes });
  }

  /** Whether it is time for a new log and its base. `stateBytes` is what a base would take, about. */
  due(openLogBytes: number, stateBytes: number, { free, reserve }: Room): boolean {
    if (this.#task !== null || this.#options.clock.monotonic() < this.#notBefore) return false;
    const bytes = this.logBytes + openLogBytes;
    const enough = Math.max(this.#options.rotateBytesMin ?? ROTATE_BYTES_MIN, this.#bases.at(-1)?.bytes ?? 0);
    if (this.#wanted || bytes >= enough || this.#logs.length >= ROTATE_LOGS_MAX) return true;
    // While a base still fits beside the logs: later only somebody else could make room for it.
    const spares = bytes >= Math.max(stateBytes, SPACE_ROTATE_BYTES_MIN);
    return spares && stateBytes + reserve / 8 <= free && free < 2 * (stateBytes + reserve);
  }

  /** A new log is being made for a base. Until that base is there, none is due for some time. */
  begin(): void {
    this.#notBefore = this.#options.clock.monotonic() + BASE_RETRY_MS;
  }

  /** Makes the base of this number, whose log is there already. The state is released in any case. */
  make(state: FrozenState, number: number): void {
    if (this.#abandoned) {
      state.release();
      return;
    }
    this.#task = this.#make(state, number).finally(() => {
      this.#task = null;
    });
  }

  /**
   * Begins a new history: writes its base, and then its log by `beginLog`. Until that log is there the base counts for
   * nothing, and all that was before it is kept; then it is of no use any more. Rejects with what failed, and leaves no
   * base behind, unless the log may be there after all. The state is released in any case.
   */
  async found<Log>(state: FrozenState, number: number, beginLog: () => Promise<Log>): Promise<Log> {
    await this.#task;
    const bytes = await this.#write(state, number, () => false).finally(() => state.release());
    const log = await beginLog().catch(async (error: unknown) => {
      if (!(error instanceof BirthError) || !error.renameTried) await this.#remove(fileName(number, 'base'));
      throw error;
    });
    this.#bases = [{ number, bytes: bytes ?? 0 }];
    this.#logs = [];
    await this.freeSpace();
    return log;
  }

  /** Gives up the base that is being made, and makes none any more. */
  async abandon(): Promise<void> {
    this.#abandoned = true;
    await this.#task;
  }

  /**
   * For a volume that is full: the newest whole base and its logs are all that a start needs. What goes is only the
   * help against a base that turns out broken.
   */
  async freeSpace(): Promise<void> {
    this.#bases = this.#bases.slice(-1);
    await this.#removeBefore(this.#bases[0]);
  }

  /** Never rejects: without a base the logs are all that is needed. */
  async #make(state: FrozenState, number: number): Promise<void> {
    const { clock, logger } = this.#options;
    const began = clock.monotonic();
    try {
      const bytes = await this.#write(state, number, () => this.#abandoned);
      if (bytes === null) return;
      this.#bases = [...this.#bases.slice(-1), { number, bytes }];
      this.#logs = this.#logs.filter(log => log.number >= number);
      this.#notBefore = Number.NEGATIVE_INFINITY;
      this.#wanted = false;
      const { revision, entries } = state;
      const ms = Math.round(clock.monotonic() - began);
      this.#made = { at: clock.now(), ms, bytes };
      logger.info({ file: fileName(number, 'base'), revision, entries, bytes, ms }, 'base made');
      if (this.#bases.length === 2) await this.#removeBefore(this.#bases[0]);
    } catch (error) {
      this.#failures += 1;
      logger.warn({ err: error }, 'a base could not be made; the logs are kept, and it is tried again');
    } finally {
      state.release();
    }
  }

  /** The bytes of the base, which is there, whole and durable; null if it was given up. */
  async #write(state: FrozenState, number: number, abandoned: () => boolean): Promise<number | null> {
    const { files, directory, store, epoch, clock } = this.#options;
    const path = join(directory, fileName(number, 'base'));
    const unfinished = `${path}.tmp`;
    const file = await files.create(unfinished);
    try {
      const bytes = await this.#closed(
        file,
        writeBase({ file, state, store, epoch, number, clock, abandoned }),
      );
      if (bytes === null) {
        await files.remove(unfinished);
        return null;
      }
      await files.rename(unfinished, path);
      await files.syncDirectory(directory);
      return bytes;
    } catch (error) {
      await files.remove(unfinished).catch(() => undefined);
      throw error;
    }
  }

  /** What the work gives, after the file is closed; a close that fails is a failure of the work. */
  async #closed<Result>(file: File, work: Promise<Result>): Promise<Result> {
    try {
      const result = await work;
      await file.close();
      return result;
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
  }

  async #remove(name: string): Promise<void> {
    const { files, directory } = this.#options;
    await files.remove(join(directory, name)).catch(() => undefined);
  }

  /** Never rejects: what cannot be removed costs space, and the next base tries again. */
  async #removeBefore(oldest: Sized | undefined): Promise<void> {
    const { files, directory, logger } = this.#options;
    try {
      const { logs, bases } = await listDirectory(files, directory);
      const isGone = (number: number): boolean => number < (oldest?.number ?? 0);
      const names = [
        ...bases.filter(isGone).map(number => fileName(number, 'base')),
        ...logs.filter(isGone).map(number => fileName(number, 'log')),
      ];
      for (const name of names) await files.remove(join(directory, name));
    } catch (error) {
      logger.warn({ err: error }, 'a file that is not needed any more could not be removed');
    }
  }
}
