/**
 * Keys of one collection in their order, a page at a time, within the parts of it that a caller may see. Whoever waits
 * with a page keeps what it shows, though it may have left the store: so a page ends sooner where its values are large.
 */
import type { Engine } from '../engine/engine.js';
import type { Key, Page, Range } from '../model.js';
import type { Part } from './grant.js';

export interface Walk {
  readonly collection: string;
  /** In key order, without a key in common. */
  readonly parts: readonly Part[];
  /** Only keys behind this one. */
  readonly after?: Key | undefined;
  /** Keys of one page. */
  readonly limit: number;
  /** Bytes of keys and values of one page; one that is larger is a page of its own. Absent: the page is not kept long. */
  readonly bytesMax?: number;
}

/** Each is looked up when it is asked for, behind the last key of the one before; what is in no part is not looked at. */
export function* pagesWithin(engine: Engine, walk: Walk): Generator<Page['entries']> {
  const { collection, parts, limit, bytesMax = Number.POSITIVE_INFINITY } = walk;
  let { after } = walk;
  for (const { prefix, alone } of parts) {
    for (;;) {
      const range = { prefix, limit: alone ? 1 : limit, ...(after === undefined ? {} : { after }) };
      const { entries, more } = pageOf(engine, collection, range, bytesMax);
      const found = alone ? entries.filter(([key]) => key === prefix) : entries;
      if (found.length > 0) yield found;
      after = found.at(-1)?.[0] ?? after;
      if (alone || !more) break;
    }
  }
}

/** Nothing else keeps the rest of what the engine has shown. */
function pageOf(engine: Engine, collection: string, range: Range, bytesMax: number): Page {
  const page = engine.page(collection, range);
  let bytes = 0;
  const end = page.entries.findIndex(([key, { text }], i) => {
    bytes += key.length + text.length;
    return i > 0 && bytes > bytesMax;
  });
  return end === -1 ? page : { entries: page.entries.slice(0, end), more: true };
}
