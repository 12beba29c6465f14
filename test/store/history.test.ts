/** Histories in memory: what they share, what they count for, and what becomes of them under another policy. */
import t from 'tap';
import { VERSION_OVERHEAD_BYTES } from '../../src/limits.js';
import type { BaseVersion, Change, Operation, Policies, Policy, VersionRecord } from '../../src/model.js';
import { History } from '../../src/store/history.js';
import type { Store } from '../../src/store/store.js';
import type { ManualClock } from '../fixtures/manual-clock.js';
import { type Random, randomOf, seedOf } from '../fixtures/seeded-random.js';
import { contents, copy, EPOCH, json, key, newStore, plain, put, remove, touch } from './words.js';

const STEPS = 1_500;
const endless: Policy = { ...plain, history: Number.POSITIVE_INFINITY };
const kept = (history: number): Policy => ({ ...plain, history, historyTtl: 60_000 });
const NOBODY = { by: null, comment: null };

const record = (version: number, value: unknown = version): VersionRecord => ({
  ...{ version, revision: version, epoch: EPOCH, time: 1, text: json(value) },
  ...NOBODY,
});
const numbers = (history: History): number[] => history.versions().map(({ version }) => version);
const versionsOf = (store: Store, name = 'a'): unknown[] =>
  store.history('kv', key(name)).map(({ version, text }) => [version, text]);
const purge = (name: string): Operation => ({ ...remove(name), purge: true });

/** A store of these policies that has what another has, by way of a base. */
function moved(from: Store, policies: Policies, clock: ManualClock): Store {
  const { store } = newStore(policies, { clock });
  copy(from, store);
  return store;
}

t.test('a list', async t => {
  await t.test('is as long for a reader as it was, while versions come behind it', async t => {
    const first = History.of(key('a'), record(1));
    const second = first.with(record(2), 3, null);
    const third = second.with(record(3), 3, null);
    const cut = third.with(record(4), 3, null).with(record(5), 3, null);
    t.strictSame([first, second, third, cut].map(numbers), [[1], [1, 2], [1, 2, 3], [3, 4, 5]]);
    t.strictSame(
      [first, second, third, cut].map(({ last }) => last.version),
      [1, 2, 3, 5],
    );
  });

  await t.test('is not written behind twice', async t => {
    const first = History.of(key('a'), record(1));
    const [one, other] = [first.with(record(2), 9, null), first.with(record(3), 9, null)];
    t.strictSame([one, other].map(numbers), [
      [1, 2],
      [1, 3],
    ]);
  });

  await t.test('of depth 1 is the present version', async t => {
    const { store } = newStore({ kv: kept(1) });
    for (const value of [1, 2, 3]) store.apply([put('a', value)]);
    t.strictSame(versionsOf(store), [[3, '3']]);
    store.apply([remove('a')]);
    t.strictSame(versionsOf(store), [[4, null]]);
  });
});

t.test('a frozen view keeps its versions while others come, and while some are cut off', async t => {
  for (const depth of [2, 3, Number.POSITIVE_INFINITY]) {
    const { store } = newStore({ kv: kept(depth) });
    for (const value of [1, 2, 3]) store.apply([put('a', value)]);
    const frozen = store.freeze();
    const rows = (): BaseVersion[] => [...frozen.collections()].flatMap(each => [...each.versions()]);
    const before = rows();
    for (const value of [4, 5, 6]) store.apply([put('a', value)]);
    store.apply([remove('a')]);
    t.strictSame(rows(), before);
    t.equal(before.length, frozen.versions);
    store.apply([purge('a')]);
    t.strictSame(rows(), before);
    frozen.release();
  }
});

t.test('a base has each text once', async t => {
  const { store, clock } = newStore({ kv: endless });
  for (const value of ['long', 'long', 'other', 'other'])
    store.apply([put('a', value, { always: true }), put('b', value, { always: true })]);
  store.apply([remove('b')]);
  const frozen = store.freeze();
  const rows = [...frozen.collections()].flatMap(each => [...each.versions()]);
  t.strictSame(
    rows.map(({ key, version, text }) => `${key}${version} ${text}`),
    [
      ...['a1 "long"', 'a2 null', 'a3 "other"', 'a4 null'],
      ...['b1 "long"', 'b2 null', 'b3 "other"', 'b4 null', 'b5 null'],
    ],
  );
  frozen.release();
  const next = moved(store, { kv: endless }, clock);
  t.strictSame(contents(next), contents(store));
  t.strictSame(versionsOf(next, 'b'), versionsOf(store, 'b'));
});

t.test(
  'a version whose deadline was moved stands in a base by itself, and is one string in memory',
  async t => {
    const { store, clock } = newStore({ kv: endless });
    store.apply([put('a', 'alone'), put('b', 1)]);
    store.apply([put('b', 'last')]);
    store.apply([touch('a', 1_000), touch('b', 1_000)]);
    const frozen = store.freeze();
    const rows = [...frozen.collections()].flatMap(each => [...each.versions()]);
    frozen.release();
    t.strictSame(
      rows.map(({ key, version, revision, text }) => `${key}${version} @${revision} ${text}`),
      ['a1 @1 "alone"', 'b1 @2 1', 'b2 @3 "last"'],
    );
    const next = moved(store, { kv: endless }, clock);
    t.strictSame(contents(next), contents(store));
    t.strictSame(next.history('kv', key('b')), store.history('kv', key('b')));
    t.equal(next.bytes, store.bytes);
    t.match(next.apply([put('a', 2)]).changes, [{ version: 2, revision: 6 }]);
  },
);

t.test('versions whose entry was lost keep their texts in the next base too', async t => {
  const { store, clock } = newStore({ kv: endless });
  for (const version of [1, 2])
    store.loadVersion('kv', { key: key('a'), ...record(version), deleted: false });
  store.loaded(2, EPOCH);
  const next = moved(store, { kv: endless }, clock);
  t.strictSame(versionsOf(next), [
    [1, '1'],
    [2, '2'],
  ]);
  t.match(next.apply([put('a', 3)]).changes, [{ version: 3 }]);
});

t.test('a base whose versions do not fit is refused', async t => {
  const entry = {
    key: key('a'),
    text: json(2),
    version: 2,
    revision: 2,
    epoch: EPOCH,
    time: 1,
    deadline: null,
  };
  const row = (version: number, more: Partial<BaseVersion> = {}): BaseVersion => ({
    ...{ key: key('a'), ...record(version), deleted: false },
    ...more,
  });
  const refused = (...rows: BaseVersion[]): void => {
    const { store } = newStore({ kv: endless });
    store.load('kv', entry);
    t.throws(() => {
      for (const each of rows) store.loadVersion('kv', each);
    }, /version of a key that is not there/);
  };
  refused(row(1, { text: null }));
  refused(row(2, { text: json('another') }));
  refused(row(1), row(1));
  refused(row(1), row(3));
  refused(row(1), row(2, { revision: 1 }));
  refused(row(0), row(1, { text: null, version: 2 }), row(2, { text: null }), row(2, { text: null }));
  refused(row(0, { key: key('b'), text: null }));
  const { store } = newStore({ kv: endless });
  store.load('kv', entry);
  for (const each of [row(1), row(2, { text: null })]) store.loadVersion('kv', each);
  t.strictSame(versionsOf(store), [
    [1, '1'],
    [2, '2'],
  ]);
});

const TEXTS = ['', 'x', 'y'.repeat(50), 'z'.repeat(900)];
const NOTES = [undefined, NOBODY, { by: 'ci', comment: null }, { by: 'somebody', comment: 'c'.repeat(200) }];

function operationOf(random: Random): Operation {
  const pick = <Value>(values: readonly Value[]): Value =>
    values[Math.floor(random() * values.length)] as Value;
  const [name, note, life] = [pick(['a', 'b', 'c']), pick(NOTES), pick([500, 9_000, 'none'] as const)];
  const noted = note === undefined ? {} : { note };
  const chance = random();
  if (chance < 0.05) return { ...purge(name), ...noted };
  if (chance < 0.2) return { ...remove(name), ...noted };
  if (chance < 0.35) return { ...touch(name, life), ...noted };
  return put(name, pick(TEXTS), { ...noted, ttl: pick([life, 'keep']), always: random() < 0.3 });
}

t.test('what a change is refused for is what it would have added, and nothing else is refused', async t => {
  const seed = seedOf();
  t.comment(`CAIRN_SEED=${seed}`);
  const random = randomOf(seed);
  let refusals = 0;
  for (const depth of [2, 3, Number.POSITIVE_INFINITY]) {
    let { store, clock } = newStore({ kv: kept(depth) });
    for (let i = 0; i < STEPS / 3; i++) {
      if (random() < 0.2) clock.jump([400, 2_000, 30_000][Math.floor(random() * 3)] ?? 0);
      if (random() < 0.3) store.expire(9);
      if (random() < 0.3) store.forget(9);
      if (depth > 3 && i % 40 === 39) store = newStore({ kv: kept(depth) }, { clock }).store;
      const operation = operationOf(random);
      const within = (bytesMax: number | null): Store =>
        moved(store, { kv: { ...kept(depth), bytesMax } }, clock);
      const free = within(null);
      const wrong = (what: string): boolean =>
        t.fail(`step ${i} of depth ${depth}, ${JSON.stringify(operation)}: ${what}`);
      if (free.bytes !== store.bytes) wrong(`a base has ${free.bytes} bytes, not ${store.bytes}`);
      free.apply([operation]);
      const grows = free.bytes > store.bytes && free.history('kv', operation.key).at(-1)?.text !== null;
      try {
        within(grows ? free.bytes : 0).apply([operation]);
      } catch (error) {
        wrong(String(error));
      }
      // The histories of other deleted keys would make room.
      const beside = within(null);
      beside.forget(9);
      const alone =
        beside.bytes === store.bytes &&
        beside.buried('kv', { limit: 9 }).keys.every(each => each === operation.key);
      if (grows && alone) {
        const message = new RegExp(`at most ${free.bytes - 1} bytes; this would need ${free.bytes}\\.$`);
        t.throws(() => within(free.bytes - 1).apply([operation]), { code: 'quota_exceeded', message });
        refusals += 1;
      }
      store.apply([operation]);
    }
  }
  t.ok(refusals > STEPS / 10, `${refusals} refusals`);
});

t.test('bounds', async t => {
  const long = 'x'.repeat(1_000);

  await t.test('count old versions, in the collection and in all together', async t => {
    const { store } = newStore({ kv: { ...endless, bytesMax: 4_000 } });
    store.apply([put('a', long)]);
    store.apply([put('a', `${long}1`)]);
    t.throws(() => store.apply([put('a', `${long}2`.repeat(2))]), {
      code: 'quota_exceeded',
      message: /"kv" holds/,
    });
    store.apply([put('a', 1)]);
    const total = newStore({ kv: endless }, { bytesMax: 4_000 }).store;
    total.apply([put('a', long)]);
    total.apply([put('a', `${long}1`)]);
    t.throws(() => total.apply([put('a', `${long}2`.repeat(2))]), {
      code: 'quota_exceeded',
      message: /together/,
    });
  });

  await t.test('let deletions pass, however full it is', async t => {
    const { store } = newStore({ kv: { ...endless, bytesMax: 300 } });
    store.apply([put('a', 1)]);
    store.apply([{ ...remove('a'), note: { by: 'b'.repeat(500), comment: null } }]);
    t.equal(store.bytes, 0, 'and what has no room beside goes at once');
  });

  await t.test('count a version of the same text without the text, and never more', async t => {
    const { store } = newStore({ kv: endless });
    store.apply([put('a', long)]);
    store.apply([put('a', long, { always: true })]);
    const { bytes } = store;
    for (let i = 0; i < 10; i++) store.apply([put('a', long, { always: true })]);
    t.equal(store.bytes - bytes, 10 * VERSION_OVERHEAD_BYTES);
  });

  await t.test('count what a moved deadline makes stand by itself, once, and refuse it', async t => {
    const { store, clock } = newStore({ kv: { ...endless, bytesMax: 2_000 } });
    const renew = (): unknown => store.apply([put('a', 1, { ttl: 60_000 })]);
    renew();
    clock.jump(10);
    renew();
    const { bytes } = store;
    for (let i = 0; i < 100; i++) {
      clock.jump(10);
      if (i % 2 === 0) renew();
      else store.apply([touch('a', 90_000)]);
    }
    t.equal(store.bytes, bytes);
    const full = newStore({ kv: { ...endless, bytesMax: 300 } }).store;
    full.apply([put('a', 1)]);
    t.throws(() => full.apply([touch('a', 1_000)]), { code: 'quota_exceeded' });
    t.equal(full.history('kv', key('a')).length, 1);
  });
});

t.test('another policy', async t => {
  const { store, clock } = newStore({ kv: kept(5) });
  const changes: Change[] = [];
  const apply = (...operations: Operation[]): void => void changes.push(...store.apply(operations).changes);
  for (const value of [1, 2, 3, 4]) apply(put('a', value), put('b', value), put('c', value));
  apply(remove('b'), put('d', 1));

  /** By way of a base, and by way of the log. */
  const under = (policies: Policies): Store[] => {
    const { store: replayed } = newStore(policies, { clock });
    for (const change of changes) replayed.replay(change);
    return [moved(store, policies, clock), replayed];
  };

  await t.test('that keeps fewer cuts the oldest', async t => {
    for (const next of under({ kv: kept(2) })) {
      t.strictSame(versionsOf(next, 'a'), [
        [3, '3'],
        [4, '4'],
      ]);
      t.strictSame(versionsOf(next, 'b'), [
        [4, '4'],
        [5, null],
      ]);
      t.ok(next.bytes < store.bytes);
    }
  });

  await t.test('that keeps none leaves the entries', async t => {
    for (const next of under({ kv: plain })) {
      t.strictSame([versionsOf(next, 'a'), versionsOf(next, 'b')], [[[4, '4']], []]);
      t.equal(next.bytes, next.entries * (192 + 2));
      t.match(next.apply([put('b', 9)]).changes, [{ version: 1, note: undefined }]);
    }
  });

  await t.test(
    'that keeps them again does not have what came meanwhile, nor what was before that',
    async t => {
      for (const next of under({ kv: plain })) {
        const since = next.apply([put('a', 5), remove('c')]).changes;
        for (const again of under({ kv: kept(5) })) {
          for (const change of since) again.replay(change);
          t.strictSame([versionsOf(again, 'a'), versionsOf(again, 'c')], [[[5, '5']], []]);
          again.apply([put('a', 6)]);
          t.strictSame(versionsOf(again, 'a'), [
            [5, '5'],
            [6, '6'],
          ]);
          const [base] = [moved(again, { kv: kept(5) }, clock)];
          t.strictSame(contents(base as Store), contents(again));
        }
      }
    },
  );

  await t.test('over entries that never had one begins with what is there', async t => {
    const old = newStore({ kv: plain }, { clock }).store;
    old.apply([put('a', 1)]);
    old.apply([put('a', 2)]);
    const next = moved(old, { kv: kept(5) }, clock);
    t.strictSame(versionsOf(next), [[2, '2']]);
    next.apply([remove('a')]);
    t.strictSame(versionsOf(next), [
      [2, '2'],
      [3, null],
    ]);
  });

  await t.test('that keeps none reads a purge of what was deleted before', async t => {
    const { store: first } = newStore({ kv: kept(5) }, { clock });
    const past = [[put('a', 1)], [remove('a')], [purge('a')]].flatMap(each => [...first.apply(each).changes]);
    const { store: next } = newStore({ kv: plain }, { clock });
    for (const change of past) next.replay(change);
    t.strictSame([next.revision, next.entries], [3, 0]);
  });
});

t.test('a collection that left the configuration', async t => {
  await t.test('keeps its histories through a base and back', async t => {
    const { store, clock } = newStore({ kv: kept(3) });
    for (const value of [1, 2, 3]) store.apply([put('a', value), put('b', value)]);
    store.apply([remove('b')]);
    const away = moved(store, {}, clock);
    t.equal(away.bytes, store.bytes);
    const back = moved(away, { kv: kept(3) }, clock);
    t.strictSame(contents(back), contents(store));
  });

  await t.test('goes on with the history of a key that expires, so that the next base is read', async t => {
    const { store, clock } = newStore({ kv: kept(3) });
    for (const value of [1, 2])
      store.apply([put('a', value, { ttl: 1_000 }), put('b', value), put('c', 1, { ttl: 1_000 })]);
    const away = moved(store, {}, clock);
    away.beginEpoch(EPOCH + 1);
    clock.jump(1_000);
    const changes = away.expire(9);
    t.match(changes, [
      { key: 'a', version: 3, reason: 'expired', note: NOBODY },
      { key: 'c', version: 2, note: NOBODY },
    ]);
    const back = moved(moved(away, {}, clock), { kv: kept(3) }, clock);
    t.strictSame(versionsOf(back), [
      [1, '1'],
      [2, '2'],
      [3, null],
    ]);
    const replayed = moved(store, { kv: kept(3) }, clock);
    for (const change of changes) replayed.replay(change);
    t.strictSame(versionsOf(replayed), versionsOf(back), 'and the log says the same');
    t.strictSame(versionsOf(back, 'c'), versionsOf(replayed, 'c'));
  });

  await t.test(
    'keeps the history of a key with one version too, by what the log says of the last',
    async t => {
      const { store, clock } = newStore({ kv: kept(3) });
      const { changes } = store.apply([put('a', 1, { ttl: 1_000 })]);
      const { store: away } = newStore({}, { clock });
      for (const change of changes) away.replay(change);
      clock.jump(1_000);
      away.expire(9);
      const { store: back } = newStore({ kv: kept(3) }, { clock });
      copy(away, back);
      t.strictSame(versionsOf(back), [
        [1, '1'],
        [2, null],
      ]);
      back.beginEpoch(EPOCH + 1);
      back.apply([put('a', 3)]);
      t.equal(back.get('kv', key('a'))?.version, 3, 'and the numbers go on');
    },
  );

  await t.test('that kept none makes none of what expires', async t => {
    const { store, clock } = newStore();
    const { changes } = store.apply([put('a', 1, { ttl: 1_000 }), put('b', 1)]);
    const { store: away } = newStore({}, { clock });
    for (const change of changes) away.replay(change);
    away.beginEpoch(EPOCH + 1);
    clock.jump(1_000);
    t.match(away.expire(9), [{ key: 'a', version: 1, note: undefined }]);
    const { store: back } = newStore({ kv: kept(3) }, { clock });
    copy(away, back);
    t.strictSame(versionsOf(back), []);
  });
});

t.test('over a bound the histories of deleted keys go first, the oldest before the others', async t => {
  const bytesMax = 40_000;
  const { store } = newStore({ kv: { ...plain, history: 10, bytesMax } });
  const names = Array.from({ length: 150 }, (_, i) => `k${String(i).padStart(3, '0')}`);
  for (const name of names) store.apply([put(name, 1)]);
  for (const name of names) store.apply([remove(name)]);
  t.equal(store.entries, 0);
  t.ok(store.bytes <= bytesMax, `${store.bytes} bytes`);
  t.same(store.history('kv', key('k000')), [], 'the one that was deleted first');
  t.equal(store.history('kv', key('k149')).length, 2);
  for (const name of names) store.apply([put(`n${name}`, 1)]);
  t.equal(store.entries, 150, 'they are in nobody’s way');
  t.ok(store.bytes <= bytesMax, `${store.bytes} bytes`);
  const before = store.revision;
  t.throws(() => store.apply([put('large', 'x'.repeat(bytesMax))]), { code: 'quota_exceeded' });
  t.equal(store.revision, before);
});

t.test('so it is at an expiry, and at a start', async t => {
  const bytesMax = 40_000;
  const policies = { kv: { ...plain, history: 10, bytesMax } };
  const { store, clock } = newStore(policies);
  for (let i = 0; i < 150; i++) store.apply([put(`k${i}`, 1, { ttl: 1_000 })]);
  clock.jump(1_000);
  while (store.expire(50).length > 0);
  t.equal(store.entries, 0);
  t.ok(store.bytes <= bytesMax, `${store.bytes} bytes`);
});
