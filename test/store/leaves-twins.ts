/** An ordered map beside the plainest one, for random tests of every kind of leaf. */
import { deepStrictEqual as same } from 'node:assert/strict';
import * as fc from 'fast-check';
import type { Key } from '../../src/model.js';
import type { FrozenLeaves, Leaves } from '../../src/store/leaves.js';
import { key } from './words.js';

type Row<V> = readonly [Key, V];

export const name = (number: number) => key(`key-${String(number).padStart(4, '0')}`);

/** Leaf by leaf in the worst order that the contract allows. */
export const leavesMax = (keys: number, keysMax: number) => Math.floor((4 * keys) / keysMax) + 1;

export type Step =
  | readonly ['set' | 'append' | 'delete' | 'get', number]
  | readonly ['page', number, number | null, number]
  | readonly ['freeze' | 'release' | 'read'];

const number = fc.nat(60);
export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.constant('set' as const), number) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('append' as const), number) },
  { weight: 6, arbitrary: fc.tuple(fc.constant('delete' as const), number) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('get' as const), number) },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constant('page' as const),
      fc.nat(9),
      fc.option(number, { nil: null }),
      fc.nat(20),
    ),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('freeze' as const, 'release' as const, 'read' as const)) },
);

/** The plainest map in order: a list that is sorted when it is read. */
class SortedList<V> {
  readonly #rows = new Map<Key, V>();

  get rows(): readonly Row<V>[] {
    return [...this.#rows].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  get(key: Key): V | undefined {
    return this.#rows.get(key);
  }

  set(key: Key, value: V): void {
    this.#rows.set(key, value);
  }

  delete(key: Key): void {
    this.#rows.delete(key);
  }

  page(prefix: string, after: Key | undefined, limit: number): { entries: readonly Row<V>[]; more: boolean } {
    const rows = this.rows.filter(([key]) => key.startsWith(prefix) && (after === undefined || key > after));
    return { entries: rows.slice(0, limit), more: rows.length > limit };
  }
}

/** The same steps on both; whatever they show must be equal. */
export class Twins<V extends object> {
  readonly #leaves: Leaves<V>;
  readonly #keysMax: number;
  readonly #makeValue: (number: number) => V;
  readonly #list = new SortedList<V>();
  readonly #views: { readonly view: FrozenLeaves<V>; readonly copy: readonly Row<V>[] }[] = [];
  #values = 0;

  /** `makeValue` makes another value each time. */
  constructor(leaves: Leaves<V>, keysMax: number, makeValue: (number: number) => V) {
    this.#leaves = leaves;
    this.#keysMax = keysMax;
    this.#makeValue = makeValue;
  }

  take(step: Step): void {
    if (step[0] === 'set') this.#set(name(step[1]));
    else if (step[0] === 'append') this.#append(name(step[1]));
    else if (step[0] === 'delete') this.#delete(name(step[1]));
    else if (step[0] === 'get') same(this.#leaves.get(name(step[1])), this.#list.get(name(step[1])));
    else if (step[0] === 'page') this.#page(step[1], step[2], step[3]);
    else if (step[0] === 'freeze') this.#views.push({ view: this.#leaves.freeze(), copy: this.#list.rows });
    else if (step[0] === 'release') this.#views.shift()?.view.release();
    else this.compare();
  }

  compare(): void {
    same(this.#leaves.page('', undefined, Number.POSITIVE_INFINITY).entries, this.#list.rows);
    same(this.#leaves.size, this.#list.rows.length);
    for (const { view, copy } of this.#views) same([view.size, [...view]], [copy.length, copy]);
    same(this.#leaves.leaves <= leavesMax(this.#leaves.size, this.#keysMax), true);
  }

  #set(key: Key): void {
    this.#values += 1;
    const value = this.#makeValue(this.#values);
    same(this.#leaves.set(key, value), this.#list.get(key));
    this.#list.set(key, value);
  }

  /** It may refuse a key that is behind all others, since it remembers those that went; never take another. */
  #append(key: Key): void {
    this.#values += 1;
    const value = this.#makeValue(this.#values);
    const behind = this.#list.rows.every(([other]) => other < key);
    const taken = this.#leaves.append(key, value);
    same(taken && !behind, false);
    if (taken) this.#list.set(key, value);
  }

  #delete(key: Key): void {
    same(this.#leaves.delete(key), this.#list.get(key));
    this.#list.delete(key);
  }

  #page(tens: number, from: number | null, limit: number): void {
    const prefix = tens > 6 ? '' : `key-00${tens}`;
    const after = from === null ? undefined : name(from);
    same(this.#leaves.page(prefix, after, limit), this.#list.page(prefix, after, limit));
  }
}
