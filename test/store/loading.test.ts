/** A base whose lines are packed as they stand in their bytes gives the same store as its entries one by one. */
import { deepStrictEqual } from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { LEAF_KEYS_MAX, PACKED_TEXT_BYTES_MAX } from '../../src/limits.js';
import type { BaseEntry, Key, Policies } from '../../src/model.js';
import { decodeBaseRows, encodeEntries } from '../../src/snapshot/format.js';
import type { Store } from '../../src/store/store.js';
import { contents, json, key, newStore, plain, put, random, remove } from './words.js';

const origin = { epoch: 1_800_000_000, time: 1_800_000_001, version: 1, deadline: null };
const LONG = json('x'.repeat(PACKED_TEXT_BYTES_MAX));

function entryOf(name: Key, revision: number, more: Partial<BaseEntry> = {}): BaseEntry {
  return { ...origin, key: name, revision, text: json(revision), ...more };
}

const numbered = (number: number) => entryOf(key(`key-${String(number).padStart(6, '0')}`), number);

/** Gives a store entries as recovery does, in lines of some entries each. */
function loadLines(store: Store, collection: string, entries: readonly BaseEntry[], size: number): void {
  for (let from = 0; from < entries.length; from += size) {
    const line = decodeBaseRows(encodeEntries(collection, entries.slice(from, from + size)));
    if (line.type === 'rows') store.loadRows(line.collection, line.rows);
    if (line.type === 'entries') for (const entry of line.entries) store.load(line.collection, entry);
  }
}

/** What a way of loading comes to. */
function loaded(policies: Policies, load: (store: Store) => void): unknown {
  const { store } = newStore(policies);
  try {
    load(store);
    store.loaded(1_000, 1);
  } catch (error) {
    return String(error);
  }
  return [contents(store), store.nextDeadline(), store.collections()];
}

const kind: fc.Arbitrary<Partial<BaseEntry>> = fc.oneof(
  { weight: 12, arbitrary: fc.constant({}) },
  { weight: 2, arbitrary: fc.nat(1_000).map(deadline => ({ deadline })) },
  fc.constantFrom<Partial<BaseEntry>>(
    { text: LONG },
    { text: json('a\nb') },
    { text: '[\n1]' as BaseEntry['text'] },
    { text: '"\xc3\xa9"' as BaseEntry['text'] },
    { version: 2 ** 32, revision: 2 ** 48 },
    { epoch: 2 ** 32 - 1, time: 2 ** 32 - 1, revision: 2 ** 48 - 1 },
  ),
);

const entries = fc
  .array(fc.tuple(fc.nat(400), kind), { maxLength: 400, size: 'max' })
  .map(rows => rows.map(([number, more]) => ({ ...numbered(number), ...more })));

/** As a base has them: in order, each key once. */
const inOrder = entries.map(some => {
  const byKey = new Map(some.map(entry => [entry.key, entry]));
  return [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
});

/** In order, one key twice, as no base is. */
const twice = fc
  .tuple(inOrder, fc.nat())
  .map(([entries, at]) =>
    entries.flatMap((entry, i) => (i === at % entries.length ? [entry, entry] : [entry])),
  );

t.test('any entries in any order, also with a key twice, and in lines of any length', async () => {
  const policies = fc.constantFrom<Policies>({ kv: plain }, { kv: { ...plain, full: 'evict' } }, {});
  const property = fc.property(
    policies,
    fc.oneof(inOrder, entries, twice),
    fc.integer({ min: 1, max: 50 }),
    (policies, entries, size) => {
      const oneByOne = loaded(policies, store => {
        for (const entry of entries) store.load('kv', entry);
      });
      deepStrictEqual(
        loaded(policies, store => loadLines(store, 'kv', entries, size)),
        oneByOne,
      );
    },
  );
  fc.assert(property, { ...random, numRuns: 300 });
});

t.test('more entries than a leaf holds, of two collections, and changes of them afterwards', async t => {
  const many = Array.from({ length: 3 * LEAF_KEYS_MAX + 10 }, (_, number) => numbered(number));
  const few = many.filter((_, i) => i % 100 === 0);
  const store = (load: (store: Store) => void) => {
    const { store } = newStore({ kv: plain, other: plain });
    load(store);
    store.loaded(10_000, 1);
    for (let i = 0; i < many.length; i += 7) store.apply([put(many[i]!.key, 'changed')]);
    for (let i = 0; i < many.length; i += 5) store.apply([remove(many[i]!.key)]);
    for (let i = 0; i < 3_000; i++) store.apply([put(`key-003000-${i}`, i)]);
    return contents(store);
  };
  const byLines = store(store => {
    loadLines(store, 'kv', many, 450);
    loadLines(store, 'other', few, 450);
  });
  const byEntries = store(store => {
    for (const entry of many) store.load('kv', entry);
    for (const entry of few) store.load('other', entry);
  });
  t.strictSame(byLines, byEntries);
});

t.test('what a line gave does not change with the next, which is read into the same bytes', async t => {
  const { store } = newStore();
  const line = encodeEntries('kv', [numbered(1), numbered(2)]);
  const decoded = decodeBaseRows(line);
  if (decoded.type !== 'rows') throw new Error('the line is not scanned');
  store.loadRows('kv', decoded.rows);
  line.fill(0);
  store.loaded(2, 1);
  t.equal(store.get('kv', numbered(2).key)?.text, '2');
});

t.test('a version finds its entry, though that is in no leaf yet', async t => {
  const { store } = newStore({ kv: { ...plain, history: 5 } });
  const entry = numbered(1);
  loadLines(store, 'kv', [entry, numbered(2)], 2);
  const { deadline: _, ...version } = entry;
  store.loadVersion('kv', { ...version, text: null, deleted: false, by: null, comment: null });
  store.loaded(2, 1);
  t.equal(store.history('kv', entry.key)[0]?.text, entry.text);
});
