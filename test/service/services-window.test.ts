/** What services show of the past: their documents, and nothing of what is kept beside them. */
import t from 'tap';
import type { Policies } from '../../src/model.js';
import { ServicesEngine, withCompanions } from '../../src/service/services.js';
import { brief, json, key, record } from '../fixtures/engine-contract/subject.js';
import { contractPolicies, engineContract } from '../fixtures/engine-contract.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { PLAIN } from '../fixtures/memory-engine.js';
import { ModelEngine } from '../fixtures/model-engine.js';

const services = { ...PLAIN, history: Number.POSITIVE_INFINITY };

function open(policies: Policies = { services, kv: PLAIN }) {
  const clock = new ManualClock();
  return {
    engine: new ServicesEngine(new ModelEngine({ policies: withCompanions(policies), clock })),
    clock,
  };
}

const put = (name: string, text = '{}') =>
  ({ type: 'put', collection: 'services', key: key(name), text: json(text) }) as const;

engineContract(t, 'the engine of services', async () => open(contractPolicies), {
  keeps: false,
});

t.test('the changes after one are those that are told, without numbers and switches', async t => {
  const { engine } = open();
  const told = record(engine);
  await engine.commit([put('a'), put('b')]);
  await engine.switch(key('a'), false);
  await engine.commit([{ type: 'delete', collection: 'services', key: key('a') }]);
  await engine.commit([put('c')]);
  const all = told.flat();
  t.same(brief(all), ['put a', 'put b', 'deleted a', 'put c']);
  t.same(engine.changesAfter(0, 100), all);
  for (let limit = 0; limit <= 5; limit++) t.same(engine.changesAfter(0, limit), all.slice(0, limit));
  for (const [i, { epoch, revision }] of all.entries()) {
    t.same(engine.changesAfter({ epoch, revision }, 100), all.slice(i + 1));
    t.same(engine.changesAfter({ epoch, revision }, 1), all.slice(i + 1, i + 2));
  }
});

t.test('the present may be a change that is not shown, and is known all the same', async t => {
  const { engine } = open();
  await engine.commit([put('a')]);
  const seen = engine.changesAfter(0, 10)?.at(-1);
  const { present } = engine;
  t.ok(seen !== undefined && present.revision > seen.revision);
  t.same(engine.changesAfter(present, 10), []);
  await engine.commit([put('b')]);
  t.same(brief(engine.changesAfter(present, 10) ?? []), ['put b']);
});

t.test('many that are not shown, one after the other, hide nothing behind them', async t => {
  const { engine } = open();
  await engine.commit([put('a')]);
  const { present } = engine;
  for (let i = 0; i < 50; i++) await engine.switch(key('a'), i % 2 === 0);
  t.same(engine.changesAfter(present, 3), []);
  await engine.commit([put('a', '{"n":1}')]);
  t.same(brief(engine.changesAfter(present, 3) ?? []), ['put a']);
});

t.test('what is gone is gone, whatever the limit', async t => {
  const { engine } = open();
  await engine.commit([put('a')]);
  for (const limit of [0, 1, 100]) t.equal(engine.changesAfter(99, limit), null);
});
