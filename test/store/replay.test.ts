/** Recovery: what comes back from a base and from changes is what was there. */
import { deepStrictEqual } from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { CairnError } from '../../src/errors.js';
import type { BaseEntry, Change, Condition, Operation, Policies } from '../../src/model.js';
import type { Store } from '../../src/store/store.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { contents, copy, EPOCH, json, key, newStore, plain, put, random } from './words.js';

const origin = { collection: 'kv', key: key('a'), epoch: EPOCH, version: 1, time: 1 };
const change: Change = { type: 'put', ...origin, revision: 1, text: json(1), deadline: null };
const entry: BaseEntry = { ...origin, revision: 3, text: json(1), deadline: null };

t.test('a replay needs the next revision', async t => {
  const { store } = newStore();
  t.throws(() => store.replay({ ...change, revision: 2 }), {
    message: 'A change of revision 2 cannot follow revision 0.',
  });
  store.replay(change);
  t.throws(() => store.replay(change), { message: 'A change of revision 1 cannot follow revision 1.' });
  t.strictSame([store.revision, store.entries], [1, 1]);
});

t.test('a replay of a deletion or a touch needs the key', async t => {
  const { store } = newStore();
  t.throws(() => store.replay({ type: 'delete', ...origin, revision: 1, reason: 'deleted' }), {
    message: `Change ${EPOCH}-1 deletes a key that is not there.`,
  });
  t.throws(() => store.replay({ type: 'touch', ...origin, revision: 1, deadline: 5 }), {
    message: `Change ${EPOCH}-1 touches a key that is not there.`,
  });
  t.equal(store.revision, 0);
});

t.test('a replay asks neither for the bounds nor for the time', async t => {
  const { store, clock } = newStore({ kv: { ...plain, entriesMax: 0 } }, { bytesMax: 1 });
  store.replay({ ...change, deadline: clock.now() - 1 });
  t.strictSame([store.entries, store.get('kv', key('a'))], [1, undefined]);
  t.match(store.expire(1), [{ reason: 'expired', revision: 2 }]);
});

t.test('a base gives entries but no revision, until it is told', async t => {
  const { store } = newStore();
  store.load('kv', { ...entry, deadline: 7 });
  t.equal(store.revision, 0);
  store.loaded(9, 1);
  t.strictSame([store.revision, store.nextDeadline()], [9, 7]);
  t.match(store.apply([put('b', 1)]).changes, [{ revision: 10 }]);
});

t.test('a base with a key twice is refused', async t => {
  const { store } = newStore();
  store.load('kv', entry);
  t.throws(() => store.load('kv', entry), { message: 'The base has a key twice.' });
});

t.test('a collection that left the configuration', async t => {
  const { store, clock } = newStore();
  store.load('gone', { ...entry, deadline: clock.now() + 10 });
  store.load('gone', { ...entry, key: key('b') });
  store.loaded(4, 1);

  t.strictSame(store.unknown(), [{ name: 'gone', entries: 2 }], 'is told');
  t.strictSame(
    store.collections().map(({ name }) => name),
    ['kv'],
    'is not listed',
  );
  for (const reach of [
    () => store.get('gone', key('b')),
    () => store.page('gone', { limit: 1 }),
    () => store.apply([put('b', 1, { collection: 'gone' })]),
  ]) {
    t.throws(reach, { code: 'not_found' }, 'is not found');
  }
  await clock.advance(10);
  t.match(store.expire(5), [{ collection: 'gone', key: 'a', reason: 'expired' }], 'goes on expiring');
  const frozen = store.freeze();
  t.strictSame([frozen.entries, [...frozen.collections()].map(({ name }) => name)], [1, ['gone', 'kv']]);
  frozen.release();
  store.replay({
    type: 'delete',
    ...origin,
    collection: 'gone',
    key: key('b'),
    revision: 6,
    reason: 'deleted',
  });
  t.strictSame(store.unknown(), [], 'and is told only while it holds data');
});

const policies: Policies = {
  kv: plain,
  full: { ...plain, entriesMax: 3 },
  cache: { ...plain, full: 'evict', entriesMax: 3, defaultTtl: 50 },
  bytes: { ...plain, full: 'evict', bytesMax: 400 },
};

type Step =
  | { readonly wait: number }
  | { readonly operations: readonly Operation[] }
  | { readonly expire: number };

const ttl = fc.integer({ min: 1, max: 100 });
const place = {
  collection: fc.constantFrom(...Object.keys(policies)),
  key: fc.constantFrom(...'abcdef').map(key),
};
const condition = fc.option(
  fc.constantFrom<Condition>(
    { match: 'any' },
    { noneMatch: 'any' },
    { match: [{ epoch: EPOCH, revision: 2 }] },
  ),
  { nil: undefined, freq: 4 },
);
const operation = fc
  .tuple(
    fc.oneof(
      fc.record({
        type: fc.constant('put' as const),
        ...place,
        text: fc.string({ maxLength: 40 }).map(json),
        ttl: fc.option(fc.oneof(ttl, fc.constantFrom('none' as const, 'keep' as const)), { nil: undefined }),
      }),
      fc.record({
        type: fc.constant('touch' as const),
        ...place,
        ttl: fc.oneof(ttl, fc.constant('none' as const)),
      }),
      fc.record({ type: fc.constant('delete' as const), ...place }),
    ),
    condition,
  )
  .map(([operation, condition]) => withoutUndefined({ ...operation, condition }) as Operation);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      operations: fc.uniqueArray(operation, {
        minLength: 1,
        maxLength: 5,
        selector: ({ collection, key }) => `${collection} ${key}`,
      }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ wait: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ expire: fc.nat(3) }) },
);

function withoutUndefined(record: object): object {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

/** Takes a step and gives its changes. What is refused must leave the store as it was. */
async function take(store: Store, clock: ManualClock, step: Step): Promise<readonly Change[]> {
  if ('wait' in step) await clock.advance(step.wait);
  if ('expire' in step) return store.expire(step.expire);
  if (!('operations' in step)) return [];
  const before = contents(store);
  try {
    return store.apply(step.operations).changes;
  } catch (error) {
    if (!(error instanceof CairnError)) throw error;
    deepStrictEqual(contents(store), before);
    return [];
  }
}

function checkBounds(store: Store): void {
  for (const { policy, entries, bytes } of store.collections()) {
    deepStrictEqual(entries <= (policy.entriesMax ?? entries) && bytes <= (policy.bytesMax ?? bytes), true);
  }
  deepStrictEqual(store.bytes <= 1_500, true);
}

t.test('the changes of any history, replayed, give the same store; so does a base and the rest', async () => {
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 60, size: 'max' }),
    fc.nat(60),
    async (steps, at) => {
      const clock = new ManualClock();
      const { store } = newStore(policies, { clock, bytesMax: 1_500 });
      const [fromChanges, fromBase] = [newStore(policies).store, newStore(policies).store];
      for (const [index, step] of steps.entries()) {
        if (index === at) copy(store, fromBase);
        const changes = await take(store, clock, step);
        checkBounds(store);
        for (const change of changes) {
          fromChanges.replay(change);
          if (index >= at) fromBase.replay(change);
        }
      }
      deepStrictEqual(contents(fromChanges), contents(store));
      if (at < steps.length) deepStrictEqual(contents(fromBase), contents(store));
      deepStrictEqual(fromChanges.nextDeadline(), store.nextDeadline());
    },
  );
  await fc.assert(property, { ...random, numRuns: 200 });
});
