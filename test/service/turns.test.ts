/** Work on many documents shares one slice of each turn of the event loop, however many ask. */
import t from 'tap';
import { LIST_SLICE_MS } from '../../src/limits.js';
import { type Clock, systemClock } from '../../src/platform/clock.js';
import { Lists } from '../../src/service/lists.js';
import { Turns } from '../../src/service/turns.js';
import { parseWhere } from '../../src/service/where.js';
import { key, openEngine, PLAIN, text } from '../fixtures/memory-engine.js';

/** A clock for which every look takes a millisecond, and which keeps how many passed between two turns of the loop. */
class SteppingClock implements Clock {
  readonly now = systemClock.now;
  readonly setTimer = systemClock.setTimer;
  readonly between: number[] = [];
  #ms = 0;
  #turnBegan = 0;
  #asked: Promise<void> | null = null;

  monotonic(): number {
    this.#ms += 1;
    return this.#ms;
  }

  turn(): Promise<void> {
    this.#asked ??= systemClock.turn().then(() => {
      this.#asked = null;
      this.between.push(this.#ms - this.#turnBegan);
      this.#turnBegan = this.#ms;
    });
    return this.#asked;
  }
}

const CLIENTS = 20;
const DOCUMENTS = 100;
/** Looks at the clock that whoever waits, is woken or goes takes each time, beside the work. */
const LOOKS_BESIDE = 3;

t.test('twenty lists with conditions take no more of a turn than one does', async t => {
  const { engine } = await openEngine({ policies: { kv: PLAIN } });
  t.teardown(() => engine.close());
  for (let i = 0; i < DOCUMENTS; i++)
    await engine.commit([{ type: 'put', collection: 'kv', key: key(`k${1000 + i}`), text: text('{"a":1}') }]);
  const clock = new SteppingClock();
  const lists = new Lists(() => engine, clock);
  const request = { collection: 'kv', prefix: '', limit: 1000, wheres: [parseWhere('a=2')] };
  const pages = await Promise.all(Array.from({ length: CLIENTS }, () => lists.page(request)));
  t.ok(pages.every(({ next }) => next === null));
  const most = Math.max(...clock.between);
  t.ok(most <= LIST_SLICE_MS + LOOKS_BESIDE + CLIENTS, `${most} ms between two turns`);
  t.ok(
    clock.between.slice(1).every(ms => ms <= LIST_SLICE_MS + LOOKS_BESIDE),
    `behind the turn in which they came: ${Math.max(...clock.between.slice(1))} ms`,
  );
  t.ok(clock.between.length >= (CLIENTS * DOCUMENTS) / LIST_SLICE_MS / 2, `${clock.between.length} turns`);
});

t.test('each has its slice in its turn, and who comes last waits for one of each before it', async t => {
  const clock = new SteppingClock();
  const turns = new Turns(clock);
  const order: string[] = [];
  const work = async (name: string) => {
    const slice = await turns.begin();
    for (let step = 0; step < 3; step++) {
      order.push(name);
      while (!slice.isOver);
      await slice.next();
    }
    slice.end();
  };
  await Promise.all(['a', 'b', 'c'].map(work));
  t.same(order, ['a', 'b', 'c', 'a', 'b', 'c', 'a', 'b', 'c']);
});

t.test('who comes while others wait stands behind them, though there is time left', async t => {
  const turns = new Turns(new SteppingClock());
  const order: string[] = [];
  const first = await turns.begin();
  while (!first.isOver);
  const work = async (name: string, meanwhile: () => unknown = () => {}) => {
    const slice = await turns.begin();
    order.push(name);
    meanwhile();
    slice.end();
  };
  const late: Promise<void>[] = [];
  const waiting = [work('a', () => late.push(work('c'))), work('b')];
  first.end();
  await Promise.all(waiting);
  await Promise.all(late);
  t.same(order, ['a', 'b', 'c']);
});

t.test('short work that comes together shares a turn', async t => {
  const clock = new SteppingClock();
  const turns = new Turns(clock);
  const long = await turns.begin();
  while (!long.isOver);
  const short = Array.from({ length: 4 }, async () => (await turns.begin()).end());
  long.end();
  await Promise.all(short);
  t.ok(clock.between.length <= 3, `${clock.between.length} turns`);
});

t.test('work that was away for a turn goes on, and waits for nobody who has gone', async t => {
  const turns = new Turns(systemClock);
  const slice = await turns.begin();
  await systemClock.turn();
  await systemClock.turn();
  t.ok(slice.isOver, 'its slice was of a turn that has passed');
  await slice.next();
  slice.end();
  (await turns.begin()).end();
});
