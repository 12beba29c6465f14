import t from 'tap';
import { percentileOf, ratiosByRound, spreadOf } from '../../bench/statistics.js';

t.same(spreadOf([10, 9, 100]), { median: 10, min: 9, max: 100 }, 'numbers are ordered as numbers');
t.equal(spreadOf([4, 1, 3, 2]).median, 2.5, 'the median of an even count lies between the middle two');
t.same(spreadOf([7]), { median: 7, min: 7, max: 7 }, 'one value is its own spread');
t.throws(() => spreadOf([]), RangeError, 'no values have no median');

t.test('a percentile is the nearest rank', async t => {
  const hundred = Float64Array.from({ length: 100 }, (_, index) => 100 - index);
  t.equal(percentileOf(hundred, 0.99), 99);
  t.equal(percentileOf(hundred, 0.5), 50);
  t.equal(percentileOf(hundred, 1), 100);
  t.equal(percentileOf(hundred, 0), 1);
  t.equal(percentileOf(Float64Array.of(3, 1, 2), 0.5), 2, 'a rank between two is the upper one');
  t.equal(hundred[0], 100, 'the values keep their order');
  t.throws(() => percentileOf(new Float64Array(0), 0.5), RangeError);
});

t.test('a machine that slows down in a round moves no ratio', async t => {
  t.same(ratiosByRound([20, 60, 20], [10, 30, 10]), [2, 2, 2]);
  t.same(ratiosByRound([20, null, 20], [10, 30, null]), [2, null, null], 'what is not known has no ratio');
  t.throws(() => ratiosByRound([1, 2], [1]), RangeError, 'rounds without their partner have no ratio');
});
