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

const isOver = (order: OrderOfUse) => order.exceeds({ entries: 0, bytes: 0 });
const victim = (order: OrderOfUse) => order.victims().next().value;

t.test('without bounds nothing is too much', async t => {
  t.equal(isOver(three({})), false);
});

t.test('the bounds themselves are not exceeded', async t => {
  t.equal(isOver(three({ entriesMax: 3, bytesMax: 30 })), false);
});

t.test('one entry more than the bound is too much, until one is deleted', async t => {
  const order = three({ entriesMax: 2 });
  t.equal(isOver(order), true);
  order.delete(b);
  t.equal(isOver(order), false);
});

t.test('one byte more than the bound is too much, until one is deleted', async t => {
  const order = three({ bytesMax: 29 });
  t.equal(isOver(order), true);
  order.delete(b);
  t.equal(isOver(order), false);
});

t.test('a key that is put again counts with its new size only', async t => {
  const order = three({ bytesMax: 30 });
  order.put(a, 11);
  t.equal(isOver(order), true);
  order.put(a, 1);
  order.put(a, 10);
  t.equal(isOver(order), false);
});

t.test('where there was more than the bounds before, only more than that is too much', async t => {
  const order = three({ entriesMax: 1, bytesMax: 10 });
  const before = order.extent;
  t.strictSame(before, { entries: 3, bytes: 30 });
  t.equal(order.exceeds(before), false);
  order.put(a, 11);
  t.equal(order.exceeds(before), true, 'a byte more');
  order.delete(a);
  t.equal(order.exceeds(before), false);
  for (const name of ['d', 'e']) order.put(key(name), 1);
  t.equal(order.exceeds(before), true, 'an entry more');
});

t.test('the victims come in the order of their last use, however many are asked for', async t => {
  const order = new OrderOfUse({ entriesMax: null, bytesMax: null });
  const keys = Array.from({ length: 300 }, (_, i) => key(`k${i}`));
  for (const each of keys) order.put(each, 1);
  order.use(keys[7]!);
  const gone: string[] = [];
  for (const each of order.victims()) {
    gone.push(each);
    order.delete(each);
  }
  t.strictSame(gone, [...keys.filter((_, i) => i !== 7), keys[7]]);
});

t.test('the victim is the key whose last use is the longest ago', async t => {
  const order = three({});
  t.equal(victim(order), a);
  order.use(a);
  t.equal(victim(order), b);
  order.put(b, 10);
  t.equal(victim(order), c);
});

t.test('a victim stays until it is deleted', async t => {
  const order = three({});
  t.equal(victim(order), a);
  t.equal(victim(order), a);
  order.delete(a);
  t.equal(victim(order), b);
});

t.test('an empty order has no victim; using or deleting what is not there does nothing', async t => {
  const order = new OrderOfUse({ entriesMax: 1, bytesMax: 1 });
  order.use(a);
  order.delete(a);
  t.strictSame([victim(order), isOver(order)], [undefined, false]);
});

t.test('a bound of many entries costs nothing before they are there', async t => {
  const before = process.memoryUsage().rss;
  new OrderOfUse({ entriesMax: 100_000_000, bytesMax: null });
  t.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024);
});
