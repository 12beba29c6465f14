/**
 * Looks a snapshot directory over without changing anything in it, also while it is served: does what a start does,
 * into nothing, and then reads the bases that this start would not have needed.
 *
 * Sound means that there is a snapshot, and that a start gives everything that was durable. A torn tail is no damage: a crash, or the service
 * writing just now, leaves one. A base that is broken is damage even where an older one stands in for it.
 */
import { CairnError, systemCode } from '../errors.js';
import {
  type BaseEntry,
  type BaseRows,
  type BaseVersion,
  type Change,
  type Key,
  needsEntry,
  type Revision,
} from '../model.js';
import type { Files } from '../platform/files.js';
import { BaseReader } from './base.js';
import { BaseOrder } from './base-order.js';
import { fileName, type Listing, listDirectory } from './directory.js';
import { decodeFirst, withFile } from './opening.js';
import { readFirstLine, readSegments } from './reader.js';
import { loadAll, type Recovered, type RecoveryTarget, recover } from './recovery.js';
import { lookSteadily } from './steady-look.js';

export interface VerifyReport {
  readonly sound: boolean;
  /** What is wrong or remarkable, a sentence each. */
  readonly findings: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface VerifyOptions {
  readonly files: Files;
  readonly directory: string;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** @throws CairnError `snapshot_denied`, also where there is no such directory */
export async function verifySnapshots(options: VerifyOptions): Promise<VerifyReport> {
  try {
    return await lookSteadily(options.files, options.directory, () => lookOver(options));
  } catch (error) {
    if (!(error instanceof CairnError) || error.code === 'snapshot_denied') throw error;
    return { sound: false, findings: [error.message], facts: place(error) };
  }
}

async function lookOver(options: VerifyOptions): Promise<VerifyReport> {
  const { files, directory, onProgress } = options;
  const listing = await listDirectory(files, directory);
  const recovered = await recover({
    files,
    directory,
    newTarget: () => new Counter(),
    newStoreId: () => 'none',
    now: 0,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  const findings = [...recovered.warnings];
  if (recovered.logs.length === 0) findings.push('There is no snapshot in this directory.');
  for (const number of listing.bases) {
    if (
      number === recovered.base?.number ||
      findings.some(finding => finding.includes(fileName(number, 'base')))
    )
      continue;
    const finding = await brokenBase(options, number, recovered.successor.store);
    if (finding !== null) findings.push(finding);
  }
  return {
    sound: findings.length === 0,
    findings: [...findings, ...remarks(recovered, listing)],
    facts: facts(recovered, listing),
  };
}

async function brokenBase(
  { files, directory }: VerifyOptions,
  number: number,
  store: string,
): Promise<string | null> {
  const name = fileName(number, 'base');
  try {
    return await withFile(files, directory, name, 0, async file => {
      const header = decodeFirst(name, await readFirstLine(file));
      const revision = header.cairn === 'base' ? header.revision : 0;
      const reader = new BaseReader({ name, store, number, revision });
      const counter = new Counter();
      for await (const segments of readSegments(file, (await file.stat()).size)) {
        for (const segment of segments) {
          const line = reader.take(segment);
          if (line !== null) loadAll(counter, line, { file: name, offset: segment.offset });
        }
      }
      reader.finish();
      return null;
    });
  } catch (error) {
    if (!(error instanceof CairnError) || systemCode(error.details.cause) === 'ENOENT') throw error;
    return error.message;
  }
}

function remarks({ torn }: Recovered<Counter>, { unfinished }: Listing): string[] {
  const remarks = unfinished.map(name => `${name} is unfinished; the next start removes it`);
  if (torn !== null) {
    remarks.push(
      `${torn.file} ends in ${torn.bytes} bytes of an unfinished line at byte ${torn.offset}, which a start does not use`,
    );
  }
  return remarks;
}

function facts(
  { target, revision, successor, base, logs, clean, torn }: Recovered<Counter>,
  listing: Listing,
): VerifyReport['facts'] {
  if (logs.length === 0) return { entries: 0, revision: 0 };
  return {
    store: successor.store,
    revision,
    entries: target.entries,
    collections: target.collections(),
    base: base === null ? null : fileName(base.number, 'base'),
    logs: logs.map(log => fileName(log.number, 'log')),
    bytes: logs.reduce((sum, log) => sum + log.bytes, base?.bytes ?? 0),
    clean,
    tornBytes: torn?.bytes ?? 0,
    files: listing.logs.length + listing.bases.length,
  };
}

function place(error: CairnError): VerifyReport['facts'] {
  const { file, offset, revision, follows } = error.details;
  return { code: error.code, file, offset, revision, follows, hint: error.hint };
}

/** A target that keeps the keys, to count them and to see that everything fits what came before it. */
class Counter implements RecoveryTarget {
  readonly #collections = new Map<string, Set<Key>>();
  /** Null after the base. */
  #order: BaseOrder | null = new BaseOrder();

  get entries(): number {
    let entries = 0;
    for (const keys of this.#collections.values()) entries += keys.size;
    return entries;
  }

  collections(): Record<string, number> {
    return Object.fromEntries([...this.#collections].map(([name, keys]) => [name, keys.size]));
  }

  load(collection: string, entry: BaseEntry): void {
    this.#order?.entry(collection, entry);
    this.#keys(collection).add(entry.key);
  }

  loadVersion(collection: string, version: BaseVersion): void {
    this.#order?.version(collection, version);
  }

  loadRows(collection: string, rows: BaseRows): void {
    for (const entry of rows) this.load(collection, entry);
  }

  loaded(_revision: Revision): void {
    this.#order = null;
  }

  replay(change: Change): void {
    const { type, collection, key } = change;
    const keys = this.#keys(collection);
    if (needsEntry(change) && !keys.has(key)) throw new Error(`a ${type} meets no key`);
    if (type === 'delete') keys.delete(key);
    else keys.add(key);
  }

  #keys(collection: string): Set<Key> {
    const known = this.#collections.get(collection);
    if (known !== undefined) return known;
    const keys = new Set<Key>();
    this.#collections.set(collection, keys);
    return keys;
  }
}
