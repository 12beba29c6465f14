import t from 'tap';
import { CairnError } from '../../src/errors.js';
import { ENTRY_OVERHEAD_BYTES } from '../../src/limits.js';
import type { Change, Operation, Outcome } from '../../src/model.js';
import type { Store } from '../../src/store/store.js';
import { contents, EPOCH, json, key, newStore, plain, put, remove, touch } from './words.js';

const id = (revision: number) => ({ epoch: EPOCH, revision });
const types = (outcomes: readonly Outcome[]) => outcomes.map(({ type }) => type);
const short = (changes: readonly Change[]) =>
  changes.map(change => [
    change.revision,
    change.type === 'delete' ? change.reason : change.type,
    change.key,
    change.version,
  ]);

/** The operations must throw, and leave the store as it was. */
function refused(
  t: Tap,
  store: Store,
  operations: readonly Operation[],
  expected: { code: string } | { message: string | RegExp },
): void {
  const before = contents(store);
  t.throws(() => store.apply(operations), expected);
  t.strictSame(contents(store), before, 'and nothing was changed');
}
type Tap = Pick<typeof t, 'throws' | 'strictSame'>;

t.test('an empty store is at revision 0 and holds nothing', async t => {
  const { store } = newStore();
  t.strictSame(
    [store.revision, store.entries, store.bytes, store.nextDeadline(), store.get('kv', key('a'))],
    [0, 0, 0, null, undefined],
  );
});

t.test('a put makes an entry with the next revision, version 1 and the time in seconds', async t => {
  const { store, clock } = newStore();
  await clock.advance(1_999);
  const { changes, outcomes, revision } = store.apply([put('a', 1)]);
  const time = clock.now() / 1_000 - 0.999;
  const origin = { ...id(1), version: 1, time };
  t.strictSame(changes, [{ type: 'put', collection: 'kv', key: 'a', ...origin, deadline: null, text: '1' }]);
  t.match(outcomes, [{ type: 'created', id: id(1), entry: { text: '1', ...origin } }]);
  t.equal(revision, 1);
  t.match(store.get('kv', key('a')), { text: '1', ...origin });
});

t.test('another put replaces it: the next revision and version, and the old entry is as it was', async t => {
  const { store } = newStore();
  store.apply([put('a', 1)]);
  const old = store.get('kv', key('a'));
  const { outcomes } = store.apply([put('a', 2)]);
  t.match(outcomes, [{ type: 'replaced', id: id(2), entry: { text: '2', version: 2 } }]);
  t.match(old, { text: '1', version: 1, revision: 1 });
});

t.test('a deletion gives the version that went, and the key begins at 1 again', async t => {
  const { store } = newStore();
  store.apply([put('a', 1)]);
  store.apply([put('a', 2)]);
  const { changes, outcomes } = store.apply([remove('a')]);
  t.match(changes, [{ type: 'delete', reason: 'deleted', key: 'a', version: 2, ...id(3) }]);
  t.strictSame(outcomes, [{ type: 'deleted', id: id(3) }]);
  t.equal(store.get('kv', key('a')), undefined);
  t.match(store.apply([put('a', 3)]).outcomes, [{ type: 'created', entry: { version: 1, revision: 4 } }]);
});

t.test('a touch moves the deadline, and is a change with a version', async t => {
  const { store, clock } = newStore();
  store.apply([put('a', 1)]);
  const { changes, outcomes } = store.apply([touch('a', 500)]);
  t.match(changes, [{ type: 'touch', key: 'a', version: 2, ...id(2), deadline: clock.now() + 500 }]);
  t.match(outcomes, [{ type: 'touched', id: id(2), entry: { text: '1', version: 2, revision: 2 } }]);
  store.apply([touch('a', 'none')]);
  t.equal(store.get('kv', key('a'))?.deadline(), null);
  t.equal(store.nextDeadline(), null);
});

t.test('to delete or touch what is not there changes nothing', async t => {
  const { store } = newStore();
  const { changes, outcomes, revision } = store.apply([remove('a'), touch('b', 5)]);
  t.strictSame([changes, types(outcomes), revision], [[], ['absent', 'absent'], 0]);
});

t.test('a batch has consecutive revisions in the order of its operations', async t => {
  const { store } = newStore();
  store.apply([put('b', 1)]);
  const { changes, outcomes, revision } = store.apply([put('a', 1), remove('b'), remove('x'), put('c', 1)]);
  t.strictSame(short(changes), [
    [2, 'put', 'a', 1],
    [3, 'deleted', 'b', 1],
    [4, 'put', 'c', 1],
  ]);
  t.strictSame([types(outcomes), revision], [['created', 'deleted', 'absent', 'created'], 4]);
});

t.test('a batch that names a key twice is a defect of the caller', async t => {
  const { store } = newStore();
  refused(t, store, [put('a', 1), put('a', 2)], { message: 'A batch names a key twice.' });
});

t.test('nothing is decided before an epoch has begun', async t => {
  const { store } = newStore();
  store.beginEpoch(0);
  refused(t, store, [put('a', 1)], { message: /before an epoch has begun/ });
});

t.test('changes belong to the epoch in which they were made', async t => {
  const { store } = newStore();
  store.apply([put('a', 1)]);
  store.beginEpoch(EPOCH + 9);
  store.apply([put('b', 1)]);
  t.match(store.get('kv', key('a')), id(1));
  t.match(store.get('kv', key('b')), { epoch: EPOCH + 9, revision: 2 });
  t.equal(store.epoch, EPOCH + 9);
});

t.test('a collection that is not in the policies is not found, whatever its name', async t => {
  const { store } = newStore();
  for (const collection of ['other', '__proto__', 'constructor', '']) {
    const notFound = { code: 'not_found' };
    t.throws(() => store.get(collection, key('a')), notFound);
    t.throws(() => store.page(collection, { limit: 1 }), notFound);
    refused(t, store, [put('a', 1), put('a', 1, { collection })], notFound);
  }
});

t.test('a page is in key order, from one collection', async t => {
  const { store } = newStore({ kv: plain, other: plain });
  store.apply([put('b', 1), put('a', 1), put('c', 1), put('aa', 1, { collection: 'other' })]);
  const { entries, more } = store.page('kv', { after: key('a'), limit: 1 });
  t.strictSame([entries.map(([key, { text }]) => [key, text]), more], [[['b', '1']], true]);
});

t.test('entries and bytes are counted per collection and together', async t => {
  const { store } = newStore({ kv: plain, other: plain });
  store.apply([put('abc', 12345), put('b', 1), put('b', 1, { collection: 'other' })]);
  store.apply([put('abc', 1), remove('b')]);
  t.strictSame(store.collections(), [
    { name: 'kv', policy: plain, entries: 1, bytes: 3 + 1 + ENTRY_OVERHEAD_BYTES, lastChange: id(5) },
    { name: 'other', policy: plain, entries: 1, bytes: 1 + 1 + ENTRY_OVERHEAD_BYTES, lastChange: id(3) },
  ]);
  t.strictSame([store.entries, store.bytes], [2, 6 + 2 * ENTRY_OVERHEAD_BYTES]);
});

t.test('conditions', async t => {
  const { store } = newStore();
  store.apply([put('a', 1), put('b', 1)]);
  const current = `${EPOCH}-1`;
  const otherEpoch = { epoch: EPOCH - 1, revision: 1 };
  const mismatch = (op: number, current: string | null) => ({
    code: 'revision_mismatch',
    details: { op, current },
  });

  for (const [condition, name, at] of [
    [{ match: 'any' }, 'new', null],
    [{ match: [id(1)] }, 'new', null],
    [{ match: [id(2), otherEpoch] }, 'a', current],
    [{ match: [] }, 'a', current],
    [{ noneMatch: 'any' }, 'a', current],
    [{ noneMatch: [id(2), id(1)] }, 'a', current],
    [{ match: [id(1)], noneMatch: 'any' }, 'a', current],
  ] as const) {
    refused(t, store, [put('c', 1), put(name, 2, { condition })], mismatch(1, at));
    refused(t, store, [remove(name, { condition })], mismatch(0, at));
    refused(t, store, [touch(name, 5, { condition })], mismatch(0, at));
  }
  for (const condition of [
    { match: 'any' },
    { match: [id(2), id(1)] },
    { noneMatch: [id(2), otherEpoch] },
    { match: 'any', noneMatch: [id(2)] },
  ] as const) {
    const { store } = newStore();
    store.apply([put('a', 1)]);
    t.strictSame(types(store.apply([put('a', 2, { condition })]).outcomes), ['replaced']);
  }
  t.strictSame(types(store.apply([put('d', 2, { condition: { noneMatch: 'any' } })]).outcomes), ['created']);
  t.strictSame(types(store.apply([remove('e', { condition: { noneMatch: [id(1)] } })]).outcomes), ['absent']);
});

t.test('a failed condition does not show the key, which is bytes', async t => {
  const { store } = newStore();
  const operation = put('geheim', 1, { condition: { match: 'any' } });
  t.throws(() => store.apply([operation]), new CairnError('revision_mismatch', 'The key is not there.'));
});

t.test('a frozen store shows what was there, while the store goes on', async t => {
  const { store } = newStore({ kv: plain, b: plain, a: plain });
  const named = ['z', 'y'].flatMap(name => ['kv', 'b', 'a'].map(collection => put(name, 1, { collection })));
  store.apply(named);
  store.apply([touch('y', 1_000)]);
  const frozen = store.freeze();
  const deadline = store.get('kv', key('y'))?.deadline();
  store.apply([put('z', 2), touch('y', 9_000), remove('y', { collection: 'a' }), put('x', 3)]);

  t.strictSame([frozen.revision, frozen.entries], [7, 6]);
  const rows = [...frozen.collections()].flatMap(({ name, entries }) =>
    [...entries()].map(([key, entry]) => [name, key, entry.text, entry.deadline()]),
  );
  t.strictSame(rows, [
    ['a', 'y', '1', null],
    ['a', 'z', '1', null],
    ['b', 'y', '1', null],
    ['b', 'z', '1', null],
    ['kv', 'y', '1', deadline],
    ['kv', 'z', '1', null],
  ]);
  frozen.release();
  t.throws(() => [...frozen.collections()].map(({ entries }) => [...entries()]), { message: /released/ });
});

t.test('the text of a value is the very string that came', async t => {
  const { store } = newStore();
  store.apply([{ ...put('a', 0), text: json('x') }]);
  t.equal(store.get('kv', key('a'))?.text, '"x"');
});
