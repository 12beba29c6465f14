/**
 * The store as lines, out and in. Both work in slices between which others have their turn, and hold no more than a
 * slice, however many keys there are.
 *
 * An export is of no single instant: what changes meanwhile comes as it was or as it is, and a key that stays comes
 * exactly once. An import stores slice after slice (import-run.ts), so it goes as fast as the volume takes it. The first
 * line that cannot be stored ends it; all before it are in.
 */
import type { Origin } from '../engine/engine.js';
import { CairnError } from '../errors.js';
import { EXPORT_CHUNK_BYTES, LIST_SLICE, LIST_SLICE_MS } from '../limits.js';
import type { Durability, Entry, JsonText, Key, Milliseconds, Note, Revision } from '../model.js';
import type { Clock } from '../platform/clock.js';
import type { Part } from './grant.js';
import { atLine, ImportRun, type Taken } from './import-run.js';
import type { Place } from './keys.js';
import type { Rules } from './rules.js';
import { SERVICES, type ServiceFacts, type ServicesEngine } from './services.js';
import { pagesWithin } from './walk.js';

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
  /** Of the prefix, what may be shown; absent: all. */
  readonly partsOf?: (collection: string) => readonly Part[];
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
  readonly origin?: Origin;
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

  /** Those that are served. */
  get collections(): readonly string[] {
    return this.#options.rules.collections;
  }

  /** In the order of the collections, then of the keys. @throws CairnError `not_found`, before a page is asked for */
  pages(request: ExportRequest): AsyncIterable<ExportPage> {
    const { collection, prefix, partsOf = () => [{ prefix, alone: false }] } = request;
    const { rules } = this.#options;
    if (collection !== null) rules.refuseUnknown(collection);
    return this.#pages(collection === null ? rules.collections : [collection], partsOf);
  }

  async *#pages(
    collections: readonly string[],
    partsOf: (collection: string) => readonly Part[],
  ): AsyncGenerator<ExportPage> {
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
      const walk = {
        collection,
        parts: partsOf(collection),
        limit: LIST_SLICE,
        bytesMax: EXPORT_CHUNK_BYTES,
      };
      for (const entries of pagesWithin(engine(), walk)) {
        yield { collection, entries, mortal, facts };
        if (clock.monotonic() < sliceEnd) continue;
        await clock.turn();
        sliceEnd = clock.monotonic() + LIST_SLICE_MS;
      }
    }
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
   * @throws CairnError with `imported`, and `line`, the first that is not in: what the lines throw, what `read` throws,
   * `not_found`, and what `Rules.documentOf` and `Engine.commit` throw
   */
  async run(
    lines: AsyncIterable<readonly Line[]>,
    read: (line: Line) => ImportPut,
    options: ImportOptions = {},
  ): Promise<Imported> {
    const run = new ImportRun(this.#options, options);
    try {
      for await (const some of withPauses(lines, this.#options.clock, () => run.pause())) {
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

/** The lines as they come. Where the next do not come within a turn of the event loop, `onPause` is asked, and may throw. */
async function* withPauses<T>(
  items: AsyncIterable<T>,
  clock: Clock,
  onPause: () => Promise<never>,
): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = iterator.next();
      const atOnce = await Promise.race([next, clock.turn().then(() => null)]);
      const { done, value } = atOnce ?? (await Promise.race([next, onPause()]));
      if (done === true) return;
      yield value;
    }
  } finally {
    // Not awaited: it ends when what it waits for has come, and nobody takes that any more.
    Promise.resolve(iterator.return?.()).catch(() => {});
  }
}
