/**
 * What somebody watches or waits for: keys by name, and prefixes, by collection. What the caller's grant does not cover
 * is not in it, so nobody has to ask again when something changes.
 */
import type { ByteString, Key } from '../model.js';
import { forbidden, type Grant, holds, isWhole, mayDo, type Part, visibleParts } from './grant.js';

/** A part of one collection. */
export interface InterestPart extends Part {
  readonly collection: string;
}

export interface InterestRequest {
  /** In the order in which their state is shown. */
  readonly collections: readonly string[];
  readonly range: { readonly key: Key } | { readonly prefix: ByteString };
  readonly grant: Grant;
}

export class Interest {
  /** In the order of the collections, then of the keys; no key is in two. */
  readonly parts: readonly InterestPart[];
  /** Whether there is more that the caller may not see. */
  readonly isFiltered: boolean;
  /** Where those of a collection stand. */
  readonly #places = new Map<string, { readonly from: number; readonly to: number }>();

  /** @throws CairnError `forbidden`: nothing of it is granted */
  constructor({ collections, range, grant }: InterestRequest) {
    const parts: InterestPart[] = [];
    let isFiltered = false;
    for (const collection of collections) {
      const visible = visibleOf(grant, collection, range);
      if (!visible.isAll) isFiltered = true;
      const from = parts.length;
      for (const part of visible.parts) parts.push({ collection, ...part });
      this.#places.set(collection, { from, to: parts.length });
    }
    if (parts.length === 0)
      throw forbidden('key' in range ? 'read this key' : 'read anything with this prefix');
    this.parts = parts;
    this.isFiltered = isFiltered;
  }

  /**
   * The place of the part that the key is in; -1: it is in none. Asked of each change that a caller has missed, so it is no
   * walk over the parts: of those that begin at or before the key only the last can hold it.
   */
  placeOf(collection: string, key: Key): number {
    const { from, to } = this.#places.get(collection) ?? NOWHERE;
    let [low, high] = [from, to];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.parts[middle]!.prefix <= key) low = middle + 1;
      else high = middle;
    }
    return low > from && holds(this.parts[low - 1]!, key) ? low - 1 : -1;
  }

  sees(collection: string, key: Key): boolean {
    return this.placeOf(collection, key) >= 0;
  }
}

const NOWHERE = { from: 0, to: 0 } as const;

interface Visible {
  readonly parts: readonly Part[];
  readonly isAll: boolean;
}

function visibleOf(grant: Grant, collection: string, range: InterestRequest['range']): Visible {
  if ('key' in range) {
    const isAll = mayDo(grant, 'read', collection, range.key);
    return { parts: isAll ? [{ prefix: range.key, alone: true }] : [], isAll };
  }
  const parts = visibleParts(grant, collection, range.prefix);
  return { parts, isAll: isWhole(parts, range.prefix) };
}
