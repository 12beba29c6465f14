/**
 * Writes the state of a directory as one base, of one instant: the last right line. It only reads the directory, also
 * while it is served, and needs no lock.
 *
 * It reads twice. First as a start does, to know that all is right, and to gather the changes since the newest whole
 * base; then that base again, with the changes in it, while the output goes out. Damage refuses as a start does. An
 * output that was cut short has no right last line, and so is no base.
 */
import { join } from 'node:path';
import { CairnError, systemCode } from '../errors.js';
import type { BaseEntry, BaseVersion, Revision } from '../model.js';
import type { File, Files } from '../platform/files.js';
import { type Appendable, BaseOutput, BaseReader } from './base.js';
import { unreadableFile, withRepairHint } from './damage.js';
import { fileName } from './directory.js';
import { encodeHeader, FORMAT } from './header.js';
import { type Merge, Overlay } from './overlay.js';
import { type Readable, readSegments } from './reader.js';
import { type Recovered, recover } from './recovery.js';
import { lookSteadily } from './steady-look.js';

export interface BackupOptions {
  readonly files: Files;
  readonly directory: string;
  readonly output: Appendable;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

export interface BackupReport {
  readonly store: string;
  readonly revision: Revision;
  readonly entries: number;
  readonly bytes: number;
  /** What was passed over in the directory, a sentence each. */
  readonly warnings: readonly string[];
}

/** @throws CairnError `snapshot_…` as a start does; what the output throws goes on as it is. */
export async function writeBackup(options: BackupOptions): Promise<BackupReport> {
  const { files, directory } = options;
  const { recovered, base } = await lookSteadily(files, directory, () => gather(options));
  try {
    const output = new BaseOutput(options.output);
    const { revision, epoch, successor, warnings, logs } = recovered;
    const number = logs.at(-1)?.number ?? 0;
    const { store } = successor;
    await output.line(encodeHeader({ cairn: 'base', format: FORMAT, store, epoch, number, revision }));
    await stream(options, recovered, base, output);
    await output.footer();
    return { store, revision, entries: output.entries, bytes: output.bytes, warnings };
  } catch (error) {
    throw withRepairHint(error, directory);
  } finally {
    await base?.close().catch(() => undefined);
  }
}

interface Gathered {
  readonly recovered: Recovered<Overlay>;
  /** Open: it may be removed meanwhile. */
  readonly base: File | null;
}

async function gather({ files, directory, onProgress }: BackupOptions): Promise<Gathered> {
  const recovered = await recover({
    files,
    directory,
    newTarget: () => new Overlay(),
    newStoreId: () => 'none',
    now: 0,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  if (recovered.logs.length === 0) throw nothing(directory);
  return { recovered, base: recovered.base && (await openBase(files, directory, recovered.base.number)) };
}

async function openBase(files: Files, directory: string, number: number): Promise<File> {
  const name = fileName(number, 'base');
  try {
    return await files.openForReading(join(directory, name));
  } catch (cause) {
    const code = systemCode(cause);
    throw code === undefined ? cause : unreadableFile(name, code, cause);
  }
}

async function stream(
  options: BackupOptions,
  { target, base, successor }: Recovered<Overlay>,
  file: File | null,
  output: BaseOutput,
): Promise<void> {
  const name = fileName(base?.number ?? 0, 'base');
  const writer = new MergedOutput(output, target.merge(name));
  if (file !== null && base !== null) {
    const { revision } = target;
    const reader = new BaseReader({ name, store: successor.store, number: base.number, revision });
    let done = 0;
    for await (const segments of readSegments(readingOf(name, file), base.bytes)) {
      for (const segment of segments) {
        const line = reader.take(segment);
        if (line?.type === 'entries') await writer.take(line.collection, line.entries);
        if (line?.type === 'versions') await writer.takeVersions(line.collection, line.versions);
        done = segment.end;
      }
      options.onProgress?.(done, base.bytes);
    }
    reader.finish();
  }
  await writer.finish();
}

/** An error of this file, and none of where the output goes. */
function readingOf(name: string, file: File): Readable {
  return {
    read: (buffer, position) =>
      file.read(buffer, position).catch((cause: unknown) => {
        const code = systemCode(cause);
        throw code === undefined ? cause : unreadableFile(name, code, cause);
      }),
  };
}

/** Writes the entries of the base with the changes in them. */
class MergedOutput {
  readonly #output: BaseOutput;
  readonly #merge: Merge;
  #collection: string | null = null;
  /** Whether all entries of the collection are written. */
  #entriesEnded = false;

  constructor(output: BaseOutput, merge: Merge) {
    this.#output = output;
    this.#merge = merge;
  }

  async take(collection: string, entries: readonly BaseEntry[]): Promise<void> {
    await this.#enter(collection);
    for (const entry of entries) {
      for (const now of this.#merge.upTo(entry)) {
        const full = this.#add(collection, now);
        if (full !== undefined) await full;
      }
    }
  }

  async takeVersions(collection: string, versions: readonly BaseVersion[]): Promise<void> {
    await this.#enter(collection);
    await this.#endEntries(collection);
    for (const row of versions) {
      const version = this.#merge.version(row);
      if (version !== null) await this.#addVersion(collection, version);
    }
  }

  async finish(): Promise<void> {
    for (const name of this.#merge.others()) await this.#enter(name);
    await this.#leave();
  }

  async #enter(collection: string): Promise<void> {
    if (collection === this.#collection) return;
    await this.#leave();
    this.#collection = collection;
    this.#entriesEnded = false;
    this.#merge.enter(collection);
  }

  async #leave(): Promise<void> {
    const collection = this.#collection;
    if (collection === null) return;
    await this.#endEntries(collection);
    for (const version of this.#merge.versions()) await this.#addVersion(collection, version);
    await this.#output.flush(collection);
  }

  async #endEntries(collection: string): Promise<void> {
    if (this.#entriesEnded) return;
    this.#entriesEnded = true;
    for (const entry of this.#merge.left()) await this.#add(collection, entry);
  }

  /** Waits only where a line goes out. */
  #add(collection: string, entry: BaseEntry): Promise<void> | undefined {
    return this.#output.addEntry(entry) ? this.#output.flush(collection) : undefined;
  }

  #addVersion(collection: string, version: BaseVersion): Promise<void> | undefined {
    return this.#output.addVersion(version) ? this.#output.flush(collection) : undefined;
  }
}

function nothing(directory: string): CairnError {
  return new CairnError('snapshot_damaged', `There is no snapshot in ${directory}.`, {
    file: directory,
    hint: 'It may be the wrong directory: `cairn config` shows the snapshot-dir in force.',
  });
}
