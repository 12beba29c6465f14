/** `cairn restore`: brings a backup into a directory. */
import { CairnError, systemCode } from '../errors.js';
import { exitCodes } from '../exit-codes.js';
import { type Clock, systemClock } from '../platform/clock.js';
import type { File } from '../platform/files.js';
import { nodeFiles } from '../platform/node-files.js';
import { BackupFile } from '../snapshot/backup-file.js';
import type { Readable } from '../snapshot/reader.js';
import { checkBackup, restoreBackup } from '../snapshot/restore.js';
import type { Io } from './io.js';
import { withLock } from './locked.js';
import { Progress } from './progress.js';
import { StreamInput } from './stream-input.js';
import { placeOf, readWords, type Words } from './words.js';

export async function restore(argv: readonly string[], io: Io, clock: Clock = systemClock): Promise<number> {
  const words = readWords(argv, { flags: ['--dry-run', '--force'] });
  const [from] = words.names;
  if (from === undefined || words.names.length > 2) {
    throw new CairnError('usage', 'restore takes a backup, or - for stdin, and at most one directory.', {
      hint: 'cairn restore FILE|- [DIR] [--dry-run] [--force]',
    });
  }
  const progress = new Progress(io, clock);
  const facts = await withInput(from, io, (input, total) =>
    bring(input, from, total, { words, io, clock, progress }),
  ).finally(() => progress.end());
  io.stdout.write(`${JSON.stringify(facts)}\n`);
  return exitCodes.ok;
}

interface Surroundings {
  readonly words: Words;
  readonly io: Io;
  readonly clock: Clock;
  readonly progress: Progress;
}

async function bring(
  input: Readable,
  from: string,
  total: number,
  { words, io, clock, progress }: Surroundings,
): Promise<Readonly<Record<string, unknown>>> {
  const backup = await BackupFile.open(input, from === '-' ? 'stdin' : from);
  const onBytes = (done: number): void => progress.show(done, total);
  if (words.flags.has('--dry-run')) {
    return { restored: false, dryRun: true, from, ...(await checkBackup(backup, onBytes)) };
  }
  const place = await placeOf(words.names[1], words, io);
  const { directory } = place;
  await makeDirectory(directory);
  const force = words.flags.has('--force');
  const report = await withLock(place, clock, () =>
    restoreBackup({ files: nodeFiles, directory, backup, force, onBytes }),
  );
  return { restored: true, dryRun: false, from, directory, ...report };
}

async function withInput<Result>(
  from: string,
  io: Io,
  use: (input: Readable, total: number) => Promise<Result>,
): Promise<Result> {
  if (from === '-') {
    if (!io.stdin.isTTY) return use(new StreamInput(io.stdin.chunks()), 0);
    throw new CairnError('usage', 'A backup does not come from a terminal.', {
      hint: 'Name a file, or write `cairn restore - < FILE`.',
    });
  }
  const file = await openBackup(from);
  try {
    return await use(file, (await file.stat()).size);
  } finally {
    await file.close().catch(() => undefined);
  }
}

async function openBackup(path: string): Promise<File> {
  try {
    return await nodeFiles.openForReading(path);
  } catch (cause) {
    const code = systemCode(cause);
    if (code === undefined) throw cause;
    throw new CairnError('usage', `${path} cannot be read (${code}).`, {
      hint: 'Name a file of `cairn backup`, or - for what comes from a pipe.',
      cause,
    });
  }
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await nodeFiles.makeDirectory(directory);
  } catch (cause) {
    const message = `${directory} cannot be made: ${systemCode(cause) ?? String(cause)}.`;
    throw new CairnError('snapshot_denied', message, { file: directory, cause });
  }
}
