import t from 'tap';
import { OrderOfUse } from '../../src/store/eviction.js';
import { key } from './words.js';

const [a, b, c] = [key('a'), key('b'), key('c')];

/** `a`, `b`, `c` in this order, of 10 bytes each. */
function three(bounds: { entriesMax?: number; bytesMax?: number }): OrderOfUse {
  const order = new OrderOfUse({ entriesMax: null, bytesMax: null, ...bounds });
  for (const key of [a, b, c]) order.put(key, 10);
  return order;
}

t.test('without bounds nothing is too much', async t => {
  t.equal(three({}).exceeded, false);
});

t.test('the bounds themselves are not exceeded', async t => {
  t.equal(three({ entriesMax: 3, bytesMax: 30 }).exceeded, false);
});

t.test('one entry more than the bound is too much, until one is deleted', async t => {
  const order = three({ entriesMax: 2 });
  t.equal(order.exceeded, true);
  order.delete(b);
  t.equal(order.exceeded, false);
});

t.test('one byte more than the bound is too much, until one is deleted', async t => {
  const order = three({ bytesMax: 29 });
  t.equal(order.exceeded, true);
  order.delete(b);
  t.equal(order.exceeded, false);
});

t.test('a key that is put again counts with its new size only', async t => {
  const order = three({ bytesMax: 30 });
  order.put(a, 11);
  t.equal(order.exceeded, true);
  order.put(a, 1);
  order.put(a, 10);
  t.equal(order.exceeded, false);
});

t.test('the victim is the key whose last use is the longest ago', async t => {
  const order = three({});
  t.equal(order.victim(), a);
  order.use(a);
  t.equal(order.victim(), b);
  order.put(b, 10);
  t.equal(order.victim(), c);
});

t.test('a victim stays until it is deleted', async t => {
  const order = three({});
  t.equal(order.victim(), a);
  t.equal(order.victim(), a);
  order.delete(a);
  t.equal(order.victim(), b);
});

t.test('an empty order has no victim; using or deleting what is not there does nothing', async t => {
  const order = new OrderOfUse({ entriesMax: 1, bytesMax: 1 });
  order.use(a);
  order.delete(a);
  t.strictSame([order.victim(), order.exceeded], [undefined, false]);
});

t.test('a bound of many entries costs nothing before they are there', async t => {
  const before = process.memoryUsage().rss;
  new OrderOfUse({ entriesMax: 100_000_000, bytesMax: null });
  t.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024);
});
