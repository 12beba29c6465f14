/**
 * Brings a whole state into a directory, in place of what it holds: what a restore and a repair end with. The new
 * history is a base and a log with `prev` null, of one number that is greater than any there is.
 *
 * The base gets its name first. A base without its log counts for nothing while there are logs, so until the log has
 * its name the directory is what it was, and from then on it is the new one; a crash leaves one or the other. Only
 * after that the old files are moved aside, by renaming: nothing is ever deleted. Hold the lock meanwhile.
 */
import { join } from 'node:path';
import { CairnError, systemCode } from '../errors.js';
import type { Epoch, Revision } from '../model.js';
import type { File, Files } from '../platform/files.js';
import { BaseOutput } from './base.js';
import { fileName, greatestNumber, type Listing, listDirectory, removeUnfinished } from './directory.js';
import { decodeHeader, encodeHeader, FORMAT } from './header.js';
import { BirthError, LogFile } from './log-file.js';
import { withFile } from './opening.js';
import { readFirstLine } from './reader.js';

/** The directory as it is found. */
export interface Ground {
  readonly listing: Listing;
  /** For the new files: greater than that of any file, and of any directory of files that were moved aside. */
  readonly number: number;
  /** The greatest that any first line names, or 0: the new one must not be less. */
  readonly epoch: Epoch;
}

export async function groundOf(files: Files, directory: string): Promise<Ground> {
  const listing = await listDirectory(files, directory);
  const aside = (await files.list(directory)).map(
    name => /^(?:replaced|before-repair)-(\d{8,15})$/.exec(name)?.[1],
  );
  const number = Math.max(greatestNumber(listing), ...aside.map(digits => Number(digits ?? 0))) + 1;
  let epoch = 0;
  for (const name of namesOf(listing)) epoch = Math.max(epoch, await epochOf(files, directory, name));
  return { listing, number, epoch };
}

/** The names of its logs and bases. */
export function namesOf({ logs, bases }: Pick<Listing, 'logs' | 'bases'>): string[] {
  return [...logs.map(number => fileName(number, 'log')), ...bases.map(number => fileName(number, 'base'))];
}

/** 0 where the first line cannot be read: that is for others to tell. */
async function epochOf(files: Files, directory: string, name: string): Promise<Epoch> {
  try {
    const first = await withFile(files, directory, name, 0, readFirstLine);
    return first.state === 'right' ? decodeHeader(first.line).epoch : 0;
  } catch {
    return 0;
  }
}

export interface Installation {
  readonly files: Files;
  readonly directory: string;
  readonly ground: Ground;
  readonly store: string;
  readonly epoch: Epoch;
  readonly revision: Revision;
  /** Gives the entries, in the order of a base. What it throws gives the installation up. */
  readonly write: (output: BaseOutput) => Promise<void>;
}

/** Resolves with the bytes of the base when the new history is in force, and durable. */
export async function install(installation: Installation): Promise<number> {
  const { files, directory, ground, store, epoch, revision } = installation;
  const { number } = ground;
  const base = join(directory, fileName(number, 'base'));
  let logTried = false;
  try {
    await removeUnfinished(files, directory, ground.listing);
    const bytes = await writeUnfinished(installation, `${base}.tmp`);
    await files.rename(`${base}.tmp`, base);
    await files.syncDirectory(directory);
    logTried = true;
    const header = {
      cairn: 'log',
      format: FORMAT,
      store,
      epoch,
      number,
      after: revision,
      prev: null,
    } as const;
    const log = await LogFile.begin(files, directory, header, []);
    await log.close().catch(() => undefined); // all of it was fsynced
    return bytes;
  } catch (error) {
    await files.remove(`${base}.tmp`).catch(() => undefined);
    if (!(error instanceof BirthError)) {
      if (!logTried) await files.remove(base).catch(() => undefined);
      throw volumeError(error, directory);
    }
    // The log may be there after all, and would be nothing without its base.
    if (!error.renameTried) await files.remove(base).catch(() => undefined);
    throw volumeError(error.cause, directory);
  }
}

async function writeUnfinished(installation: Installation, path: string): Promise<number> {
  const { files, ground, store, epoch, revision, write } = installation;
  const file: File = await files.create(path);
  try {
    const output = new BaseOutput(file);
    const { number } = ground;
    await output.line(encodeHeader({ cairn: 'base', format: FORMAT, store, epoch, number, revision }));
    await write(output);
    await output.footer();
    await file.sync();
    await file.close();
    return output.bytes;
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}

/** Moves files of the directory into a new one within it. The new history must be in force. */
export async function moveAside(
  files: Files,
  directory: string,
  names: readonly string[],
  into: string,
): Promise<void> {
  if (names.length === 0) return;
  try {
    await files.makeDirectory(join(directory, into));
    for (const name of names) await files.rename(join(directory, name), join(directory, into, name));
    await files.syncDirectory(join(directory, into));
    await files.syncDirectory(directory);
  } catch (error) {
    const { code, message } = volumeError(error, directory);
    throw new CairnError(
      code,
      `The new state is in force, but old files were not moved to ${into}: ${message}`,
      {
        cause: error,
      },
    );
  }
}

/** The name of that directory. */
export function asideName(kind: 'replaced' | 'before-repair', number: number): string {
  return `${kind}-${String(number).padStart(8, '0')}`;
}

/** What a verb says of a volume that did not take what it wrote. What is no failure of the system goes on as it is. */
export function volumeError(cause: unknown, where: string): CairnError {
  if (cause instanceof CairnError) return cause;
  const code = systemCode(cause);
  if (code === undefined) throw cause;
  const message = `${where} cannot be written (${code}).`;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new CairnError('storage_full', message, {
      hint: 'Free space on the volume and run it again: nothing was changed.',
      cause,
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new CairnError('snapshot_denied', message, { file: where, cause });
  }
  return new CairnError('storage_error', message, {
    hint: 'Look at the volume (dmesg, its events), then `cairn verify` tells which state is in force.',
    cause,
  });
}
