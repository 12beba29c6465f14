/** Conditions on large documents: they stop where they can, and others have their turn meanwhile. */
import t from 'tap';
import { LIST_LOOK_BYTES_MAX } from '../../src/limits.js';
import type { Key } from '../../src/model.js';
import { type Clock, systemClock } from '../../src/platform/clock.js';
import { Lists } from '../../src/service/lists.js';
import { parseWhere } from '../../src/service/where.js';
import { key, openEngine, PLAIN, text } from '../fixtures/memory-engine.js';

/** CPU milliseconds: 50, and what a slow machine needs more. */
const TURN_MS_MAX = 120;

const list = (length: number, element: string): string => `{"a":[${Array(length).fill(element).join(',')}]}`;

/** The real clock, and the most CPU that was taken between two turns of the event loop. */
class TurnsClock implements Clock {
  readonly now = systemClock.now;
  readonly monotonic = systemClock.monotonic;
  readonly setTimer = systemClock.setTimer;
  longestMs = 0;
  #begun = process.cpuUsage();

  begin(): void {
    this.#begun = process.cpuUsage();
  }

  end(): void {
    const { user, system } = process.cpuUsage(this.#begun);
    this.longestMs = Math.max(this.longestMs, (user + system) / 1_000);
  }

  async turn(): Promise<void> {
    this.end();
    await systemClock.turn();
    this.begin();
  }
}

async function listsOf(t: { teardown(clean: () => Promise<void>): void }, documents: readonly string[]) {
  const { engine } = await openEngine({ policies: { kv: PLAIN } });
  t.teardown(() => engine.close());
  for (const [i, document] of documents.entries())
    await engine.commit([{ type: 'put', collection: 'kv', key: key(`k${i}`), text: text(document) }]);
  const clock = new TurnsClock();
  const lists = new Lists(() => engine, clock);
  const page = async (conditions: readonly string[], after?: Key) => {
    const request = { collection: 'kv', prefix: '', limit: 100, wheres: conditions.map(parseWhere), after };
    clock.begin();
    const { entries, next } = await lists.page(request);
    clock.end();
    return { found: entries.map(([found]) => found), next };
  };
  return { page, clock };
}

/** The least that the longest turn was of three times: the first ones pay for the compiler. */
async function longestOf(clock: TurnsClock, work: () => Promise<unknown>): Promise<number> {
  const longest: number[] = [];
  for (let i = 0; i < 3; i++) {
    clock.longestMs = 0;
    await work();
    longest.push(clock.longestMs);
  }
  return Math.min(...longest);
}

t.test('conditions on a document of a MiB let others have their turn', async t => {
  const documents: Readonly<Record<string, string>> = {
    numbers: list(500_000, '1'),
    strings: list(200_000, '"\\u0061"'),
    objects: list(150_000, '{"b":1}'),
    arrays: list(250_000, '[0]'),
    'one array': list(1, `[${Array(500_000).fill('1').join(',')}]`),
  };
  const conditions = ['a=2', 'a="b"', 'a=[1]', 'a={"b":2}'];
  for (const [name, document] of Object.entries(documents)) {
    for (const condition of conditions) {
      const { page, clock } = await listsOf(t, [document]);
      const ms = await longestOf(clock, () => page([condition]));
      t.ok(ms < TURN_MS_MAX, `${condition} on ${name}: ${ms} ms`);
    }
  }
  // All of them hold but the last.
  const last = [...Array(15).fill('b.0.c=3'), 'a=2'];
  const { page, clock } = await listsOf(t, [`${list(490_000, '1').slice(0, -1)},"b":[{"c":3}]}`]);
  const ms = await longestOf(clock, async () => t.same((await page(last)).found, []));
  t.ok(ms < TURN_MS_MAX, `16 conditions: ${ms} ms`);
});

t.test('a condition on an array stops at the first element that is it', async t => {
  const { page } = await listsOf(t, [list(500_000, '1')]);
  const cpu = async (condition: string) => {
    const begun = process.cpuUsage();
    const { found } = await page([condition]);
    t.same(found, condition === 'a=1' ? ['k0'] : []);
    return process.cpuUsage(begun).user;
  };
  await cpu('a=2');
  const [all, first] = [await cpu('a=2'), await cpu('a=1')];
  t.ok(first < all * 0.75, `${first} µs to the first, ${all} µs to the last`);
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
