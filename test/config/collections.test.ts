import t from 'tap';
import { policyOf, reservedNames } from '../../src/config/collections.js';
import { policyInForce } from '../../src/config/in-force.js';
import { type Reading, readConfig } from '../../src/config.js';
import { configSources, type Given } from '../fixtures/config-sources.js';

const MIB = 1024 * 1024;

const read = (given: Given): Promise<Reading> => readConfig(configSources(given));
const policy = async (name: string, given: Given) => (await read(given)).config.policies[name];

t.test('the built-in policies are those of the contract', async t => {
  const { policies } = (await read({})).config;
  t.same(Object.keys(policies), ['kv', 'configs', 'services', 'users', 'flags', 'sessions']);
  const unbounded = { defaultTtl: null, entriesMax: null, bytesMax: null, full: 'refuse' };
  const keyed = { idField: null, generatedId: false, schema: null, required: [], emails: [], unique: [] };
  const month = 30 * 24 * 3600 * 1000;
  const kept = { history: 100, historyTtl: month };
  t.same(policies['kv'], { durability: 'periodic', ...unbounded, ...keyed, history: 0, historyTtl: month });
  for (const [name, id] of Object.entries({
    configs: { ...keyed, idField: 'name' },
    services: { ...keyed, history: Number.POSITIVE_INFINITY },
    users: {
      ...keyed,
      idField: 'id',
      generatedId: true,
      required: ['name', 'email'],
      emails: ['email'],
      unique: ['email'],
      history: 10,
    },
    flags: { ...keyed, idField: 'key' },
  })) {
    t.same(policies[name], { durability: 'sync', ...unbounded, ...kept, ...id }, name);
  }
  t.same(policies['sessions'], {
    durability: 'periodic',
    defaultTtl: 24 * 3600 * 1000,
    entriesMax: 100_000,
    bytesMax: 64 * MIB,
    full: 'evict',
    idField: null,
    generatedId: true,
    schema: null,
    required: [],
    emails: [],
    unique: [],
    history: 0,
    historyTtl: 30 * 24 * 3600 * 1000,
  });
});

t.test('a name that every object has is no collection', async t => {
  const { policies } = (await read({})).config;
  for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty'])
    t.equal(policies[name], undefined, name);
});

t.test('the file changes what it names, and the rest stays', async t => {
  const file = 'collections: { sessions: { ttl: 30m, entries: none } }';
  t.same(await policy('sessions', { file }), {
    durability: 'periodic',
    defaultTtl: 30 * 60 * 1000,
    entriesMax: null,
    bytesMax: 64 * MIB,
    full: 'evict',
    idField: null,
    generatedId: true,
    schema: null,
    required: [],
    emails: [],
    unique: [],
    history: 0,
    historyTtl: 30 * 24 * 3600 * 1000,
  });
  t.same(await policy('flags', { file }), policyOf('flags'));
});

t.test('a collection of the file begins as documents do, its id being the key', async t => {
  const file = `collections:
  notes:
  drafts: { ttl: 7d, entries: 10, bytes: 1MiB, full: evict, durability: periodic, id: draft-id, generated: true }`;
  t.same(await policy('notes', { file }), { ...policyOf('configs'), idField: null });
  t.same(await policy('drafts', { file }), {
    durability: 'periodic',
    defaultTtl: 7 * 24 * 3600 * 1000,
    entriesMax: 10,
    bytesMax: MIB,
    full: 'evict',
    idField: 'draft-id',
    generatedId: true,
    schema: null,
    required: [],
    emails: [],
    unique: [],
    history: 0,
    historyTtl: 30 * 24 * 3600 * 1000,
  });
});

t.test(
  'who decides the durability of kv: flag, variable, its own member, the setting, the default',
  async t => {
    const both = 'durability: sync\ncollections: { kv: { durability: periodic } }';
    const cases: readonly (readonly [Given, string])[] = [
      [{}, 'periodic'],
      [{ file: 'durability: sync' }, 'sync'],
      [{ file: both }, 'periodic'],
      [{ file: 'collections: { kv: { durability: sync } }' }, 'sync'],
      [{ file: both, env: { CAIRN_DURABILITY: 'sync' } }, 'sync'],
      [{ file: both, argv: ['--durability=sync'], env: { CAIRN_DURABILITY: 'periodic' } }, 'sync'],
    ];
    for (const [given, durability] of cases) {
      const { config } = await read(given);
      t.equal(config.policies['kv']?.durability, durability, JSON.stringify(given));
      t.equal(config.durability, durability, 'the setting and the policy agree');
    }
  },
);

t.test('every reserved name is refused', async t => {
  for (const name of reservedNames) {
    await t.rejects(
      read({ file: `collections: { ${name}: {} }` }),
      { code: 'configuration', message: /path is reserved/ },
      name,
    );
  }
});

t.test('the reserved names are those of the contract and the first words of its paths', async t => {
  const contract = 'api v1 v2 ofrep ui static admin auth tokens events backup';
  const paths =
    'get set config collections batch import export watch livez readyz healthz metrics version docs';
  for (const name of `${contract} ${paths}`.split(' ')) t.ok(reservedNames.has(name), name);
});

const names = {
  good: ['a', 'a-1', `a${'b'.repeat(62)}`, 'constructor'],
  bad: ['', 'A', '1a', '-a', 'a_b', 'a.b', 'ä', `a${'b'.repeat(63)}`],
};

t.test('names', async t => {
  for (const name of names.good)
    t.ok(await policy(name, { file: JSON.stringify({ collections: { [name]: {} } }) }), name);
  for (const name of names.bad) {
    await t.rejects(
      read({ file: JSON.stringify({ collections: { [name]: {} } }) }),
      { message: /cannot be named/ },
      name,
    );
  }
});

const refusals: readonly (readonly [string, string, string, RegExp])[] = [
  [
    'no mapping',
    'collections: [notes]',
    'collections in /cairn.yaml must be a mapping.',
    /For example: collections:/,
  ],
  [
    'a collection that is no mapping',
    'collections: { notes: 5 }',
    'collections.notes in /cairn.yaml must be a mapping.',
    /For example/,
  ],
  [
    'an unknown member',
    'collections: { notes: { tll: 5 } }',
    'There is no setting "tll" (collections.notes in /cairn.yaml).',
    /^Did you mean ttl\? A collection has durability, ttl, entries, bytes, full, id, generated, schema, required, emails, unique, history, forget\./,
  ],
  [
    'a wrong member',
    'collections: { notes: { ttl: soon } }',
    'collections.notes.ttl in /cairn.yaml is "soon": it must be a duration of 1ms to 10 years (500ms, 30s, 5m, 2h, 7d; a bare number is seconds), or none.',
    /^For example: ttl: 24h$/,
  ],
  [
    'a member that is a list',
    'collections: { notes: { ttl: [1] } }',
    'collections.notes.ttl in /cairn.yaml must be one value, not a list or a mapping.',
    /cairn config/,
  ],
  [
    'an empty member',
    'collections: { notes: { full: } }',
    'collections.notes.full in /cairn.yaml is empty: it must be evict or refuse.',
    /^For example: full: evict$/,
  ],
  [
    'eviction at no bound',
    'collections: { notes: { full: evict } }',
    'collections.notes in /cairn.yaml evicts at no bound.',
    /entries or bytes/,
  ],
];

for (const [what, file, message, hint] of refusals) {
  t.test(`refused: ${what}`, async t => {
    const error = await read({ file }).catch((error: unknown) => error);
    t.match(error, { code: 'configuration', message, hint });
  });
}

t.test('what GET /collections shows of a policy is what the file takes for it', async t => {
  const file =
    'collections: { notes: { history: all, forget: 500ms, bytes: 64MiB, schema: { type: object } } }';
  const { policies } = (await read({ file })).config;
  const shown = Object.entries(policies).map(([name, policy]) => [name, policyInForce(policy)] as const);
  t.match(Object.fromEntries(shown), {
    kv: { history: 'off' },
    configs: { history: 100 },
    services: { history: 'all' },
  });
  const content = JSON.stringify({ collections: Object.fromEntries(shown) }).replaceAll('null', '"none"');
  t.same((await read({ file: content })).config.policies, policies);
});

t.test('where each member came from', async t => {
  const file = 'collections: { kv: { ttl: 1h } }';
  const { collections } = await read({ file, env: { CAIRN_DURABILITY: 'sync' } });
  const kv = collections.filter(setting => setting.collection === 'kv');
  t.same(
    kv.map(({ key, shown, origin }) => [key, shown, origin]),
    [
      ['durability', 'sync', 'CAIRN_DURABILITY'],
      ['ttl', '1h', '/cairn.yaml'],
      ['entries', 'none', 'default'],
      ['bytes', 'none', 'default'],
      ['full', 'refuse', 'default'],
      ['id', 'none', 'default'],
      ['generated', 'false', 'default'],
      ['schema', 'none', 'default'],
      ['required', 'none', 'default'],
      ['emails', 'none', 'default'],
      ['unique', 'none', 'default'],
      ['history', 'off', 'default'],
      ['forget', '30d', 'default'],
    ],
  );
});
