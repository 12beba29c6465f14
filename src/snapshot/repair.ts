/**
 * Makes a directory that a start refuses into one that it reads, out of what can still be read, and says what that
 * costs. A sound directory is left alone. The old files are kept beside the new ones, in a directory of their own, so
 * it can be taken back. Without `dryRun` the lock of the directory must be held.
 *
 * A crash at any point leaves the directory as it was, or repaired, perhaps with old files that were not moved yet: the
 * next repair moves them.
 */
import { CairnError } from '../errors.js';
import type { Files } from '../platform/files.js';
import { damaged, foreign } from './damage.js';
import { fileName, type Listing } from './directory.js';
import { asideName, type Ground, groundOf, install, moveAside, namesOf } from './installation.js';
import { type RepairMode, type Salvaged, salvage } from './salvage.js';
import { type Survey, surveyDirectory } from './survey.js';
import { verifySnapshots } from './verify.js';

export interface RepairOptions {
  readonly files: Files;
  readonly directory: string;
  readonly mode: RepairMode;
  /** Changes nothing. */
  readonly dryRun: boolean;
  /** For a directory in which no first line tells its store. */
  readonly newStoreId: () => string;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

export interface RepairReport {
  /** Whether there was something to do. */
  readonly needed: boolean;
  /** What is wrong, and what is lost, a sentence each. */
  readonly findings: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
}

/** @throws CairnError `snapshot_damaged`, `snapshot_foreign` where nothing can be done, `storage_…`, `snapshot_denied` */
export async function repairSnapshots(options: RepairOptions): Promise<RepairReport> {
  const { files, directory, onProgress } = options;
  const ground = await groundOf(files, directory);
  if (namesOf(ground.listing).length === 0) throw empty(directory);
  const verified = await verifySnapshots({
    files,
    directory,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  if (verified.sound) return leaveAlone(options, ground, verified.facts);
  const survey = await surveyDirectory(files, directory, ground.listing);
  const salvaged = await read(options, survey);
  refuseNothing(salvaged, survey, ground.listing);
  const store = survey.store ?? options.newStoreId();
  const moved = asideName('before-repair', ground.number);
  if (!options.dryRun) {
    await install({
      files,
      directory,
      ground,
      store,
      epoch: Math.max(ground.epoch, salvaged.epoch),
      revision: salvaged.revision,
      write: output => salvaged.state.write(output),
    });
    await moveAside(files, directory, namesOf(ground.listing), moved);
  }
  return {
    needed: true,
    findings: [...verified.findings, ...sentences(salvaged, survey)],
    facts: { ...factsOf(salvaged, survey), store, moved },
  };
}

/** Sound, but an earlier repair may have been cut short before it moved the old files. */
async function leaveAlone(
  { files, directory, dryRun }: RepairOptions,
  { listing, number }: Ground,
  facts: RepairReport['facts'],
): Promise<RepairReport> {
  const names = await leftovers(files, directory, listing);
  if (names.length === 0) return { needed: false, findings: ['There is nothing to repair.'], facts };
  const moved = asideName('before-repair', number);
  if (!dryRun) await moveAside(files, directory, names, moved);
  return {
    needed: true,
    findings: ['The files of before an earlier repair were still there; nothing else was to be done.'],
    facts: { ...facts, lost: [], lostPlaces: 0, moved },
  };
}

/** Files older than the beginning of the history, which no start reads any more. */
async function leftovers(files: Files, directory: string, listing: Listing): Promise<string[]> {
  const { way } = await surveyDirectory(files, directory, listing);
  const first = way[0];
  if (first?.log?.header?.prev !== null) return [];
  const isOlder = (number: number): boolean => number < first.number;
  return namesOf({ logs: listing.logs.filter(isOlder), bases: listing.bases.filter(isOlder) });
}

function read({ files, directory, mode, onProgress }: RepairOptions, survey: Survey): Promise<Salvaged> {
  const logs = survey.way.reduce((sum, step) => sum + (step.sealed ?? step.log?.size ?? 0), 0);
  const bases = survey.way.reduce((sum, step) => sum + (step.base?.size ?? 0), 0);
  let done = 0;
  return salvage({
    files,
    directory,
    mode,
    survey,
    onBytes: bytes => {
      done = Math.min(done + bytes, logs + bases);
      onProgress?.(done, logs + bases);
    },
  });
}

function refuseNothing(
  { state, revision }: Salvaged,
  { way, orphans, strange }: Survey,
  listing: Listing,
): void {
  const header = [...way.map(step => step.log), ...way.map(step => step.base), ...orphans].some(
    file => file?.header,
  );
  if (header || state.entries > 0 || revision > 0) return;
  const [file = ''] = namesOf(listing);
  if (strange.length > 0)
    throw foreign('it is not of this store, and nothing else is there', strange[0] ?? file);
  throw damaged('nothing in it can be read, nor in any other file', { file });
}

function empty(directory: string): CairnError {
  return new CairnError('snapshot_damaged', `There is no snapshot in ${directory}, and nothing to repair.`, {
    file: directory,
    hint: '`cairn config` shows the snapshot-dir in force; `cairn restore BACKUP DIR` fills a new one.',
  });
}

function factsOf({ state, revision, base, lost, tornBytes }: Salvaged, { way, strange }: Survey) {
  return {
    revision,
    entries: state.entries,
    collections: state.collections(),
    base,
    logs: way.filter(step => step.log !== null).map(step => fileName(step.number, 'log')),
    lost: lost.told,
    lostPlaces: lost.count,
    tornBytes,
    strange,
  };
}

function sentences({ lost, findings }: Salvaged, { strange }: Survey): string[] {
  const told = lost.told.map(({ file, reason, offset, bytes, revisions }) => {
    const place =
      offset === undefined ? file : `${file} at byte ${offset}${bytes ? ` (${bytes} bytes)` : ''}`;
    const missing = revisions === undefined ? '' : `; lost: the changes ${revisions[0]} to ${revisions[1]}`;
    return `${place}: ${reason}${missing}`;
  });
  const more = lost.count - lost.told.length;
  return [
    ...findings,
    ...strange.map(name => `${name} is not of this store and is passed over`),
    ...told,
    ...(more > 0 ? [`and ${more} places more`] : []),
  ];
}
