import * as fc from 'fast-check';
import t from 'tap';
import type { Key } from '../../src/model.js';
import { Leaves } from '../../src/store/leaves.js';
import { leavesMax, name, step, Twins } from './leaves-twins.js';
import { key, random } from './words.js';

interface Value {
  readonly number: number;
}

type Row = readonly [Key, Value];

function filled(keysMax: number, numbers: Iterable<number>): Leaves<Value> {
  const leaves = new Leaves<Value>(keysMax);
  for (const number of numbers) leaves.set(name(number), { number });
  return leaves;
}

const upTo = (end: number, from = 0) => Array.from({ length: end - from }, (_, index) => from + index);
const all = (leaves: Leaves<Value>) => leaves.page('', undefined, Number.POSITIVE_INFINITY).entries;
const numbers = (rows: Iterable<Row>) => [...rows].map(([, { number }]) => number);

t.test('an empty map has one leaf, nothing to get, to delete or to list', async t => {
  const leaves = new Leaves<Value>();
  t.equal(leaves.get(name(1)), undefined);
  t.equal(leaves.delete(name(1)), undefined);
  t.strictSame(leaves.page('', undefined, 10), { entries: [], more: false });
  t.strictSame([leaves.size, leaves.leaves], [0, 1]);
});

t.test('set gives what was there before, and so does delete', async t => {
  const leaves = new Leaves<Value>();
  t.equal(leaves.set(name(1), { number: 1 }), undefined);
  t.strictSame(leaves.set(name(1), { number: 2 }), { number: 1 });
  t.strictSame(leaves.delete(name(1)), { number: 2 });
  t.equal(leaves.size, 0);
});

t.test('keys in ascending order make full leaves', async t => {
  t.equal(filled(10, upTo(100)).leaves, 10);
});

t.test('append takes a key that is behind all others, and makes full leaves of them', async t => {
  const leaves = new Leaves<Value>(10);
  for (const number of upTo(100)) t.ok(leaves.append(name(number), { number }));
  t.strictSame([leaves.size, leaves.leaves], [100, 10]);
  t.strictSame(numbers(all(leaves)), upTo(100));
  t.notOk(leaves.append(name(99), { number: 0 }), 'not the last key again');
  t.notOk(leaves.append(name(5), { number: 0 }), 'not one before it');
  t.equal(leaves.get(name(99))?.number, 99);
  t.equal(leaves.size, 100);
});

t.test('keys in ascending order within the others make full leaves too', async t => {
  const leaves = filled(10, [...upTo(100, 0), ...upTo(1_000, 900)]);
  for (const number of upTo(600, 500)) leaves.set(name(number), { number });
  t.equal(leaves.leaves, 30);
});

t.test('keys in descending order behind a full leaf share leaves', async t => {
  const leaves = filled(10, [...upTo(10), ...upTo(1_000, 900).reverse()]);
  t.strictSame(numbers(all(leaves)), [...upTo(10), ...upTo(1_000, 900)]);
  t.equal(leaves.leaves, 11);
});

t.test('a full leaf that gets a key in its middle becomes two halves', async t => {
  const leaves = filled(4, [0, 2, 4, 6]);
  t.equal(leaves.leaves, 1);
  leaves.set(name(3), { number: 3 });
  t.equal(leaves.leaves, 2);
  t.strictSame(numbers(all(leaves)), [0, 2, 3, 4, 6]);
});

t.test('a window of keys that slides on leaves no near-empty leaves behind', async t => {
  const leaves = new Leaves<Value>(10);
  for (const number of upTo(5_000)) {
    leaves.set(name(number), { number });
    leaves.delete(name(number - 20));
  }
  t.equal(leaves.size, 20);
  t.ok(leaves.leaves <= 4, `${leaves.leaves} leaves`);
});

t.test('leaves that grow thin everywhere at once are joined', async t => {
  const leaves = filled(10, upTo(1_000));
  for (const number of upTo(1_000)) if (number % 50 > 0) leaves.delete(name(number));
  t.strictSame(
    numbers(all(leaves)),
    upTo(20).map(number => number * 50),
  );
  t.ok(leaves.leaves <= leavesMax(20, 10), `${leaves.leaves} leaves`);
});

t.test('a page', async t => {
  const leaves = new Leaves<Value>(3);
  for (const text of ['a', 'a/1', 'a/2', 'a/3', 'a0', 'b', 'ä']) leaves.set(key(text), { number: 1 });
  const page = (prefix: string, after?: string, limit = 10) => {
    const { entries, more } = leaves.page(prefix, after === undefined ? undefined : key(after), limit);
    return [entries.map(([key]) => key), more];
  };

  t.strictSame(page('a/'), [['a/1', 'a/2', 'a/3'], false], 'holds what begins with the prefix');
  t.strictSame(page('a/', 'a/1', 1), [['a/2'], true], 'goes on behind a key and tells that more follow');
  t.strictSame(page('a/', 'a/2', 1), [['a/3'], false], 'tells when nothing follows');
  t.strictSame(page('a/', 'a/25'), [['a/3'], false], 'goes on behind a key that is not there');
  t.strictSame(
    page('a/', 'Z'),
    [['a/1', 'a/2', 'a/3'], false],
    'begins with the prefix where `after` is before it',
  );
  t.strictSame(page('a/', 'b'), [[], false], 'is empty where `after` is behind the prefix');
  t.strictSame(page('a', 'a', 2), [['a/1', 'a/2'], true], 'leaves out `after` where it is the prefix');
  t.strictSame(page('', 'a0'), [['b', key('ä')], false], 'is in the order of the bytes');
  t.strictSame(page('c'), [[], false], 'is empty where nothing begins so');
});

t.test('a page holds only what is wanted, and more means more of that', async t => {
  const leaves = filled(3, upTo(20));
  const even = ({ number }: Value) => number % 2 === 0;
  const { entries, more } = leaves.page('', undefined, 10, even);
  t.strictSame([numbers(entries), more], [upTo(10).map(number => number * 2), false]);
});

t.test('a leaf is copied once for the newest view that has it, and never without one', async t => {
  const leaves = filled(10, upTo(100));
  const copies = countingCopies(t);
  const write = (...keys: number[]) => {
    copies.count = 0;
    for (const number of keys) leaves.set(name(number), { number });
    return copies.count;
  };
  t.equal(write(1, 2, 11, 12), 0, 'no view');
  const first = leaves.freeze();
  t.equal(write(1, 2, 11, 12, 1), 2, 'two leaves');
  const second = leaves.freeze();
  t.equal(write(1, 2, 1), 1, 'a second view');
  second.release();
  t.equal(write(11, 21), 1, 'one that only the released view had, one that the first has');
  first.release();
  t.equal(write(31, 41), 0, 'no view any more');
});

/** Counts the Maps that are made of another. */
function countingCopies(t: { teardown(undo: () => void): unknown }): { count: number } {
  const copies = { count: 0 };
  const original = globalThis.Map;
  globalThis.Map = class<K, V> extends original<K, V> {
    constructor(entries?: Iterable<readonly [K, V]> | null) {
      super(entries);
      if (entries instanceof original) copies.count += 1;
    }
  } as MapConstructor;
  t.teardown(() => {
    globalThis.Map = original;
  });
  return copies;
}

t.test('a released view cannot be read, also in the middle', async t => {
  const leaves = filled(3, upTo(10));
  const view = leaves.freeze();
  const reader = view[Symbol.iterator]();
  reader.next();
  view.release();
  view.release();
  t.throws(() => reader.next(), { message: 'The view was released.' });
});

t.test('a map of any leaf size equals a sorted list, and each live view the list as it was', async () => {
  const property = fc.property(
    fc.integer({ min: 2, max: 9 }),
    fc.array(step, { maxLength: 300, size: 'max' }),
    (keysMax, steps) => {
      const twins = new Twins(new Leaves<Value>(keysMax), keysMax, number => ({ number }));
      for (const step of steps) twins.take(step);
      twins.compare();
    },
  );
  fc.assert(property, { ...random, numRuns: 500 });
});
