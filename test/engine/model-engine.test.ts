import t from 'tap';
import { CairnError } from '../../src/errors.js';
import { put, read, record } from '../fixtures/engine-contract/subject.js';
import { contractPolicies, engineContract } from '../fixtures/engine-contract.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { ModelEngine } from '../fixtures/model-engine.js';

function open() {
  const clock = new ManualClock();
  return { engine: new ModelEngine({ policies: contractPolicies, clock }), clock };
}

engineContract(t, 'the model engine', async () => open(), { keeps: false });

t.test('its faults', async t => {
  t.test('a commit that is told to fail rejects once and is not applied', async t => {
    const { engine } = open();
    engine.failNext(new CairnError('storage_full', 'full', { outcome: 'not_applied' }));
    await t.rejects(engine.commit([put('plain', 'a', '1')]), { code: 'storage_full' });
    t.equal(engine.revision, 0);
    await engine.commit([put('plain', 'a', '2')]);
    t.equal(read(engine, 'plain', 'a'), '2');
  });

  t.test('one that fails with the outcome unknown is applied and told', async t => {
    const { engine } = open();
    const told = record(engine);
    engine.failNext(new CairnError('storage_error', 'fsync failed', { outcome: 'unknown' }));
    await t.rejects(engine.commit([put('synced', 'a', '1')]), { code: 'storage_error' });
    t.equal(read(engine, 'synced', 'a'), '1');
    t.equal(told.length, 1);
    t.equal(engine.status().durableRevision, 0);
  });

  t.test('while it is degraded writes are refused and reads go on', async t => {
    const { engine } = open();
    await engine.commit([put('plain', 'a', '1')]);
    engine.degraded = true;
    await t.rejects(engine.commit([put('plain', 'a', '2')]), {
      code: 'storage_error',
      details: { outcome: 'not_applied' },
    });
    t.equal(read(engine, 'plain', 'a'), '1');
    t.match(engine.status(), { storage: 'degraded', problem: /volume/ });
    engine.degraded = false;
    await engine.commit([put('plain', 'a', '2')]);
    t.equal(read(engine, 'plain', 'a'), '2');
  });
});
