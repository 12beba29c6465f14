import t from 'tap';
import type { Change, Key } from '../../src/model.js';
import { Batches, type BatchOperation } from '../../src/service/batch.js';
import { Rules } from '../../src/service/rules.js';
import { ServicesEngine } from '../../src/service/services.js';
import { openEngine, PLAIN, text } from '../fixtures/memory-engine.js';

const POLICIES = { kv: { ...PLAIN, entriesMax: 3 }, configs: { ...PLAIN, idField: 'name' } };

async function setUp(t: { teardown(clean: () => Promise<void>): void }) {
  const { engine } = await openEngine({ policies: POLICIES });
  t.teardown(() => engine.close());
  const services = new ServicesEngine(engine);
  return { engine, batches: new Batches({ engine: () => services, rules: new Rules(POLICIES) }) };
}

const put = (key: string, value = '1'): BatchOperation => ({
  type: 'put',
  collection: 'kv',
  key: key as Key,
  text: text(value),
});
const remove = (key: string): BatchOperation => ({ type: 'delete', collection: 'kv', key: key as Key });

t.test('a batch is one notification, and its revisions follow each other', async t => {
  const { engine, batches } = await setUp(t);
  const told: (readonly Change[])[] = [];
  engine.subscribe(changes => told.push(changes));
  const { outcomes, revision } = await batches.commit([put('a'), put('b'), remove('c')]);
  t.match(outcomes, [{ type: 'created' }, { type: 'created' }, { type: 'absent' }]);
  t.equal(revision, 2);
  t.same(
    told.map(changes => changes.map(({ revision: at }) => at)),
    [[1, 2]],
  );
});

t.test(
  'a batch that does not fit is told by the operation that made it grow, and leaves nothing',
  async t => {
    const { engine, batches } = await setUp(t);
    await batches.commit([put('a'), put('b')]);
    await t.rejects(batches.commit([put('c'), put('d')]), {
      code: 'quota_exceeded',
      details: { op: 1 },
    });
    t.equal(engine.revision, 2);
    await t.resolves(batches.commit([remove('a'), put('c'), put('d')]), 'what a batch deletes makes room');
  },
);

t.test('the first that fails is told, whatever those behind it would say', async t => {
  const { batches } = await setUp(t);
  const config: BatchOperation = { type: 'put', collection: 'configs', key: 'x' as Key, text: text('[]') };
  const absent: BatchOperation = { ...put('a'), condition: { match: 'any' } };
  await t.rejects(batches.commit([absent, config]), { code: 'revision_mismatch', details: { op: 0 } });
  await t.rejects(batches.commit([config, absent]), { code: 'not_an_object', details: { op: 0 } });
  const nowhere: BatchOperation = { ...put('a'), collection: 'nowhere' };
  await t.rejects(batches.commit([nowhere, config]), { code: 'not_found', details: { op: 0 } });
});

t.test('a condition is for the key as it is before the batch', async t => {
  const { engine, batches } = await setUp(t);
  await batches.commit([put('a')]);
  const id = engine.get('kv', 'a' as Key) ?? { epoch: 0, revision: 0 };
  await t.resolves(batches.commit([{ ...put('a', '2'), condition: { match: [id] } }]));
  await t.rejects(batches.commit([put('b'), { ...remove('a'), condition: { match: [id] } }]), {
    code: 'revision_mismatch',
    details: { op: 1 },
  });
  t.equal(engine.get('kv', 'b' as Key), undefined);
});
