/**
 * The search for an order beside one that tries every order there is, on small histories made at random, most of them
 * wrong. CAIRN_SEED=n replays, CAIRN_TORTURE=1 compares more.
 */
import t from 'tap';
import { findOrder, type Step } from '../fixtures/linearizability/order-search.js';
import { type Random, randomOf, seedOf } from '../fixtures/seeded-random.js';

const HISTORIES = process.env['CAIRN_TORTURE'] === '1' ? 200_000 : 5_000;
const SEED = seedOf();
/** Tried in every order: more of them take too long. */
const STEPS_MAX = 6;
const TIMES = 10;

type Value = string | null;

/** Whether the rest can follow, in any order. */
function anyOrder(steps: readonly Step<Value>[], state: Value, taken: ReadonlySet<number>): boolean {
  const rest = steps.flatMap((step, i) => (taken.has(i) ? [] : [{ step, i }]));
  const pending = rest.filter(({ step }) => !step.optional);
  if (pending.length === 0) return true;
  return rest.some(({ step, i }) => {
    if (pending.some(({ step: other }) => other.returned < step.called)) return false;
    if (step.after?.some(before => !taken.has(before)) === true) return false;
    const after = step.apply(state);
    return after !== undefined && anyOrder(steps, after, new Set([...taken, i]));
  });
}

function stepAtRandom(random: Random, i: number): Step<Value> {
  const called = Math.floor(random() * TIMES);
  const optional = random() < 0.2;
  const returned = optional ? Number.POSITIVE_INFINITY : called + Math.floor(random() * TIMES);
  const value = random() < 0.2 ? null : String(Math.floor(random() * 3));
  const apply = effectAtRandom(random(), value);
  const after = i > 0 && random() < 0.1 ? { after: [Math.floor(random() * i)] } : {};
  return { called, returned, optional, apply, ...after };
}

function effectAtRandom(chance: number, value: Value): Step<Value>['apply'] {
  if (chance < 0.4) return before => (before === value ? before : undefined);
  if (chance < 0.8) return () => value;
  return before => (before === value ? 'next' : undefined);
}

t.test(`of ${HISTORIES} small histories both say the same (CAIRN_SEED=${SEED})`, async t => {
  const random = randomOf(SEED);
  const said = { order: 0, none: 0 };
  for (let number = 0; number < HISTORIES; number++) {
    const count = 1 + Math.floor(random() * STEPS_MAX);
    const steps = Array.from({ length: count }, (_, i) => stepAtRandom(random, i));
    const found = findOrder(steps, null) === null;
    said[found ? 'order' : 'none']++;
    if (found !== anyOrder(steps, null, new Set())) t.fail(`history ${number}: the search says ${found}`);
  }
  t.comment(`${said.order} with an order, ${said.none} without`);
  t.ok(Math.min(said.order, said.none) > HISTORIES / 10, 'there are enough of both');
});

t.test('the step at which the longest order ends is told', async t => {
  const put = { called: 0, returned: 1, optional: false, apply: () => '1' };
  const read = { called: 2, returned: 3, optional: false, apply: () => undefined };
  t.equal(findOrder<Value>([put, read, { ...put, called: 4, returned: 5 }], null), 1);
});
