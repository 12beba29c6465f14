import { deepStrictEqual } from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { Expiry, type ExpiryNode } from '../../src/store/expiry.js';
import { key, random } from './words.js';

t.test('nothing is due in an empty expiry', async t => {
  const expiry = new Expiry();
  t.strictSame([expiry.next(), expiry.due(Number.MAX_SAFE_INTEGER), expiry.size], [null, null, 0]);
});

t.test('a node is due from its deadline on, and stays until it is removed', async t => {
  const expiry = new Expiry();
  const node = expiry.add(100, 'kv', key('a'));
  t.equal(expiry.due(99), null);
  t.equal(expiry.due(100), node);
  t.equal(expiry.due(100), node);
  expiry.remove(node);
  t.equal(expiry.due(100), null);
});

t.test('a moved deadline is a new node, and the old one keeps what it said', async t => {
  const expiry = new Expiry();
  const node = expiry.add(100, 'kv', key('a'));
  const moved = expiry.move(node, 200);
  t.strictSame([node.deadline, moved.deadline, moved.collection, moved.key], [100, 200, 'kv', 'a']);
  t.strictSame([expiry.next(), expiry.size], [200, 1]);
});

t.test('a node that is gone cannot be removed or moved again', async t => {
  const expiry = new Expiry();
  const node = expiry.add(100, 'kv', key('a'));
  expiry.add(200, 'kv', key('b'));
  expiry.remove(node);
  t.throws(() => expiry.remove(node), { message: 'The node is not in this expiry.' });
  t.throws(() => expiry.move(node, 300), { message: 'The node is not in this expiry.' });
});

const deadline = fc.nat(50);
const step = fc.record({ action: fc.constantFrom('add', 'add', 'move', 'remove'), pick: fc.nat(), deadline });

t.test('after any additions, moves and removals the nodes come in the order of their deadlines', async () => {
  const property = fc.property(fc.array(step, { maxLength: 200, size: 'max' }), steps => {
    const expiry = new Expiry();
    const live: ExpiryNode[] = [];
    for (const { action, pick, deadline } of steps) {
      const [node] = action === 'add' ? [] : live.splice(pick % Math.max(live.length, 1), 1);
      if (node === undefined) live.push(expiry.add(deadline, 'kv', key('a')));
      else if (action === 'move') live.push(expiry.move(node, deadline));
      else expiry.remove(node);
    }
    deepStrictEqual(
      drained(expiry),
      live.map(node => node.deadline).sort((a, b) => a - b),
    );
  });
  fc.assert(property, { ...random, numRuns: 500 });
});

function drained(expiry: Expiry): number[] {
  const deadlines: number[] = [];
  for (let node = expiry.due(1_000); node !== null; node = expiry.due(1_000)) {
    deadlines.push(node.deadline);
    expiry.remove(node);
  }
  return deadlines;
}
