import t from 'tap';
import { cpuTimeMs, memoryOf } from '../../bench/machine.js';
import { needs } from '../fixtures/needs.js';

/** Keeps the processor busy for this much CPU time of the process. */
function work(milliseconds: number): void {
  const start = process.cpuUsage();
  let used = 0;
  while (used < milliseconds) {
    const { user, system } = process.cpuUsage(start);
    used = (user + system) / 1000;
  }
}

t.test('where there is a /proc', { skip: needs('linux') }, async t => {
  const before = cpuTimeMs(process.pid) ?? Number.NaN;
  work(200);
  const used = (cpuTimeMs(process.pid) ?? Number.NaN) - before;
  // Steps of 10 ms at both ends, and what other threads of this process did meanwhile.
  t.ok(used >= 180, `200 ms of work are measured as ${used} ms`);

  const memory = memoryOf(process.pid);
  const resident = process.memoryUsage.rss() / 2 ** 20;
  t.ok(Math.abs((memory?.residentMiB ?? 0) - resident) < 0.2 * resident, 'resident memory is what Node says');
  t.ok((memory?.peakMiB ?? 0) >= (memory?.residentMiB ?? Number.NaN), 'the peak is not below it');
});
