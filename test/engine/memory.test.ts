import t from 'tap';
import { INDEX_SLICE_MS, LINE_BYTES_MAX } from '../../src/limits.js';
import type { Change, Entry } from '../../src/model.js';
import { systemError } from '../fixtures/crash-files.js';
import { contractPolicies, engineContract } from '../fixtures/engine-contract.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { type EngineWorld, key, openEngine, PLAIN, POLICIES, text } from '../fixtures/memory-engine.js';
import { MemoryLocks } from '../fixtures/memory-locks.js';

engineContract(
  t,
  'the memory engine',
  async () => {
    const { engine, files, clock } = await openEngine({ policies: contractPolicies });
    let open = engine;
    const restart = async () => {
      await open.close();
      open = (await openEngine({ files, clock, policies: contractPolicies })).engine;
      return open;
    };
    return { engine, clock, restart };
  },
  { keeps: true },
);

const put = (name: string, value = '1', more: object = {}) =>
  ({ type: 'put', collection: 'kv', key: key(name), text: text(value), ...more }) as const;
const remove = (name: string) => ({ type: 'delete', collection: 'kv', key: key(name) }) as const;

const seen = (entry: Entry | undefined) =>
  entry && [entry.text, entry.version, entry.revision, entry.epoch, entry.time, entry.deadline()];

function all({ engine }: EngineWorld, collection = 'kv'): unknown[] {
  return engine.page(collection, { limit: 1000 }).entries.map(([name, entry]) => [name, seen(entry)]);
}

t.test('after a clean stop everything is as it was, change ids and deadlines included', async t => {
  const world = await openEngine();
  const { engine, files, clock } = world;
  await engine.commit([put('a', '10.0'), put('b', '{\n "x": 1\n}', { ttl: 5000 })]);
  await engine.commit([
    put('a', '"two"'),
    { type: 'put', collection: 'configs', key: key('a'), text: text('[]') },
  ]);
  await engine.commit([remove('b'), put('c', 'null', { ttl: 99_000 })]);
  const before = [all(world), all(world, 'configs'), engine.revision, engine.epoch];
  await engine.close();
  await clock.advance(1500);
  const again = await openEngine({ files, clock });
  t.strictSame([all(again), all(again, 'configs'), again.engine.revision, again.engine.epoch], before);
  t.match(again.engine.restored, { entries: 3, clean: true });
});

t.test(
  'a power cut costs periodic changes of the last interval, and no sync change; the epoch tells',
  async t => {
    const { engine, files, clock } = await openEngine();
    const first = await engine.commit([put('a')], { durability: 'sync' });
    await engine.commit([put('lost')]);
    const lost = engine.get('kv', key('lost'));
    const again = await openEngine({ files: files.crash(), clock });
    t.strictSame([again.engine.get('kv', key('lost')), again.engine.revision], [undefined, 1]);
    t.ok(again.engine.epoch > first.epoch);
    const { outcomes } = await again.engine.commit([put('other')]);
    t.match(outcomes, [{ id: { revision: 2 } }], 'the revision is used again');
    const stale = {
      type: 'put',
      collection: 'kv',
      key: key('other'),
      text: text('2'),
      condition: { match: [lost!] },
    } as const;
    await t.rejects(again.engine.commit([stale]), { code: 'revision_mismatch' }, 'and names another change');
  },
);

t.test('what survived a crash keeps its change id', async t => {
  const { engine, files, clock } = await openEngine();
  await engine.commit([put('a')], { durability: 'sync' });
  const before = seen(engine.get('kv', key('a')));
  const again = await openEngine({ files: files.crash(), clock });
  t.strictSame(seen(again.engine.get('kv', key('a'))), before);
});

t.test('a commit says whether the fsync that covers it is done', async t => {
  const { engine, files } = await openEngine();
  const configs = { type: 'put', collection: 'configs', key: key('a'), text: text('{}') } as const;
  t.equal((await engine.commit([put('a')])).durable, false);
  t.equal((await engine.commit([configs])).durable, true, 'by the policy of its collection');
  t.equal(engine.status().durableRevision, 2);
  t.equal((await engine.commit([put('b'), configs])).durable, true, 'the strongest counts');
  t.equal((await engine.commit([configs], { durability: 'periodic' })).durable, false);
  t.ok(files.calls.length > 0);
});

t.test('a sync delete of a key that is not there does not wait, and cannot be unknown', async t => {
  const { engine, files } = await openEngine();
  await engine.commit([put('a')]);
  files.fail(call => (call.op === 'sync' ? systemError('EIO') : undefined));
  const { outcomes, durable } = await engine.commit([remove('b')], { durability: 'sync' });
  t.strictSame([outcomes, durable], [[{ type: 'absent' }], false]);
});

t.test('expiry is in the log: a start does not see what had expired, and decides nothing', async t => {
  const world = await openEngine();
  const { engine, files, clock } = world;
  const changes: Change[] = [];
  engine.subscribe(more => changes.push(...more));
  await engine.commit([put('a', '1', { ttl: 500 }), put('b')], { durability: 'sync' });
  t.equal(engine.get('kv', key('a'))?.text, '1');
  await clock.advance(500);
  t.equal(engine.get('kv', key('a')), undefined);
  t.match(changes.at(-1), { type: 'delete', key: 'a', reason: 'expired', revision: 3 });
  await clock.advance(1000);
  const again = await openEngine({ files: files.crash(), clock });
  t.strictSame([again.engine.revision, all(again).length], [3, 1]);
});

t.test(
  'what expired while the process was down is never read, and expires with a revision of its own',
  async t => {
    const { engine, files, clock } = await openEngine();
    await engine.commit([put('a', '1', { ttl: 500 })]);
    await engine.close();
    clock.jump(10_000);
    const again = await openEngine({ files, clock });
    t.equal(again.engine.get('kv', key('a')), undefined);
    await clock.advance(1);
    t.strictSame([again.engine.revision, again.engine.status().entries], [2, 0]);
  },
);

t.test('a hundred thousand that expire at once go in slices', async t => {
  const { engine, clock } = await openEngine();
  for (let i = 0; i < 2000; i++) await engine.commit([put(`k${i}`, '1', { ttl: 500 })]);
  let most = 0;
  engine.subscribe(changes => {
    most = Math.max(most, changes.length);
  });
  await clock.advance(600);
  t.equal(engine.status().entries, 0);
  t.equal(most, 500);
});

t.test('what expires does not swell the queue of a volume that hangs', async t => {
  const { engine, clock, files } = await openEngine();
  for (let i = 0; i < 2000; i++) await engine.commit([put(`k${i}`, '1', { ttl: 5000 })]);
  await clock.advance(2000);
  files.hold(call => (call.op === 'sync' ? new Promise<void>(() => undefined) : undefined));
  await engine.commit([put('last')]);
  await clock.advance(60_000);
  t.equal(engine.revision, 2001, 'nothing more is taken away');
  t.equal(engine.get('kv', key('k1')), undefined, 'and nothing of it is read');
});

t.test('a subscriber that throws is logged, and no matter of the commit', async t => {
  const { engine, logger } = await openEngine();
  let told = 0;
  engine.subscribe(() => {
    throw new Error('a defect');
  });
  engine.subscribe(() => {
    told += 1;
  });
  await engine.commit([put('a')], { durability: 'sync' });
  t.strictSame([told, logger.messages('error')], [1, ['a subscriber failed']]);
});

t.test('evictions that one put makes necessary need not stand in its line', async t => {
  const sessions = { ...PLAIN, full: 'evict', bytesMax: 30_000_000 } as const;
  const { engine, files, clock } = await openEngine({ policies: { sessions } });
  const session = (name: string, json: string) =>
    ({ type: 'put', collection: 'sessions', key: key(name), text: text(json) }) as const;
  for (let i = 0; i < 30_000; i++) {
    await engine.commit([session(`${'x'.repeat(490)}${i}`, '1')]);
    if (i % 5000 === 0) await clock.advance(1000);
  }
  await clock.advance(2000);
  const large = `[${'\n'.repeat(1_000_000)}]`;
  await engine.commit(
    Array.from({ length: 7 }, (_, i) => session(`large${i}`, large)),
    { durability: 'sync' },
  );
  const again = await openEngine({ files: files.crash(), clock, policies: { sessions } });
  t.equal(again.engine.revision, engine.revision);
});

t.test('a jump of the clock does not spin: expiry waits, then goes on', async t => {
  const { engine, clock } = await openEngine();
  await engine.commit([put('a', '1', { ttl: 100_000 })]);
  clock.jump(3_600_000);
  t.equal(engine.get('kv', key('a'))?.text, '1', 'deadlines do not follow a jump at once');
  await clock.advance(31_000);
  t.equal(engine.get('kv', key('a')), undefined);
});

t.test(
  'a volume that fails: reads go on, writes are refused, nothing of them is applied, and it heals',
  async t => {
    const world = await openEngine();
    const { engine, files, clock } = world;
    await engine.commit([put('a')], { durability: 'sync' });
    files.fail(call => (call.op === 'sync' ? systemError('EIO') : undefined));
    await t.rejects(engine.commit([put('b')], { durability: 'sync' }), {
      code: 'storage_error',
      details: { outcome: 'unknown' },
    });
    t.equal(engine.get('kv', key('b'))?.text, '1', 'unknown: it is in memory');
    await t.rejects(engine.commit([put('c')]), {
      code: 'storage_error',
      details: { outcome: 'not_applied' },
    });
    t.equal(engine.get('kv', key('c')), undefined);
    t.match(engine.status(), { storage: 'degraded', problem: /EIO/, revision: 2, durableRevision: 1 });
    t.equal(engine.degraded, true);
    files.heal();
    await clock.advance(20_000);
    t.match(engine.status(), { storage: 'ok', problem: null, durableRevision: 2 });
    await engine.commit([put('c')]);
    await engine.close();
    const again = await openEngine({ files, clock });
    t.strictSame(all(again).length, 3);
  },
);

t.test(
  'while the volume fails, what could not be in any case is told as ever, and what changes nothing passes',
  async t => {
    const policies = {
      kv: { ...PLAIN, entriesMax: 3 },
      kept: { ...PLAIN, history: 3, historyTtl: 60_000, unique: ['n'] },
    };
    const { engine, files } = await openEngine({ policies });
    const kept = (name: string, value: string) => ({ ...put(name, value), collection: 'kept' });
    await engine.commit([put('a'), put('b'), kept('a', '{"n":1}')], { durability: 'sync' });
    files.fail(call => (call.op === 'sync' || call.op === 'create' ? systemError('EIO') : undefined));
    const unknown = { code: 'storage_error', details: { outcome: 'unknown' } };
    await t.rejects(engine.commit([put('c')], { durability: 'sync' }), unknown);
    const { revision } = engine;
    const stale = { condition: { match: [] } };
    await t.rejects(engine.commit([put('a', '2', stale)]), { code: 'revision_mismatch' });
    await t.rejects(engine.commit([kept('b', '{"n":1}')]), { code: 'duplicate_value' });
    await t.rejects(engine.commit([put('d')]), { code: 'quota_exceeded' });
    await t.rejects(engine.commit([put('a')]), {
      code: 'storage_error',
      details: { outcome: 'not_applied' },
    });
    await t.rejects(engine.commit([remove('a')]), { code: 'storage_error' });
    t.match(await engine.commit([remove('nothing')]), { outcomes: [{ type: 'absent' }] });
    t.match(await engine.commit([kept('a', '{"n":1}')]), { outcomes: [{ type: 'unchanged' }] });
    t.equal(engine.revision, revision);
  },
);

t.test('while the volume fails nothing expires in the log, and everything does afterwards', async t => {
  const { engine, files, clock } = await openEngine();
  await engine.commit([put('a', '1', { ttl: 500 })], { durability: 'sync' });
  files.fail(call => (call.op === 'sync' || call.op === 'create' ? systemError('EIO') : undefined));
  await t.rejects(engine.commit([put('b')], { durability: 'sync' }), { code: 'storage_error' });
  await clock.advance(60_000);
  t.equal(engine.get('kv', key('a')), undefined, 'hidden all the same');
  t.equal(engine.revision, 2);
  files.heal();
  await clock.advance(20_000);
  t.equal(engine.revision, 3);
  t.equal(clock.pending < 5, true, 'no timers pile up');
});

t.test('a collection that left the configuration keeps its data, and a warning says why', async t => {
  const { engine, files, clock } = await openEngine();
  await engine.commit([{ type: 'put', collection: 'configs', key: key('a'), text: text('{}') }]);
  await engine.close();
  const without = await openEngine({ files, clock, policies: { kv: PLAIN } });
  t.match(without.logger.messages('warn'), [/not configured/]);
  await without.engine.close();
  const again = await openEngine({ files, clock });
  t.equal(all(again, 'configs').length, 1);
});

t.test('a smaller bound evicts at the start, in the log', async t => {
  const sessions = { ...PLAIN, full: 'evict', entriesMax: 3 } as const;
  const { engine, files, clock } = await openEngine({ policies: { kv: PLAIN, sessions } });
  for (const name of ['a', 'b', 'c']) {
    await engine.commit([{ type: 'put', collection: 'sessions', key: key(name), text: text('1') }]);
  }
  await engine.close();
  const policies = { kv: PLAIN, sessions: { ...sessions, entriesMax: 1 } };
  const smaller = await openEngine({ files, clock, policies });
  t.strictSame([all(smaller, 'sessions').length, smaller.engine.revision], [1, 5]);
  await smaller.engine.close();
  t.equal(all(await openEngine({ files, clock }), 'sessions').length, 1);
});

t.test('a bound that became much smaller evicts more than one line of the log may hold', async t => {
  const sessions = { ...PLAIN, full: 'evict', entriesMax: 40_000 } as const;
  const { engine, files, clock } = await openEngine({ policies: { kv: PLAIN, sessions } });
  const pad = 'x'.repeat(500);
  for (let i = 0; i < 40_000; i++) {
    await engine.commit([{ type: 'put', collection: 'sessions', key: key(`${i}${pad}`), text: text('1') }]);
    if (i % 10_000 === 0) await clock.advance(1000);
  }
  await engine.close();
  const policies = { kv: PLAIN, sessions: { ...sessions, entriesMax: 1 } };
  const smaller = await openEngine({ files, clock, policies });
  await clock.advance(2_000);
  await smaller.engine.close();
  for (const path of files.paths()) {
    const lines = Buffer.from(files.read(path)).toString('latin1').split('\n');
    t.ok(lines.every(line => line.length < LINE_BYTES_MAX));
  }
  const again = await openEngine({ files, clock, policies });
  t.strictSame([all(again, 'sessions').length, again.engine.revision], [1, 79_999]);
});

t.test('while the volume fails nothing is evicted, so no change id is given twice', async t => {
  const sessions = (entriesMax: number) => ({
    kv: PLAIN,
    sessions: { ...PLAIN, full: 'evict', entriesMax } as const,
  });
  const { engine, files, clock } = await openEngine({ policies: sessions(3) });
  for (const name of ['a', 'b', 'c']) {
    await engine.commit([{ type: 'put', collection: 'sessions', key: key(name), text: text('1') }]);
  }
  await engine.close();
  const disk = files.clone();
  disk.fail(call => (call.op === 'create' ? systemError('EROFS') : undefined));
  const smaller = await openEngine({ files: disk, clock, policies: sessions(1) });
  t.equal(smaller.engine.revision, 3);
  disk.heal();
  await clock.advance(20_000);
  t.equal(smaller.engine.revision, 5, 'as soon as the volume takes it');
  await smaller.engine.close();
  t.equal((await openEngine({ files: disk, clock, policies: sessions(3) })).engine.revision, 5);
});

t.test('a batch that does not fit into one line is refused whole', async t => {
  const { engine } = await openEngine();
  const large = text(`[${'\n'.repeat(1_000_000)}]`);
  const operations = Array.from({ length: 12 }, (_, i) => ({ ...put(`k${i}`), text: large }));
  await t.rejects(engine.commit(operations), { code: 'batch_too_large' });
  t.equal(engine.revision, 0);
  await engine.commit(operations.slice(0, 8), { durability: 'sync' });
  t.equal(engine.status().durableRevision, 8);
});

/** A clock on which every look takes a millisecond, and which counts how often others had their turn. */
class TiredClock extends ManualClock {
  turns = 0;
  #looks = 0;

  override monotonic(): number {
    this.#looks += 1;
    return super.monotonic() + this.#looks;
  }

  override turn(): Promise<void> {
    this.turns += 1;
    return super.turn();
  }
}

t.test(
  'a start makes the index of unique fields in slices, so that probes are answered meanwhile',
  async t => {
    const ENTRIES = 2_000;
    const { engine, files } = await openEngine();
    for (let from = 0; from < ENTRIES; from += 100) {
      const puts = Array.from({ length: 100 }, (_, i) => put(`k${from + i}`, `{"n":"v${from + i}"}`));
      await engine.commit(puts);
    }
    await engine.close();
    const turnsWith = async (unique: readonly string[]): Promise<number> => {
      const clock = new TiredClock();
      const world = await openEngine({ files: files.clone(), clock, policies: { kv: { ...PLAIN, unique } } });
      const { turns } = clock;
      t.equal(world.engine.find('kv', 'n', 'v1999'), unique.length === 0 ? undefined : 'k1999');
      await world.engine.close();
      return turns;
    };
    const more = (await turnsWith(['n'])) - (await turnsWith([]));
    t.ok(more >= ENTRIES / INDEX_SLICE_MS - 1, `${more} turns`);
  },
);

t.test('a second engine on the directory waits for the lock and is refused; a stop frees it', async t => {
  const locks = new MemoryLocks();
  const { engine, files, clock } = await openEngine({ locks });
  const second = t.rejects(openEngine({ files, clock, locks }), { code: 'snapshot_locked' });
  await clock.advance(60_000);
  await second;
  await engine.close();
  const third = await openEngine({ files, clock, locks });
  await third.engine.close();
});

t.test('a start that fails gives the lock back', async t => {
  const locks = new MemoryLocks();
  const { engine, files, clock } = await openEngine({ locks });
  await engine.commit([put('a'), put('b')], { durability: 'sync' });
  await engine.close();
  const path = '/snapshots/00000001.log';
  const good = files.read(path);
  const bad = Uint8Array.from(good);
  bad[good.indexOf(0x0a) + 20] = 0;
  files.write(path, bad);
  await t.rejects(openEngine({ files, clock, locks }), { code: 'snapshot_damaged' });
  files.write(path, good);
  const again = await openEngine({ files, clock, locks });
  await again.engine.close();
});

t.test('a directory that cannot be made is refused with its path', async t => {
  const { files } = await openEngine();
  files.fail(call => (call.op === 'makeDirectory' ? systemError('EROFS') : undefined));
  await t.rejects(openEngine({ files }), { code: 'snapshot_denied', message: /\/snapshots.*EROFS/ });
});

t.test('commits after close are refused, and closing twice is closing once', async t => {
  const { engine, clock } = await openEngine();
  await engine.commit([put('a', '1', { ttl: 9_000 })]);
  const [first, second] = [engine.close(), engine.close()];
  await t.rejects(engine.commit([put('b')]), { code: 'draining' });
  await Promise.all([first, second]);
  t.equal(clock.pending, 0);
});

t.test('policies by name: what is not configured does not exist', async t => {
  const { engine } = await openEngine();
  t.strictSame(
    engine.collections().map(({ name }) => name),
    Object.keys(POLICIES),
  );
  t.throws(() => engine.get('__proto__', key('a')), { code: 'not_found' });
  await t.rejects(engine.commit([{ ...put('a'), collection: 'nowhere' }]), { code: 'not_found' });
});
