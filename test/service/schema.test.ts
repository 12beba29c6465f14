/** Schemas: which ones end the start, what a violation tells, and that no document makes a check endless. */
import { formatNames, fullFormats } from 'ajv-formats/dist/formats.js';
import t, { type Test } from 'tap';
import { fromUnicode } from '../../src/json/bytes.js';
import { scanValue } from '../../src/json/scan.js';
import { SCHEMA_STEPS_MAX, VALUE_BYTES_MAX } from '../../src/limits.js';
import type { JsonSchema } from '../../src/model.js';
import { compileSchemas, type DocumentCheck } from '../../src/service/schema.js';
import { isUrl } from '../../src/service/url.js';
import { randomOf, seedOf } from '../fixtures/seeded-random.js';

async function checkOf(schema: JsonSchema): Promise<(json: string) => void> {
  const checks = await compileSchemas({ notes: { schema } });
  const check: DocumentCheck | undefined = checks.get('notes');
  if (check === undefined) throw new Error('there is no check');
  return json => check(scanValue(fromUnicode(json)));
}

/** For a member `then`, which no object in the code may have. */
const parsed = (json: string): JsonSchema => JSON.parse(json);

/** That the document is refused in at most so many milliseconds; no test of speed, but of minutes. */
function refusedSoon(t: Test, check: (json: string) => void, json: string, message: RegExp): void {
  const began = performance.now();
  t.throws(() => check(json), { code: 'schema_violation', message });
  t.ok(performance.now() - began < 5_000, 'soon');
}

t.test('only collections with a schema have a check', async t => {
  const checks = await compileSchemas({ a: { schema: null }, b: { schema: {} } });
  t.same([...checks.keys()], ['b']);
});

const violations: readonly (readonly [string, JsonSchema, string, string, string, RegExp])[] = [
  [
    'a type',
    { properties: { a: { type: 'string' } } },
    '{"a":1}',
    '/a',
    'type',
    /at "\/a" breaks the schema of its collection: must be string\./,
  ],
  ['a member that is missing', { required: ['a'] }, '{}', '', 'required', /^The document breaks .* 'a'/],
  ['a member of every object is none', { required: ['toString'] }, '{}', '', 'required', /toString/],
  [
    'a member too much, by its name',
    { additionalProperties: false },
    '{"b":1}',
    '',
    'additionalProperties',
    /"b"/,
  ],
  ['one of several', { properties: { a: { enum: ['x', 'y'] } } }, '{"a":"z"}', '/a', 'enum', /\["x","y"\]/],
  [
    'a branch: the keyword around it',
    { anyOf: [{ type: 'string' }, { type: 'null' }] },
    '1',
    '',
    'anyOf',
    /anyOf/,
  ],
  [
    'a condition: what it asks for',
    parsed('{"if":{"required":["a"]},"then":{"required":["b"]}}'),
    '{"a":1}',
    '',
    'required',
    /'b'/,
  ],
  [
    'a pointer with its escapes',
    { properties: { 'a/b~c': { type: 'null' } } },
    '{"a/b~c":1}',
    '/a~1b~0c',
    'type',
    /null/,
  ],
  ['an element', { items: { minimum: 3 } }, '[3,2]', '/1', 'minimum', />= 3/],
  ['an email address, by our own rule', { format: 'email' }, '"a b@c.de"', '', 'format', /email/],
  ['a date', { format: 'date' }, '"2024-02-30"', '', 'format', /date/],
  [
    'an element twice, whatever the order of its members',
    { uniqueItems: true },
    '[{"a":1,"b":2},{"b":2,"a":1}]',
    '',
    'uniqueItems',
    /duplicate/,
  ],
];

for (const [what, schema, json, pointer, rule, message] of violations) {
  t.test(`a violation names the place and the rule: ${what}`, async t => {
    const check = await checkOf(schema);
    t.throws(() => check(json), { code: 'schema_violation', message, details: { pointer, rule } });
  });
}

t.test('what keeps to the schema passes', async t => {
  const check = await checkOf({
    type: 'object',
    properties: { a: { $ref: '#/$defs/list' }, email: { format: 'email' } },
    $defs: { list: { type: 'array', uniqueItems: true, items: { type: 'number' } } },
  });
  for (const json of ['{}', '{"a":[1,2]}', '{"a":[],"email":"ada@example.com"}', '{"__proto__":1}']) {
    t.doesNotThrow(() => check(json), json);
  }
});

t.test('the draft is that of $schema', async t => {
  const tuple = { items: [{ type: 'string' }] };
  const old = await checkOf({ $schema: 'http://json-schema.org/draft-07/schema#', ...tuple });
  t.throws(() => old('[1]'), { code: 'schema_violation', details: { pointer: '/0' } });
  const present = await checkOf({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    prefixItems: [{ type: 'string' }],
  });
  t.throws(() => present('[1]'), { code: 'schema_violation', details: { pointer: '/0' } });
  await t.rejects(checkOf(tuple), { code: 'configuration' }, 'without it: 2020-12, which has no such items');
});

const unusable: readonly (readonly [string, JsonSchema, RegExp])[] = [
  ['a keyword with a typing error', { properties: { a: { tpye: 'string' } } }, /unknown keyword: "tpye"/],
  ['a value that is no schema', { type: 'strng' }, /type/],
  ['a format that nobody knows', { format: 'emial' }, /unknown format "emial"/],
  [
    'a reference to elsewhere',
    { properties: { a: { $ref: 'https://example.com/a.json' } } },
    /example\.com\/a\.json/,
  ],
  ['a reference to nothing', { $ref: '#/$defs/none' }, /#\/\$defs\/none/],
  ['a pattern that is none', { pattern: '(' }, /\(/],
  ['a draft of another year', { $schema: 'http://json-schema.org/draft-04/schema#' }, /draft-07/],
  ['a $schema that is no text', { $schema: 7 }, /draft-07/],
  ['a check that would answer later', { $async: true, type: 'object' }, /\$async/],
];

for (const [what, schema, message] of unusable) {
  t.test(`no schema to start with: ${what}`, async t => {
    const error = await checkOf(schema).catch((error: unknown) => error);
    t.match(error, {
      code: 'configuration',
      message: /^The schema of the collection notes cannot be used: /,
    });
    t.match(error, { message, hint: /stands alone/ });
  });
}

/** Both branches look at the child: each level doubles the work, where the last one is refused. */
const twofold: JsonSchema = {
  $ref: '#/$defs/node',
  $defs: {
    node: {
      type: 'object',
      anyOf: [
        { properties: { child: { $ref: '#/$defs/node' } } },
        { properties: { child: { $ref: '#/$defs/node' } }, minProperties: 1 },
      ],
    },
  },
};

t.test('a deep document under a schema that refers to itself twice is refused, and soon', async t => {
  const check = await checkOf(twofold);
  const deep = `${'{"child":'.repeat(60)}1${'}'.repeat(60)}`;
  refusedSoon(t, check, deep, new RegExp(`more than ${SCHEMA_STEPS_MAX} references`));
  refusedSoon(t, check, '{"child":1}', /anyOf/);
  t.doesNotThrow(() => check('{"child":{"child":{}}}'), 'it is counted anew for each document');
});

t.test('a member or a constant that is named like a reference is left as it is', async t => {
  const check = await checkOf({
    properties: {
      $ref: { type: 'string' },
      constant: { const: { $ref: '#' } },
      default: { enum: [{ $ref: 'x' }] },
    },
  });
  t.doesNotThrow(() => check('{"$ref":"a","constant":{"$ref":"#"},"default":{"$ref":"x"}}'));
  t.throws(() => check('{"$ref":1}'), { code: 'schema_violation', details: { pointer: '/$ref' } });
});

t.test('a MiB of elements that must differ is checked soon', async t => {
  const check = await checkOf({ uniqueItems: true });
  const objects = Array.from({ length: 80_000 }, (_, index) => `{"a":${index}}`);
  refusedSoon(t, check, `[${[...objects, '{"a":0}'].join(',')}]`, /duplicate/);
});

/** Texts over which a rule that tries again and again goes back and forth, each of a quarter of a MiB. */
const hostile: readonly string[] = ['', 'http://', 'http://a', 'P', '/', '2024-01-01T00:00:00.'].flatMap(
  begin =>
    [':', '@a.bc/', 'a', 'a.', '1', '/', 't', '%41', '(?:'].map(
      unit => `${begin}${unit.repeat(VALUE_BYTES_MAX / 4 / unit.length)}\u0001 `,
    ),
);

t.test('no format goes over a long text again and again: else this would take minutes', async t => {
  t.ok(formatNames.includes('url'));
  for (const format of formatNames) {
    const check = await checkOf({ format });
    let refused = 0;
    for (const text of hostile) {
      try {
        check(JSON.stringify(text));
      } catch (error) {
        refused += 1;
        t.match(error, { code: 'schema_violation', details: { rule: 'format' } });
      }
    }
    const any = ['int32', 'int64', 'float', 'double', 'password', 'binary'].includes(format);
    if (!any) t.ok(refused > 0, `${format}: refused ${refused} of them`);
  }
});

t.test('the rule for URLs that takes the square of their length is never asked', async t => {
  const rule = fullFormats.url;
  if (!(rule instanceof RegExp))
    throw new Error('ajv-formats has another rule for URLs; is it a linear one?');
  const asked: number[] = [];
  rule.test = text => {
    asked.push(text.length);
    return RegExp.prototype.test.call(rule, text);
  };
  t.teardown(() => Reflect.deleteProperty(rule, 'test'));
  const check = await checkOf({ items: { format: 'url' } });
  t.doesNotThrow(() => check('["http://ada@example.org:8080/@", "https://8.8.8.8"]'));
  t.throws(() => check('["http://10.0.0.1"]'), { code: 'schema_violation', details: { pointer: '/0' } });
  t.same(asked, []);
});

t.test('a text is a URL exactly where that rule says so', async t => {
  const seed = seedOf();
  const random = randomOf(seed);
  const next = (below: number): number => Math.floor(random() * below);
  const pieces = [
    'http://',
    'ftp://',
    'HTTPſ://',
    'a',
    'b.cd',
    '.',
    '-',
    '@',
    '/',
    ':',
    '80',
    '1',
    '10.0.0.1',
    '8.8.8.8',
  ];
  const odd = [
    '172.16.1.1',
    '192.168.1.1',
    'é',
    '\u3000',
    ' ',
    '\n',
    '\u0001',
    '😀',
    '\ud800',
    '?',
    '#',
    'K',
  ];
  const all = [...pieces, ...odd];
  let urls = 0;
  for (let i = 0; i < 100_000; i++) {
    const count = next(9);
    const text = `${next(9) > 0 ? 'https://' : ''}${Array.from({ length: count }, () => all[next(all.length)]).join('')}`;
    const expected = fullFormats.url instanceof RegExp && fullFormats.url.test(text);
    if (expected) urls += 1;
    if (isUrl(text) !== expected)
      t.fail(`CAIRN_SEED=${seed}: ${JSON.stringify(text)} is ${expected ? 'one' : 'none'}`);
  }
  t.ok(urls > 500, `CAIRN_SEED=${seed}: ${urls} of them were`);
});

t.test('what is shown of a long name is bounded', async t => {
  const check = await checkOf({ additionalProperties: { type: 'string' } });
  const error = ((): unknown => {
    try {
      return check(`{"${'x'.repeat(500_000)}":1}`);
    } catch (error) {
      return error;
    }
  })();
  t.match(error, { message: /^.{500,800}$/, details: { pointer: /^.{501}$/ } });
});

t.test('a schema that refers to itself without end is no schema', async t => {
  for (const schema of [
    { $ref: '#' },
    { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
    { type: 'array', items: {}, allOf: [{ $ref: '#' }] },
  ]) {
    await t.rejects(compileSchemas({ notes: { schema } }), { code: 'configuration', message: /never ends/ });
  }
  const check = await checkOf({ properties: { next: { $ref: '#' } } });
  t.doesNotThrow(() => check('{"next":{"next":{}}}'), 'a document has an end');
});

t.test('an end that only some documents lack is a violation of theirs', async t => {
  const check = await checkOf({
    $defs: { a: { $ref: '#/$defs/a' } },
    properties: { loop: { $ref: '#/$defs/a' } },
  });
  t.doesNotThrow(() => check('{}'));
  t.throws(() => check('{"loop":1}'), { code: 'schema_violation', message: /never ends/ });
});

t.test('a decimal fraction is a multiple as it is written', async t => {
  const check = await checkOf({ multipleOf: 0.01 });
  t.doesNotThrow(() => check('0.07'));
  t.throws(() => check('0.075'), { code: 'schema_violation' });
});
