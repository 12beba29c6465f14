import t from 'tap';
import { BATCH_AT_ONCE_BYTES, LIST_SLICE_MS } from '../../src/limits.js';
import type { Change, Key } from '../../src/model.js';
import { type Clock, systemClock } from '../../src/platform/clock.js';
import { Batches, type BatchOperation } from '../../src/service/batch.js';
import { Rules } from '../../src/service/rules.js';
import { ServicesEngine } from '../../src/service/services.js';
import { Turns } from '../../src/service/turns.js';
import { openEngine, PLAIN, text } from '../fixtures/memory-engine.js';

const POLICIES = { kv: { ...PLAIN, entriesMax: 3 }, configs: { ...PLAIN, idField: 'name' } };

async function setUp(
  t: { teardown(clean: () => Promise<void>): void },
  turns: Turns = new Turns(systemClock),
) {
  const { engine } = await openEngine({ policies: POLICIES });
  t.teardown(() => engine.close());
  const services = new ServicesEngine(engine);
  return {
    engine,
    batches: new Batches({
      engine: () => services,
      rules: new Rules(POLICIES),
      turns,
    }),
  };
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

/** A clock for which every look takes so long that others are to have their turn. */
class SlowClock implements Clock {
  readonly now = systemClock.now;
  readonly setTimer = systemClock.setTimer;
  turns = 0;
  #ms = 0;

  monotonic(): number {
    this.#ms += LIST_SLICE_MS;
    return this.#ms;
  }

  async turn(): Promise<void> {
    await systemClock.turn();
    this.turns += 1;
  }
}

t.test('the documents of a large batch are looked at in slices, and applied in one turn', async t => {
  const clock = new SlowClock();
  const { engine, batches } = await setUp(t, new Turns(clock));
  const turnsAt: number[] = [];
  engine.subscribe(changes => turnsAt.push(...changes.map(() => clock.turns)));
  const large = `{"a":"${'x'.repeat(BATCH_AT_ONCE_BYTES / 2)}"}`;
  const configs = ['a', 'b', 'c', 'd', 'e'].map(name => ({ ...put(name, large), collection: 'configs' }));
  await batches.commit(configs);
  t.ok(clock.turns >= configs.length - 1, `${clock.turns} turns`);
  t.equal(new Set(turnsAt).size, 1);
  t.equal(turnsAt.length, configs.length);
  const before = clock.turns;
  await batches.commit([put('a'), put('b')]);
  t.equal(clock.turns, before, 'a small one waits for nobody');
});

t.test('what changed while a batch was looked at is what its conditions are held against', async t => {
  const { engine, batches } = await setUp(t, new Turns(new SlowClock()));
  const large = `{"a":"${'x'.repeat(BATCH_AT_ONCE_BYTES)}"}`;
  const wrong: BatchOperation = { ...put('x', '[]'), collection: 'configs' };
  const first: BatchOperation = { ...put('a', large), condition: { noneMatch: 'any' } };
  const failing = batches.commit([first, put('b', large), wrong]);
  await engine.commit([{ type: 'put', collection: 'kv', key: 'a' as Key, text: text('1') }]);
  await t.rejects(failing, { code: 'revision_mismatch', details: { op: 0 } }, 'the first that fails is told');
  t.equal(engine.get('kv', 'b' as Key), undefined);
});
