/**
 * What the rows of a base must be to each other, as far as no single line tells: entries in key order, the versions of
 * a collection behind its entries, those of a key one after the other, and none whose text stands nowhere. It keeps the
 * keys of one collection at a time. A start that met anything else would call it damage.
 */
import type { BaseEntry, BaseVersion, Key, Revision } from '../model.js';

/** A row that does not fit those before it. */
export class OrderError extends Error {
  override readonly name = 'OrderError';
}

export class BaseOrder {
  readonly #done = new Set<string>();
  #collection: string | null = null;
  #key: Key | null = null;
  readonly #entries = new Map<Key, Revision>();
  /** The last of each key. */
  readonly #versions = new Map<Key, Pick<BaseVersion, 'version' | 'revision' | 'deleted'>>();

  /** @throws OrderError */
  entry(collection: string, { key, revision }: BaseEntry): void {
    this.#enter(collection);
    if (this.#versions.size > 0)
      throw new OrderError('an entry stands behind the versions of its collection');
    if (this.#key !== null && this.#key >= key) throw new OrderError('its keys are not in order');
    this.#key = key;
    this.#entries.set(key, revision);
  }

  /** @throws OrderError */
  version(collection: string, row: BaseVersion): void {
    this.#enter(collection);
    const { key, version, revision, deleted } = row;
    const before = this.#versions.get(key);
    const follows = before === undefined || (before.version < version && before.revision < revision);
    const present = this.#entries.get(key);
    if (!follows || (present !== undefined && present < revision))
      throw new OrderError('a version does not follow the one before it');
    if (present === revision && (deleted || row.text !== null))
      throw new OrderError('a version has another text than its entry');
    const shares = before !== undefined && !before.deleted && before.version === version - 1;
    if (row.text === null && !deleted && present !== revision && !shares)
      throw new OrderError('the text of a version stands nowhere');
    this.#versions.set(key, { version, revision, deleted });
  }

  #enter(collection: string): void {
    if (collection === this.#collection) return;
    if (this.#done.has(collection)) throw new OrderError('a collection stands in two places');
    this.#done.add(collection);
    this.#collection = collection;
    this.#key = null;
    this.#entries.clear();
    this.#versions.clear();
  }
}
