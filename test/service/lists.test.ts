/** Conditions on large documents: they stop where they can, and others have their turn meanwhile. */
import t from 'tap';
import { LIST_LOOK_BYTES_MAX } from '../../src/limits.js';
import type { Key } from '../../src/model.js';
import { type Clock, systemClock } from '../../src/platform/clock.js';
import { Lists } from '../../src/service/lists.js';
import { parseWhere } from '../../src/service/where.js';
import { key, openEngine, PLAIN, text } from '../fixtures/memory-engine.js';

/** Turns that a condition on a document of a MiB gives at least, where each look at the clock is a millisecond later. */
const TURNS_MIN = 8;

const list = (length: number, element: string): string => `{"a":[${Array(length).fill(element).join(',')}]}`;

/** A clock for which every look at it takes a millisecond: so what looks often enough gives a turn to others. */
class LookedAtClock implements Clock {
  readonly now = systemClock.now;
  readonly setTimer = systemClock.setTimer;
  turns = 0;
  #ms = 0;

  monotonic(): number {
    this.#ms += 1;
    return this.#ms;
  }

  turn(): Promise<void> {
    this.turns += 1;
    return systemClock.turn();
  }
}

async function listsOf(t: { teardown(clean: () => Promise<void>): void }, documents: readonly string[]) {
  const { engine } = await openEngine({ policies: { kv: PLAIN } });
  t.teardown(() => engine.close());
  for (const [i, document] of documents.entries())
    await engine.commit([{ type: 'put', collection: 'kv', key: key(`k${i}`), text: text(document) }]);
  const clock = new LookedAtClock();
  const lists = new Lists(() => engine, clock);
  const page = async (conditions: readonly string[], after?: Key) => {
    const request = { collection: 'kv', prefix: '', limit: 100, wheres: conditions.map(parseWhere), after };
    clock.turns = 0;
    const { entries, next } = await lists.page(request);
    return { found: entries.map(([found]) => found), next, turns: clock.turns };
  };
  return { page };
}

t.test('conditions on a document of a MiB let others have their turn', async t => {
  const documents: Readonly<Record<string, string>> = {
    numbers: list(500_000, '1'),
    strings: list(200_000, '"\\u0061"'),
    objects: list(150_000, '{"b":1}'),
    arrays: list(250_000, '[0]'),
  };
  const conditions = ['a=2', 'a="b"', 'a=[1]', 'a={"b":2}'];
  for (const [name, document] of Object.entries(documents)) {
    for (const condition of conditions) {
      const { page } = await listsOf(t, [document]);
      const { turns } = await page([condition]);
      t.ok(turns >= TURNS_MIN, `${condition} on ${name}: ${turns} turns`);
    }
  }
  // All of them hold but the last.
  const last = [...Array(15).fill('b.0.c=3'), 'a=2'];
  const { page } = await listsOf(t, [`${list(490_000, '1').slice(0, -1)},"b":[{"c":3}]}`]);
  const { found, turns } = await page(last);
  t.same(found, []);
  t.ok(turns >= TURNS_MIN, `16 conditions: ${turns} turns`);
});

t.test('a condition on an array stops at the first element that is it', async t => {
  const { page } = await listsOf(t, [list(500_000, '1')]);
  const { found, turns } = await page(['a=1']);
  t.same(found, ['k0']);
  t.ok(turns <= 1, 'the one that the slice of the next turn begins with');
  t.ok((await page(['a=2'])).turns >= TURNS_MIN);
});

t.test('what a page looks at is counted for each condition, and the next page goes on there', async t => {
  const large = `{"a":1,"b":"${'x'.repeat(LIST_LOOK_BYTES_MAX / 32)}"}`;
  const { page } = await listsOf(t, Array(20).fill(large));
  t.equal((await page(['a=2'])).next, null);
  t.equal((await page(Array(16).fill('a=2'))).next, null, 'what did not look does not count');
  let pages = 0;
  for (let next: Key | null | undefined; next !== null; pages += 1) {
    next = (await page([...Array(15).fill('a=1'), 'a=2'], next)).next;
  }
  t.equal(pages, 10);
});

t.test('an element is found by what it means, however it is written', async t => {
  const { page } = await listsOf(t, [
    '{"a":[0,{"y":[1.0],"x":null},[1, 2],"\\u0061",1e1,true,null]}',
    '{"a":[[0]],"a":[[{"x":null,"y":[1]}]]}',
    '{"a":{"x":1,"x":null,"y":[10e-1]}}',
  ]);
  const find = async (condition: string) => (await page([condition])).found.join();
  for (const [condition, found] of [
    ['a={"x":null,"y":[1]}', 'k0,k2'],
    ['a=[1,2.0]', 'k0'],
    ['a=[[0]]', ''],
    ['a=[0]', ''],
    ['a=[{"y":[1],"x":null}]', 'k1'],
    ['a=a', 'k0'],
    ['a="a"', 'k0'],
    ['a=10', 'k0'],
    ['a=true', 'k0'],
    ['a=null', 'k0'],
    ['a=false', ''],
    ['a=', ''],
  ] as const) {
    t.equal(await find(condition), found, condition);
  }
});
