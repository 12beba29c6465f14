import t from 'tap';
import { CLOCK_FREEZE_MS, CLOCK_JUMP_MS } from '../../src/limits.js';
import { GuardedTime } from '../../src/store/time.js';
import { ManualClock } from '../fixtures/manual-clock.js';

const START = 1_000_000_000;
const HOUR = 3_600_000;

function guarded(): { clock: ManualClock; time: GuardedTime } {
  const clock = new ManualClock(START);
  return { clock, time: new GuardedTime(clock) };
}

t.test('it follows the wall clock', async t => {
  const { clock, time } = guarded();
  await clock.advance(1_234);
  t.equal(time.now(), START + 1_234);
});

t.test('a backward jump is followed at once', async t => {
  const { clock, time } = guarded();
  clock.jump(-HOUR);
  t.strictSame([time.now(), time.jumps], [START - HOUR, 0]);
});

t.test('a forward jump up to the limit is followed at once', async t => {
  const { clock, time } = guarded();
  clock.jump(CLOCK_JUMP_MS);
  t.strictSame([time.now(), time.jumps], [START + CLOCK_JUMP_MS, 0]);
});

t.test('a greater one is counted once, and time goes on monotonically', async t => {
  const { clock, time } = guarded();
  clock.jump(HOUR);
  t.equal(time.now(), START);
  await clock.advance(CLOCK_FREEZE_MS - 1);
  t.strictSame([time.now(), time.jumps], [START + CLOCK_FREEZE_MS - 1, 1]);
});

t.test('and after the wait the wall clock is believed', async t => {
  const { clock, time } = guarded();
  clock.jump(HOUR);
  time.now();
  await clock.advance(CLOCK_FREEZE_MS);
  t.equal(time.now(), START + HOUR + CLOCK_FREEZE_MS);
  t.strictSame([time.now(), time.jumps], [clock.now(), 1]);
});

t.test('the wait begins when the jump is seen, not when it happened', async t => {
  const { clock, time } = guarded();
  clock.jump(HOUR);
  await clock.advance(10 * CLOCK_FREEZE_MS);
  t.equal(time.now(), START + 10 * CLOCK_FREEZE_MS);
});

t.test('a wall clock that comes back is followed before the wait is over', async t => {
  const { clock, time } = guarded();
  clock.jump(HOUR);
  time.now();
  clock.jump(-HOUR - 5);
  t.equal(time.now(), START - 5);
  clock.jump(HOUR);
  t.strictSame([time.now(), time.jumps], [START - 5, 2], 'and the next jump is one of its own');
});

t.test('a slow correction is followed however far it goes', async t => {
  const { clock, time } = guarded();
  for (let step = 0; step < 100; step++) {
    clock.jump(CLOCK_JUMP_MS);
    time.now();
  }
  t.strictSame([time.now(), time.jumps], [START + 100 * CLOCK_JUMP_MS, 0]);
});

t.test('times are whole milliseconds', async t => {
  const { clock, time } = guarded();
  await clock.advance(0.75);
  t.equal(time.now(), START);
});
