/** Keys of one collection in their order, a page at a time, within the parts of it that a caller may see. */
import type { Engine } from '../engine/engine.js';
import type { Key, Page } from '../model.js';
import type { Part } from './grant.js';

export interface Walk {
  readonly collection: string;
  /** In key order, without a key in common. */
  readonly parts: readonly Part[];
  /** Only keys behind this one. */
  readonly after?: Key | undefined;
  /** Keys of one page. */
  readonly limit: number;
}

/** Each is looked up when it is asked for, behind the last key of the one before; what is in no part is not looked at. */
export function* pagesWithin(engine: Engine, walk: Walk): Generator<Page['entries']> {
  const { collection, parts, limit } = walk;
  let { after } = walk;
  for (const { prefix, alone } of parts) {
    for (;;) {
      const range = { prefix, limit: alone ? 1 : limit, ...(after === undefined ? {} : { after }) };
      const { entries, more } = engine.page(collection, range);
      const found = alone ? entries.filter(([key]) => key === prefix) : entries;
      if (found.length > 0) yield found;
      after = found.at(-1)?.[0] ?? after;
      if (alone || !more) break;
    }
  }
}
