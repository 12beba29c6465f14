/**
 * A backup that is read from its first byte to its last: any base, from `cairn backup` or out of a directory. Nothing of
 * it is believed before the end, where its last line counts and sums all the rest. Its rows must fit each other as a start
 * wants them: a backup that was made by hand may have right lines and be no state all the same.
 */
import { CairnError, systemCode } from '../errors.js';
import type { Revision } from '../model.js';
import { BaseReader } from './base.js';
import { BaseOrder, OrderError } from './base-order.js';
import { damaged, unreadableFile } from './damage.js';
import type { BaseLine } from './format.js';
import type { BaseHeader } from './header.js';
import { decodeFirst } from './opening.js';
import { type Readable, readSegments, type Segment } from './reader.js';

const HINT = 'Take another backup: nothing was changed. `cairn verify DIR` looks over a whole directory.';

/** A line as it stands, and how many entries and versions it holds. */
export interface BackupLine {
  readonly line: Buffer;
  readonly entries: number;
  readonly versions: number;
}

export class BackupFile {
  readonly header: BaseHeader;
  readonly #name: string;
  readonly #begun: readonly Segment[];
  readonly #rest: AsyncGenerator<readonly Segment[], void, undefined>;
  readonly #counts = new Map<string, number>();
  readonly #order = new BaseOrder();
  #bytes = 0;

  private constructor(
    name: string,
    header: BaseHeader,
    begun: readonly Segment[],
    rest: AsyncGenerator<readonly Segment[], void, undefined>,
  ) {
    this.#name = name;
    this.header = header;
    this.#begun = begun;
    this.#rest = rest;
  }

  /** Reads the first line. */
  static async open(input: Readable, name: string): Promise<BackupFile> {
    try {
      const segments = readSegments(input, Number.POSITIVE_INFINITY);
      const { value: begun = [] } = await segments.next();
      const [first] = begun;
      if (first === undefined) throw damaged('it is empty', { file: name });
      const header = decodeFirst(name, first);
      if (header.cairn === 'base') return new BackupFile(name, header, begun, segments);
      throw new CairnError('snapshot_foreign', `${name}: it is a log, and a backup is a base.`, {
        file: name,
        hint: 'Name a .base file, or make a backup: `cairn backup DIR --output FILE`.',
      });
    } catch (error) {
      throw told(error, name);
    }
  }

  get revision(): Revision {
    return this.header.revision;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get entries(): number {
    return [...this.#counts.values()].reduce((sum, entries) => sum + entries, 0);
  }

  collections(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }

  /** The lines of entries and versions, each right, valid until the next is asked for. Ends only if the whole backup is right. */
  async *lines(): AsyncGenerator<BackupLine, void, undefined> {
    const { store, number, revision } = this.header;
    const reader = new BaseReader({ name: this.#name, store, number, revision });
    try {
      for (let segments: readonly Segment[] | undefined = this.#begun; segments; ) {
        for (const segment of segments) {
          const line = reader.take(segment);
          this.#bytes = segment.end;
          if (line?.type === 'entries') yield this.#entries(line, segment);
          if (line?.type === 'versions') yield this.#versions(line, segment);
        }
        segments = (await this.#rest.next()).value ?? undefined;
      }
      reader.finish();
    } catch (error) {
      throw told(error, this.#name);
    }
  }

  #entries(
    { collection, entries }: Extract<BaseLine, { type: 'entries' }>,
    { line, offset }: Segment,
  ): BackupLine {
    this.#ordered(offset, () => {
      for (const entry of entries) this.#order.entry(collection, entry);
    });
    this.#counts.set(collection, (this.#counts.get(collection) ?? 0) + entries.length);
    return { line, entries: entries.length, versions: 0 };
  }

  #versions(
    { collection, versions }: Extract<BaseLine, { type: 'versions' }>,
    { line, offset }: Segment,
  ): BackupLine {
    this.#ordered(offset, () => {
      for (const version of versions) this.#order.version(collection, version);
    });
    return { line, entries: 0, versions: versions.length };
  }

  #ordered(offset: number, check: () => void): void {
    try {
      check();
    } catch (error) {
      if (error instanceof OrderError) throw damaged(error.message, { file: this.#name, offset });
      throw error;
    }
  }
}

function told(error: unknown, name: string): unknown {
  if (error instanceof CairnError) {
    if (error.code !== 'snapshot_damaged') return error;
    return new CairnError(error.code, error.message, { ...error.details, hint: HINT });
  }
  const code = systemCode(error);
  return code === undefined ? error : unreadableFile(name, code, error);
}
