/** Free space: growth is refused while deletions still have room, and what no start needs is given up first. */
import t from 'tap';
import type { MemoryEngine } from '../../src/engine/memory.js';
import { SPACE_CHECK_MS } from '../../src/limits.js';
import { CrashFiles, systemError } from '../fixtures/crash-files.js';
import { recoverState } from '../fixtures/map-state.js';
import { type EngineWorld, key, openEngine, text } from '../fixtures/memory-engine.js';

const VOLUME = 10_000_000;
const RESERVE = VOLUME / 10;
const VALUE = text(JSON.stringify('x'.repeat(100_000)));
const SYNC = { durability: 'sync' } as const;

function open(options: { rotateBytesMin?: number } = {}): Promise<EngineWorld> {
  const files = new CrashFiles();
  files.free = VOLUME;
  return openEngine({ ...options, files });
}

function set(engine: MemoryEngine, name: string, value = VALUE): Promise<unknown> {
  return engine.commit([{ type: 'put', collection: 'kv', key: key(name), text: value }], SYNC);
}

function remove(engine: MemoryEngine, name: string): Promise<unknown> {
  return engine.commit([{ type: 'delete', collection: 'kv', key: key(name) }], SYNC);
}

/** Writes new keys until growth is refused, and gives how many were taken. */
async function fill({ engine, clock }: EngineWorld): Promise<number> {
  for (let i = 0; i < 1000; i++) {
    await clock.advance(SPACE_CHECK_MS);
    if (engine.degraded) return i;
    await set(engine, `k${i}`);
  }
  throw new Error('it was never full');
}

t.test('growth is refused before the volume is full, while reads and deletions pass', async t => {
  const world = await open();
  const { engine, files, logger } = world;
  const keys = await fill(world);
  t.ok(keys > 50, `${keys} values`);
  t.ok(files.free > RESERVE / 2, `${files.free} bytes are left`);
  await t.rejects(set(engine, 'more'), { code: 'storage_full', details: { outcome: 'not_applied' } });
  await t.rejects(set(engine, 'k0', text('1')), { code: 'storage_full' }, 'also where a value shrinks');
  t.equal(engine.get('kv', key('k1'))?.text, VALUE);
  await remove(engine, 'k0');
  t.equal((await recoverState(files.crash(), 0)).target.rows.size, keys - 1, 'the deletion is on the volume');
  t.match(engine.status(), { storage: 'degraded', problem: /nearly full/ });
  t.match(logger.messages('warn'), [/nearly full/]);
});

t.test('what waits in memory on a small volume is bounded by the room that it has', async t => {
  const { engine, files } = await open();
  const put = (name: string): Promise<unknown> =>
    engine.commit([{ type: 'put', collection: 'kv', key: key(name), text: VALUE }], {
      durability: 'periodic',
    });
  let taken = 0;
  await t.rejects(
    (async () => {
      for (; taken < 200; taken++) await put(`k${taken}`);
    })(),
    { code: 'overloaded', details: { outcome: 'not_applied' } },
  );
  t.ok(taken > 50 && taken * 100_000 < VOLUME, `${taken} values`);
  await engine.commit([{ type: 'delete', collection: 'kv', key: key('k0') }], SYNC);
  t.ok(files.free > 0);
});

t.test(
  'deletions whose line does not fit any more are not needed: a base of what they left is shorter',
  async t => {
    const world = await open();
    const { engine, files, clock } = world;
    const keys = await fill(world);
    const remove = (name: string): Promise<unknown> =>
      engine.commit([{ type: 'delete', collection: 'kv', key: key(name) }], { durability: 'periodic' });
    for (let i = 0; i < keys; i++) await remove(`k${i}`);
    files.free = 500;
    await clock.advance(30_000);
    t.notOk(engine.degraded && files.free < 1000, engine.status().problem ?? 'ok');
    t.equal(engine.status().durableRevision, engine.revision);
    t.equal((await recoverState(files.crash(), 0)).target.rows.size, 0);
  },
);

t.test('growth is taken again by itself, and only at twice the reserve', async t => {
  const world = await open();
  const { engine, files, clock, logger } = world;
  const keys = await fill(world);
  files.free = RESERVE * 1.5;
  await clock.advance(SPACE_CHECK_MS);
  t.ok(engine.degraded, 'not yet');
  files.free = RESERVE * 3;
  await clock.advance(SPACE_CHECK_MS);
  t.notOk(engine.degraded);
  t.equal(logger.messages('warn').length, 2);
  await set(engine, 'more');
  t.equal((await recoverState(files.crash(), 0)).target.rows.size, keys + 1);
  t.equal(clock.pending, 1, 'nothing looks any more: the timer is that of the mark');
});

t.test('deletions make room by themselves: a base of what is left takes the place of the logs', async t => {
  const world = await open();
  const { engine, files, clock } = world;
  const keys = await fill(world);
  for (let i = 0; i < keys - 3; i++) await remove(engine, `k${i}`);
  for (let i = 0; i < 120; i++) await clock.advance(SPACE_CHECK_MS);
  t.notOk(engine.degraded);
  t.ok(files.free > VOLUME / 2);
  await set(engine, 'more');
  t.equal((await recoverState(files.crash(), 0)).target.rows.size, 4);
});

t.test('a small volume is not filled by writing the same keys over and over', async t => {
  const { engine, files, clock } = await open();
  for (let i = 0; i < 500; i++) {
    await set(engine, `k${i % 5}`);
    await clock.advance(100);
  }
  t.notOk(engine.degraded);
  t.ok(files.free > 2 * RESERVE, `${files.free} bytes are left`);
  t.equal((await recoverState(files.crash(), 0)).target.rows.size, 5);
});

t.test('the older generation goes before growth is refused', async t => {
  const { engine, files, clock } = await open({ rotateBytesMin: 500_000 });
  const bases = (): number => files.paths().filter(path => path.endsWith('.base')).length;
  for (let i = 0; bases() < 2; i++) {
    await set(engine, `k${i % 5}`);
    await clock.advance(60_000);
  }
  files.free = 100_000;
  await clock.advance(SPACE_CHECK_MS);
  await set(engine, 'k0', text('1'));
  t.equal(bases(), 1);
  t.notOk(engine.degraded, 'that was enough');
  await clock.advance(SPACE_CHECK_MS);
  t.equal((await recoverState(files.crash(), 0)).target.rows.size, 5);
});

t.test('a volume that does not tell its space has enough', async t => {
  const world = await open();
  const { engine, files, clock } = world;
  files.fail(call => (call.op === 'space' ? systemError('ENOSYS') : undefined));
  files.free = RESERVE / 2;
  await clock.advance(SPACE_CHECK_MS);
  await set(engine, 'a');
  t.notOk(engine.degraded);
});
