/**
 * The base: the whole state at one revision, in one file that is a backup by itself. It is written in slices of at
 * most BASE_SLICE_MS, so that nobody waits for it, from a view of the store that does not change, and is synced
 * every few MiB, since an fsync of the log can wait for all that the base has written and not synced. It is
 * believed only if every line is right and the last one counts and sums them all.
 */
import { crc32 } from 'node:zlib';
import type { CairnError } from '../errors.js';
import { BASE_LINE_BYTES, BASE_ROW_BYTES, BASE_SLICE_MS, BASE_SYNC_BYTES } from '../limits.js';
import type { BaseEntry, BaseVersion, Entry, Epoch, Key, Revision } from '../model.js';
import type { Clock } from '../platform/clock.js';
import type { File } from '../platform/files.js';
import { appendAll } from './append.js';
import { damaged, foreign } from './damage.js';
import {
  type BaseLine,
  decodeBaseRows,
  encodeEntries,
  encodeVersions,
  type RowsLine,
  withEntries,
} from './format.js';
import { type BaseFooter, decodeHeader, encodeHeader, FORMAT } from './header.js';
import { lineChecksum } from './line.js';
import { decodeSegment, unreadable } from './opening.js';
import type { Segment } from './reader.js';

/** The state at one revision, which does not change while it is read. */
export interface FrozenState {
  readonly revision: Revision;
  /** How many there are: a base that holds another number is not published. */
  readonly entries: number;
  readonly versions: number;
  collections(): Iterable<FrozenCollection>;
  /** Must be called once, whatever happens. */
  release(): void;
}

export interface FrozenCollection {
  readonly name: string;
  /** In key order. */
  entries(): Iterable<readonly [Key, Entry]>;
  /** Those of a key in their order. */
  versions(): Iterable<BaseVersion>;
}

export interface BaseWriting {
  readonly file: File;
  readonly state: FrozenState;
  readonly store: string;
  readonly epoch: Epoch;
  readonly number: number;
  readonly clock: Clock;
  /** Looked at between the slices and at the end; true gives the base up. */
  readonly abandoned: () => boolean;
}

/**
 * Writes all of a base and syncs it. Resolves with its bytes, or null if it was given up. Rejects with the
 * system's error, and when the state holds another number of entries than it said.
 */
export async function writeBase(writing: BaseWriting): Promise<number | null> {
  const { file, state, store, epoch, number, clock } = writing;
  const output = new BaseOutput(file);
  await output.line(
    encodeHeader({ cairn: 'base', format: FORMAT, store, epoch, number, revision: state.revision }),
  );
  let sliceEnd = clock.monotonic() + BASE_SLICE_MS;
  let syncAt = BASE_SYNC_BYTES;
  for (const collection of state.collections()) {
    for (const full of gather(collection, output)) {
      if (!full && clock.monotonic() < sliceEnd) continue;
      if (full) await output.flush(collection.name); // waits for the disk, so memory holds one line and no more
      if (output.bytes >= syncAt) {
        await file.sync();
        syncAt = output.bytes + BASE_SYNC_BYTES;
      }
      await clock.turn();
      if (writing.abandoned()) return null;
      sliceEnd = clock.monotonic() + BASE_SLICE_MS;
    }
    await output.flush(collection.name);
  }
  if (writing.abandoned()) return null;
  const { entries, versions } = output;
  if (entries !== state.entries || versions !== state.versions) {
    const held = `${state.entries} entries and ${state.versions} versions`;
    throw new Error(`the base holds ${entries} entries and ${versions} versions where the store had ${held}`);
  }
  await output.footer();
  await file.sync();
  return output.bytes;
}

/** Gives the output all of a collection, and after each whether a line is full. */
function* gather({ entries, versions }: FrozenCollection, output: BaseOutput): Generator<boolean, void> {
  for (const [key, entry] of entries()) yield output.add(key, entry);
  for (const version of versions()) yield output.addVersion(version);
}

/** Where lines go: a file, or whatever takes bytes as one does. */
export type Appendable = Pick<File, 'append'>;

/** Gathers the entries of a collection, and the versions behind them, into lines, and keeps count. */
export class BaseOutput {
  readonly #file: Appendable;
  readonly #sum = new ChecksumSum();
  #pending: BaseEntry[] = [];
  #pendingVersions: BaseVersion[] = [];
  #pendingBytes = 0;
  entries = 0;
  versions = 0;
  lines = 0;
  bytes = 0;

  constructor(file: Appendable) {
    this.#file = file;
  }

  /** Whether a line is full and `flush` is due. */
  add(key: Key, entry: Entry): boolean {
    const { text, version, revision, epoch, time } = entry;
    return this.addEntry({ key, text, version, revision, epoch, time, deadline: entry.deadline() });
  }

  addEntry(entry: BaseEntry): boolean {
    this.#pending.push(entry);
    this.#pendingBytes += entry.key.length + entry.text.length + BASE_ROW_BYTES;
    return this.#pendingBytes >= BASE_LINE_BYTES;
  }

  addVersion(version: BaseVersion): boolean {
    const { key, text, by, comment } = version;
    this.#pendingVersions.push(version);
    this.#pendingBytes += key.length + BASE_ROW_BYTES;
    this.#pendingBytes += (text?.length ?? 0) + (by?.length ?? 0) + (comment?.length ?? 0);
    return this.#pendingBytes >= BASE_LINE_BYTES;
  }

  async flush(collection: string): Promise<void> {
    const [entries, versions] = [this.#pending, this.#pendingVersions];
    this.#pending = [];
    this.#pendingVersions = [];
    this.#pendingBytes = 0;
    this.entries += entries.length;
    this.versions += versions.length;
    if (entries.length > 0) await this.line(encodeEntries(collection, entries));
    if (versions.length > 0) await this.line(encodeVersions(collection, versions));
  }

  /** The last line, behind which nothing may follow. */
  async footer(): Promise<void> {
    const { entries, lines } = this;
    await this.line(encodeHeader({ entries, lines, checksum: this.#sum.text() }));
  }

  async line(line: Buffer): Promise<void> {
    this.#sum.add(lineChecksum(line));
    this.lines += 1;
    this.bytes += line.length;
    await appendAll(this.#file, line);
  }
}

/** The checksum over checksums that the last line of a base holds. */
class ChecksumSum {
  #value = 0;

  add(checksum: string): void {
    this.#value = crc32(checksum, this.#value);
  }

  text(): string {
    return this.#value.toString(16).padStart(8, '0');
  }
}

/** What a base must be to be the one that is looked for. */
export interface ExpectedBase {
  readonly name: string;
  readonly store: string;
  readonly number: number;
  readonly revision: Revision;
}

/** Checks the segments of a base one after the other, and gives what each holds. Throws `snapshot_damaged`. */
export class BaseReader {
  readonly #expected: ExpectedBase;
  readonly #sum = new ChecksumSum();
  #entries = 0;
  #lines = 0;
  /** Of the last segment. */
  #end = 0;
  #ended = false;

  constructor(expected: ExpectedBase) {
    this.#expected = expected;
  }

  /** Null for the first line. */
  take(segment: Segment): BaseLine | null {
    const line = this.takeRows(segment);
    return line === null ? null : withEntries(line);
  }

  /** The same, and leaves the entries in the line where it can. */
  takeRows(segment: Segment): BaseLine | RowsLine | null {
    if (segment.state !== 'right') throw this.#damaged('a line is wrong', segment.offset);
    if (this.#ended) throw this.#damaged('there is more behind its last line', segment.offset);
    const line = segment.offset === 0 ? null : this.#decode(segment);
    if (line === null) this.#header(segment);
    if (line?.type === 'footer') this.#footer(line, segment.offset);
    if (line?.type === 'entries') this.#entries += line.entries.length;
    if (line?.type === 'rows') this.#entries += line.rows.size;
    this.#sum.add(lineChecksum(segment.line));
    this.#lines += 1;
    this.#end = segment.end;
    return line;
  }

  /** Call it at the end of the file. */
  finish(): void {
    if (!this.#ended) throw this.#damaged('its last line is missing', this.#end);
  }

  #header(segment: Segment): void {
    const { name, store, number, revision } = this.#expected;
    const header = decodeSegment(name, segment, decodeHeader);
    if (header.store !== store) throw foreign('it belongs to another store', name, { offset: 0 });
    if (header.cairn !== 'base' || header.number !== number)
      throw foreign('its first line is of another file', name, { offset: 0 });
    if (header.revision !== revision) {
      throw this.#damaged(`it is of revision ${header.revision}, and its log begins after ${revision}`, 0);
    }
  }

  #footer(footer: BaseFooter, offset: number): void {
    if (
      footer.entries !== this.#entries ||
      footer.lines !== this.#lines ||
      footer.checksum !== this.#sum.text()
    ) {
      throw this.#damaged('its last line does not count what stands before it', offset);
    }
    this.#ended = true;
  }

  #decode({ line, offset }: Segment): BaseLine | RowsLine {
    try {
      return decodeBaseRows(line);
    } catch (cause) {
      throw this.#damaged(unreadable(cause), offset, cause);
    }
  }

  #damaged(message: string, offset?: number, cause?: unknown): CairnError {
    const { name, revision } = this.#expected;
    return damaged(message, { file: name, revision, ...(offset === undefined ? {} : { offset }), cause });
  }
}
