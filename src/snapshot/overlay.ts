/**
 * The last change of each key since a base, and the base with these changes in it. So a backup needs the memory of the
 * changes and not of the state: the base goes by, entry by entry, in key order.
 */
import type { BaseEntry, Change, Key, Revision } from '../model.js';
import { damaged } from './damage.js';
import type { RecoveryTarget } from './recovery.js';

interface Overlaid {
  /** The last change; a touch after a put is a put. */
  readonly change: Change;
  /** Whether the first change of the key needed one that the base has. */
  readonly needsBase: boolean;
}

export class Overlay implements RecoveryTarget {
  readonly #collections = new Map<string, Map<Key, Overlaid>>();

  /** Of the base. */
  revision: Revision = 0;

  load(): void {}

  loaded(revision: Revision): void {
    this.revision = revision;
  }

  replay(change: Change): void {
    const { collection, key, type } = change;
    const keys = this.#collections.get(collection) ?? new Map<Key, Overlaid>();
    this.#collections.set(collection, keys);
    const before = keys.get(key);
    if (type !== 'put' && before?.change.type === 'delete') throw new Error(`a ${type} meets no key`);
    const needsBase = before?.needsBase ?? type !== 'put';
    const kept =
      type === 'touch' && before?.change.type === 'put'
        ? { ...before.change, ...change, type: 'put' as const }
        : change;
    keys.set(key, { change: kept, needsBase });
  }

  /** A base must be given to it once, in its order, and then `rest` be asked for. */
  merge(base: string): Merge {
    return new Merge(this.#collections, base);
  }
}

export class Merge {
  readonly #collections: ReadonlyMap<string, ReadonlyMap<Key, Overlaid>>;
  readonly #base: string;
  readonly #done = new Set<string>();
  #keys: ReadonlyMap<Key, Overlaid> = new Map();
  #order: readonly Key[] = [];
  #next = 0;

  constructor(collections: ReadonlyMap<string, ReadonlyMap<Key, Overlaid>>, base: string) {
    this.#collections = collections;
    this.#base = base;
  }

  /** The collection that the next entries are of. What was left of the one before must have been taken. */
  enter(collection: string): void {
    this.#done.add(collection);
    this.#keys = this.#collections.get(collection) ?? new Map();
    this.#order = [...this.#keys.keys()].sort();
    this.#next = 0;
  }

  /** An entry of the base, as it is now, and the new ones before it. */
  *upTo(entry: BaseEntry): Generator<BaseEntry, void, undefined> {
    yield* this.#before(entry.key);
    const overlaid = this.#keys.get(entry.key);
    if (overlaid === undefined) {
      yield entry;
      return;
    }
    this.#next += 1;
    const { change } = overlaid;
    if (change.type !== 'delete') yield entryOf(change, change.type === 'put' ? change.text : entry.text);
  }

  /** What is left of this collection. */
  left(): Generator<BaseEntry, void, undefined> {
    return this.#before(undefined);
  }

  /** Collections that were never entered. */
  others(): string[] {
    return [...this.#collections.keys()].filter(name => !this.#done.has(name));
  }

  *#before(end: Key | undefined): Generator<BaseEntry, void, undefined> {
    for (; this.#next < this.#order.length; this.#next++) {
      const key = this.#order[this.#next];
      if (key === undefined || (end !== undefined && key >= end)) return;
      const { change, needsBase } = this.#keys.get(key) as Overlaid;
      if (needsBase) {
        const { revision } = change;
        throw damaged(`it has no entry for a change up to revision ${revision}`, { file: this.#base });
      }
      if (change.type === 'put') yield entryOf(change, change.text);
    }
  }
}

function entryOf(change: Exclude<Change, { type: 'delete' }>, text: BaseEntry['text']): BaseEntry {
  const { key, version, revision, epoch, time, deadline } = change;
  return { key, text, version, revision, epoch, time, deadline };
}
