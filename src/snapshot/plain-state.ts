/**
 * A state as a base has it, in plain Maps: what a repair gathers. It takes whatever comes, also what does not fit, and
 * says so; the order of the keys is made when it is read.
 */
import type { BaseEntry, Change, Key } from '../model.js';
import type { BaseOutput } from './base.js';

export class PlainState {
  readonly #collections = new Map<string, Map<Key, BaseEntry>>();

  get entries(): number {
    let entries = 0;
    for (const keys of this.#collections.values()) entries += keys.size;
    return entries;
  }

  /** Those that hold something. */
  collections(): Record<string, number> {
    const held = [...this.#collections].filter(([, keys]) => keys.size > 0);
    return Object.fromEntries(held.map(([name, keys]) => [name, keys.size]));
  }

  /** An entry of a base: it stands unless a later change of its key is known. */
  load(collection: string, entry: BaseEntry): void {
    const keys = this.#keys(collection);
    const known = keys.get(entry.key);
    if (known === undefined || known.revision < entry.revision) keys.set(entry.key, entry);
  }

  /** Whether all of them, one after the other, meet the keys that they need. */
  fits(changes: readonly Change[]): boolean {
    const there = new Map<string, boolean>();
    return changes.every(({ type, collection, key }) => {
      const place = `${collection} ${key}`;
      const met = there.get(place) ?? this.#keys(collection).has(key);
      there.set(place, type !== 'delete');
      return type === 'put' || met;
    });
  }

  /** Whether the change met what it needs; if not, nothing was done. */
  apply(change: Change): boolean {
    const { type, collection, key, version, revision, epoch, time } = change;
    const keys = this.#keys(collection);
    if (type === 'delete') return keys.delete(key);
    const text = type === 'put' ? change.text : keys.get(key)?.text;
    if (text === undefined) return false;
    keys.set(key, { key, text, version, revision, epoch, time, deadline: change.deadline });
    return true;
  }

  /** Gives all of it to a base. */
  async write(output: BaseOutput): Promise<void> {
    for (const [name, keys] of this.#collections) {
      for (const key of [...keys.keys()].sort()) {
        const entry = keys.get(key);
        if (entry !== undefined && output.addEntry(entry)) await output.flush(name);
      }
      await output.flush(name);
    }
  }

  #keys(collection: string): Map<Key, BaseEntry> {
    const known = this.#collections.get(collection);
    if (known !== undefined) return known;
    const keys = new Map<Key, BaseEntry>();
    this.#collections.set(collection, keys);
    return keys;
  }
}
