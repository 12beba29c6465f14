/**
 * The whole store as it was at one revision, for a base snapshot, while the store goes on. It costs copies of
 * the leaves that are written meanwhile, until it is released.
 */
import type { Entry, Key, Revision } from '../model.js';
import type { Collection } from './collection.js';

export interface FrozenCollection {
  readonly name: string;
  /** In key order. Throws after the release. */
  entries(): Iterable<readonly [Key, Entry]>;
}

export interface FrozenStore {
  readonly revision: Revision;
  /** How many there are; those count that have expired and are not yet taken away. */
  readonly entries: number;
  /** By name. */
  collections(): Iterable<FrozenCollection>;
  release(): void;
}

export function freeze(collections: Iterable<Collection>, revision: Revision): FrozenStore {
  const views = [...collections]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, leaves }) => ({ name, leaves: leaves.freeze() }));
  return {
    revision,
    entries: views.reduce((sum, { leaves }) => sum + leaves.size, 0),
    collections: () => views.map(({ name, leaves }) => ({ name, entries: () => leaves })),
    release() {
      for (const { leaves } of views) leaves.release();
    },
  };
}
