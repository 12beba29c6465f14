/**
 * A wall clock that jumps, while a process lives and between two lives, now, past 2038 and past 2^32 seconds. Deadlines
 * shift by the jump; nothing expires early by one backwards; one ahead by over a minute is not believed for half
 * a minute; and an epoch is always greater than the last.
 */
import t from 'tap';
import { CLOCK_FREEZE_MS, CLOCK_JUMP_MS } from '../../src/limits.js';
import type { Change, Key } from '../../src/model.js';
import type { CrashFiles } from '../fixtures/crash-files.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { type EngineWorld, key, openEngine, text } from '../fixtures/memory-engine.js';

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const YEAR = 365 * 24 * HOUR;

/** Ten seconds before a 32-bit count of seconds ends: the signed one, the unsigned one. */
const MOMENTS = [
  ['now', Date.UTC(2025, 5, 1)],
  ['just before 2038', (2 ** 31 - 10) * SECOND],
  ['just before 2^32 seconds', (2 ** 32 - 10) * SECOND],
] as const;

const JUMPS = [
  ['a second', SECOND],
  ['a minute', CLOCK_JUMP_MS],
  ['a minute and a bit', CLOCK_JUMP_MS + 1],
  ['an hour', HOUR],
  ['a year', YEAR],
] as const;

const TTL = 100 * SECOND;

/** A key that lives for 100 seconds, one that lives for ever, and what was published. */
async function world(wall: number, files?: CrashFiles): Promise<EngineWorld & { changes: Change[] }> {
  const clock = new ManualClock(wall);
  const open = await openEngine({ clock, ...(files === undefined ? {} : { files }) });
  const changes: Change[] = [];
  open.engine.subscribe(published => changes.push(...published));
  await write(open);
  return { ...open, changes };
}

async function write({ engine }: EngineWorld): Promise<void> {
  const put = { type: 'put', collection: 'kv', text: text('1') } as const;
  await engine.commit([{ ...put, key: key('mortal'), ttl: TTL }], { durability: 'sync' });
  await engine.commit([{ ...put, key: key('immortal') }], { durability: 'sync' });
}

const there = ({ engine }: Pick<EngineWorld, 'engine'>, name: string): boolean =>
  engine.get('kv', name as Key) !== undefined;

for (const [moment, wall] of MOMENTS) {
  for (const [span, jump] of JUMPS) {
    t.test(`${moment}, ${span} back: nothing expires early`, async t => {
      const live = await world(wall);
      await live.clock.advance(50 * SECOND);
      live.clock.jump(-jump);
      await live.clock.advance(50 * SECOND + jump - 1);
      t.ok(there(live, 'mortal'), 'a millisecond before its deadline');
      await live.clock.advance(SECOND);
      t.notOk(there(live, 'mortal'), 'at its deadline');
      t.ok(there(live, 'immortal'));
      t.match(live.changes.at(-1), { type: 'delete', reason: 'expired', key: 'mortal' });
      await live.engine.close();
    });

    t.test(
      `${moment}, ${span} ahead: ${jump > CLOCK_JUMP_MS ? 'expiry waits' : 'deadlines shift'}`,
      async t => {
        const live = await world(wall);
        await live.clock.advance(10 * SECOND);
        t.ok(there(live, 'mortal'));
        live.clock.jump(jump);
        const doubted = jump > CLOCK_JUMP_MS;
        const over = 10 * SECOND + jump >= TTL;
        t.ok(there(live, 'mortal'), 'at the jump');
        const wait = doubted ? CLOCK_FREEZE_MS - 1 : Math.max(TTL - 10 * SECOND - jump - 1, 0);
        await live.clock.advance(wait);
        t.ok(there(live, 'mortal'), 'as long as the jump is doubted, or its deadline not there');
        await live.clock.advance(doubted && !over ? TTL : SECOND);
        t.notOk(there(live, 'mortal'));
        t.ok(there(live, 'immortal'));
        await live.engine.close();
      },
    );

    t.test(`${moment}, ${span} ahead and back within the wait: nothing expires`, async t => {
      const live = await world(wall);
      live.clock.jump(jump);
      t.ok(there(live, 'mortal'));
      await live.clock.advance(CLOCK_FREEZE_MS - SECOND);
      live.clock.jump(-jump);
      await live.clock.advance(TTL - CLOCK_FREEZE_MS);
      t.ok(there(live, 'mortal'));
      t.strictSame(
        live.changes.map(({ type }) => type),
        ['put', 'put'],
      );
      await live.engine.close();
    });

    for (const [way, sign] of [
      ['back', -1],
      ['ahead', 1],
    ] as const) {
      t.test(`${moment}, ${span} ${way} between two lives: a greater epoch, and deadlines shift`, async t => {
        const first = await world(wall);
        const killed = first.files.clone();
        const { epoch, revision } = first.engine;
        const later = wall + sign * jump;
        const next = await openEngine({ files: killed, clock: new ManualClock(later) });
        t.ok(next.engine.epoch > epoch, `${next.engine.epoch} after ${epoch}`);
        t.ok(
          next.engine.epoch >= Math.floor(later / SECOND),
          'the second of the start, or one more than the last',
        );
        t.equal(next.engine.revision, revision);
        t.equal(there(next, 'mortal'), sign * jump < TTL);
        t.ok(there(next, 'immortal'));
        t.equal(next.engine.get('kv', key('immortal'))?.epoch, epoch, 'the change id stays');
        await write(next);
        t.equal(next.engine.get('kv', key('immortal'))?.epoch, next.engine.epoch);
        await next.engine.close();
        const last = await openEngine({ files: next.files, clock: new ManualClock(wall) });
        t.equal(last.engine.epoch, next.engine.epoch, 'after a clean stop it goes on, wherever the clock is');
        t.equal(last.engine.revision, next.engine.revision);
        await last.engine.close();
      });
    }
  }

  t.test(`${moment}: what is written while a jump is doubted lives as long as it should`, async t => {
    const live = await world(wall);
    live.clock.jump(HOUR);
    t.equal(live.engine.now(), wall, 'nor is it told to live shorter');
    const put = { type: 'put', collection: 'kv', text: text('2') } as const;
    await live.engine.commit([{ ...put, key: key('new'), ttl: 10 * SECOND }]);
    await live.clock.advance(9 * SECOND);
    t.ok(there(live, 'new'));
    await live.clock.advance(SECOND);
    t.notOk(there(live, 'new'));
    await live.engine.close();
  });

  t.test(`${moment}: a base holds times and deadlines as they are`, async t => {
    const clock = new ManualClock(wall);
    const { engine, files, logger } = await openEngine({ clock, rotateBytesMin: 1 });
    await clock.advance(20 * SECOND);
    await write({ engine, files, clock, logger });
    await clock.advance(SECOND);
    t.ok(files.paths().some(path => path.endsWith('.base')));
    await engine.close();
    const next = await openEngine({ files, clock });
    const mortal = next.engine.get('kv', key('mortal'));
    t.strictSame(
      [mortal?.time, mortal?.deadline(), mortal?.epoch],
      [wall / SECOND + 20, wall + 20 * SECOND + TTL, wall / SECOND],
    );
    await next.engine.close();
  });
}

t.test('a wall clock that goes to and fro for ever gives a greater epoch after each kill', async t => {
  let { files, engine } = await world(MOMENTS[0][1]);
  const epochs = [engine.epoch];
  for (const jump of [-YEAR, YEAR, -HOUR, 0, -1, 1, 2 * YEAR, -2 * YEAR]) {
    files = files.clone();
    ({ engine } = await openEngine({ files, clock: new ManualClock(MOMENTS[0][1] + jump) }));
    epochs.push(engine.epoch);
    t.equal(engine.revision, 2);
  }
  t.strictSame(
    epochs,
    [...new Set(epochs)].sort((a, b) => a - b),
  );
});
