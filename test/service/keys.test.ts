import t from 'tap';
import { CairnError } from '../../src/errors.js';
import { VALUE_BYTES_MAX } from '../../src/limits.js';
import type { JsonText, Key, Policy } from '../../src/model.js';
import { Keys, type Place } from '../../src/service/keys.js';
import { Rules } from '../../src/service/rules.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { ModelEngine } from '../fixtures/model-engine.js';

const kv: Policy = {
  durability: 'periodic',
  defaultTtl: 60_000,
  entriesMax: null,
  bytesMax: null,
  full: 'refuse',
  idField: null,
  generatedId: false,
  schema: null,
  required: [],
  emails: [],
  unique: [],
  history: 0,
  historyTtl: null,
};

function text(value: string): JsonText {
  return value as JsonText;
}

const place: Place = { collection: 'kv', key: 'a' as Key };

function setUp() {
  const clock = new ManualClock();
  const engine = new ModelEngine({ policies: { kv }, clock, epoch: 7 });
  return {
    clock,
    engine,
    keys: new Keys({ engine: () => engine, rules: new Rules({ kv }), newId: () => 'id' }),
    now: clock.now() / 1000,
  };
}

t.test('a put is read, and a deletion too', async t => {
  const { keys } = setUp();
  t.strictSame(keys.read(place), { entry: undefined, revision: 0 });
  t.match(await keys.put(place, text('1')), {
    created: true,
    durable: false,
    entry: { text: '1', revision: 1 },
  });
  t.match(await keys.put(place, text('2'), { durability: 'sync' }), { created: false, durable: true });
  t.match(keys.read(place), { entry: { text: '2', version: 2 }, revision: 2 });
  t.match(await keys.delete(place), { id: { epoch: 7, revision: 3 }, durable: false });
  await t.rejects(keys.delete(place), { code: 'key_not_found', details: { revision: 3 } });
});

t.test('a ttl is the one given, none, or that of the collection', async t => {
  const { keys, clock } = setUp();
  const left = async (ttl: number | 'none' | undefined) => {
    const { entry } = await keys.put(place, text('1'), ttl === undefined ? {} : { ttl });
    const deadline = entry.deadline();
    return deadline === null ? null : deadline - clock.now();
  };
  t.equal(await left(undefined), 60_000);
  t.equal(await left(5), 5);
  t.equal(await left('none'), null);
});

t.test('a value is at most 1 MiB of text', async t => {
  const { keys, engine } = setUp();
  const largest = `"${'x'.repeat(VALUE_BYTES_MAX - 2)}"`;
  await t.resolves(keys.put(place, text(largest)));
  await t.rejects(keys.put(place, text(`${largest} `)), { code: 'value_too_large' });
  t.equal(engine.revision, 1);
});

t.test('a condition of one key fails without the number of its operation', async t => {
  const { keys } = setUp();
  await keys.put(place, text('1'));
  const error = await keys
    .put(place, text('2'), { condition: { match: [] } })
    .catch((thrown: unknown) => thrown);
  t.ok(error instanceof CairnError && error.code === 'revision_mismatch');
  t.strictSame(error instanceof CairnError && error.details, { current: '7-1' });
});

t.test('a key to delete has to be there before its condition counts', async t => {
  const { keys } = setUp();
  await t.rejects(keys.delete(place, { condition: { match: 'any' } }), { code: 'key_not_found' });
  await keys.put(place, text('1'));
  await t.rejects(keys.delete(place, { condition: { noneMatch: 'any' } }), { code: 'revision_mismatch' });
});

t.test('a date is a condition on what was last changed', async t => {
  const { keys, now } = setUp();
  await keys.put(place, text('1'), { condition: { unmodifiedSince: 0 } });
  await t.rejects(keys.put(place, text('2'), { condition: { unmodifiedSince: now - 1 } }), {
    code: 'revision_mismatch',
  });
  await t.resolves(keys.put(place, text('2'), { condition: { unmodifiedSince: now } }));
  await t.rejects(keys.delete(place, { condition: { unmodifiedSince: now - 1 } }), {
    code: 'revision_mismatch',
  });
});

t.test('a change between the look at the date and the write fails the write', async t => {
  const { keys, engine } = setUp();
  await keys.put(place, text('1'));
  const commit = engine.commit.bind(engine);
  engine.commit = async (operations, options) => {
    engine.commit = commit;
    await keys.put(place, text('"between"'));
    return await commit(operations, options);
  };
  const unmodifiedSince = Number.MAX_SAFE_INTEGER;
  await t.rejects(keys.put(place, text('2'), { condition: { unmodifiedSince } }), {
    code: 'revision_mismatch',
  });
  t.match(keys.read(place).entry, { text: '"between"' });
});

t.test('while there is no engine every use says so', async t => {
  const engine = (): never => {
    throw new CairnError('loading', 'Not yet.');
  };
  const keys = new Keys({ engine, rules: new Rules({}), newId: () => 'id' });
  t.throws(() => keys.read(place), { code: 'loading' });
  await t.rejects(keys.put(place, text('1')), { code: 'loading' });
  await t.rejects(keys.delete(place), { code: 'loading' });
});
