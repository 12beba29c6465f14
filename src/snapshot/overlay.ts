/**
 * The changes of each key since a base, and the base with these changes in it. So a backup needs the memory of the
 * changes and not of the state: the base goes by, entry by entry, in key order, and the versions of a collection behind
 * its entries. Of a key without a history the last change is all that is kept.
 */
import {
  type BaseEntry,
  type BaseVersion,
  type Change,
  type Key,
  needsEntry,
  type Revision,
} from '../model.js';
import { damaged } from './damage.js';
import type { RecoveryTarget } from './recovery.js';
import { forgets, holds, isPlain, isVersion, sparing, versionOf, versionOfEntry } from './versions.js';

interface Overlaid {
  /** The last change; a touch after a put is a put. */
  readonly change: Change;
  /** Whether the first change of the key needed one that the base has. */
  readonly needsBase: boolean;
  /** Those that are versions, oldest first. */
  readonly versions: Change[];
  /** Whether the versions that the base has count no more. */
  readonly forgetsBase: boolean;
  /** Whether the entry of the base is a version, though none may have come since. */
  readonly holdsBase: boolean;
}

export class Overlay implements RecoveryTarget {
  readonly #collections = new Map<string, Map<Key, Overlaid>>();

  /** Of the base. */
  revision: Revision = 0;

  load(): void {}

  loadVersion(): void {}

  loadRows(): void {}

  loaded(revision: Revision): void {
    this.revision = revision;
  }

  replay(change: Change): void {
    const { collection, key, type } = change;
    const keys = this.#collections.get(collection) ?? new Map<Key, Overlaid>();
    this.#collections.set(collection, keys);
    const before = keys.get(key);
    if (needsEntry(change) && before?.change.type === 'delete') throw new Error(`a ${type} meets no key`);
    const needsBase = before?.needsBase ?? needsEntry(change);
    keys.set(key, {
      change: mergedWith(before?.change, change),
      needsBase,
      versions: versionsAfter(before, change),
      forgetsBase: forgets(change) || (before?.forgetsBase ?? false),
      holdsBase: before === undefined ? holds(change) : before.holdsBase,
    });
  }

  /** A base must be given to it once, in its order, and then `rest` be asked for. */
  merge(base: string): Merge {
    return new Merge(this.#collections, base);
  }
}

/** A touch after a put is a put of the same text. */
function mergedWith(before: Change | undefined, change: Change): Change {
  if (change.type !== 'touch' || before?.type !== 'put') return change;
  const { note: _, ...put } = before;
  return { ...put, ...change, type: 'put' };
}

function versionsAfter(before: Overlaid | undefined, change: Change): Change[] {
  const own = isVersion(change) ? [change] : [];
  if (before === undefined || forgets(change)) return own;
  const { versions } = before;
  const { note, type } = before.change;
  // What came while there was no history is the first version, if the key was there then.
  if (note === undefined && type !== 'delete') versions.push(before.change);
  versions.push(...own);
  return versions;
}

export class Merge {
  readonly #collections: ReadonlyMap<string, ReadonlyMap<Key, Overlaid>>;
  readonly #base: string;
  readonly #done = new Set<string>();
  #keys: ReadonlyMap<Key, Overlaid> = new Map();
  #order: readonly Key[] = [];
  #next = 0;
  /** Entries of the base whose key has versions since. */
  readonly #replaced = new Map<Key, BaseEntry>();
  /** Keys of which the base has versions. */
  readonly #versioned = new Set<Key>();

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
    this.#replaced.clear();
    this.#versioned.clear();
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
    const { change, versions } = overlaid;
    if (versions.length > 0 || change.note !== undefined) this.#replaced.set(entry.key, entry);
    if (change.type !== 'delete') yield entryOf(change, change.type === 'put' ? change.text : entry.text);
  }

  /** What is left of this collection. */
  left(): Generator<BaseEntry, void, undefined> {
    return this.#before(undefined);
  }

  /** A version of the base as it stands now; null: it counts no more. All entries of the collection were taken. */
  version(row: BaseVersion): BaseVersion | null {
    const overlaid = this.#keys.get(row.key);
    if (overlaid === undefined) return row;
    if (overlaid.forgetsBase) return null;
    this.#versioned.add(row.key);
    const entry = this.#replaced.get(row.key);
    return entry?.revision === row.revision ? { ...row, text: entry.text } : row;
  }

  /** The versions since the base. All of its versions in this collection were taken. */
  *versions(): Generator<BaseVersion, void, undefined> {
    for (const key of this.#order) {
      const overlaid = this.#keys.get(key) as Overlaid;
      if (overlaid.versions.length === 0 && !overlaid.holdsBase) continue;
      const entry = this.#replaced.get(key);
      const before = entry === undefined || overlaid.forgetsBase ? undefined : versionOfEntry(entry);
      const rows = rowsOf(overlaid.versions, entry);
      // The present version of a key without versions in the base was its entry alone.
      if (before !== undefined && !this.#versioned.has(key)) rows.unshift(before);
      const { change } = overlaid;
      const [first] = rows;
      if (first === undefined) continue;
      const alone = rows.length === 1 && !this.#versioned.has(key);
      if (alone && isPlain(first) && first.revision === change.revision) continue;
      yield* sparing(
        rows,
        change.type === 'delete' ? undefined : change,
        rows[0] === before ? undefined : before,
      );
    }
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

/** The versions that the changes of a key make. `entry`: what the base has under it. */
function rowsOf(changes: readonly Change[], entry: BaseEntry | undefined): BaseVersion[] {
  let text = entry?.text ?? null;
  return changes.map(change => {
    if (change.type === 'put') text = change.text;
    return versionOf(change, text);
  });
}
