/** Leaves whose entries are packed into bytes hold what leaves of objects would. */
import * as fc from 'fast-check';
import t from 'tap';
import { PACKED_TEXT_BYTES_MAX } from '../../src/limits.js';
import type { JsonText } from '../../src/model.js';
import { StoredEntry } from '../../src/store/entry.js';
import { Expiry } from '../../src/store/expiry.js';
import { Leaves } from '../../src/store/leaves.js';
import { packing } from '../../src/store/packed.js';
import { name, step, Twins } from './leaves-twins.js';
import { json, key, random } from './words.js';

const LONG = 'x'.repeat(PACKED_TEXT_BYTES_MAX);

function entryOf(number: number, more: Partial<StoredEntry> = {}): StoredEntry {
  const source = {
    text: json(number),
    epoch: 1_800_000_000,
    revision: number,
    version: 1,
    time: 1_800_000_001,
  };
  return new StoredEntry({ ...source, ...more }, more.expiry ?? null);
}

const expiry = new Expiry();

/** Entries of every kind: plain, with a deadline, with numbers of any size, too long to be packed, with any byte. */
function anyEntry(number: number): StoredEntry {
  const kinds: Partial<StoredEntry>[] = [
    {},
    { expiry: expiry.add(number, 'kv', name(number)) },
    { revision: 2 ** 48 - number },
    { revision: 2 ** 48 + number },
    { version: 2 ** 32 + number },
    { epoch: 2 ** 32 - 1, time: 2 ** 32 - 1, version: 2 ** 32 - 1 },
    { text: json(LONG) },
    { text: '"\xff\x80é"' as JsonText },
  ];
  return entryOf(number, kinds[number % kinds.length]);
}

/** In the order of their numbers: 0 to end. */
function filled(end: number, keysMax: number, looseMax: number): Leaves<StoredEntry> {
  const leaves = new Leaves<StoredEntry>(keysMax, { ...packing, looseMax });
  for (let number = 0; number < end; number++) leaves.set(name(number), anyEntry(number));
  return leaves;
}

t.test('packed leaves of any size equal a sorted list, and each live view the list as it was', async () => {
  const property = fc.property(
    fc.integer({ min: 2, max: 9 }),
    fc.integer({ min: 1, max: 5 }),
    fc.array(step, { maxLength: 300, size: 'max' }),
    (keysMax, looseMax, steps) => {
      const leaves = new Leaves<StoredEntry>(keysMax, { ...packing, looseMax });
      const twins = new Twins(leaves, keysMax, anyEntry);
      for (const step of steps) twins.take(step);
      twins.compare();
    },
  );
  fc.assert(property, { ...random, numRuns: 500 });
});

t.test('whoever is passing over a full leaf goes on while it is packed anew and split', async t => {
  for (const looseMax of [1, 3, 100]) {
    const leaves = filled(10, 10, looseMax);
    const before = [...leaves.page('', undefined, 100).entries];
    const view = leaves.freeze();
    const reader = view[Symbol.iterator]();
    const read = [reader.next().value];
    for (let number = 0; number < 10; number++) {
      leaves.set(key(`key-0003-${number}`), entryOf(number));
      leaves.set(name(number), entryOf(100 + number));
    }
    for (const entry of { [Symbol.iterator]: () => reader }) read.push(entry);
    t.strictSame(read, before, `${looseMax} loose ones`);
    view.release();
  }
});

t.test('an entry comes back as it was, and nothing that is handed out changes later', async t => {
  const leaves = filled(100, 1_000, 10);
  const before = leaves.page('', undefined, 1_000).entries.map(([key, entry]) => [key, entry]);
  for (let number = 0; number < 100; number++) {
    const { text, epoch, revision, version, time, expiry } = leaves.get(name(number))!;
    const made = anyEntry(number);
    t.strictSame(
      [text, epoch, revision, version, time],
      [made.text, made.epoch, made.revision, made.version, made.time],
    );
    t.equal(expiry?.deadline, made.expiry?.deadline);
  }
  for (let number = 0; number < 100; number++) leaves.set(name(number), entryOf(number + 1_000));
  t.strictSame(
    before.map(([, entry]) => (entry as StoredEntry).revision),
    Array.from({ length: 100 }, (_, number) => anyEntry(number).revision),
  );
});

t.test('the node of an entry that expires is the same after packing', async t => {
  const leaves = new Leaves<StoredEntry>(100, { ...packing, looseMax: 2 });
  const node = new Expiry().add(5, 'kv', name(3));
  leaves.set(name(3), entryOf(3, { expiry: node }));
  for (const number of [1, 2, 4, 5, 6]) leaves.set(name(number), entryOf(number));
  t.equal(leaves.get(name(3))?.expiry, node);
  t.equal(leaves.get(name(4))?.expiry, null);
});

t.test('keys that begin alike, or are the beginning of another, are told apart', async t => {
  const names = ['a', 'aa', 'aab', 'ab', 'b', 'service/', 'service/key', 'service/key_1', 'service/key_10'];
  for (const from of [0, 5]) {
    const leaves = new Leaves<StoredEntry>(100, { ...packing, looseMax: 1 });
    for (const [i, text] of names.slice(from).entries()) leaves.set(key(text), entryOf(i));
    for (const [i, text] of names.slice(from).entries()) t.equal(leaves.get(key(text))?.revision, i, text);
    for (const text of [
      'A',
      'service',
      'service/kez',
      'service/key_',
      'service/key_100',
      'zz',
      'a/',
      'aac',
    ]) {
      t.equal(leaves.get(key(text)), undefined, text);
    }
  }
});

t.test('packed entries become a leaf only behind all keys, and behind no leaf that is thin', async t => {
  const page = packing.nothing.with([name(20), name(21)], [entryOf(20), entryOf(21)]);
  const leaves = filled(4, 5, 1);
  t.notOk(leaves.takesPacked(name(20)), 'the last leaf is not full');
  t.throws(() => leaves.appendPacked(page), { message: /cannot be followed/ });
  leaves.set(name(4), entryOf(4));
  t.notOk(leaves.takesPacked(name(4)), 'it is not behind');
  t.ok(leaves.takesPacked(name(20)));
  leaves.appendPacked(page);
  t.strictSame([leaves.size, leaves.leaves], [7, 2]);
  t.equal(leaves.get(name(21))?.revision, 21);
  const empty = new Leaves<StoredEntry>(5, packing);
  empty.appendPacked(page);
  t.strictSame([empty.size, empty.leaves], [2, 1], 'also as the first leaf');
});
