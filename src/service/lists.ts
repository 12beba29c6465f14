/**
 * Many documents of one collection: pages in key order, and deletion by prefix. Both work in slices between which
 * others have their turn, so a list is of no single instant; a key that stays is seen exactly once all the same, since
 * a page begins behind the last key of the one before.
 */
import type { CollectionStatus, Engine, Origin } from '../engine/engine.js';
import { CairnError } from '../errors.js';
import { toUnicode } from '../json/bytes.js';
import { CHANGES_SLICE, LIST_BYTES_MAX, LIST_LOOK_BYTES_MAX, LIST_LOOKS_MAX, LIST_SLICE } from '../limits.js';
import type { Entry, JsonText, Key, Note, Range, Revision } from '../model.js';
import type { Clock } from '../platform/clock.js';
import { isWithin, type Part } from './grant.js';
import { type Slice, Turns } from './turns.js';
import { pagesWithin } from './walk.js';
import type { Where } from './where.js';

export interface ListRequest {
  readonly collection: string;
  readonly prefix: string;
  /** Of the prefix, what may be shown; absent: all. */
  readonly parts?: readonly Part[];
  /** Only keys behind this one. */
  readonly after?: Key | undefined;
  readonly limit: number;
  /** All must hold. */
  readonly wheres: readonly Where[];
}

export interface PrefixDeletion extends Pick<ListRequest, 'collection' | 'prefix'> {
  /** The histories go too, also those of keys that are deleted already. */
  readonly purge: boolean;
  /** Who, and why. */
  readonly note: Note;
  readonly origin?: Origin;
}

export interface List {
  readonly entries: readonly (readonly [Key, Entry])[];
  /** Behind which the next page begins; null: this was the last. */
  readonly next: Key | null;
  /** The store's when the list began: a watch since it misses nothing. */
  readonly revision: Revision;
}

type Looking = Omit<ListRequest, 'limit'> & { readonly limit?: number };

/** What came of looking at one document. */
interface Look {
  readonly key: Key;
  readonly entry: Entry;
  /** Whether all conditions hold. */
  readonly found: boolean;
  /** That were gone over to know it. */
  readonly bytes: number;
}

export class Lists {
  readonly #engine: () => Engine;
  readonly #clock: Clock;
  readonly #turns: Turns;

  /** `engine` throws `loading` while there is none. */
  constructor(engine: () => Engine, clock: Clock, turns: Turns = new Turns(clock)) {
    this.#engine = engine;
    this.#clock = clock;
    this.#turns = turns;
  }

  /** Of the collection as a whole. @throws CairnError `not_found` */
  status(collection: string): CollectionStatus {
    const status = this.#engine()
      .collections()
      .find(({ name }) => name === collection);
    if (status === undefined) throw new CairnError('not_found', `There is no collection "${collection}".`);
    return status;
  }

  /** Every collection there is. */
  statuses(): readonly CollectionStatus[] {
    return this.#engine().collections();
  }

  /** The store's: a watch since it misses nothing of what is read behind it. */
  get revision(): Revision {
    return this.#engine().revision;
  }

  /** At most `limit`; fewer where they are large, or where much was looked at to find them. */
  async page(request: ListRequest): Promise<List> {
    const { limit } = request;
    const { revision } = this.#engine();
    const entries: (readonly [Key, Entry])[] = [];
    const looked = { documents: 0, bytes: 0 };
    let bytes = 0;
    let last: Key | null = null;
    for await (const look of this.#looks(request)) {
      const { key, entry } = look;
      const enough = entries.length >= limit || bytes >= LIST_BYTES_MAX;
      if (enough || looked.documents >= LIST_LOOKS_MAX || looked.bytes >= LIST_LOOK_BYTES_MAX) {
        return { entries, next: last, revision };
      }
      looked.documents += 1;
      looked.bytes += look.bytes;
      last = key;
      if (!look.found) continue;
      entries.push([key, entry]);
      bytes += key.length + entry.text.length;
    }
    return { entries, next: null, revision };
  }

  /** How many there are, whatever the limit and the page: a scan. */
  async count(request: Omit<ListRequest, 'limit' | 'after'>): Promise<number> {
    const { collection, prefix, parts, wheres } = request;
    const looking = { collection, prefix, wheres, ...(parts === undefined ? {} : { parts }) };
    let count = 0;
    for await (const { found } of this.#looks(looking)) if (found) count += 1;
    return count;
  }

  /**
   * Deletes what begins with the prefix, so many at once, each durable before the next: so it goes as fast as the volume
   * takes it. What comes meanwhile may stay.
   * @throws CairnError as `Engine.commit`; what was deleted before is gone, and its number told
   */
  async deletePrefix(deletion: PrefixDeletion): Promise<{
    readonly deleted: number;
    readonly revision: Revision;
  }> {
    const engine = this.#engine();
    const { collection, purge } = deletion;
    const present = (range: Range) => {
      const { entries, more } = engine.page(collection, range);
      return { keys: entries.map(([key]) => key), more };
    };
    const { deleted } = await this.#deleteAll(deletion, present, 0);
    if (!purge) return { deleted, revision: engine.revision };
    // What was deleted just now has been purged with it.
    const all = await this.#deleteAll(deletion, range => engine.buried(collection, range), deleted);
    return { deleted: all.deleted, revision: engine.revision };
  }

  async #deleteAll(
    { collection, prefix, purge, note, origin }: PrefixDeletion,
    keysOf: (range: Range) => { readonly keys: readonly Key[]; readonly more: boolean },
    before: number,
  ): Promise<{ readonly deleted: number }> {
    const engine = this.#engine();
    let deleted = before;
    for (let after: Key | undefined; ; ) {
      const { keys, more } = keysOf({
        prefix,
        limit: CHANGES_SLICE,
        ...(after === undefined ? {} : { after }),
      });
      const operations = keys.map(key => ({ type: 'delete' as const, collection, key, purge, note }));
      await engine.commit(operations, { durability: 'sync', origin }).catch((error: unknown) => {
        throw halfDone(error, deleted, keys);
      });
      deleted += keys.length;
      after = keys.at(-1);
      if (!more) return { deleted };
      await this.#clock.turn();
    }
  }

  /**
   * The condition on a unique field that is a string in every document, if there is one: its index knows who has it,
   * whatever its ASCII case. Another value may stand in a list, or be a number.
   */
  #indexed(collection: string, wheres: readonly Where[]): Where | undefined {
    const { unique, required } = this.status(collection).policy;
    const isString = (field: string) => unique.includes(field) && required.includes(field);
    return wheres.find(({ tokens: [field = '', ...deeper] }) => deeper.length === 0 && isString(field));
  }

  /** The entries of the prefix in key order, and whether each is wanted; others have their turn in between. */
  async *#looks(request: Looking): AsyncGenerator<Look> {
    const slice = await this.#turns.begin();
    try {
      const indexed = this.#indexed(request.collection, request.wheres);
      if (indexed !== undefined && (yield* this.#found(request, indexed, slice))) return;
      yield* this.#scan(request, slice);
    } finally {
      slice.end();
    }
  }

  /** The one that the index names. False: there may be others. */
  async *#found(request: Looking, indexed: Where, slice: Slice): AsyncGenerator<Look, boolean> {
    const { collection, after, wheres } = request;
    const engine = this.#engine();
    const found = engine.find(collection, indexed.tokens[0] ?? '', indexed.text);
    // A list is no use of what it shows.
    const [, entry] = (found && engine.page(collection, { prefix: found, limit: 1 }).entries[0]) ?? [];
    const isAskedFor = found !== undefined && isWithin(partsOf(request), found) && found > (after ?? '');
    if (isAskedFor && entry !== undefined) {
      const others = wheres.filter(where => where !== indexed);
      yield { key: found, entry, ...(await judge(others, entry.text, slice)) };
    }
    return entry !== undefined || !indexed.loose;
  }

  async *#scan(request: Looking, slice: Slice): AsyncGenerator<Look> {
    const { collection, after, wheres, limit = LIST_SLICE } = request;
    // Where all are wanted, one more than the page tells whether there is another: the rest would be looked up in vain.
    const atOnce = wheres.length === 0 ? Math.min(LIST_SLICE, limit + 1) : LIST_SLICE;
    const walk = { collection, parts: partsOf(request), after, limit: atOnce };
    for (const entries of pagesWithin(this.#engine(), walk)) {
      for (const [key, entry] of entries) {
        yield { key, entry, ...(wheres.length === 0 ? WANTED : await judge(wheres, entry.text, slice)) };
        if (slice.isOver) await slice.next();
      }
    }
  }
}

function partsOf({ prefix, parts }: Looking): readonly Part[] {
  return parts ?? [{ prefix, alone: false }];
}

/** What nothing is asked of. */
const WANTED = { found: true, bytes: 0 } as const;

/** A large document is looked at in several slices. */
async function judge(
  wheres: readonly Where[],
  text: JsonText,
  slice: Slice,
): Promise<Pick<Look, 'found' | 'bytes'>> {
  let bytes = 0;
  for (const where of wheres) {
    bytes += text.length;
    const looking = where.look(text);
    let step = looking.next();
    for (; !step.done; step = looking.next()) if (slice.isOver) await slice.next();
    if (!step.value) return { found: false, bytes };
  }
  return { found: true, bytes };
}

/** What came before it is done, so nobody may read it as if nothing had happened. */
function halfDone(error: unknown, deleted: number, keys: readonly Key[]): unknown {
  if (!(error instanceof CairnError)) return error;
  const { op, ...details } = error.details;
  const refused = op === undefined ? undefined : keys[op];
  const named = refused === undefined ? {} : { key: toUnicode(refused) };
  const message = deleted === 0 ? error.message : `${error.message} ${deleted} keys were deleted before.`;
  // What the volume refuses it may take later; what the document refuses has to change first.
  const again =
    deleted === 0 || refused !== undefined
      ? {}
      : { outcome: 'unknown' as const, hint: 'Repeat it: it goes on with what is left.' };
  return new CairnError(error.code, message, { ...details, ...named, ...again });
}
