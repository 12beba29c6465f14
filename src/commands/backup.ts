/** `cairn backup`: the state of a directory as one file, also while it is served. */
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { CairnError, systemCode } from '../errors.js';
import { exitCodes } from '../exit-codes.js';
import { type Clock, systemClock } from '../platform/clock.js';
import { nodeFiles } from '../platform/node-files.js';
import { type BackupReport, writeBackup } from '../snapshot/backup.js';
import type { Appendable } from '../snapshot/base.js';
import { volumeError } from '../snapshot/installation.js';
import type { Io, Output } from './io.js';
import { Progress } from './progress.js';
import { placeOf, readWords } from './words.js';

/** The backup on stdout or in a file, the facts on stderr. */
export async function backup(argv: readonly string[], io: Io, clock: Clock = systemClock): Promise<number> {
  const words = readWords(argv, { flags: ['--force'], values: ['--output'] });
  const [name, second] = words.names;
  if (second !== undefined)
    throw new CairnError('usage', `backup takes one directory, not ${JSON.stringify(second)} too.`);
  const path = words.values.get('--output');
  if (path === undefined && io.stdout.isTTY) {
    throw new CairnError('usage', 'A backup does not go to a terminal.', {
      hint: 'Name a file by --output, or write `cairn backup > FILE`.',
    });
  }
  const { directory } = await placeOf(name, words, io);
  const progress = new Progress(io, clock);
  const write = (output: Appendable): Promise<BackupReport> =>
    writeBackup({
      files: nodeFiles,
      directory,
      output,
      onProgress: (done, total) => progress.show(done, total),
    });
  const work =
    path === undefined ? write(stdoutSink(io.stdout)) : toFile(path, words.flags.has('--force'), write);
  const report = await work.finally(() => progress.end());
  tell(report, path ?? '-', io);
  return exitCodes.ok;
}

function tell(report: BackupReport, to: string, io: Io): void {
  const { entries, bytes, revision, warnings } = report;
  if (!io.stderr.isTTY) {
    io.stderr.write(`${JSON.stringify({ backup: to, ...report })}\n`);
    return;
  }
  for (const warning of warnings) io.stderr.write(`cairn: ${warning}\n`);
  io.stderr.write(`cairn: ${entries} entries of revision ${revision} in ${bytes} bytes\n`);
}

function stdoutSink(stdout: Output): Appendable {
  return {
    async append(bytes) {
      try {
        await stdout.writeBytes(bytes);
        return bytes.length;
      } catch (cause) {
        const code = systemCode(cause);
        if (code === undefined) throw cause;
        throw new CairnError(
          'storage_error',
          `stdout took no more (${code}): what it got is no whole backup.`,
          {
            hint: 'Look at what reads it, or at the volume that it goes to, and make the backup again.',
            cause,
          },
        );
      }
    },
  };
}

/** The file appears whole or not at all. */
async function toFile(
  path: string,
  force: boolean,
  write: (output: Appendable) => Promise<BackupReport>,
): Promise<BackupReport> {
  const there = await whatIsAt(path);
  if (there === 'other') {
    throw new CairnError('usage', `${path} is no file that could be replaced.`, {
      hint: 'Name a file; for a pipe or a device write `cairn backup > PATH`.',
    });
  }
  if (there === 'file' && !force) {
    throw new CairnError('usage', `${path} is there already.`, {
      hint: 'Choose another name, or say --force.',
    });
  }
  // A name of its own: two backups to one file must not write into each other's.
  const unfinished = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  const file = await nodeFiles.create(unfinished).catch((error: unknown) => {
    throw volumeError(error, path);
  });
  try {
    const report = await write(fileSink(file, path));
    await file.sync();
    await file.close();
    await nodeFiles.rename(unfinished, path);
    await nodeFiles.syncDirectory(dirname(path));
    return report;
  } catch (error) {
    await file.close().catch(() => undefined);
    await nodeFiles.remove(unfinished).catch(() => undefined);
    throw volumeError(error, path);
  }
}

/** What fails here is the output, and not the directory that is read. */
function fileSink(file: Appendable, path: string): Appendable {
  return {
    append: bytes =>
      file.append(bytes).catch((error: unknown) => {
        throw volumeError(error, path);
      }),
  };
}

/** A device, a pipe or a directory must not be taken for a file of before. */
async function whatIsAt(path: string): Promise<'nothing' | 'file' | 'other'> {
  try {
    const file = await nodeFiles.openForReading(path);
    await file.close();
    return 'file';
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return 'nothing';
    return code === 'EFTYPE' || code === 'EISDIR' || code === 'ELOOP' || code === 'ENXIO' ? 'other' : 'file';
  }
}
