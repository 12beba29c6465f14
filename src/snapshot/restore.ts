/**
 * Brings a backup into a directory. All of the backup is checked, and nothing of it counts before that; what the
 * directory held is moved aside within it. The next start goes on from there in a new epoch, greater than that of the
 * backup and of what was there. The lock of the directory must be held.
 */
import { CairnError } from '../errors.js';
import type { Files } from '../platform/files.js';
import type { BackupFile } from './backup-file.js';
import { shellWord } from './damage.js';
import { fileName } from './directory.js';
import { asideName, groundOf, install, moveAside, namesOf } from './installation.js';

export interface RestoreOptions {
  readonly files: Files;
  readonly directory: string;
  readonly backup: BackupFile;
  /** Whether snapshots that are there may be moved aside. */
  readonly force: boolean;
  readonly onBytes?: (doneBytes: number) => void;
}

export interface RestoreReport {
  readonly store: string;
  readonly revision: number;
  readonly entries: number;
  readonly collections: Readonly<Record<string, number>>;
  /** Of the backup. */
  readonly bytes: number;
}

/** @throws CairnError `usage` where the directory holds snapshots, `snapshot_damaged`, `snapshot_foreign`, `storage_…` */
export async function restoreBackup(
  options: RestoreOptions,
): Promise<RestoreReport & { readonly base: string; readonly moved: string | null }> {
  const { files, directory, backup, force, onBytes } = options;
  const ground = await groundOf(files, directory);
  const old = namesOf(ground.listing);
  // A base without any log is what a restore leaves that was cut short.
  if (ground.listing.logs.length > 0 && !force) throw inUse(directory, old.length);
  const { store, revision } = backup.header;
  await install({
    files,
    directory,
    ground,
    store,
    epoch: Math.max(ground.epoch, backup.header.epoch),
    revision,
    async write(output) {
      for await (const { line, entries, versions } of backup.lines()) {
        await output.line(line);
        output.entries += entries;
        output.versions += versions;
        onBytes?.(backup.bytes);
      }
    },
  });
  const moved = old.length === 0 ? null : asideName('replaced', ground.number);
  if (moved !== null) await moveAside(files, directory, old, moved);
  return { ...reportOf(backup), base: fileName(ground.number, 'base'), moved };
}

/** Reads and checks all of the backup, and writes nothing. */
export async function checkBackup(
  backup: BackupFile,
  onBytes?: (doneBytes: number) => void,
): Promise<RestoreReport> {
  for await (const _ of backup.lines()) onBytes?.(backup.bytes);
  return reportOf(backup);
}

function reportOf(backup: BackupFile): RestoreReport {
  const { header, entries, bytes } = backup;
  return {
    store: header.store,
    revision: header.revision,
    entries,
    collections: backup.collections(),
    bytes,
  };
}

function inUse(directory: string, files: number): CairnError {
  return new CairnError('usage', `${directory} holds snapshots already (${files} files).`, {
    hint: `Restore into a new directory, or say \`--force\`: the files are then moved into ${shellWord(directory)}/replaced-… and not deleted.`,
  });
}
