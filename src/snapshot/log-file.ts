/**
 * One log, from its birth to its end. It appears whole: written and fsynced under another name, then renamed, then
 * its directory fsynced; only then may an answer rest on it. After that it takes one line at a time, each
 * fsynced before the next. A write or fsync that fails, whatever the errno, ends it: the kernel may have dropped
 * what it could not write and call the next fsync a success (fsyncgate; Rebello et al., ATC 2020), so it is never
 * appended to again and counts only up to its last fsynced line.
 *
 * The descriptor stays open over the rename, since lines are to follow: closing says nothing that the fsync
 * before it did not.
 */
import { join } from 'node:path';
import type { File, Files } from '../platform/files.js';
import { appendAll } from './append.js';
import { fileName } from './directory.js';
import { encodeHeader, type LogHeader, type Seal } from './header.js';
import { lineChecksum } from './line.js';

/** A log that was not born. */
export class BirthError extends Error {
  override readonly name = 'BirthError';
  /**
   * Whether the rename was tried: then the file may be there, whatever was reported, and the log before it must
   * not be written any more.
   */
  readonly renameTried: boolean;

  constructor(renameTried: boolean, cause: unknown) {
    super('a new log could not begin', { cause });
    this.renameTried = renameTried;
  }
}

/** The log has no name any more, or another length than what was written to it: somebody else was at it. */
export class LostLogError extends Error {
  override readonly name = 'LostLogError';

  constructor() {
    super('the log was removed or changed by another program');
  }
}

export class LogFile {
  readonly number: number;
  readonly #file: File;
  readonly #checksum: string;
  #bytes: number;

  private constructor(number: number, file: File, checksum: string, bytes: number) {
    this.number = number;
    this.#file = file;
    this.#checksum = checksum;
    this.#bytes = bytes;
  }

  /** Makes a log that holds these lines from its birth. Throws BirthError. */
  static async begin(
    files: Files,
    directory: string,
    header: LogHeader,
    lines: readonly Buffer[],
  ): Promise<LogFile> {
    const path = join(directory, fileName(header.number, 'log'));
    const unfinished = `${path}.tmp`;
    const first = encodeHeader(header);
    let file: File | null = null;
    let renameTried = false;
    try {
      file = await files.create(unfinished);
      for (const line of [first, ...lines]) await appendAll(file, line);
      await file.sync();
      renameTried = true;
      await files.rename(unfinished, path);
      await files.syncDirectory(directory);
    } catch (error) {
      await file?.close().catch(() => undefined);
      await files.remove(unfinished).catch(() => undefined);
      // No answer rests on it. Left there, each of many attempts would hold the whole queue on a volume in trouble.
      if (renameTried) await files.remove(path).catch(() => undefined);
      throw new BirthError(renameTried, error);
    }
    const bytes = lines.reduce((sum, line) => sum + line.length, first.length);
    return new LogFile(header.number, file, lineChecksum(first), bytes);
  }

  /** Up to its last fsynced line. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What the next log says of this one. */
  get seal(): Seal {
    return { number: this.number, checksum: this.#checksum, bytes: this.#bytes };
  }

  /**
   * Appends a line and fsyncs it. If that fails the log has ended, and `seal` tells what of it counts; after a
   * LostLogError nothing of it does. An fsync says nothing about that: a file without a name is synced like any other.
   */
  async commit(line: Buffer): Promise<void> {
    try {
      await appendAll(this.#file, line);
      await Promise.all([this.#expect(this.#bytes + line.length), this.#file.sync()]);
    } catch (error) {
      const lost = error instanceof LostLogError || (await this.#isLost());
      // For the space on a full volume; the seal is what makes it so. What another program did is left as it is.
      if (!lost) await this.#file.truncate(this.#bytes).catch(() => undefined);
      await this.close().catch(() => undefined);
      throw lost ? new LostLogError() : error;
    }
    this.#bytes += line.length;
  }

  /** Throws LostLogError where it has not what was written to it, or no name. Then it has ended. */
  async check(): Promise<void> {
    try {
      await this.#expect(this.#bytes);
    } catch (error) {
      await this.close().catch(() => undefined);
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** After a failure that came first. Where nothing can be seen, nothing is said. */
  async #isLost(): Promise<boolean> {
    const facts = await this.#file.stat().catch(() => null);
    return facts !== null && (!facts.named || facts.size < this.#bytes);
  }

  async #expect(bytes: number): Promise<void> {
    const { size, named } = await this.#file.stat();
    if (!named || size !== bytes) throw new LostLogError();
  }
}
