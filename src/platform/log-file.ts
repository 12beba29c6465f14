/**
 * The file that the log is appended to. Before it writes, it looks whether its path still leads to the file that it
 * has open, and opens the path again where it does not: a file that was moved away (logrotate) gets no further line,
 * and no signal is needed. One that is cut to nothing in its place is written on from its new end.
 *
 * A write that fails ends nothing: what it did not take waits, up to `LOG_BUFFER_BYTES_MAX`, and is tried again with
 * the next line. How many lines had to be dropped meanwhile is told to `onLoss`, once the file takes lines again.
 */
import { close, constants, fstat, open, openSync, stat, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { CairnError, systemCode } from '../errors.js';
import { LOG_BUFFER_BYTES_MAX } from '../limits.js';

const { O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants;

/** Without O_NONBLOCK the start would wait until somebody reads a FIFO. */
const FLAGS = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY;
/** The group may read it, as it may the snapshots. */
const MODE = 0o640;

const system = {
  open: promisify(open),
  close: promisify(close),
  stat: promisify(stat),
  fstat: promisify(fstat),
  write: promisify(write),
};

export class LogFile {
  readonly #path: string;
  readonly #onLoss: (lines: number) => void;
  #descriptor: number;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #writer: Promise<void> | null = null;

  /** @throws CairnError `configuration`: a path that cannot be written is said at the start. */
  static open(path: string, onLoss: (lines: number) => void): LogFile {
    try {
      return new LogFile(path, openSync(path, FLAGS, MODE), onLoss);
    } catch (cause) {
      const message = `The log file ${path} cannot be opened: ${systemCode(cause)}.`;
      throw new CairnError('configuration', message, {
        hint: 'Check the path that --log-file or CAIRN_LOG_FILE names, and who may write there.',
        cause,
      });
    }
  }

  private constructor(path: string, descriptor: number, onLoss: (lines: number) => void) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.#onLoss = onLoss;
  }

  /** One line, with its end. Never throws. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > LOG_BUFFER_BYTES_MAX) {
      this.#lost++;
    } else {
      this.#waiting.push(bytes);
      this.#waitingBytes += bytes.length;
    }
    this.#wake();
  }

  /** Resolves when everything is written, or cannot be. */
  async flush(): Promise<void> {
    this.#wake();
    while (this.#writer !== null) await this.#writer;
  }

  /** What an exit cuts off: in one go, given up at the first failure, since nobody is left who could be told. */
  writeAtExit(): void {
    const bytes = Buffer.concat(this.#waiting);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
    } catch {}
  }

  /** There must be something to write: a writer that ends in this turn would be taken for one that still runs. */
  #wake(): void {
    if (this.#waiting.length > 0) this.#writer ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        await this.#follow();
        await this.#writeBatch();
        this.#tellLoss();
      }
    } catch {
      // It waits; the next line tries again.
    } finally {
      this.#writer = null;
    }
  }

  /** Where the path cannot be opened again, lines in the file that was moved away are better than none. */
  async #follow(): Promise<void> {
    const held = await system.fstat(this.#descriptor);
    const named = await system.stat(this.#path).catch(() => null);
    if (named !== null && named.ino === held.ino && named.dev === held.dev) return;
    const opened = await system.open(this.#path, FLAGS, MODE).catch(() => null);
    if (opened === null) return;
    const old = this.#descriptor;
    this.#descriptor = opened;
    await system.close(old).catch(() => {});
  }

  async #writeBatch(): Promise<void> {
    const batch = Buffer.concat(this.#waiting);
    this.#waiting = [];
    let written = 0;
    try {
      while (written < batch.length) {
        written += (await system.write(this.#descriptor, batch, written)).bytesWritten;
      }
    } finally {
      if (written < batch.length) this.#waiting.unshift(batch.subarray(written));
      this.#waitingBytes -= written;
    }
  }

  #tellLoss(): void {
    if (this.#lost === 0) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#onLoss(lost);
  }
}
