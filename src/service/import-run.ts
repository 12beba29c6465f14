/**
 * One import, from its lines to the engine. Lines are gathered into slices: while one is on its way to the volume the
 * next is gathered, and there are never more than these two. A slice goes when it is full, or when nothing more has come
 * and the one before it has arrived; so lines that trickle are stored as they come, and a flood in large slices.
 *
 * A line counts as imported when the fsync that covers it is done, or, where none is asked for, when it is in memory.
 */
import type { Origin } from '../engine/engine.js';
import { CairnError } from '../errors.js';
import {
  CHANGES_SLICE,
  IMPORT_PATIENCE_MS,
  IMPORT_PAUSE_MS,
  IMPORT_SLICE_BYTES,
  IMPORT_SLICE_MS,
} from '../limits.js';
import type { Durability, JsonText, Milliseconds, Note, Operation, Revision } from '../model.js';
import type { ServicePut } from './services.js';
import type { Imported, ImportOptions, ImportPut, TransferOptions } from './transfer.js';

/** A line that may be stored, as far as it can be judged by itself. */
export interface Taken {
  readonly line: number;
  readonly put: ImportPut;
  /** As it is stored. */
  readonly text: JsonText;
}

export class ImportRun {
  readonly #options: TransferOptions;
  readonly #durability: Durability;
  readonly #note: Note | undefined;
  readonly #origin: Origin | undefined;
  readonly #onProgress: (imported: number) => void;
  #slice: Taken[] = [];
  #bytes = 0;
  /** The one behind the last that was taken. */
  #nextLine = 1;
  /** Of the slice that is on its way. */
  #stored: Promise<void> = Promise.resolve();
  #busy = false;
  /** Nothing has come since the last line that was taken. */
  #paused = false;
  /** What the storing failed with. */
  #failure: unknown;
  #failed = false;
  #onFailure: (error: unknown) => void = () => {};
  #imported = 0;
  /** Of the last commit. */
  #revision: Revision | null = null;
  /** Whether what was written since the last fsync changed anything. */
  #changed = false;
  /** Whether the fsync of what changed is done: where nothing did, nothing is promised. */
  #durable = false;

  constructor(options: TransferOptions, importing: ImportOptions) {
    const { durability = 'sync', note, origin, onProgress = () => {} } = importing;
    this.#options = options;
    this.#origin = origin;
    this.#durability = durability;
    this.#note = note;
    this.#onProgress = onProgress;
  }

  /** False: it has to wait until `flush` is done. */
  take(taken: Taken): boolean {
    this.#paused = false;
    const bytes = this.#bytes + taken.put.key.length + taken.text.length;
    if (this.#slice.length === CHANGES_SLICE) return false;
    if (this.#slice.length > 0 && bytes > IMPORT_SLICE_BYTES) return false;
    this.#slice.push(taken);
    this.#bytes = bytes;
    this.#nextLine = taken.line + 1;
    return true;
  }

  /** What was gathered goes on its way, once the slice before it has arrived. */
  async flush(): Promise<void> {
    await this.#stored;
    this.#send();
  }

  /**
   * No line is there just now: what was gathered goes on its way as soon as what went before it has arrived, unless
   * more has come by then. Rejects when the storing fails, and never resolves.
   */
  pause(): Promise<never> {
    this.#paused = true;
    if (!this.#busy && !this.#failed) this.#send();
    return new Promise((_, reject) => {
      if (this.#failed) reject(this.#failure);
      else this.#onFailure = reject;
    });
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

  /** What ends the lines themselves has none of its own: the first that was not taken is where to go on. */
  #told(error: unknown): unknown {
    if (!(error instanceof CairnError)) return error;
    const line = this.#nextLine;
    const goOn = { line, hint: `Send the rest again: tail -n +${line} FILE | curl -X POST -T - …/import` };
    const own = error.details.line === undefined ? goOn : {};
    return new CairnError(error.code, error.message, { ...error.details, ...own, imported: this.#imported });
  }

  #send(): void {
    if (this.#slice.length === 0) return;
    const slice = this.#slice;
    this.#slice = [];
    this.#bytes = 0;
    this.#busy = true;
    this.#stored = this.#store(slice);
    // Whoever comes next awaits it, and may come late.
    this.#stored.catch(() => {});
  }

  async #store(slice: readonly Taken[]): Promise<void> {
    try {
      await this.#put(slice);
    } catch (error) {
      this.#failed = true;
      this.#failure = error;
      this.#onFailure(error);
      throw error;
    }
    this.#busy = false;
    if (this.#paused) this.#send();
  }

  /**
   * A commit names a key once, so a slice may take several; one fsync covers them all. Where one is refused, what stood
   * before it is durable first.
   */
  async #put(slice: readonly Taken[]): Promise<void> {
    const { clock } = this.#options;
    const groups = groupsOf(slice);
    const durability = groups.length > 1 ? 'periodic' : this.#durability;
    let written: Taken[] = [];
    let sliceEnd = clock.monotonic() + IMPORT_SLICE_MS;
    for (const group of groups) {
      const refusal = await this.#commit(group, durability);
      if (refusal === null) {
        written.push(...group);
      } else {
        await this.#arrive(written);
        written = [];
        await this.#halve(group, refusal);
      }
      if (clock.monotonic() < sliceEnd) continue;
      await clock.turn();
      sliceEnd = clock.monotonic() + IMPORT_SLICE_MS;
    }
    await this.#arrive(written);
  }

  /** These lines are in memory, and counted when they are as durable as they shall be. */
  async #arrive(written: readonly Taken[]): Promise<void> {
    const [first] = written;
    if (first === undefined) return;
    if (this.#changed && this.#durability === 'sync') {
      await this.#options
        .engine()
        .commit([], { durability: 'sync' })
        .catch((error: unknown) => {
          throw error instanceof CairnError ? atLine(first.line, error) : error;
        });
      this.#durable = true;
    }
    this.#changed = false;
    this.#imported += written.length;
    this.#onProgress(this.#imported);
  }

  /** What is refused as a whole is halved until the line is found, and all before it is in. */
  async #halve(group: readonly Taken[], refusal: CairnError): Promise<void> {
    const [first] = group;
    if (first === undefined) return;
    if (group.length === 1 || refusal.details.outcome !== undefined) throw atLine(first.line, refusal);
    const half = group.length >> 1;
    await this.#put(group.slice(0, half));
    await this.#put(group.slice(half));
  }

  /** Null: it is done. Who sends more than the volume takes has to wait, and nobody else is meant to. */
  async #commit(group: readonly Taken[], durability: Durability): Promise<CairnError | null> {
    const { clock } = this.#options;
    const patience = clock.monotonic() + IMPORT_PATIENCE_MS;
    for (;;) {
      try {
        const engine = this.#options.engine();
        const now = engine.now();
        const operations = group.map(taken => operationOf(taken, now, this.#note));
        const { outcomes, revision, durable } = await engine.commit(operations, {
          durability,
          origin: this.#origin,
        });
        this.#revision = revision;
        this.#durable ||= durable;
        this.#changed ||= !durable && outcomes.some(({ type }) => type !== 'absent');
        return null;
      } catch (error) {
        if (!(error instanceof CairnError)) throw error;
        if (error.code !== 'overloaded' || clock.monotonic() >= patience) return error;
        await new Promise<void>(resolve => clock.setTimer(IMPORT_PAUSE_MS, resolve));
      }
    }
  }
}

/** The lines in their order, cut where a key comes again. */
function groupsOf(slice: readonly Taken[]): readonly (readonly Taken[])[] {
  const groups: Taken[][] = [];
  const named = new Set<string>();
  for (const taken of slice) {
    const place = `${taken.put.collection}\0${taken.put.key}`;
    const group = named.has(place) ? undefined : groups.at(-1);
    if (group === undefined) {
      named.clear();
      groups.push([taken]);
    } else {
      group.push(taken);
    }
    named.add(place);
  }
  return groups;
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
export function atLine(line: number, error: CairnError): CairnError {
  const { op: _, ...details } = error.details;
  const { code, message } = error;
  const placed = message.startsWith('Line 1, ')
    ? message.replace('Line 1,', `Line ${line},`)
    : `Line ${line}: ${message}`;
  return new CairnError(code, placed, { ...details, line });
}
