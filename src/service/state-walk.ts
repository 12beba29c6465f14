/**
 * The state of what somebody watches, a page at a time, in the order of its parts. It is taken from the store page after
 * page, and knows what it has passed: a change there has to be told beside, a change ahead is in the page to come.
 */
import type { Engine } from '../engine/engine.js';
import { WATCH_ENTRIES } from '../limits.js';
import type { ByteString, Entry, Key } from '../model.js';
import type { Interest, InterestPart } from './interest.js';

/** One document of the state. */
export interface Found {
  readonly collection: string;
  readonly key: Key;
  readonly entry: Entry;
}

export class StateWalk {
  readonly #interest: Interest;
  /** The part that is being walked; behind the last, all is done. */
  #part = 0;
  /** The last key of it that was given out. */
  #after: Key | undefined;

  constructor(interest: Interest) {
    this.#interest = interest;
  }

  get isDone(): boolean {
    return this.#part === this.#interest.parts.length;
  }

  /** Whether the walk has been where this key stands; false for what is not watched. */
  hasPassed(collection: string, key: Key): boolean {
    const part = this.#interest.placeOf(collection, key);
    if (part < 0 || part > this.#part) return false;
    return part < this.#part || (this.#after !== undefined && key <= this.#after);
  }

  /** The next documents as they are now, until `take` says that it was enough. Looks into one part only. */
  next(engine: Engine, take: (found: Found) => boolean): void {
    const part = this.#interest.parts[this.#part];
    if (part === undefined) return;
    const { entries, more } = pageOf(engine, part, this.#after);
    for (const [key, entry] of entries) {
      this.#after = key;
      if (!take({ collection: part.collection, key, entry })) return;
    }
    if (more && entries.length > 0) return;
    this.#part += 1;
    this.#after = undefined;
  }
}

type Documents = readonly (readonly [Key, Entry])[];

/** Does not count as use: a watch is none of what it shows. */
function pageOf(
  engine: Engine,
  { collection, prefix, alone }: InterestPart,
  after: Key | undefined,
): { readonly entries: Documents; readonly more: boolean } {
  if (alone) {
    if (after !== undefined) return { entries: [], more: false };
    const { entries } = engine.page(collection, { prefix, limit: 1 });
    return { entries: entries.filter(([key]) => isSame(key, prefix)), more: false };
  }
  const range = { prefix, limit: WATCH_ENTRIES, ...(after === undefined ? {} : { after }) };
  return engine.page(collection, range);
}

function isSame(key: Key, name: ByteString): boolean {
  return key === name;
}
