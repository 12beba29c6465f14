/** Watches as a service: who is told what, when, and what it costs the others. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import {
  READER_PAUSE_MS,
  WAITS_A_TURN,
  WATCH_BACKLOG_BYTES_MAX,
  WATCH_CHANGES,
  WATCH_CHUNK_BYTES,
  WATCH_HEARTBEAT_MS,
  WATCH_SLICE_BYTES,
} from '../../src/limits.js';
import { grantOf } from '../../src/service/grant.js';
import type { WaitOutcome } from '../../src/service/waiter.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { PLAIN } from '../fixtures/memory-engine.js';
import { type Reader, type Told, type WatchWish, WatchWorld } from '../fixtures/watch-world.js';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

const MIB = 1024 * 1024;

/** Turns in which everything that a test sets off has settled. */
const SETTLED = 30;

/** A clock by which every look at it takes a millisecond. */
class BusyClock extends ManualClock {
  #looks = 0;
  turnsTaken = 0;

  override monotonic(): number {
    return super.monotonic() + this.#looks++;
  }

  override async turn(): Promise<void> {
    await super.turn();
    this.turnsTaken += 1;
  }
}

const revisionsOf = ({ told }: Reader) =>
  told.flatMap(({ what, revision }) => (what === 'change' ? revision : []));
const whatOf = ({ told }: Reader) => told.map(({ what }) => what);

t.test(
  'a change is told to whoever watches its key, its prefix or its collection, in their order',
  async t => {
    const world = new WatchWorld();
    const wishes: readonly (readonly [WatchWish, readonly number[]])[] = [
      [{ key: 'a/1' }, [1, 4]],
      [{ prefix: 'a/' }, [1, 2, 4]],
      [{ prefix: '' }, [1, 2, 3, 4]],
      [{ collections: ['other'] }, [5]],
      [{ collections: ['kv', 'other'] }, [1, 2, 3, 4, 5]],
      [{ collections: ['kv', 'other'], key: 'a/1' }, [1, 4, 5]],
      [{ key: 'a' }, []],
      [{ prefix: 'a/1/2' }, []],
    ];
    const readers = wishes.map(([wish]) => world.watch(wish));
    await world.put('a/1', '1');
    await world.put('a/2', '2');
    await world.put('b', '3');
    await world.remove('a/1');
    await world.put('a/1', '5', 'other');
    await world.turns(SETTLED);
    for (const [i, [wish, expected]] of wishes.entries()) {
      const reader = readers[i];
      t.same(reader === undefined ? null : revisionsOf(reader), expected, JSON.stringify(wish));
    }
  },
);

t.test('a change is put into words once, whoever gets it, and not at all where nobody does', async t => {
  const world = new WatchWorld();
  const readers = Array.from({ length: 50 }, () => world.watch({ prefix: 'a/' }));
  await world.turns(SETTLED);
  await world.put('a/1', '1');
  await world.put('b', '2');
  await world.turns(SETTLED);
  t.equal(world.words.worded, 1);
  const [first] = readers;
  for (const reader of readers) t.equal(reader.pushes[0], first?.pushes[0], 'the same bytes');
});

t.test('nothing is handed out in the turn of the writer', async t => {
  const world = new WatchWorld();
  const reader = world.watch();
  await world.turns(SETTLED);
  const written = world.put('a', '1');
  t.equal(reader.bytes, 0);
  await written;
  t.equal(reader.bytes, 0);
  await world.turns(SETTLED);
  t.same(revisionsOf(reader), [1]);
});

t.test('thousands of watchers are served over many turns', async t => {
  const clock = new BusyClock();
  const world = new WatchWorld({ clock });
  const readers = Array.from({ length: 2_000 }, () => world.watch({ key: 'a' }));
  await world.turns(2_000);
  await world.put('a', '1');
  let [most, before] = [0, 0];
  while (before < readers.length) {
    await clock.turn();
    const served = readers.filter(({ bytes }) => bytes > 0).length;
    most = Math.max(most, served - before);
    before = served;
  }
  t.ok(most < 10, `${most} in one turn, in which the clock was looked at as often`);
});

t.test('others have their turn while the changes of a burst are gone over', async t => {
  const clock = new BusyClock();
  const world = new WatchWorld({ clock });
  world.watch({ key: 'z' });
  await world.turns(SETTLED);
  const { asked } = world.engine;
  for (let i = 0; i < 20 * WATCH_CHANGES; i++) await world.put('a', '1');
  await world.turns(200);
  t.equal(world.engine.changesAfter(world.watches.present, 1)?.length, 0);
  t.ok(world.engine.asked - asked >= 20, 'page by page');
});

t.test('readers that take nothing have a bound together, which the others do not meet', async t => {
  const world = new WatchWorld({ bytesMax: 10_000 });
  const slow = Array.from({ length: 4 }, () => world.watch({ isOpen: false }));
  const quick = world.watch();
  const held: number[] = [];
  for (let i = 0; i < 20; i++) {
    await world.put('a', JSON.stringify('x'.repeat(1000)));
    await world.turns(SETTLED);
    held.push(world.watches.figures.held);
  }
  t.ok((held[0] ?? 0) > 4000, 'what the sockets took counts too');
  t.ok(
    held.every(bytes => bytes <= 10_000),
    String(held),
  );
  t.equal(slow.filter(({ isCut }) => isCut).length, 4, 'in the end there is no room for any of them');
  t.equal(held.at(-1), 0);
  t.equal(revisionsOf(quick).length, 20);
  const back = world.watch({ isOpen: false });
  await world.put('a', '1');
  await world.turns(SETTLED);
  t.ok(world.watches.figures.held > 0);
  back.read();
  t.equal(world.watches.figures.held, 0, 'who takes something holds nothing');
});

t.test('a reader that takes nothing is cut at the bound; the others miss nothing', async t => {
  const world = new WatchWorld();
  const slow = world.watch({ isOpen: false });
  const quick = world.watch();
  const text = JSON.stringify('x'.repeat(WATCH_BACKLOG_BYTES_MAX / 16));
  for (let i = 0; i < 12; i++) {
    await world.put('a', text);
    await world.turns(SETTLED);
  }
  t.notOk(slow.isCut, 'twelve sixteenths wait for it');
  t.equal(slow.pushes.length, 1, 'behind what the socket took');
  for (let i = 0; i < 8; i++) {
    await world.put('a', text);
    await world.turns(SETTLED);
  }
  t.ok(slow.isCut);
  t.equal(revisionsOf(quick).length, 20);
  t.same(world.watches.figures, { streams: 1, waits: 0, events: 20 + 16, resets: 0, cut: 1, held: 0 });
  const back = world.watch({ since: 1 });
  await world.turns(SETTLED);
  t.same(revisionsOf(back), revisionsOf(quick).slice(1), 'and may go on behind what it saw');
});

t.test('of many readers that one change is too much for only some are cut in a turn', async t => {
  const half = JSON.stringify('x'.repeat(0.6 * WATCH_BACKLOG_BYTES_MAX));
  for (const { bytesMax, before, last } of [
    { bytesMax: 0, before: [], last: '1' },
    { bytesMax: Number.POSITIVE_INFINITY, before: ['1', half], last: half },
  ]) {
    const world = new WatchWorld({ bytesMax });
    const readers = Array.from({ length: 100 }, () => world.watch({ isOpen: false }));
    await world.turns(SETTLED);
    for (const text of before) {
      await world.put('a', text);
      await world.turns(SETTLED);
    }
    await world.put('a', last);
    const left = () => readers.filter(({ isCut }) => !isCut).length;
    t.equal(left(), 100);
    const turns: number[] = [];
    for (let there = left(); there > 0; turns.push(there - left())) {
      there = left();
      await world.turns(1);
    }
    t.ok(Math.max(...turns) <= WATCH_SLICE_BYTES / WATCH_CHUNK_BYTES, String(turns));
    t.match(world.watches.figures, { streams: 0, cut: 100, held: 0 });
  }
});

t.test('an event that is larger than the bound comes to a reader for whom nothing waits', async t => {
  const world = new WatchWorld();
  const reader = world.watch();
  await world.turns(SETTLED);
  const text = JSON.stringify('x'.repeat(WATCH_BACKLOG_BYTES_MAX));
  await world.engine.commit(
    ['a', 'b', 'c'].map(key => ({ type: 'put', collection: 'kv', key: key as never, text: text as never })),
  );
  await world.turns(SETTLED);
  t.same(revisionsOf(reader), [1, 2, 3], 'and so do three of one commit');
});

t.test('a reader that takes all gets all of a burst, however large its events are', async t => {
  for (const [count, bytes] of [
    [2_000, 10_000],
    [300, 60_000],
    [40, 500_000],
  ] as const) {
    const world = new WatchWorld();
    const reader = world.watch();
    await world.turns(SETTLED);
    const text = JSON.stringify('x'.repeat(bytes));
    for (let i = 0; i < count; i++) await world.put('a', text);
    while (reader.told.length < count && !reader.isCut) await world.turns(SETTLED);
    t.notOk(reader.isCut, `${count} of ${bytes} bytes`);
    t.equal(revisionsOf(reader).length, count);
  }
});

t.test(
  'readers that come again and again with much to take do not keep the others from what comes',
  async t => {
    const world = new WatchWorld();
    const text = JSON.stringify('x'.repeat(10 * WATCH_CHUNK_BYTES));
    await world.put('a', text);
    const other = world.watch({ key: 'b' });
    await world.turns(SETTLED);
    let joined = 0;
    const join = () => {
      const reader = world.watch({ key: 'a', since: world.engine.revision - 1 });
      const push = reader.push.bind(reader);
      joined += 1;
      reader.push = bytes => {
        reader.push = push;
        if (joined === 10) void Promise.all([world.put('b', '1'), world.put('a', text)]);
        if (joined < 500) join();
        return push(bytes);
      };
    };
    let told = 0;
    other.push = () => {
      told = joined;
      return true;
    };
    join();
    while (joined < 500) await world.turns(1);
    t.ok(told > 0 && told < 500, `told after ${told}`);
  },
);

t.test(
  'a large event goes out piece by piece, between those of others, and whole before the end',
  async t => {
    const world = new WatchWorld();
    const [large, other] = [world.watch({ key: 'a' }), world.watch({ key: 'b' })];
    await world.turns(SETTLED);
    const text = JSON.stringify('x'.repeat(10 * WATCH_CHUNK_BYTES));
    large.isOpen = false;
    await world.put('a', text);
    await world.put('b', '1');
    await world.turns(SETTLED);
    t.equal(large.bytes, WATCH_CHUNK_BYTES, 'no more than one piece is on its way');
    t.ok(world.watches.figures.held > text.length, 'all of it is kept');
    t.same(revisionsOf(other), [2]);
    large.read();
    await world.turns(SETTLED);
    t.same(revisionsOf(large), [1]);
    t.ok(Math.max(...large.pushes.map(bytes => bytes.length)) < 2 * WATCH_CHUNK_BYTES);
    t.equal(world.watches.figures.held, 0);
    const push = large.push.bind(large);
    large.push = bytes => {
      if (bytes.length === WATCH_CHUNK_BYTES) world.watches.stop();
      return push(bytes);
    };
    await world.put('a', text);
    await world.turns(SETTLED);
    t.same(whatOf(large), ['change', 'change', 'farewell'], 'a stop breaks no event');
  },
);

t.test('of large events only so many bytes go out in a turn, whoever watches', async t => {
  const world = new WatchWorld();
  const readers = Array.from({ length: 200 }, () => world.watch());
  await world.turns(SETTLED);
  await world.put('a', JSON.stringify('x'.repeat(10 * WATCH_CHUNK_BYTES)));
  const given = () => readers.reduce((bytes, reader) => bytes + reader.bytes, 0);
  const turns: number[] = [];
  for (let before = given(); turns.length === 0 || given() > before; turns.push(given() - before)) {
    before = given();
    await world.turns(1);
  }
  t.ok(Math.max(...turns) < WATCH_SLICE_BYTES + 2 * WATCH_CHUNK_BYTES, String(turns));
  t.ok(readers.every(reader => revisionsOf(reader).length === 1));
});

t.test('a long past is taken from the window as the reader takes it', async t => {
  const world = new WatchWorld();
  const text = JSON.stringify('x'.repeat(10_000));
  for (let i = 0; i < 100; i++) await world.put(`k${i}`, text);
  const reader = world.watch({ since: 0, isOpen: false });
  await world.turns(SETTLED);
  t.ok(reader.bytes < 100_000, `${reader.bytes} bytes for who takes nothing`);
  t.equal(reader.pushes.length, 1);
  await world.put('last', '1');
  while (revisionsOf(reader).length < 101) {
    reader.read();
    await world.turns(3);
  }
  t.same(
    revisionsOf(reader),
    Array.from({ length: 101 }, (_, i) => i + 1),
  );
});

t.test('a past of many pages comes whole, and so does what is written while the pump is behind', async t => {
  const world = new WatchWorld();
  const first = world.watch();
  await world.turns(SETTLED);
  // In one turn, so that the pump has not begun: who joins now has passed what it has still to hand out.
  for (let i = 0; i < 3 * WATCH_CHANGES; i++) void world.put('a', String(i));
  const late = world.watch({ since: 3 * WATCH_CHANGES - 10 });
  const whole = world.watch({ since: 0 });
  await world.turns(SETTLED);
  const all = Array.from({ length: 3 * WATCH_CHANGES }, (_, i) => i + 1);
  t.same(revisionsOf(first), all);
  t.same(revisionsOf(whole), all);
  t.same(revisionsOf(late), all.slice(-10));
});

t.test('a moved deadline is not shown, and nobody is held up by it', async t => {
  const world = new WatchWorld();
  const reader = world.watch();
  await world.put('a', '1');
  await world.engine.commit([{ type: 'touch', collection: 'kv', key: 'a' as never, ttl: 60_000 }]);
  const back = world.watch({ since: { epoch: 7, revision: 2 } });
  await world.put('a', '2');
  await world.turns(SETTLED);
  t.same(revisionsOf(reader), [1, 3]);
  t.same(revisionsOf(back), [3]);
});

t.test('who saw a change that is not kept, or never was, is told of a reset and of the present', async t => {
  const world = new WatchWorld();
  for (let i = 0; i < 20; i++) await world.put('a', String(i));
  world.engine.kept = 10;
  for (const since of [9, 21, { epoch: 6, revision: 20 }]) {
    const reader = world.watch({ since });
    await world.turns(SETTLED);
    t.same(reader.told, [{ what: 'reset', revision: 20, forget: false }], JSON.stringify(since));
  }
  const near = world.watch({ since: 10 });
  await world.turns(SETTLED);
  t.equal(revisionsOf(near).length, 10);
  t.equal(world.watches.figures.resets, 3);
});

t.test('a reset with initial is followed by the state, and has no id to go on from before that', async t => {
  const world = new WatchWorld();
  await world.put('a', '1');
  await world.put('b', '2');
  const reader = world.watch({ since: 99, initial: true });
  await world.turns(SETTLED);
  t.match(reader.told, [
    { what: 'reset', revision: 2, forget: true },
    { what: 'document', key: 'a', revision: 1 },
    { what: 'document', key: 'b', revision: 2 },
    { what: 'synced', revision: 2 },
  ]);
});

t.test('with a past to go on from initial shows no state', async t => {
  const world = new WatchWorld();
  await world.put('a', '1');
  await world.put('b', '2');
  const reader = world.watch({ since: 1, initial: true });
  await world.turns(SETTLED);
  t.same(revisionsOf(reader), [2]);
});

t.test('the state is that of the id at its end, whatever changes while it is told', async t => {
  const world = new WatchWorld();
  for (let i = 0; i < 350; i++) await world.put(`k${100 + i}`, '"old"');
  const reader = world.watch({ since: null, isOpen: false });
  const read = async () => {
    await world.turns(3);
    reader.isOpen = false;
    reader.watcher?.resume();
  };
  await read();
  await world.put('k100', '"behind"');
  await world.remove('k101');
  await world.put('k449', '"ahead"');
  await world.remove('k448');
  await world.put('k0', '"new, behind"');
  await world.put('k999', '"new, ahead"');
  while (!whatOf(reader).includes('synced')) await read();
  await world.put('k100', '"after"');
  await world.turns(SETTLED);
  reader.read();
  await world.turns(SETTLED);
  const end = reader.told.findIndex(({ what }) => what === 'synced');
  const unchanged = Array.from({ length: 346 }, (_, i) => [`k${102 + i}`, '"old"']);
  t.same(stateOf(reader.told.slice(0, end)), {
    ...Object.fromEntries(unchanged),
    k100: '"behind"',
    k449: '"ahead"',
    k0: '"new, behind"',
    k999: '"new, ahead"',
  });
  t.notOk(
    reader.told.slice(0, end).some(({ named }) => named === true),
    'nothing before has an id',
  );
  t.equal(reader.told[end]?.revision, 356);
  t.match(reader.told.slice(end + 1), [{ what: 'change', named: true, revision: 357, key: 'k100' }]);
  const twice = reader.told.filter(({ key }) => key === 'k449');
  t.equal(twice.length, 1, 'what changed ahead comes once');
});

t.test('where the window does not reach over the state, it begins anew behind a reset', async t => {
  const world = new WatchWorld();
  for (let i = 0; i < 250; i++) await world.put(`k${100 + i}`, '1');
  const reader = world.watch({ since: null, isOpen: false });
  await world.turns(SETTLED);
  world.engine.kept = 5;
  for (let i = 0; i < 6; i++) await world.put('k100', String(i));
  reader.read();
  await world.turns(SETTLED);
  const reset = reader.told.findIndex(({ what }) => what === 'reset');
  t.match(reader.told[reset], { forget: true, revision: 256 });
  const again = reader.told.slice(reset + 1);
  t.equal(again.filter(({ what }) => what === 'document').length, 250);
  t.match(again.at(-1), { what: 'synced', revision: 256 });
});

t.test('where the window moves on faster than the pump, live watchers look for themselves', async t => {
  const world = new WatchWorld();
  const reader = world.watch();
  const blocked = world.watch({ isOpen: false });
  const waiting = world.watches.wait({
    interest: world.interest({ key: 'unrelated' }),
    since: null,
    ms: 1000,
    onGone: () => {},
    isCurrent: () => true,
  });
  await world.put('a', '1');
  await world.turns(SETTLED);
  world.engine.kept = 5;
  for (let i = 0; i < 6; i++) void world.put('a', String(i));
  await world.turns(SETTLED);
  t.match(reader.told, [
    { what: 'change', revision: 1 },
    { what: 'reset', revision: 7 },
  ]);
  t.equal(await waiting, 'changed', 'and who waits is told that nobody knows');
  t.same(whatOf(blocked), ['change'], 'who takes nothing is told when it does');
  blocked.read();
  await world.turns(SETTLED);
  t.same(whatOf(blocked), ['change', 'reset']);
  await world.put('a', '8');
  await world.turns(SETTLED);
  t.same(revisionsOf(reader), [1, 8]);
});

t.test('what the grant does not cover is not told, whatever is watched', async t => {
  const world = new WatchWorld();
  const grant = grantOf([{ verb: 'read', collection: 'kv', prefix: 'app' as never }]);
  await world.put('app', '1');
  await world.put('apple', '2');
  const collections = ['kv', 'other'];
  const readers = [
    world.watch({ grant, collections, since: 0 }),
    world.watch({ grant, collections, since: null }),
    world.watch({ grant, collections }),
  ];
  await world.turns(SETTLED);
  for (const name of ['app', 'apple', 'app/x', 'b']) await world.put(name, '3');
  await world.put('app/x', '3', 'other');
  await world.turns(SETTLED);
  const keys = readers.map(({ told }) => told.flatMap(({ key }) => key ?? []));
  t.same(keys, [
    ['app', 'app', 'app/x'],
    ['app', 'app', 'app/x'],
    ['app', 'app/x'],
  ]);
  t.ok(world.interest({ grant, collections }).isFiltered);
  t.notOk(world.interest({ grant, key: 'app' }).isFiltered);
  t.throws(() => world.interest({ grant, key: 'apple' }), { code: 'forbidden' });
  t.throws(() => world.interest({ grant, prefix: 'b' }), { code: 'forbidden' });
});

t.test('each watcher has a heartbeat in its time, with the id of what it has passed', async t => {
  const world = new WatchWorld();
  const readers = Array.from({ length: 30 }, () => world.watch({ key: 'a' }));
  const blocked = world.watch({ key: 'a', isOpen: false });
  await world.put('a', '1');
  await world.turns(SETTLED);
  await world.put('unrelated', '2');
  await world.clock.advance(WATCH_HEARTBEAT_MS);
  for (const reader of readers) {
    t.same(reader.told.slice(1), [{ what: 'heartbeat', revision: 2 }]);
  }
  t.equal(blocked.pushes.length, 1, 'who takes nothing gets none');
});

t.test('a caller that may not see it any more is cut at its heartbeat', async t => {
  const world = new WatchWorld();
  let isCurrent = true;
  const reader = world.watch({ isCurrent: () => isCurrent });
  await world.clock.advance(WATCH_HEARTBEAT_MS);
  t.notOk(reader.isCut);
  isCurrent = false;
  await world.clock.advance(WATCH_HEARTBEAT_MS);
  t.ok(reader.isCut);
});

t.test('a reader that takes nothing for long is cut, also where nothing happens', async t => {
  const world = new WatchWorld();
  const reader = world.watch({ isOpen: false });
  await world.put('a', '1');
  await world.clock.advance(READER_PAUSE_MS - 1000);
  t.notOk(reader.isCut);
  await world.clock.advance(WATCH_HEARTBEAT_MS + 1000);
  t.ok(reader.isCut);
});

t.test('when the last one is gone nothing is left of it', async t => {
  const world = new WatchWorld();
  const readers = [world.watch({ key: 'a' }), world.watch({ prefix: 'a/' }), world.watch({ since: null })];
  const waiting = world.watches.wait({
    interest: world.interest(),
    since: null,
    ms: 1000,
    onGone: () => {},
    isCurrent: () => true,
  });
  await world.turns(SETTLED);
  for (const reader of readers) reader.watcher?.close();
  await world.put('a', '1');
  t.equal(await waiting, 'changed');
  await world.turns(SETTLED);
  t.equal(world.clock.pending, 0, 'no timer');
  t.match(world.watches.figures, { streams: 0, waits: 0 });
  const { asked } = world.engine;
  await world.put('a', '2');
  await world.turns(SETTLED);
  t.equal(world.engine.asked, asked, 'no subscription');
  t.equal(readers[1]?.bytes, 0);
});

t.test('at a stop all are told to come back, and whoever takes nothing is cut', async t => {
  const world = new WatchWorld();
  const [taking, blocked, stuck] = [world.watch(), world.watch({ isOpen: false }), world.watch()];
  stuck.end = () => {
    stuck.isEnded = true;
  };
  await world.turns(SETTLED);
  await world.put('a', '1');
  await world.turns(SETTLED);
  world.watches.stop();
  await world.turns(SETTLED);
  t.same(whatOf(taking), ['change', 'farewell']);
  t.ok(taking.isEnded);
  t.ok(blocked.isCut);
  const late = world.watch();
  await world.turns(SETTLED);
  t.same(whatOf(late), ['farewell'], 'who comes later too');
  t.ok(stuck.isEnded && !stuck.isCut);
  world.watches.cut();
  t.ok(stuck.isCut, 'and whoever does not take the end');
  t.equal(world.watches.figures.streams, 0);
});

t.test('no more than so many at the same time, watches and waits together', async t => {
  const world = new WatchWorld({ watchersMax: 2 });
  const wait = () =>
    world.watches.wait({
      interest: world.interest(),
      since: null,
      ms: 1000,
      onGone: () => {},
      isCurrent: () => true,
    });
  const reader = world.watch();
  const first = wait();
  await t.rejects(wait(), { code: 'overloaded' });
  t.throws(() => world.watches.refuseTooMany(), { code: 'overloaded' });
  reader.watcher?.close();
  t.doesNotThrow(() => world.watches.refuseTooMany());
  await world.clock.advance(1000);
  t.equal(await first, 'unchanged');
});

t.test('who waits is told of the next change of its key, and of nothing else', async t => {
  const world = new WatchWorld();
  await world.put('a', '1');
  const outcomes = new Map<string, WaitOutcome>();
  const wait = (name: string, wish: WatchWish & { since?: number | null }, ms = 1000) => {
    const onGone = () => {};
    const { since = null } = wish;
    void world.watches
      .wait({ interest: world.interest(wish), since, ms, onGone, isCurrent: () => true })
      .then(outcome => {
        outcomes.set(name, outcome);
      });
  };
  wait('key', { key: 'a', since: 1 });
  wait('key that is not there', { key: 'c', since: 1 });
  wait('another key', { key: 'b', since: 1 });
  wait('prefix', { prefix: 'c', since: 1 });
  wait('collection', { since: 1 });
  wait('changed before', { key: 'a', since: 0 });
  wait('not known', { key: 'a', since: 5 });
  wait('no time', { key: 'a', since: 1 }, 0);
  await world.turns(SETTLED);
  const early = { 'changed before': 'changed', 'not known': 'changed', 'no time': 'unchanged' };
  t.same(Object.fromEntries(outcomes), early);
  await world.put('c', '1');
  await world.turns(SETTLED);
  const next = { 'key that is not there': 'changed', prefix: 'changed', collection: 'changed' };
  t.same(Object.fromEntries(outcomes), { ...early, ...next });
  await world.engine.commit([{ type: 'touch', collection: 'kv', key: 'a' as never, ttl: 60_000 }]);
  await world.clock.advance(1000);
  t.match(
    Object.fromEntries(outcomes),
    { key: 'changed', 'another key': 'unchanged' },
    'a new ETag is a change',
  );
});

t.test('whether something changed since is known of what is there, of the window, and else not', async t => {
  const world = new WatchWorld();
  for (let i = 1; i <= 20; i++) await world.put(i === 5 ? 'early' : i === 15 ? 'late' : 'often', String(i));
  await world.put('gone', '1');
  await world.remove('gone');
  world.engine.kept = 10;
  const changed = async (wish: WatchWish, since: number | { epoch: number; revision: number }) => {
    const onGone = () => {};
    const outcome = await world.watches.wait({
      interest: world.interest(wish),
      since,
      ms: 0,
      onGone,
      isCurrent: () => true,
    });
    return outcome === 'changed';
  };
  const id = (revision: number, epoch = 7) => ({ epoch, revision });
  t.notOk(await changed({ key: 'early' }, 6), 'behind the window, but the document says it');
  t.ok(await changed({ key: 'early' }, 4));
  t.notOk(await changed({ key: 'early' }, id(5)));
  t.ok(await changed({ key: 'early' }, id(8, 6)), 'a past that we do not know');
  t.notOk(await changed({ key: 'late' }, id(15)));
  t.notOk(await changed({ key: 'never' }, 13));
  t.ok(await changed({ key: 'never' }, 3), 'it may have been there');
  t.ok(await changed({ key: 'gone' }, 20));
  t.notOk(await changed({ key: 'gone' }, 22));
  t.ok(await changed({ prefix: 'l' }, 14));
  t.notOk(await changed({ prefix: 'l' }, 15));
  t.ok(await changed({}, 21));
  t.notOk(await changed({}, 22));
  t.notOk(await changed({ collections: ['other'] }, 2), 'a collection in which nothing ever happened');
  t.ok(await changed({}, 23));
});

t.test('many who wait for one key are answered a few in each turn', async t => {
  const world = new WatchWorld();
  const count = 10 * WAITS_A_TURN;
  let answered = 0;
  for (let i = 0; i < count; i++) {
    const request = {
      interest: world.interest({ key: 'a' }),
      since: null,
      ms: 1000,
      onGone: () => {},
      isCurrent: () => true,
    };
    void world.watches.wait(request).then(() => {
      answered += 1;
    });
  }
  await world.put('a', '1');
  let [most, turns] = [0, 0];
  for (let before = 0; answered < count; before = answered) {
    await world.clock.turn();
    most = Math.max(most, answered - before);
    turns += 1;
  }
  t.equal(most, WAITS_A_TURN);
  t.ok(turns >= 10);
  t.equal(world.clock.pending, 0);
});

t.test('who waits and goes away is forgotten at once, and a stop answers the others', async t => {
  const world = new WatchWorld();
  let leave = () => {};
  const interest = world.interest({ key: 'a' });
  const gone = world.watches.wait({
    interest,
    since: null,
    ms: 1000,
    isCurrent: () => true,
    onGone: listener => {
      leave = listener;
    },
  });
  const other = world.watches.wait({
    interest,
    since: null,
    ms: 1000,
    onGone: () => {},
    isCurrent: () => true,
  });
  leave();
  t.equal(await gone, 'gone');
  t.equal(world.watches.figures.waits, 1);
  world.watches.stop();
  t.equal(await other, 'unchanged');
  const late = await world.watches.wait({
    interest,
    since: null,
    ms: 1000,
    onGone: () => {},
    isCurrent: () => true,
  });
  t.equal(late, 'unchanged');
  t.equal(world.clock.pending, 0);
});

t.test('a defect in one watcher ends it and nobody else', async t => {
  const world = new WatchWorld();
  const [bad, good] = [world.watch(), world.watch()];
  bad.push = () => {
    throw new Error('a defect');
  };
  await world.put('a', '1');
  await world.turns(SETTLED);
  t.ok(bad.isCut);
  t.same(revisionsOf(good), [1]);
  t.same(world.logger.messages('error'), ['a watch failed']);
});

t.test('expiries and evictions are deletions', async t => {
  const policies = { kv: { ...PLAIN, entriesMax: 2, full: 'evict' as const } };
  const world = new WatchWorld({ policies });
  const reader = world.watch();
  const text = '1' as never;
  await world.engine.commit([{ type: 'put', collection: 'kv', key: 'a' as never, text, ttl: 100 }]);
  await world.clock.advance(100);
  for (const name of ['b', 'c', 'd']) await world.put(name, '1');
  await world.turns(SETTLED);
  const deleted = reader.told.filter(({ type }) => type === 'delete').map(({ key }) => key);
  t.same(deleted, ['a', 'b']);
});

/** What a client has that takes every put and every deletion. */
function stateOf(told: readonly Told[]): Readonly<Record<string, string | undefined>> {
  const state = new Map(told.map(({ key = '', text }) => [key, text]));
  return Object.fromEntries([...state].filter(([, text]) => text !== undefined));
}

t.test(
  'of readers that begin with large documents only some have theirs on the way, and all get all',
  async t => {
    const bytesMax = 3 * MIB;
    const world = new WatchWorld({ bytesMax });
    await world.put('large', JSON.stringify('x'.repeat(MIB)));
    let made = 0;
    const document = world.words.document.bind(world.words);
    world.words.document = found => {
      made += 1;
      return document(found);
    };
    const readers = Array.from({ length: 20 }, () => world.watch({ since: null }));
    const isDone = (reader: Reader) => reader.bytes > MIB;
    for (let turns = 0; !readers.every(isDone); turns++) {
      await world.turns(1);
      const onTheWay = made - readers.filter(isDone).length;
      t.ok(onTheWay <= 1 + bytesMax / MIB, `${onTheWay} of them after ${turns} turns`);
      if (turns > 1_000) throw new Error('they do not get on');
    }
    await world.turns(20);
    for (const { told } of readers)
      t.strictSame(
        told.map(({ what }) => what),
        ['document', 'synced'],
      );
  },
);

t.test('who stands still with a large document takes no room from those that read', async t => {
  const world = new WatchWorld({ bytesMax: 3 * MIB });
  await world.put('large', JSON.stringify('x'.repeat(MIB)));
  const stalled = Array.from({ length: 10 }, () => world.watch({ since: null, isOpen: false }));
  const reader = world.watch({ since: null });
  await world.turns(200);
  t.strictSame(
    reader.told.map(({ what }) => what),
    ['document', 'synced'],
  );
  t.ok(
    stalled.some(({ isCut }) => isCut),
    'what they hold has a bound of its own',
  );
  for (const one of stalled) one.read();
  await world.turns(200);
  for (const one of stalled) t.ok(one.isCut || one.told.at(-1)?.what === 'synced');
  t.equal(world.watches.figures.held, 0);
});

t.test('who waits for the room of its next large document holds none of the one before', async t => {
  const world = new WatchWorld({ bytesMax: 2 * MIB });
  for (const key of ['1', '2']) await world.put(key, JSON.stringify('x'.repeat(MIB)));
  const readers = Array.from({ length: 40 }, () => world.watch({ since: null }));
  for (const reader of readers) {
    reader.push = bytes => {
      reader.bytes += bytes.length;
      return true;
    };
  }
  let most = 0;
  collect();
  const before = process.memoryUsage().arrayBuffers;
  while (readers.some(({ bytes }) => bytes < 2 * MIB)) {
    await world.turns(1);
    collect();
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  t.ok(most < 10 * MIB, `${most} bytes`);
});
