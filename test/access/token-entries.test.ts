import fc from 'fast-check';
import t from 'tap';
import { readTokenEntries, type TokenEntry, writeTokenEntry } from '../../src/access/token-entries.js';
import { parseInstant } from '../../src/instant.js';
import type { Right } from '../../src/service/grant.js';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const COLLECTIONS = ['kv', 'configs', 'services'];

const read = (text: string) => readTokenEntries('t.yaml', text, COLLECTIONS, async () => {});

t.test('a token has a name, a digest, what it may read and write, and an end', async t => {
  const entries = await read(`
# for the pipeline
- id: ci
  sha256: ${A.toUpperCase()}
  read: [configs:app/, kv, "*:shared"]
  write:
    - configs:app/
  expires: 2026-12-31
- { id: two, sha256: ${B}, write: [] }
`);
  const rights: Right[] = [
    { verb: 'read', collection: 'configs', prefix: 'app/' },
    { verb: 'read', collection: 'kv', prefix: null },
    { verb: 'read', collection: '*', prefix: 'shared' },
    { verb: 'write', collection: 'configs', prefix: 'app/' },
  ];
  t.same(entries, [
    { id: 'ci', sha256: A, rights, expires: Date.UTC(2026, 11, 31) },
    { id: 'two', sha256: B, rights: [], expires: null },
  ]);
});

t.test('JSON is taken too, and an empty list is no token', async t => {
  t.match(await read(JSON.stringify([{ id: 'ci', sha256: A, read: ['kv'] }])), [{ id: 'ci' }]);
  t.same(await read('[]'), []);
});

const item = (rest: string) => `- { id: ci, sha256: ${A}, ${rest} }`;

for (const [what, text, message, hint] of [
  ['nothing at all', '', 't.yaml must hold a list of tokens.', /\[\] is none/],
  ['a mapping', 'ci: 1', 't.yaml must hold a list of tokens.', /For example/],
  ['a list of words', '- ci', 'Token 1 in t.yaml must be a mapping.', /For example/],
  ['what is no YAML', '- {', /^t.yaml is neither YAML nor JSON: .* at line 1, column 4\.$/, /in quotes/],
  ['a star without quotes', item('read: [*]'), /^t.yaml is neither YAML nor JSON: /, /"\*" stands in quotes/],
  ['a member twice', item('read: [kv], read: [kv]'), /Map keys must be unique at line 1/, /For example/],
  ['an unknown member', item('raed: [kv]'), 'Token 1 in t.yaml has a member "raed".', /Did you mean read\?/],
  ['no id', `- { sha256: ${A}, read: [kv] }`, 'The id of token 1 in t.yaml is missing.', /For example/],
  [
    'a number as id',
    `- { id: 7, sha256: ${A}, read: [kv] }`,
    'The id of token 1 in t.yaml is no text.',
    /quotes/,
  ],
  [
    'an id with a space',
    `- { id: a b, sha256: ${A}, read: [kv] }`,
    /^The id of token 1 in t.yaml is "a b"/,
    /1 to 64/,
  ],
  [
    'the id of the one token',
    `- { id: root, sha256: ${A}, read: [kv] }`,
    /^The id of token 1 .* is "root"/,
    /neither root/,
  ],
  [
    'no digest',
    '- { id: ci, read: [kv] }',
    'The sha256 of token 1 in t.yaml (ci) is missing.',
    /For example/,
  ],
  [
    'a short digest',
    '- { id: ci, sha256: abc, read: [kv] }',
    /^The sha256 of token 1 in t.yaml \(ci\) is not 64/,
    /sha256sum/,
  ],
  ['neither verb', `- { id: ci, sha256: ${A} }`, 'Token 1 in t.yaml (ci) may do nothing.', /read or write/],
  ['a word for a list', item('read: kv'), '"read" of token 1 in t.yaml (ci) is no list.', /Write read:/],
  [
    'a scope that is no text',
    item('read: [{kv: a}]'),
    'One of "read" of token 1 in t.yaml (ci) is no text.',
    /quotes/,
  ],
  [
    'a collection that is none',
    item('read: [configs, kf]'),
    /^"read" of token 1 .* names a collection "kf"/,
    /Did you mean kv\?/,
  ],
  ['a prefix without a collection', item('write: ["app/"]'), /names a collection "app\/"/, /every one/],
  ['an empty prefix', item('write: ["kv:"]'), /has the prefix "", with which no key begins/, /or kv for all/],
  ['a prefix that no key has', item('write: ["kv:a/../b"]'), /has the prefix "a\/..\/b"/, /kv:app\//],
  [
    'a day that is none',
    item('read: [kv], expires: 2026-02-31'),
    /^"expires" of token 1 in t.yaml \(ci\) is "2026-02-31"/,
    /first moment/,
  ],
  [
    'a time without its zone',
    item('read: [kv], expires: "2026-02-01T10:00:00"'),
    /is no day|no day and no instant/,
    /2026/,
  ],
  ['a duration as the end', item('read: [kv], expires: 30d'), /"30d": that is no day/, /2026/],
  ['a number as the end', item('read: [kv], expires: 2026'), /"expires" .* is no text/, /quotes/],
  [
    'an id twice',
    `${item('read: [kv]')}\n- { id: ci, sha256: ${B}, read: [kv] }`,
    /^Tokens 1 and 2 in t.yaml have the same id \(ci\)/,
    /rotation/,
  ],
  [
    'a digest twice',
    `${item('read: [kv]')}\n- { id: b, sha256: ${A.toUpperCase()}, read: [kv] }`,
    /^Tokens 1 and 2 .* the same sha256/,
    /rotation/,
  ],
] as const) {
  t.test(`refused, with the place and what to do: ${what}`, async t => {
    await t.rejects(read(text), { code: 'configuration', message, hint });
  });
}

t.test('a digest is never shown: it may be the token itself, put in the wrong place', async t => {
  const secret = 'LrFPhiZtnoJDr_K2qsKIHNmN554Mj3SNB5QgPG0eQLg';
  const failure = await read(`- { id: ci, sha256: ${secret}, read: [kv] }`).catch((error: unknown) => error);
  t.match(failure, { code: 'configuration' });
  t.notMatch(`${String(failure)} ${JSON.stringify(failure)}`, secret);
});

t.test('there are bounds: of tokens, and of what one of them names', async t => {
  const many = Array.from({ length: 1001 }, (_, i) => ({
    id: `t${i}`,
    sha256: i.toString(16).padStart(64, '0'),
    read: ['kv'],
  }));
  await t.rejects(read(JSON.stringify(many)), { message: 't.yaml has more than 1000 tokens.' });
  t.equal((await read(JSON.stringify(many.slice(1)))).length, 1000);
  const wide = [{ id: 'ci', sha256: A, read: Array.from({ length: 101 }, (_, i) => `kv:${i}/`) }];
  await t.rejects(read(JSON.stringify(wide)), { message: /more than 100 parts/ });
});

t.test('the end is an instant: a day is its first moment in UTC', async t => {
  t.equal(parseInstant('2026-12-31'), Date.UTC(2026, 11, 31));
  t.equal(parseInstant('2026-12-31T10:00:00Z'), Date.UTC(2026, 11, 31, 10));
  t.equal(parseInstant('2026-12-31T10:00:00.500+02:00'), Date.UTC(2026, 11, 31, 8, 0, 0, 500));
  t.equal(parseInstant('2028-02-29'), Date.UTC(2028, 1, 29));
  for (const none of [
    '2026-02-29',
    '2026-13-01',
    '2026-00-10',
    '2026-04-31T00:00:00Z',
    '2026-12-31T25:00:00Z',
    '31.12.2026',
    '',
  ]) {
    t.equal(parseInstant(none), undefined, none);
  }
});

t.test('what is written is read back as the same', async t => {
  const scope = fc.record({
    verb: fc.constantFrom<Right['verb']>('read', 'write'),
    collection: fc.constantFrom('*', ...COLLECTIONS),
    prefix: fc.option(
      fc.stringMatching(/^[a-z"'#:{}, \\é-]{1,8}\/?$/).map(text => Buffer.from(text).toString('latin1')),
    ),
  });
  const entries: fc.Arbitrary<TokenEntry> = fc.record({
    id: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,12}$/),
    sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
    rights: fc
      .array(scope, { minLength: 1, maxLength: 6 })
      .map(rights =>
        [...rights].sort((one, other) => (one.verb < other.verb ? -1 : Number(one.verb !== other.verb))),
      ),
    expires: fc.option(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) })),
  });
  const seed = Number(process.env['CAIRN_SEED'] ?? Date.now() % 2 ** 31);
  t.comment(`CAIRN_SEED=${seed}`);
  await fc.assert(
    fc.asyncProperty(entries, async entry => {
      t.same(await read(writeTokenEntry(entry)), [entry]);
    }),
    { seed, numRuns: 200 },
  );
});
