import t from 'tap';
import type { Engine } from '../../src/engine/engine.js';
import { CairnError } from '../../src/errors.js';
import { CHANGES_SLICE, IMPORT_PATIENCE_MS, IMPORT_SLICE_BYTES, LIST_SLICE } from '../../src/limits.js';
import type { Operation } from '../../src/model.js';
import { Rules } from '../../src/service/rules.js';
import { ServicesEngine } from '../../src/service/services.js';
import { Exports, type ImportPut, Imports, type Line } from '../../src/service/transfer.js';
import { key, openEngine, PLAIN, text } from '../fixtures/memory-engine.js';

const POLICIES = { kv: { ...PLAIN, entriesMax: 3_000 }, sessions: { ...PLAIN, defaultTtl: 60_000 } };

interface Teardown {
  teardown(clean: () => Promise<void>): void;
}

async function setUp(t: Teardown) {
  const world = await openEngine({ policies: POLICIES });
  t.teardown(() => world.engine.close());
  const commits: (readonly Operation[])[] = [];
  const { engine } = world;
  const used = {
    engine: withCommit(engine, (operations, options) => {
      commits.push(operations);
      return engine.commit(operations, options);
    }),
  };
  const options = {
    engine: () => new ServicesEngine(used.engine),
    rules: new Rules(POLICIES),
    clock: world.clock,
  };
  return {
    ...world,
    commits,
    used,
    imports: new Imports(options),
    exports: new Exports(options),
  };
}

/** The engine with another way to commit. */
function withCommit(engine: Engine, commit: Engine['commit']): Engine {
  return new Proxy(engine, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name === 'commit') return commit;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Lines that say their key, one after the other. */
async function* linesOf(count: number, pulled?: { lines: number }): AsyncGenerator<readonly Line[]> {
  for (let number = 1; number <= count; number++) {
    if (pulled !== undefined) pulled.lines = number;
    yield [{ number, bytes: `k${number}` }];
  }
}

const read = ({ bytes }: Line): ImportPut => ({ collection: 'kv', key: key(bytes), text: text('1') });

t.test('an import is stored in slices, each in one commit, and durable when it is answered', async t => {
  const { imports, engine, commits } = await setUp(t);
  const seen: number[] = [];
  const result = await imports.run(linesOf(1_200), read, { onProgress: count => seen.push(count) });
  t.same(result, { imported: 1_200, revision: 1_200, durable: true });
  t.equal(engine.status().durableRevision, 1_200);
  t.same(
    commits.map(({ length }) => length),
    [CHANGES_SLICE, CHANGES_SLICE, 200],
  );
  t.same(seen, [500, 1_000, 1_200]);
});

t.test('a slice is bounded by its bytes too, and a larger value is one of its own', async t => {
  const { imports, commits } = await setUp(t);
  const half = text(JSON.stringify('x'.repeat(IMPORT_SLICE_BYTES / 2 - 100)));
  const whole = text(JSON.stringify('x'.repeat(IMPORT_SLICE_BYTES - 2)));
  await imports.run(linesOf(5), line => ({ ...read(line), text: line.number === 3 ? whole : half }));
  t.same(
    commits.map(({ length }) => length),
    [2, 1, 2],
  );
});

t.test('a key that comes again and again is put each time, and a slice of it costs one fsync', async t => {
  const { imports, engine, files, commits } = await setUp(t);
  const syncs = () => files.calls.filter(({ op }) => op === 'sync').length;
  const before = syncs();
  const turns = [0, 1, 2, 3].map(name => ({ key: key(`k${name % 2}`) }));
  const lines = linesOf(CHANGES_SLICE);
  const result = await imports.run(lines, line => ({ ...read(line), ...turns[line.number % 4] }));
  t.same(result, { imported: CHANGES_SLICE, revision: CHANGES_SLICE, durable: true });
  t.equal(engine.get('kv', key('k1'))?.version, CHANGES_SLICE / 2);
  t.equal(engine.status().durableRevision, CHANGES_SLICE);
  t.equal(syncs() - before, 1);
  t.ok(commits.every(({ length }) => length <= 2));
});

t.test(
  'of a slice in several commits what stood before a refused line is durable, and is counted',
  async t => {
    const { imports, engine, commits } = await setUp(t);
    await engine.commit([{ type: 'put', collection: 'kv', key: key('a'), text: text('0') }]);
    for (let i = 1; i < 3_000; i++) {
      await engine.commit([{ type: 'put', collection: 'kv', key: key(`there${i}`), text: text('1') }]);
    }
    const names = ['a', 'a', 'there1', 'new', 'a'];
    const lines = linesOf(names.length);
    await t.rejects(
      imports.run(lines, line => ({ ...read(line), key: key(names[line.number - 1] ?? '') })),
      { code: 'quota_exceeded', details: { line: 4, imported: 3 } },
    );
    t.match(engine.status(), { revision: 3_003, durableRevision: 3_003 });
    t.ok(commits.length < 9, 'and what stood behind it is not tried');
  },
);

t.test('where the fsync of a slice in several commits fails, none of its lines is counted', async t => {
  const { imports, engine, used } = await setUp(t);
  const unknown = new CairnError('storage_error', 'EIO', { outcome: 'unknown' });
  const commit: Engine['commit'] = async (operations, options) => {
    if (options?.durability === 'sync') throw unknown;
    return engine.commit(operations, options);
  };
  used.engine = withCommit(engine, commit);
  await t.rejects(
    imports.run(linesOf(3), line => ({ ...read(line), key: key('a') })),
    {
      code: 'storage_error',
      details: { line: 1, imported: 0, outcome: 'unknown' },
    },
  );
});

t.test('an expired line behind others does not take their fsync from them', async t => {
  const { imports, engine } = await setUp(t);
  const over = { life: { deadline: 1 } };
  const result = await imports.run(linesOf(3), line => ({
    ...read(line),
    ...(line.number < 3 ? { key: key('a') } : { key: key('a'), ...over }),
  }));
  t.match(result, { imported: 3, revision: 3, durable: true });
  t.equal(engine.status().durableRevision, 3);
  t.match(await imports.run(linesOf(2), line => ({ ...read(line), key: key('b'), ...over })), {
    imported: 2,
    durable: false,
  });
});

/** Lines that a test gives out one by one. */
function trickle() {
  let give: (lines: readonly Line[] | null) => void = () => {};
  let number = 0;
  const wanted = () => new Promise<readonly Line[] | null>(resolve => (give = resolve));
  async function* lines(): AsyncGenerator<readonly Line[]> {
    for (let next = wanted(); ; next = wanted()) {
      const some = await next;
      if (some === null) return;
      yield some;
    }
  }
  const rest = async () => {
    for (let turns = 0; turns < 9; turns++) await new Promise(resolve => setImmediate(resolve));
  };
  return {
    lines: lines(),
    rest,
    give(...names: readonly string[]) {
      give(names.map(bytes => ({ number: ++number, bytes })));
      return rest();
    },
    end: () => give(null),
  };
}

t.test('lines that trickle are stored as they come, each before the next is there', async t => {
  const { imports, engine, commits } = await setUp(t);
  const slow = trickle();
  const seen: number[] = [];
  const done = imports.run(slow.lines, read, { onProgress: count => seen.push(count) });
  await slow.give('k1', 'k2');
  t.same([seen, engine.status().durableRevision], [[2], 2]);
  await slow.give('k3');
  t.same([seen, engine.status().durableRevision], [[2, 3], 3]);
  slow.end();
  t.match(await done, { imported: 3, durable: true });
  t.same(
    commits.map(({ length }) => length),
    [2, 1],
  );
});

t.test('lines that come while a slice is on its way wait for it, and go together', async t => {
  const { imports, engine, used, commits } = await setUp(t);
  let release = () => {};
  const held = new Promise<void>(resolve => {
    release = resolve;
  });
  const { engine: counting } = used;
  used.engine = withCommit(engine, async (...args) => {
    await held;
    return counting.commit(...args);
  });
  const slow = trickle();
  const done = imports.run(slow.lines, read);
  for (const name of ['k1', 'k2', 'k3']) await slow.give(name);
  release();
  await slow.rest();
  await slow.give('k4');
  slow.end();
  t.match(await done, { imported: 4 });
  t.same(
    commits.map(({ length }) => length),
    [1, 2, 1],
  );
});

t.test('a slice that fails while more is waited for ends the import', async t => {
  const { imports, engine, used } = await setUp(t);
  let stored = 0;
  used.engine = withCommit(engine, async (...args) => {
    if (stored++ > 0) throw new CairnError('quota_exceeded', 'It is full.');
    return engine.commit(...args);
  });
  const slow = trickle();
  const failed = t.rejects(imports.run(slow.lines, read), {
    code: 'quota_exceeded',
    details: { line: 2, imported: 1 },
  });
  await slow.give('k1');
  await slow.give('k2');
  await failed;
});

t.test('while the volume is busy no more than two slices are held', async t => {
  const { imports, engine, used } = await setUp(t);
  let release = () => {};
  const held = new Promise<void>(resolve => {
    release = resolve;
  });
  const commit: Engine['commit'] = async (...args) => {
    await held;
    return engine.commit(...args);
  };
  used.engine = withCommit(engine, commit);
  const pulled = { lines: 0 };
  const done = imports.run(linesOf(2_500, pulled), read);
  for (let turns = 0; turns < 50; turns++) await new Promise(resolve => setImmediate(resolve));
  t.equal(pulled.lines, 2 * CHANGES_SLICE + 1);
  release();
  t.match(await done, { imported: 2_500 });
});

t.test('the line that does not fit any more is found, and all before it is in', async t => {
  for (const there of [0, 1, 2_499, 2_999]) {
    const { imports, engine } = await setUp(t);
    for (let i = 0; i < there; i++) {
      await engine.commit([{ type: 'put', collection: 'kv', key: key(`there${i}`), text: text('1') }]);
    }
    await t.rejects(imports.run(linesOf(3_001), read), {
      code: 'quota_exceeded',
      message: /^Line \d+: /,
      details: { line: 3_001 - there, imported: 3_000 - there, op: undefined },
    });
    t.equal(engine.status().entries, 3_000);
    t.not(engine.get('kv', key(`k${3_000 - there}`)), undefined);
  }
});

t.test('what comes while the volume is overloaded waits, and not for ever', async t => {
  const { imports, engine, used, clock } = await setUp(t);
  let refusals = 3;
  const commit: Engine['commit'] = (...args) => {
    if (refusals-- > 0) throw new CairnError('overloaded', 'Too much waits.', { outcome: 'not_applied' });
    return engine.commit(...args);
  };
  used.engine = withCommit(engine, commit);
  const done = imports.run(linesOf(1), read);
  await clock.advance(1_000);
  t.match(await done, { imported: 1 });
  refusals = Number.POSITIVE_INFINITY;
  const failed = t.rejects(imports.run(linesOf(1), read), {
    code: 'overloaded',
    details: { outcome: 'not_applied', line: 1, imported: 0 },
  });
  await clock.advance(IMPORT_PATIENCE_MS + 1_000);
  await failed;
});

t.test('lines that break off leave what came before, and the number of it is told', async t => {
  const { imports, engine } = await setUp(t);
  async function* broken() {
    yield* linesOf(700);
    throw new CairnError('bad_request', 'The body ended too soon.');
  }
  await t.rejects(imports.run(broken(), read), {
    code: 'bad_request',
    details: { imported: 700, line: 701 },
  });
  t.equal(engine.status().durableRevision, 700);
});

t.test('an export goes page by page, through all collections or one', async t => {
  const { exports, engine } = await setUp(t);
  const count = 2 * LIST_SLICE + 1;
  for (let i = 0; i < count; i++) {
    await engine.commit([{ type: 'put', collection: 'kv', key: key(`k${1_000 + i}`), text: text('1') }]);
  }
  await engine.commit([{ type: 'put', collection: 'sessions', key: key('s'), text: text('1') }]);
  const pages = [];
  for await (const { collection, entries, mortal } of exports.pages({ collection: null, prefix: '' })) {
    pages.push([collection, entries.length, mortal]);
  }
  t.same(pages, [
    ['kv', LIST_SLICE, false],
    ['kv', LIST_SLICE, false],
    ['kv', 1, false],
    ['sessions', 1, true],
  ]);
  t.throws(() => exports.pages({ collection: 'nowhere', prefix: '' }), { code: 'not_found' });
});

t.test(
  'a page of an export ends sooner where values are large: its reader may stand still with it',
  async t => {
    const { exports, engine } = await setUp(t);
    const sizes = [10, 30_000, 30_000, 30_000, 1_000_000, 1_000_000, 10, 10];
    for (const [i, size] of sizes.entries()) {
      const value = text(`"${'x'.repeat(size - 2)}"`);
      await engine.commit([{ type: 'put', collection: 'kv', key: key(`k${i}`), text: value }]);
    }
    const pages = [];
    for await (const { entries } of exports.pages({ collection: null, prefix: '' })) {
      pages.push(entries.map(([, entry]) => entry.text.length));
    }
    t.same(pages, [[10, 30_000, 30_000], [30_000], [1_000_000], [1_000_000], [10, 10]]);
    const parts = ['k1', 'k4', 'k7', 'k9'].map(prefix => ({ prefix, alone: prefix === 'k4' }));
    const keys = [];
    for await (const { entries } of exports.pages({ collection: 'kv', prefix: '', partsOf: () => parts })) {
      keys.push(...entries.map(([name]) => name));
    }
    t.same(keys, ['k1', 'k4', 'k7'], 'and within what may be seen');
  },
);
