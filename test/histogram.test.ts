import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { Histogram } from '../src/histogram.js';
import { FSYNC_SECONDS, REQUEST_SECONDS } from '../src/limits.js';
import { seedOf } from './fixtures/seeded-random.js';

const seed = seedOf();

t.test('the bounds ascend, and each belongs to its bucket', async t => {
  for (const bounds of [REQUEST_SECONDS, FSYNC_SECONDS]) {
    const histogram = new Histogram(bounds);
    for (const bound of bounds) histogram.observe(bound);
    t.strictSame(histogram.cumulative(), [...bounds.map((_, i) => i + 1), bounds.length]);
  }
});

t.test(`what is counted is what a count of each bound finds (CAIRN_SEED=${seed})`, async () => {
  const bounds = fc.uniqueArray(fc.integer({ min: 0, max: 20 }), { maxLength: 8 });
  const durations = fc.array(
    fc.oneof(fc.integer({ min: 0, max: 21 }), fc.double({ min: 0, max: 21, noNaN: true })),
  );
  fc.assert(
    fc.property(bounds, durations, (unsorted, given) => {
      const ascending = [...unsorted].sort((a, b) => a - b);
      const histogram = new Histogram(ascending);
      for (const duration of given) histogram.observe(duration);
      const within = ascending.map(bound => given.filter(duration => duration <= bound).length);
      const sum = given.reduce((before, duration) => before + duration, 0);
      return isDeepStrictEqual([...histogram.cumulative(), histogram.sum], [...within, given.length, sum]);
    }),
    { seed },
  );
});
