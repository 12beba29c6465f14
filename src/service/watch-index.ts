/**
 * Who watches a key: by its name, or by a prefix of it. To find them costs a look for the key and one for each length
 * that a watched prefix of the collection has, however many others watch something else.
 */
import type { ByteString, Key } from '../model.js';
import type { Interest } from './interest.js';

interface Shelf<T> {
  readonly keys: Map<ByteString, Set<T>>;
  /** By their lengths. */
  readonly prefixes: Map<number, Map<ByteString, Set<T>>>;
}

export class WatchIndex<T> {
  readonly #collections = new Map<string, Shelf<T>>();

  add({ parts }: Interest, watcher: T): void {
    for (const { collection, prefix, alone } of parts) {
      const shelf = this.#collections.get(collection) ?? { keys: new Map(), prefixes: new Map() };
      this.#collections.set(collection, shelf);
      const names = alone ? shelf.keys : (shelf.prefixes.get(prefix.length) ?? new Map());
      if (!alone) shelf.prefixes.set(prefix.length, names);
      const watchers = names.get(prefix) ?? new Set();
      names.set(prefix, watchers.add(watcher));
    }
  }

  /** One that is not there is passed over. What nobody watches any more leaves nothing behind. */
  delete({ parts }: Interest, watcher: T): void {
    for (const { collection, prefix, alone } of parts) {
      const shelf = this.#collections.get(collection);
      const names = alone ? shelf?.keys : shelf?.prefixes.get(prefix.length);
      const watchers = names?.get(prefix);
      if (shelf === undefined || names === undefined || watchers === undefined) continue;
      watchers.delete(watcher);
      if (watchers.size === 0) names.delete(prefix);
      if (!alone && names.size === 0) shelf.prefixes.delete(prefix.length);
      if (shelf.keys.size + shelf.prefixes.size === 0) this.#collections.delete(collection);
    }
  }

  /** Calls back with each that watches the key, once. It may take itself out meanwhile. */
  each(collection: string, key: Key, visit: (watcher: T) => void): void {
    const shelf = this.#collections.get(collection);
    if (shelf === undefined) return;
    shelf.keys.get(key)?.forEach(visit);
    for (const [length, names] of shelf.prefixes) {
      if (length <= key.length) names.get(key.slice(0, length))?.forEach(visit);
    }
  }
}
