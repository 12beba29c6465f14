/**
 * The whole store as it was at one revision, for a base snapshot, while the store goes on. It costs copies of
 * the leaves that are written meanwhile, until it is released.
 */
import type { BaseVersion, Entry, Key, Revision } from '../model.js';
import type { Collection } from './collection.js';
import { rowsOf } from './histories.js';

export interface FrozenCollection {
  readonly name: string;
  /** In key order. Throws after the release. */
  entries(): Iterable<readonly [Key, Entry]>;
  /** Of all keys that have a history, in key order, oldest first. Throws after the release. */
  versions(): Iterable<BaseVersion>;
}

export interface FrozenStore {
  readonly revision: Revision;
  /** How many there are; those count that have expired and are not yet taken away. */
  readonly entries: number;
  readonly versions: number;
  /** By name. */
  collections(): Iterable<FrozenCollection>;
  release(): void;
}

export function freeze(collections: Iterable<Collection>, revision: Revision): FrozenStore {
  const views = [...collections]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, leaves, histories }) => ({
      name,
      leaves: leaves.freeze(),
      histories: histories?.freeze() ?? null,
      versions: histories?.versions ?? 0,
    }));
  return {
    revision,
    entries: views.reduce((sum, { leaves }) => sum + leaves.size, 0),
    versions: views.reduce((sum, { versions }) => sum + versions, 0),
    collections: () =>
      views.map(({ name, leaves, histories }) => ({
        name,
        entries: () => leaves,
        versions: () => (histories === null ? [] : rowsOf(histories, leaves)),
      })),
    release() {
      for (const { leaves, histories } of views) {
        leaves.release();
        histories?.release();
      }
    },
  };
}
