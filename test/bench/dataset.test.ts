import t from 'tap';
import { getExchange, prepared, setExchange, shuffled, valueAt } from '../../bench/dataset.js';

t.test('a value has 60 bytes, and another edition is another value', async t => {
  for (const index of [0, 9_999, 999_999]) t.equal(Buffer.byteLength(valueAt(index, index)), 60);
  t.not(valueAt(5, 0), valueAt(5, 1));
});

t.test('a server that parses and prints gives the same bytes as one that keeps them', async t => {
  const body = getExchange(123_456, 7).body.toString();
  t.equal(JSON.stringify(JSON.parse(body)), body);
});

t.test('a set sends what the get of the same edition must read', async t => {
  const [head, body] = setExchange(42, 3).request.toString().split('\r\n\r\n');
  t.equal(body, getExchange(42, 3).body.toString());
  t.match(head, new RegExp(`\r\nContent-Length: ${Buffer.byteLength(body ?? '')}$`));
});

t.test('the same seed gives the same order of all numbers, another seed another one', async t => {
  const order = shuffled(1_000, 1);
  t.same(shuffled(1_000, 1), order);
  t.strictNotSame(shuffled(1_000, 2), order);
  t.same(
    order.toSorted((a, b) => a - b),
    Array.from({ length: 1_000 }, (_, index) => index),
  );
});

t.test('a prepared script makes each exchange once', async t => {
  const script = prepared(2, index => getExchange(index, 0));
  t.equal(script.count, 2);
  t.equal(script.at(1), script.at(1));
});
