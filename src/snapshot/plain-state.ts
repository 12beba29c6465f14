/**
 * A state as a base has it, in plain Maps: what a repair gathers. It takes whatever comes, also what does not fit, and
 * says so; the order of the keys is made when it is read.
 */
import { type BaseEntry, type BaseVersion, type Change, type Key, needsEntry } from '../model.js';
import type { BaseOutput } from './base.js';
import { forgets, holds, isPlain, isVersion, sparing, versionOf, versionOfEntry } from './versions.js';

interface PlainCollection {
  readonly entries: Map<Key, BaseEntry>;
  /** By revision. */
  readonly versions: Map<Key, BaseVersion[]>;
}

export class PlainState {
  readonly #collections = new Map<string, PlainCollection>();

  get entries(): number {
    let count = 0;
    for (const { entries } of this.#collections.values()) count += entries.size;
    return count;
  }

  /** Those that hold something. */
  collections(): Record<string, number> {
    const held = [...this.#collections].filter(([, { entries }]) => entries.size > 0);
    return Object.fromEntries(held.map(([name, { entries }]) => [name, entries.size]));
  }

  /** An entry of a base: it stands unless a later change of its key is known. */
  load(collection: string, entry: BaseEntry): void {
    const { entries } = this.#collection(collection);
    const known = entries.get(entry.key);
    if (known === undefined || known.revision < entry.revision) entries.set(entry.key, entry);
  }

  /** A version of a base, behind its entries. One whose text stood with a row that is lost is lost too. */
  loadVersion(collection: string, row: BaseVersion): void {
    const { entries, versions } = this.#collection(collection);
    const known = versions.get(row.key) ?? [];
    const after = known.findLastIndex(({ revision }) => revision <= row.revision);
    if (known[after]?.revision === row.revision) return;
    const text = row.text ?? textOf(row, entries.get(row.key), known[after]);
    if (text === null && !row.deleted) return;
    known.splice(after + 1, 0, { ...row, text });
    versions.set(row.key, known);
  }

  /** Whether all of them, one after the other, meet the keys that they need. */
  fits(changes: readonly Change[]): boolean {
    const there = new Map<string, boolean>();
    return changes.every(change => {
      const { type, collection, key } = change;
      const place = `${collection} ${key}`;
      const met = there.get(place) ?? this.#collection(collection).entries.has(key);
      there.set(place, type !== 'delete');
      return met || !needsEntry(change);
    });
  }

  /** Whether the change met what it needs; if not, nothing was done. */
  apply(change: Change): boolean {
    const { type, key, version, revision, epoch, time } = change;
    const { entries, versions } = this.#collection(change.collection);
    const before = entries.get(key);
    if (before === undefined && needsEntry(change)) {
      // Its entry was lost, and not all of its past.
      if (type === 'delete' && isVersion(change)) versions.get(key)?.push(versionOf(change, null));
      return false;
    }
    const text = type === 'put' ? change.text : (before?.text ?? null);
    if (forgets(change)) versions.delete(key);
    if (isVersion(change) || holds(change)) {
      const known = completed(versions.get(key) ?? [], before);
      if (isVersion(change)) known.push(versionOf(change, text));
      versions.set(key, known);
    }
    if (type === 'delete' || text === null) entries.delete(key);
    else entries.set(key, { key, text, version, revision, epoch, time, deadline: change.deadline });
    return true;
  }

  /** Brings entries and versions together, where what was lost has parted them: the latest that is known counts. */
  settle(): void {
    for (const { entries, versions } of this.#collections.values()) {
      for (const [key, known] of versions) {
        const entry = entries.get(key);
        const past = ascending(completed(known, entry));
        const last = past.at(-1);
        const isOlder = last === undefined || entry === undefined || last.revision < entry.revision;
        if (last === undefined || (past.length === 1 && isPlain(last) && entry !== undefined && !isOlder))
          versions.delete(key);
        else versions.set(key, past);
        if (isOlder) continue;
        const { text, version, revision, epoch, time } = last;
        if (text === null) entries.delete(key);
        else if (revision > entry.revision)
          entries.set(key, { ...entry, text, version, revision, epoch, time });
      }
    }
  }

  /** Gives all of it to a base. It must be settled. */
  async write(output: BaseOutput): Promise<void> {
    for (const [name, { entries, versions }] of this.#collections) {
      for (const key of [...entries.keys()].sort()) {
        const entry = entries.get(key);
        if (entry !== undefined && output.addEntry(entry)) await output.flush(name);
      }
      for (const key of [...versions.keys()].sort()) {
        for (const version of sparing(versions.get(key) ?? [], entries.get(key)))
          if (output.addVersion(version)) await output.flush(name);
      }
      await output.flush(name);
    }
  }

  #collection(name: string): PlainCollection {
    const known = this.#collections.get(name);
    if (known !== undefined) return known;
    const collection: PlainCollection = { entries: new Map(), versions: new Map() };
    this.#collections.set(name, collection);
    return collection;
  }
}

/** The text of a version that stands with another row; null: that one is lost, or it is a deletion. */
function textOf(
  { deleted, version, revision }: BaseVersion,
  entry: BaseEntry | undefined,
  before: BaseVersion | undefined,
): BaseVersion['text'] {
  if (deleted) return null;
  if (entry?.revision === revision) return entry.text;
  return before?.version === version - 1 ? before.text : null;
}

/**
 * Adds that of its entry to the versions of a key, where it is missing: as the only one, or as the last. It is not where
 * the entry is the last version with another deadline.
 */
function completed(versions: BaseVersion[], entry: BaseEntry | undefined): BaseVersion[] {
  const last = versions.at(-1);
  if (entry === undefined || entry.revision <= (last?.revision ?? 0)) return versions;
  if (entry.version !== last?.version || entry.text !== last.text) versions.push(versionOfEntry(entry));
  return versions;
}

/** Those of the life of the key that came last: where the end of a life was lost, its versions stand before it. */
function ascending(versions: readonly BaseVersion[]): BaseVersion[] {
  const end = versions.findLastIndex(({ version }, i) => version <= (versions[i - 1]?.version ?? 0));
  return versions.slice(Math.max(0, end));
}
