/**
 * What a damaged directory holds, as far as its first lines tell, and the way that its history took through the logs:
 * what LogFinder finds in a sound one. Where the way is broken it goes on with the next older log, and says that one
 * is missing. Files of other stores are passed over; a newer format is not for this version to repair.
 */
import { CairnError } from '../errors.js';
import type { Revision } from '../model.js';
import type { Files } from '../platform/files.js';
import { foreign } from './damage.js';
import { fileName, type Listing } from './directory.js';
import {
  type BaseHeader,
  decodeHeader,
  FormatError,
  type LogHeader,
  NewerFormatError,
  type Seal,
} from './header.js';
import { lineChecksum } from './line.js';
import { withFile } from './opening.js';
import { readFirstLine } from './reader.js';

interface Surveyed<Header> {
  readonly number: number;
  readonly name: string;
  readonly size: number;
  /** Null: its first line is wrong, or the file cannot be read. */
  readonly header: Header | null;
  /** Of a right first line. */
  readonly checksum: string | null;
  /** No line of it was ever finished. */
  readonly unborn: boolean;
}

export type SurveyedLog = Surveyed<LogHeader>;
export type SurveyedBase = Surveyed<BaseHeader>;

/** One log of the way. */
export interface Step {
  readonly number: number;
  readonly name: string;
  /** Null: it is missing. */
  readonly log: SurveyedLog | null;
  /** How many of its bytes count, where the log after it says so. */
  readonly sealed: number | null;
  /** No change after this revision was promised to stand in it: a later log begins there. */
  readonly cap: Revision;
  readonly base: SurveyedBase | null;
}

export interface Survey {
  /** That of most of the files; null: no first line tells. */
  readonly store: string | null;
  /** Oldest first. */
  readonly way: readonly Step[];
  /** All that may be used, where there is no log at all. */
  readonly orphans: readonly SurveyedBase[];
  /** Names of files that belong to another store, or are not what their name says. */
  readonly strange: readonly string[];
}

/** @throws CairnError `snapshot_foreign` for a newer format, `snapshot_denied` */
export async function surveyDirectory(files: Files, directory: string, listing: Listing): Promise<Survey> {
  const strange: string[] = [];
  const logs: SurveyedLog[] = [];
  const bases: SurveyedBase[] = [];
  for (const [kind, numbers] of [['log', listing.logs] as const, ['base', listing.bases] as const]) {
    for (const number of numbers) {
      const found = await surveyFile(files, directory, number, fileName(number, kind));
      if (found.header === null) (kind === 'log' ? logs : bases).push({ ...found, header: null });
      else if (found.header.number !== number || found.header.cairn !== kind) strange.push(found.name);
      else if (found.header.cairn === 'log') logs.push({ ...found, header: found.header });
      else bases.push({ ...found, header: found.header });
    }
  }
  const store = commonStore([...bases, ...logs]);
  const ours = (file: SurveyedLog | SurveyedBase): boolean =>
    file.header === null || file.header.store === store;
  strange.push(...[...logs, ...bases].filter(file => !ours(file)).map(file => file.name));
  const own = bases.filter(ours);
  const way = wayThrough(logs.filter(ours), own);
  return { store, way, orphans: way.length > 0 ? [] : own, strange };
}

async function surveyFile(
  files: Files,
  directory: string,
  number: number,
  name: string,
): Promise<Surveyed<LogHeader | BaseHeader>> {
  try {
    return await withFile(files, directory, name, 0, async file => {
      const { size } = await file.stat();
      const first = await readFirstLine(file);
      const right = first.state === 'right';
      const header = right ? headerOf(name, first.line) : null;
      const checksum = right ? lineChecksum(first.line) : null;
      return { number, name, size, header, checksum, unborn: first.state === 'cut' };
    });
  } catch (error) {
    if (!(error instanceof CairnError) || error.code !== 'snapshot_damaged') throw error;
    return { number, name, size: 0, header: null, checksum: null, unborn: false };
  }
}

function headerOf(name: string, line: Buffer): LogHeader | BaseHeader | null {
  try {
    return decodeHeader(line);
  } catch (cause) {
    if (cause instanceof NewerFormatError) throw foreign(cause.message, name, { cause });
    if (cause instanceof FormatError) return null;
    throw cause;
  }
}

/** The one that most files name; among equals that of the last, which is the newest log. */
function commonStore(files: readonly Surveyed<LogHeader | BaseHeader>[]): string | null {
  const counts = new Map<string, number>();
  let common: string | null = null;
  for (const { header } of files) {
    if (header === null) continue;
    counts.set(header.store, (counts.get(header.store) ?? 0) + 1);
    if (common === null || (counts.get(header.store) ?? 0) >= (counts.get(common) ?? 0))
      common = header.store;
  }
  return common;
}

/** From the newest log that was born back along `prev`. */
function wayThrough(logs: readonly SurveyedLog[], bases: readonly SurveyedBase[]): Step[] {
  const byNumber = new Map(logs.map(log => [log.number, log]));
  const way: Step[] = [];
  let cap: Revision = Number.POSITIVE_INFINITY;
  let seal: Seal | null = null;
  let number = logs.findLast(log => !log.unborn)?.number;
  while (number !== undefined) {
    const at: number = number;
    const found = byNumber.get(at) ?? null;
    const log: SurveyedLog | null = found !== null && isMeant(found, seal) ? found : null;
    const base = bases.find(candidate => candidate.number === at) ?? null;
    way.unshift({ number: at, name: fileName(at, 'log'), log, sealed: seal?.bytes ?? null, cap, base });
    const header: LogHeader | null = log?.header ?? null;
    if (header !== null) cap = Math.min(cap, header.after);
    if (header !== null && header.prev === null) break;
    const prev: Seal | null = header?.prev ?? null;
    seal = prev !== null && prev.number < at ? prev : null;
    number = seal?.number ?? logs.findLast(candidate => candidate.number < at)?.number;
  }
  return way;
}

/** A log whose first line is wrong is known by its number alone. */
function isMeant(log: SurveyedLog, seal: Seal | null): boolean {
  return seal === null || log.checksum === null || log.checksum === seal.checksum;
}
