import t from 'tap';
import { Progress } from '../../src/commands/progress.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { MemoryIo } from '../fixtures/memory-io.js';

t.test(
  'what is over within a second shows nothing; then a line each second, on a terminal alone',
  async t => {
    for (const isTTY of [true, false]) {
      const io = new MemoryIo({}, { isTTY });
      const clock = new ManualClock();
      const progress = new Progress(io, clock);
      await clock.advance(999);
      progress.show(1, 100);
      t.equal(io.stderr.text, '');
      await clock.advance(1);
      for (const done of [50, 51]) progress.show(done, 100);
      await clock.advance(1000);
      progress.show(7, 0);
      progress.end();
      t.equal(io.stderr.text, isTTY ? '\r50 % of 100 bytes\r7 bytes\n' : '');
    }
  },
);
