/** What the store refuses and evicts at its bounds. An entry of these tests has SIZE bytes but where it says more. */
import t from 'tap';
import { ENTRY_OVERHEAD_BYTES } from '../../src/limits.js';
import type { Change, Policy } from '../../src/model.js';
import type { Store } from '../../src/store/store.js';
import { contents, copy, key, newStore, plain, put, remove, touch } from './words.js';

const SIZE = ENTRY_OVERHEAD_BYTES + 4;
const value = 100;

const refusing = (bounds: Partial<Policy>): Policy => ({ ...plain, ...bounds });
const evicting = (bounds: Partial<Policy>): Policy => ({ ...plain, ...bounds, full: 'evict' });

const evicted = (changes: readonly Change[]) =>
  changes.flatMap(change =>
    change.type === 'delete' && change.reason === 'evicted' ? [change.key as string] : [],
  );

function refused(t: Tap, store: Store, run: () => unknown, message: string) {
  const before = contents(store);
  t.throws(run, { code: 'quota_exceeded', message });
  t.strictSame(contents(store), before, 'and nothing was changed');
}
type Tap = Pick<typeof t, 'throws' | 'strictSame'>;

t.test('a collection that refuses', async t => {
  await t.test('takes what fits exactly, and no entry more', async t => {
    const { store } = newStore({ kv: refusing({ entriesMax: 2 }) });
    store.apply([put('a', value), put('b', value)]);
    const message = `The collection "kv" holds at most 2 entries; this would need 3.`;
    refused(t, store, () => store.apply([put('c', value)]), message);
    store.apply([put('a', value + 1)]);
  });

  await t.test('takes what fits exactly, and no byte more', async t => {
    const { store } = newStore({ kv: refusing({ bytesMax: 2 * SIZE }) });
    store.apply([put('a', value), put('b', value)]);
    const message = `The collection "kv" holds at most ${2 * SIZE} bytes; this would need ${2 * SIZE + 1}.`;
    refused(t, store, () => store.apply([put('a', 1_000)]), message);
    store.apply([put('a', 99), put('b', 1_000)]);
  });

  await t.test('names the last operation that made it grow', async t => {
    const { store } = newStore({ kv: refusing({ entriesMax: 1 }) });
    t.throws(() => store.apply([put('a', value), put('b', value), remove('c')]), {
      code: 'quota_exceeded',
      details: { op: 1 },
    });
  });

  await t.test('judges a batch by what it leaves, so a deletion makes room for a put before it', async t => {
    const { store } = newStore({ kv: refusing({ entriesMax: 1 }) });
    store.apply([put('a', value)]);
    store.apply([put('b', value), remove('a')]);
    t.ok(store.get('kv', key('b')));
  });

  await t.test('that is over its bound takes deletions, touches and what shrinks', async t => {
    const old = newStore({ kv: plain });
    old.store.apply(['a', 'b', 'c', 'd'].map(name => put(name, value)));
    const { store } = newStore({ kv: refusing({ entriesMax: 2, bytesMax: 2 * SIZE }) });
    copy(old.store, store);
    t.strictSame(store.settle(), []);
    store.apply([put('a', value - 99), touch('b', 1_000)]);
    store.apply([remove('c'), put('d', value)]);
    const message = `The collection "kv" holds at most ${2 * SIZE} bytes; this would need ${3 * SIZE + 2}.`;
    refused(t, store, () => store.apply([put('d', 1_000_000)]), message);
  });
});

t.test('a collection that evicts', async t => {
  await t.test(
    'takes away the least recently used after the put, as a change of the same result',
    async t => {
      const { store } = newStore({ kv: evicting({ entriesMax: 2 }) });
      store.apply([put('a', value), put('b', value)]);
      store.get('kv', key('a'));
      const { changes, revision } = store.apply([put('c', value)]);
      t.match(changes, [
        { type: 'put', key: 'c', revision: 3 },
        { type: 'delete', reason: 'evicted', key: 'b', version: 1, revision: 4 },
      ]);
      t.strictSame([revision, store.revision, store.entries], [4, 4, 2]);
    },
  );

  await t.test('counts gets, puts and touches as use, and lists not', async t => {
    const { store } = newStore({ kv: evicting({ entriesMax: 4 }) });
    store.apply(['a', 'b', 'c', 'd'].map(name => put(name, value)));
    store.apply([touch('a', 1_000)]);
    store.apply([put('b', value)]);
    store.page('kv', { limit: 10 });
    t.strictSame(evicted(store.apply([put('e', value), put('f', value)]).changes), ['c', 'd']);
  });

  await t.test('evicts as many as the bytes need', async t => {
    const { store } = newStore({ kv: evicting({ bytesMax: 3 * SIZE }) });
    store.apply(['a', 'b', 'c'].map(name => put(name, value)));
    t.strictSame(evicted(store.apply([put('d', 1_000)]).changes), ['a', 'b']);
  });

  await t.test('refuses an entry larger than its whole bound, and keeps the others', async t => {
    const { store } = newStore({ kv: evicting({ bytesMax: SIZE }) });
    store.apply([put('a', value)]);
    const message = `The collection "kv" holds at most ${SIZE} bytes; this would need ${SIZE + 1}.`;
    refused(t, store, () => store.apply([put('b', 1_000)]), message);
    refused(t, store, () => store.apply([put('a', 1_000)]), message);
  });

  await t.test('never evicts what the same batch writes: such a batch is refused', async t => {
    const { store } = newStore({ kv: evicting({ entriesMax: 2 }) });
    store.apply([put('a', value), put('b', value)]);
    const message = `The collection "kv" holds at most 2 entries; this would need 3.`;
    refused(t, store, () => store.apply([put('c', value), put('d', value), put('e', value)]), message);
    const { changes } = store.apply([put('c', value), put('a', value)]);
    t.strictSame(evicted(changes), ['b']);
  });

  await t.test('evicts at the start what a smaller bound no longer holds', async t => {
    const old = newStore({ kv: plain });
    old.store.apply(['c', 'b', 'a', 'd'].map(name => put(name, value)));
    const { store } = newStore({ kv: evicting({ entriesMax: 2 }) });
    copy(old.store, store);
    t.match(store.settle(), [
      { reason: 'evicted', revision: 5 },
      { reason: 'evicted', revision: 6 },
    ]);
    t.strictSame([store.entries, store.settle()], [2, []]);
  });

  await t.test('leaves nothing of an evicted entry in the expiry', async t => {
    const { store, clock } = newStore({ kv: evicting({ entriesMax: 1 }) });
    store.apply([put('a', value, { ttl: 10 })]);
    store.apply([put('b', value)]);
    await clock.advance(10);
    t.strictSame([store.nextDeadline(), store.expire(1)], [null, []]);
  });
});

t.test('the bound of all collections together', async t => {
  const policies = { kv: plain, sessions: evicting({}), others: evicting({}) };
  const session = (name: string, text: unknown = value) => put(name, text, { collection: 'sessions' });
  const other = (name: string) => put(name, value, { collection: 'others' });

  await t.test('refuses growth, and evicts nobody for it', async t => {
    const { store } = newStore(policies, { bytesMax: 3 * SIZE });
    store.apply([put('a', value), session('s'), session('t')]);
    const message = `All collections together hold at most ${3 * SIZE} bytes; this would need ${4 * SIZE}.`;
    refused(t, store, () => store.apply([put('b', value)]), message);
    store.apply([put('a', value - 1)]);
    store.apply([remove('a'), put('b', value)]);
  });

  await t.test('makes a collection that evicts evict its own', async t => {
    const { store } = newStore(policies, { bytesMax: 3 * SIZE });
    store.apply([other('o'), session('s'), session('t')]);
    t.strictSame(evicted(store.apply([session('u')]).changes), ['s']);
    t.strictSame(evicted(store.apply([session('u', 1_000)]).changes), ['t']);
    t.equal(store.bytes, 2 * SIZE + 1);
  });

  await t.test('refuses an evicting collection that has not enough of its own', async t => {
    const { store } = newStore(policies, { bytesMax: 2 * SIZE });
    store.apply([put('a', value), other('o')]);
    const message = `All collections together hold at most ${2 * SIZE} bytes; this would need ${3 * SIZE}.`;
    refused(t, store, () => store.apply([session('s')]), message);
  });

  await t.test('lets a batch of both kinds pass where each answers for its own growth', async t => {
    const { store } = newStore(policies, { bytesMax: 4 * SIZE });
    store.apply([put('a', value), session('s'), session('t')]);
    t.strictSame(evicted(store.apply([put('b', value), session('u')]).changes), ['s']);
    const message = `All collections together hold at most ${4 * SIZE} bytes; this would need ${5 * SIZE}.`;
    refused(t, store, () => store.apply([put('c', value), session('v')]), message);
  });

  await t.test('that is exceeded after a start asks for no more than the growth', async t => {
    const old = newStore(policies);
    old.store.apply([put('a', value), put('b', value), session('s'), session('t'), session('u')]);
    const { store } = newStore(policies, { bytesMax: SIZE });
    copy(old.store, store);
    t.strictSame(store.settle(), []);
    t.strictSame(evicted(store.apply([session('v')]).changes), ['s']);
    store.apply([remove('a'), put('c', value)]);
  });

  await t.test(
    'that is exceeded lets a batch pass that does not grow as a whole, and evicts nobody',
    async t => {
      const old = newStore(policies);
      old.store.apply([put('a', value), put('b', value), put('c', value)]);
      const { store } = newStore({ ...policies, more: plain }, { bytesMax: SIZE });
      copy(old.store, store);
      t.strictSame(evicted(store.apply([remove('a'), session('s')]).changes), []);
      store.apply([remove('b'), put('b', value, { collection: 'more' })]);
      const { changes } = store.apply([remove('c'), put('c', value, { collection: 'more' }), session('t')]);
      t.strictSame(evicted(changes), ['s']);
      t.equal(store.bytes, 3 * SIZE);
    },
  );
});
