import t from 'tap';
import { CairnError } from '../../src/errors.js';
import { LOCK_WAIT_MS } from '../../src/limits.js';
import { acquireLock } from '../../src/snapshot/lock.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { MemoryLocks } from '../fixtures/memory-locks.js';
import { MemoryLogger } from '../fixtures/memory-logger.js';

function scene() {
  const locks = new MemoryLocks();
  return { locks, clock: new ManualClock(), logger: new MemoryLogger(), directory: '/snapshots' };
}

t.test('a free lock is taken at once, without a word', async t => {
  const request = scene();
  const lock = await acquireLock(request);
  t.ok(request.locks.held.has('/snapshots'));
  t.equal(request.clock.pending, 0);
  t.strictSame(request.logger.lines, []);
  await lock.release();
  t.notOk(request.locks.held.has('/snapshots'));
});

t.test('a lock that comes free is taken within a second, and the wait was told once', async t => {
  const { locks, clock, logger, directory } = scene();
  const other = await locks.tryLock(directory);
  const lock = acquireLock({ locks, clock, logger, directory });
  await clock.advance(20_000);
  await other?.release();
  await clock.advance(1_000);
  t.ok(await lock);
  t.equal(clock.pending, 0);
  t.strictSame(logger.lines, [
    {
      level: 'warn',
      fields: { directory, waitMs: LOCK_WAIT_MS },
      message: 'waiting for the process that has the directory',
    },
  ]);
});

t.test('the attempts come after 200 ms, 400 ms, 800 ms and then every second', async t => {
  const { locks, clock, logger, directory } = scene();
  locks.held.add(directory);
  const lock = acquireLock({ locks, clock, logger, directory, waitMs: 3_000 });
  const refused = t.rejects(lock, { code: 'snapshot_locked', message: /\/snapshots \(waited 3 s\)/ });
  const moments: number[] = [];
  for (let ms = 0; ms <= 3_000; ms += 100) {
    const before = locks.tries;
    await clock.advance(ms === 0 ? 0 : 100);
    if (locks.tries > before) moments.push(ms);
  }
  t.strictSame(moments, [200, 600, 1_400, 2_400, 3_000], 'the last one when the wait is over');
  await refused;
});

t.test('a wait of nothing tries once', async t => {
  const request = scene();
  request.locks.held.add(request.directory);
  await t.rejects(acquireLock({ ...request, waitMs: 0 }), { code: 'snapshot_locked' });
  t.equal(request.locks.tries, 1);
  t.strictSame(request.logger.lines, []);
});

t.test('a jump of the wall clock does not end the wait', async t => {
  const { locks, clock, logger, directory } = scene();
  locks.held.add(directory);
  const lock = acquireLock({ locks, clock, logger, directory });
  await clock.advance(1_000);
  clock.jump(3_600_000);
  await clock.advance(10_000);
  locks.held.clear();
  await clock.advance(1_000);
  t.ok(await lock);
});

t.test('an error of the lock is not waited out', async t => {
  const request = scene();
  request.locks.error = new CairnError('lock_unavailable', 'no flock');
  await t.rejects(acquireLock(request), { code: 'lock_unavailable' });
  t.equal(request.locks.tries, 1);
});
