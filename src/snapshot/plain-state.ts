/**
 * A state as a base has it, in plain Maps: what a repair gathers. It takes whatever comes, also what does not fit, and
 * says so; the order of the keys is made when it is read.
 */
import { type BaseEntry, type BaseVersion, type Change, type Key, needsEntry } from '../model.js';
import type { BaseOutput } from './base.js';
import { beside, forgets, versionOf, versionOfEntry } from './versions.js';

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

  /** A version of a base, behind its entries. One whose text stood with an entry that is lost is lost too. */
  loadVersion(collection: string, row: BaseVersion): void {
    const { entries, versions } = this.#collection(collection);
    const entry = entries.get(row.key);
    const text = row.text ?? (entry?.revision === row.revision ? entry.text : null);
    if (text === null && !row.deleted) return;
    const known = versions.get(row.key) ?? [];
    const after = known.findLastIndex(({ revision }) => revision <= row.revision);
    if (known[after]?.revision !== row.revision) known.splice(after + 1, 0, { ...row, text });
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
    if (before === undefined && needsEntry(change)) return false;
    const text = type === 'put' ? change.text : (before?.text ?? null);
    if (forgets(change)) versions.delete(key);
    if (change.note !== undefined && !(type === 'delete' && change.reason === 'purged')) {
      const known = versions.get(key) ?? (before === undefined ? [] : [versionOfEntry(before)]);
      known.push(versionOf(change, text));
      versions.set(key, known);
    }
    if (type === 'delete' || text === null) entries.delete(key);
    else entries.set(key, { key, text, version, revision, epoch, time, deadline: change.deadline });
    return true;
  }

  /** Gives all of it to a base. */
  async write(output: BaseOutput): Promise<void> {
    for (const [name, { entries, versions }] of this.#collections) {
      for (const key of [...entries.keys()].sort()) {
        const entry = entries.get(key);
        if (entry !== undefined && output.addEntry(entry)) await output.flush(name);
      }
      for (const key of [...versions.keys()].sort()) {
        for (const version of versions.get(key) ?? [])
          if (output.addVersion(beside(entries.get(key), version))) await output.flush(name);
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
