/**
 * Many documents of one collection: pages in key order, and deletion by prefix. Both work in slices between which
 * others have their turn, so a list is of no single instant; a key that stays is seen exactly once all the same, since
 * a page begins behind the last key of the one before.
 */
import type { Engine } from '../engine/engine.js';
import { CHANGES_SLICE, LIST_BYTES_MAX, LIST_LOOKS_MAX, LIST_SLICE, LIST_SLICE_MS } from '../limits.js';
import type { Durability, Entry, Key, Revision } from '../model.js';
import type { Clock } from '../platform/clock.js';
import type { Where } from './where.js';

export interface ListRequest {
  readonly collection: string;
  readonly prefix: string;
  /** Only keys behind this one. */
  readonly after?: Key | undefined;
  readonly limit: number;
  /** All must hold. */
  readonly wheres: readonly Where[];
}

export interface List {
  readonly entries: readonly (readonly [Key, Entry])[];
  /** Behind which the next page begins; null: this was the last. */
  readonly next: Key | null;
  /** The store's when the list began: a watch since it misses nothing. */
  readonly revision: Revision;
}

export class Lists {
  readonly #engine: () => Engine;
  readonly #clock: Clock;

  /** `engine` throws `loading` while there is none. */
  constructor(engine: () => Engine, clock: Clock) {
    this.#engine = engine;
    this.#clock = clock;
  }

  /** All that the collection holds. */
  total(collection: string): number {
    return (
      this.#engine()
        .collections()
        .find(({ name }) => name === collection)?.entries ?? 0
    );
  }

  /** At most `limit`; fewer where they are large, or where many were looked at to find them. */
  async page(request: ListRequest): Promise<List> {
    const { limit } = request;
    const { revision } = this.#engine();
    const entries: (readonly [Key, Entry])[] = [];
    let looks = 0;
    let bytes = 0;
    let last: Key | null = null;
    for await (const slice of this.#slices(request)) {
      for (const [key, entry] of slice) {
        if (entries.length >= limit || bytes >= LIST_BYTES_MAX || looks >= LIST_LOOKS_MAX) {
          return { entries, next: last, revision };
        }
        looks += 1;
        last = key;
        if (!request.wheres.every(where => where(entry.text))) continue;
        entries.push([key, entry]);
        bytes += key.length + entry.text.length;
      }
    }
    return { entries, next: null, revision };
  }

  /** How many there are, whatever the limit: a scan. */
  async count(request: Omit<ListRequest, 'limit' | 'after'>): Promise<number> {
    let count = 0;
    for await (const slice of this.#slices(request)) {
      count += slice.filter(([, { text }]) => request.wheres.every(where => where(text))).length;
    }
    return count;
  }

  /**
   * Deletes what begins with the prefix, so many at once, and tells how many. What comes meanwhile may stay.
   * @throws CairnError as `Engine.commit`; what was deleted before is gone
   */
  async deletePrefix(
    { collection, prefix }: { readonly collection: string; readonly prefix: string },
    durability?: Durability,
  ): Promise<{ readonly deleted: number; readonly revision: Revision; readonly durable: boolean }> {
    const options = durability === undefined ? {} : { durability };
    const engine = this.#engine();
    let deleted = 0;
    for (;;) {
      const { entries, more } = engine.page(collection, { prefix, limit: CHANGES_SLICE });
      const operations = entries.map(([key]) => ({ type: 'delete' as const, collection, key }));
      const { durable, revision } = await engine.commit(operations, options);
      deleted += entries.length;
      if (!more) return { deleted, revision, durable };
      await this.#clock.turn();
    }
  }

  /** The entries of the prefix in key order, some at a time; others have their turn in between. */
  async *#slices({ collection, prefix, after }: Omit<ListRequest, 'limit'>): AsyncGenerator<List['entries']> {
    const engine = this.#engine();
    let sliceEnd = this.#clock.monotonic() + LIST_SLICE_MS;
    for (let from = after; ; ) {
      const { entries, more } = engine.page(collection, {
        prefix,
        limit: LIST_SLICE,
        ...(from === undefined ? {} : { after: from }),
      });
      yield entries;
      from = entries.at(-1)?.[0];
      if (!more || from === undefined) return;
      if (this.#clock.monotonic() < sliceEnd) continue;
      await this.#clock.turn();
      sliceEnd = this.#clock.monotonic() + LIST_SLICE_MS;
    }
  }
}
