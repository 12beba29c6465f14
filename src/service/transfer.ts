/**
 * The store as lines, out and in. Both work in slices between which others have their turn, and hold no more than a
 * slice, however many keys there are.
 *
 * An export is of no single instant: what changes meanwhile comes as it was or as it is, and a key that stays comes
 * exactly once. An import stores slice after slice, each durable before the one behind the next is stored, so it goes
 * as fast as the volume takes it. The first line that cannot be stored ends it; all before it are in.
 */
import type { Commit, Engine } from '../engine/engine.js';
import { CairnError } from '../errors.js';
import {
  CHANGES_SLICE,
  IMPORT_PATIENCE_MS,
  IMPORT_PAUSE_MS,
  IMPORT_SLICE_BYTES,
  LIST_SLICE,
  LIST_SLICE_MS,
} from '../limits.js';
import type { Durability, Entry, JsonText, Key, Milliseconds, Note, Operation, Revision } from '../model.js';
import type { Clock } from '../platform/clock.js';
import type { Place } from './keys.js';
import type { Rules } from './rules.js';
import { SERVICES, type ServiceFacts, type ServicePut, type ServicesEngine } from './services.js';

export interface TransferOptions {
  /** Throws `loading` while there is none. */
  readonly engine: () => ServicesEngine;
  readonly rules: Rules;
  readonly clock: Clock;
}

export interface ExportRequest {
  /** Null: every one that is served. */
  readonly collection: string | null;
  readonly prefix: string;
}

/** Some keys of one collection, in their order. */
export interface ExportPage {
  readonly collection: string;
  readonly entries: readonly (readonly [Key, Entry])[];
  /** What stands beside a service; undefined in other collections. */
  readonly facts: (key: Key) => ServiceFacts | undefined;
  /** Whether a put that names no ttl would give it one. */
  readonly mortal: boolean;
}

/** What one line asks for. */
export interface ImportPut extends Place {
  readonly text: JsonText;
  /** Absent: the collection's default, or none. A deadline that is over leaves nothing under the key. */
  readonly life?: { readonly ttl: Milliseconds | 'none' } | { readonly deadline: Milliseconds };
  /** Of a service. */
  readonly facts?: Partial<ServiceFacts>;
}

export interface ImportOptions {
  /** Absent: `sync`. */
  readonly durability?: Durability | undefined;
  /** Who, and why. */
  readonly note?: Note;
  /** Told after each slice how many lines are in. */
  readonly onProgress?: (imported: number) => void;
}

export interface Imported {
  readonly imported: number;
  readonly revision: Revision;
  readonly durable: boolean;
}

/** A line and its number. */
export interface Line {
  /** From 1; lines that are blank count too. */
  readonly number: number;
  readonly bytes: string;
}

export class Exports {
  readonly #options: TransferOptions;

  constructor(options: TransferOptions) {
    this.#options = options;
  }

  /** The store's now: a watch since it misses nothing of what an export that begins now does not show. */
  get revision(): Revision {
    return this.#options.engine().revision;
  }

  /** In the order of the collections, then of the keys. @throws CairnError `not_found`, before a page is asked for */
  pages({ collection, prefix }: ExportRequest): AsyncIterable<ExportPage> {
    const { rules } = this.#options;
    if (collection !== null) rules.refuseUnknown(collection);
    return this.#pages(collection === null ? rules.collections : [collection], prefix);
  }

  async *#pages(collections: readonly string[], prefix: string): AsyncGenerator<ExportPage> {
    const { clock, engine } = this.#options;
    const policies = new Map(
      engine()
        .collections()
        .map(({ name, policy }) => [name, policy]),
    );
    let sliceEnd = clock.monotonic() + LIST_SLICE_MS;
    for (const collection of collections) {
      const facts = (key: Key) => (collection === SERVICES ? engine().facts(key) : undefined);
      const mortal = (policies.get(collection)?.defaultTtl ?? null) !== null;
      for (const entries of pagesOf(engine(), collection, prefix)) {
        yield { collection, entries, mortal, facts };
        if (clock.monotonic() < sliceEnd) continue;
        await clock.turn();
        sliceEnd = clock.monotonic() + LIST_SLICE_MS;
      }
    }
  }
}

/** Each is looked up when it is asked for, behind the last key of the one before. */
function* pagesOf(engine: Engine, collection: string, prefix: string): Generator<ExportPage['entries']> {
  for (let after: Key | undefined; ; ) {
    const range = { prefix, limit: LIST_SLICE, ...(after === undefined ? {} : { after }) };
    const { entries, more } = engine.page(collection, range);
    if (entries.length > 0) yield entries;
    after = entries.at(-1)?.[0];
    if (!more || after === undefined) return;
  }
}

export class Imports {
  readonly #options: TransferOptions;

  constructor(options: TransferOptions) {
    this.#options = options;
  }

  /** The time by which things expire. */
  now(): Milliseconds {
    return this.#options.engine().now();
  }

  /** @throws CairnError `not_found` */
  refuseUnknown(collection: string): void {
    this.#options.rules.refuseUnknown(collection);
  }

  /**
   * Stores what `read` makes of each line. Where the lines end in an error, what came before it is stored first.
   * @throws CairnError with `imported`: what the lines throw; with `line` too: what `read` throws, `not_found`, and
   * what `Rules.documentOf` and `Engine.commit` throw
   */
  async run(
    lines: AsyncIterable<readonly Line[]>,
    read: (line: Line) => ImportPut,
    options: ImportOptions = {},
  ): Promise<Imported> {
    const run = new ImportRun(this.#options, options);
    try {
      for await (const some of lines) {
        for (const line of some) {
          const taken = this.#taken(line, read);
          while (!run.take(taken)) await run.flush();
        }
      }
      return await run.end();
    } catch (error) {
      throw await run.broken(error);
    }
  }

  #taken(line: Line, read: (line: Line) => ImportPut): Taken {
    const { rules } = this.#options;
    try {
      const put = read(line);
      rules.refuseUnknown(put.collection);
      return { line: line.number, put, text: rules.documentOf(put, put.text) };
    } catch (error) {
      throw error instanceof CairnError ? atLine(line.number, error) : error;
    }
  }
}

interface Taken {
  readonly line: number;
  readonly put: ImportPut;
  /** As it is stored. */
  readonly text: JsonText;
}

/** One import. While a slice is on its way to the volume the next one is gathered; there are never more than these two. */
class ImportRun {
  readonly #options: TransferOptions;
  readonly #durability: Durability;
  readonly #note: Note | undefined;
  readonly #onProgress: (imported: number) => void;
  #slice: Taken[] = [];
  /** The keys of the slice, by collection. */
  readonly #named = new Map<string, Set<Key>>();
  #bytes = 0;
  /** Of the slice that is on its way. */
  #stored: Promise<void> = Promise.resolve();
  #failed = false;
  #imported = 0;
  /** Of the last slice that is in. */
  #revision: Revision | null = null;
  /** Whether the fsync of what changed is done: where nothing did, nothing is promised. */
  #durable = false;

  constructor(options: TransferOptions, { durability = 'sync', note, onProgress = () => {} }: ImportOptions) {
    this.#options = options;
    this.#durability = durability;
    this.#note = note;
    this.#onProgress = onProgress;
  }

  /** False: it has to wait until `flush` is done. A commit names a key once, so the same key is for the next slice. */
  take(taken: Taken): boolean {
    const { collection, key } = taken.put;
    const named = this.#named.get(collection) ?? new Set();
    const bytes = this.#bytes + key.length + taken.text.length;
    if (this.#slice.length === CHANGES_SLICE || named.has(key)) return false;
    if (this.#slice.length > 0 && bytes > IMPORT_SLICE_BYTES) return false;
    this.#slice.push(taken);
    this.#named.set(collection, named.add(key));
    this.#bytes = bytes;
    return true;
  }

  /** What was gathered goes on its way, once the slice before it has arrived. */
  async flush(): Promise<void> {
    await this.#stored;
    if (this.#slice.length === 0) return;
    const slice = this.#slice;
    this.#slice = [];
    this.#named.clear();
    this.#bytes = 0;
    this.#stored = this.#store(slice);
    // Whoever comes next awaits it, and may come late.
    this.#stored.catch(() => {});
  }

  async end(): Promise<Imported> {
    await this.flush();
    await this.#stored;
    const revision = this.#revision ?? this.#options.engine().revision;
    return { imported: this.#imported, revision, durable: this.#durable };
  }

  /** What stood before the error is stored, unless it was the storing that failed. That error would be an earlier one. */
  async broken(error: unknown): Promise<unknown> {
    if (this.#failed) return this.#told(error);
    try {
      await this.end();
      return this.#told(error);
    } catch (earlier) {
      return this.#told(earlier);
    }
  }

  #told(error: unknown): unknown {
    if (!(error instanceof CairnError)) return error;
    return new CairnError(error.code, error.message, { ...error.details, imported: this.#imported });
  }

  async #store(slice: readonly Taken[]): Promise<void> {
    try {
      await this.#put(slice);
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  /** A slice that is refused as a whole is halved until the line is found, and all before it is in. */
  async #put(slice: readonly Taken[]): Promise<void> {
    const [first] = slice;
    if (first === undefined) return;
    try {
      const { revision, durable } = await this.#commit(slice);
      this.#revision = revision;
      this.#durable ||= durable;
    } catch (error) {
      if (!(error instanceof CairnError)) throw error;
      if (slice.length === 1 || error.details.outcome !== undefined) throw atLine(first.line, error);
      const half = slice.length >> 1;
      await this.#put(slice.slice(0, half));
      await this.#put(slice.slice(half));
      return;
    }
    this.#imported += slice.length;
    this.#onProgress(this.#imported);
  }

  /** Who sends more than the volume takes has to wait, and nobody else is meant to. */
  async #commit(slice: readonly Taken[]): Promise<Commit> {
    const { clock } = this.#options;
    const patience = clock.monotonic() + IMPORT_PATIENCE_MS;
    for (;;) {
      try {
        const engine = this.#options.engine();
        const now = engine.now();
        return await engine.commit(
          slice.map(taken => operationOf(taken, now, this.#note)),
          { durability: this.#durability },
        );
      } catch (error) {
        const overloaded = error instanceof CairnError && error.code === 'overloaded';
        if (!overloaded || clock.monotonic() >= patience) throw error;
        await new Promise<void>(resolve => clock.setTimer(IMPORT_PAUSE_MS, resolve));
      }
    }
  }
}

/** A key whose deadline is over is not there: so the line leaves it. */
function operationOf(
  { put, text }: Taken,
  now: Milliseconds,
  note: Note | undefined,
): Operation | ServicePut {
  const { collection, key, life, facts } = put;
  const common = note === undefined ? { collection, key } : { collection, key, note };
  const stored = { type: 'put' as const, ...common, text, ...(facts === undefined ? {} : { facts }) };
  if (life === undefined) return stored;
  if ('ttl' in life) return { ...stored, ttl: life.ttl };
  const ttl = life.deadline - now;
  return ttl > 0 ? { ...stored, ttl } : { type: 'delete', ...common };
}

/**
 * The error with its line. Where the scanner names a place, `Line 1` is the line of the import; which operation of a
 * commit it was is nobody's business.
 */
function atLine(line: number, error: CairnError): CairnError {
  const { op: _, ...details } = error.details;
  const { code, message } = error;
  const placed = message.startsWith('Line 1, ')
    ? message.replace('Line 1,', `Line ${line},`)
    : `Line ${line}: ${message}`;
  return new CairnError(code, placed, { ...details, line });
}
