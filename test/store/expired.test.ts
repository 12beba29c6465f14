/** What the store does with entries whose time is over. */
import t from 'tap';
import type { Policies } from '../../src/model.js';
import { contents, key, newStore, plain, put, remove, touch } from './words.js';

const SECOND = 1_000;

/** `a` is over in a second, `b` never. */
function twoEntries(policies?: Policies) {
  const made = newStore(policies);
  made.store.apply([put('a', 1, { ttl: SECOND }), put('b', 1)]);
  return made;
}

t.test('an entry is there until its deadline and not at it, however late the expiry', async t => {
  const { store, clock } = twoEntries();
  await clock.advance(SECOND - 1);
  t.ok(store.get('kv', key('a')));
  await clock.advance(1);
  t.equal(store.get('kv', key('a')), undefined);
  const { entries, more } = store.page('kv', { limit: 1 });
  t.strictSame([entries.map(([key]) => key), more], [['b'], false]);
  t.equal(store.entries, 2);
});

t.test('its expiry is a deletion with a revision of its own', async t => {
  const { store, clock } = twoEntries();
  t.strictSame(store.expire(10), []);
  await clock.advance(SECOND);
  t.match(store.expire(10), [{ type: 'delete', reason: 'expired', key: 'a', version: 1, revision: 3 }]);
  t.strictSame([store.expire(10), store.revision, store.entries], [[], 3, 1]);
});

t.test('expiry takes the earliest first and no more than asked, from all collections', async t => {
  const { store, clock } = newStore({ kv: plain, other: plain });
  store.apply([
    put('a', 1, { ttl: 30 }),
    put('b', 1, { ttl: 10, collection: 'other' }),
    put('c', 1, { ttl: 20 }),
    put('d', 1, { ttl: 40 }),
  ]);
  t.equal(store.nextDeadline(), clock.now() + 10);
  await clock.advance(30);
  const keys = (limit: number) => store.expire(limit).map(({ key }) => key as string);
  t.strictSame([keys(2), keys(2), keys(2)], [['b', 'c'], ['a'], []]);
  t.equal(store.nextDeadline(), clock.now() + 10);
});

t.test('the deadline of a put', async t => {
  const { store, clock } = newStore({ kv: { ...plain, defaultTtl: 5_000 }, forever: plain });
  const deadline = (...operation: Parameters<typeof put>) => {
    const [outcome] = store.apply([put(...operation)]).outcomes;
    return outcome !== undefined && 'entry' in outcome ? outcome.entry.deadline() : undefined;
  };
  const now = clock.now();
  t.equal(deadline('a', 1), now + 5_000, 'is what the policy says');
  t.equal(deadline('a', 1, { ttl: 100 }), now + 100, 'or its ttl');
  t.equal(deadline('a', 1, { ttl: 'keep' }), now + 100, 'or the one that the entry has');
  t.equal(deadline('a', 1, { ttl: 'none' }), null, 'or none');
  t.equal(deadline('a', 1, { ttl: 'keep' }), null, 'which is kept too');
  t.equal(deadline('b', 1, { ttl: 'keep' }), now + 5_000, 'a new key has none to keep');
  t.equal(deadline('a', 1, { collection: 'forever' }), null, 'none where the policy has none');
  t.equal(deadline('c', 1, { ttl: 0.25 }), now + 1, 'a whole millisecond, rounded up');
});

t.test('an operation that meets an expired entry takes it away first', async t => {
  for (const [operation, outcome, changes] of [
    [put('a', 2), 'created', ['expired', 'put']],
    [put('a', 2, { condition: { noneMatch: 'any' } }), 'created', ['expired', 'put']],
    [put('a', 2, { ttl: 'keep' }), 'created', ['expired', 'put']],
    [touch('a', SECOND), 'absent', ['expired']],
    [remove('a'), 'absent', ['expired']],
  ] as const) {
    const { store, clock } = twoEntries();
    await clock.advance(SECOND);
    const applied = store.apply([operation]);
    t.strictSame(
      applied.changes.map(change => (change.type === 'delete' ? change.reason : change.type)),
      changes,
    );
    t.match(applied.outcomes, [{ type: outcome }]);
    t.strictSame([applied.revision, store.expire(1), store.nextDeadline()], [2 + changes.length, [], null]);
  }
});

t.test('a key made again over an expired entry has version 1', async t => {
  const { store, clock } = twoEntries();
  store.apply([put('a', 2, { ttl: SECOND })]);
  await clock.advance(SECOND);
  t.match(store.apply([put('a', 3)]).outcomes, [{ entry: { version: 1 } }]);
});

t.test('a refused operation leaves an expired entry where it is', async t => {
  const { store, clock } = twoEntries();
  await clock.advance(SECOND);
  const before = contents(store);
  t.throws(() => store.apply([put('a', 2, { condition: { match: 'any' } })]), {
    code: 'revision_mismatch',
    details: { current: null },
  });
  t.strictSame(contents(store), before);
});

t.test('a wall clock that leaps ahead expires nothing for a while, and is counted', async t => {
  const { store, clock } = twoEntries();
  clock.jump(3_600 * SECOND);
  t.ok(store.get('kv', key('a')));
  t.strictSame([store.expire(10), store.clockJumps], [[], 1]);
  await clock.advance(SECOND);
  t.equal(store.get('kv', key('a')), undefined, 'but time goes on');
});

t.test('many deadlines that are moved, kept and taken away leave nothing behind', async t => {
  const { store, clock } = newStore();
  for (let round = 0; round < 50; round++) {
    store.apply([put(`a${round % 5}`, 1, { ttl: 100 + round })]);
    store.apply([touch(`a${round % 7}`, 200 - round)]);
    store.apply([touch(`a${round % 3}`, 'none')]);
    store.apply([remove(`a${round % 4}`)]);
  }
  await clock.advance(1_000);
  const left = store.page('kv', { limit: 10 }).entries.length;
  store.expire(1_000);
  t.strictSame([store.entries, store.nextDeadline()], [left, null]);
});
