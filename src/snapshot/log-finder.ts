/**
 * Finds the logs that lead to the present state: the newest one that was born, and back along `prev` from there.
 * Logs beside that way were begun after a failure and not continued; they count for nothing.
 */
import { CairnError, systemCode } from '../errors.js';
import type { Files } from '../platform/files.js';
import { damaged, foreign } from './damage.js';
import { fileName } from './directory.js';
import type { LogHeader, Seal } from './header.js';
import { lineChecksum } from './line.js';
import { decodeFirst, withFile } from './opening.js';
import { readFirstLine } from './reader.js';

/** A log whose first line was read. */
export interface KnownLog {
  readonly number: number;
  readonly name: string;
  readonly header: LogHeader;
  /** Of its first line. */
  readonly checksum: string;
  readonly size: number;
}

export class LogFinder {
  readonly #files: Files;
  readonly #directory: string;
  readonly #warnings: string[] = [];

  constructor(files: Files, directory: string) {
    this.#files = files;
    this.#directory = directory;
  }

  /** What was passed over, in a sentence each. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** The log of the greatest number that was born: one cut off within its first line never was. */
  async newest(numbers: readonly number[]): Promise<KnownLog | null> {
    for (const number of [...numbers].reverse()) {
      const log = await this.#open(number);
      if (log !== null) return log;
      this.#warnings.push(`${fileName(number, 'log')} was cut off within its first line and is not used`);
    }
    return null;
  }

  /**
   * The logs that lead to the newest, oldest first: back to where the history begins, or as far as there are logs,
   * if a base stands at one of them.
   */
  async chain(newest: KnownLog, bases: ReadonlySet<number>): Promise<KnownLog[]> {
    const chain = [newest];
    let next = newest;
    for (let { prev } = next.header; prev !== null; { prev } = next.header) {
      const log = await this.#before(next, prev);
      if (log === null && chain.some(known => bases.has(known.number))) break;
      if (log === null) {
        const file = fileName(prev.number, 'log');
        throw damaged(`it is missing, and ${next.name} follows it`, { file, revision: next.header.after });
      }
      chain.unshift(log);
      next = log;
    }
    return chain;
  }

  /** The log that this one follows; null: there is no such file. */
  async #before({ name, header }: KnownLog, { number, checksum, bytes }: Seal): Promise<KnownLog | null> {
    const log = await this.#openIfThere(number);
    if (log === undefined) return null;
    const file = fileName(number, 'log');
    if (log === null) throw damaged('it was cut off within its first line', { file, offset: 0 });
    if (log.header.store !== header.store) throw foreign('it belongs to another store', file, { offset: 0 });
    if (log.checksum !== checksum)
      throw foreign(`it is not the log that ${name} follows`, file, { offset: 0 });
    if (log.size < bytes) {
      const follows = `${name} says that ${bytes} bytes of it count`;
      throw damaged('it is shorter than its seal', {
        file,
        offset: log.size,
        revision: log.header.after, // none of its lines was read yet
        follows,
      });
    }
    return log;
  }

  async #openIfThere(number: number): Promise<KnownLog | null | undefined> {
    try {
      return await this.#open(number);
    } catch (error) {
      if (error instanceof CairnError && systemCode(error.details.cause) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Null: cut off within its first line. */
  #open(number: number): Promise<KnownLog | null> {
    const name = fileName(number, 'log');
    return withFile(this.#files, this.#directory, name, 0, async file => {
      const { size } = await file.stat();
      const first = await readFirstLine(file);
      if (first.state === 'cut') return null;
      const header = decodeFirst(name, first);
      if (header.cairn !== 'log' || header.number !== number)
        throw foreign('its first line is of another file', name, { offset: 0 });
      return { number, name, header, checksum: lineChecksum(first.line), size };
    });
  }
}
