/** JSON Patch: the examples of RFC 6902 appendix A, hostile patches, and random ones against a plain model. */
import t from 'tap';
import { isEqual } from '../../src/json/equal.js';
import { applyPatch, parsePatch } from '../../src/json/patch.js';
import { PATCH_BYTES_MAX, PATCH_OPERATIONS_MAX, PATCH_PARTS_MAX } from '../../src/limits.js';
import type { JsonText } from '../../src/model.js';

const json = (text: string): JsonText => Buffer.from(text, 'utf8').toString('latin1') as JsonText;
const text = (bytes: JsonText): string => Buffer.from(bytes, 'latin1').toString('utf8');
const patched = (target: string, patch: string): string =>
  text(applyPatch(json(target), parsePatch(json(patch))));

/** Of appendix A: number, document, patch, result. */
const examples: readonly (readonly [string, string, string, string])[] = [
  ['A.1', '{"foo":"bar"}', '[{"op":"add","path":"/baz","value":"qux"}]', '{"foo":"bar","baz":"qux"}'],
  [
    'A.2',
    '{"foo":["bar","baz"]}',
    '[{"op":"add","path":"/foo/1","value":"qux"}]',
    '{"foo":["bar","qux","baz"]}',
  ],
  ['A.3', '{"baz":"qux","foo":"bar"}', '[{"op":"remove","path":"/baz"}]', '{"foo":"bar"}'],
  ['A.4', '{"foo":["bar","qux","baz"]}', '[{"op":"remove","path":"/foo/1"}]', '{"foo":["bar","baz"]}'],
  [
    'A.5',
    '{"baz":"qux","foo":"bar"}',
    '[{"op":"replace","path":"/baz","value":"boo"}]',
    '{"baz":"boo","foo":"bar"}',
  ],
  [
    'A.6',
    '{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}',
    '[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]',
    '{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}',
  ],
  [
    'A.7',
    '{"foo":["all","grass","cows","eat"]}',
    '[{"op":"move","from":"/foo/1","path":"/foo/3"}]',
    '{"foo":["all","cows","eat","grass"]}',
  ],
  [
    'A.8',
    '{"baz":"qux","foo":["a",2,"c"]}',
    '[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]',
    '{"baz":"qux","foo":["a",2,"c"]}',
  ],
  [
    'A.10',
    '{"foo":"bar"}',
    '[{"op":"add","path":"/child","value":{"grandchild":{}}}]',
    '{"foo":"bar","child":{"grandchild":{}}}',
  ],
  [
    'A.11',
    '{"foo":"bar"}',
    '[{"op":"add","path":"/baz","value":"qux","xyz":123}]',
    '{"foo":"bar","baz":"qux"}',
  ],
  ['A.14', '{"/":9,"~1":10}', '[{"op":"test","path":"/~01","value":10}]', '{"/":9,"~1":10}'],
  [
    'A.16',
    '{"foo":["bar"]}',
    '[{"op":"add","path":"/foo/-","value":["abc","def"]}]',
    '{"foo":["bar",["abc","def"]]}',
  ],
];

t.test('the examples of RFC 6902 appendix A come out as there', async t => {
  for (const [number, target, patch, result] of examples) t.equal(patched(target, patch), result, number);
});

t.test('an operation that does not fit applies nothing, and is named', async t => {
  const fails = (target: string, patch: string, code: string, op: number): void => {
    t.throws(() => patched(target, patch), { code, details: { op } }, patch);
  };
  fails('{"baz":"qux"}', '[{"op":"test","path":"/baz","value":"bar"}]', 'patch_test_failed', 0);
  fails('{"foo":"bar"}', '[{"op":"add","path":"/baz/bat","value":"qux"}]', 'patch_failed', 0);
  fails('{"/":9,"~1":10}', '[{"op":"test","path":"/~01","value":"10"}]', 'patch_test_failed', 0);
  fails('{"a":1}', '[{"op":"remove","path":"/a"},{"op":"remove","path":"/a"}]', 'patch_failed', 1);
  fails('[1]', '[{"op":"add","path":"/2","value":1}]', 'patch_failed', 0);
  fails('[1]', '[{"op":"add","path":"/99999999999999999999","value":1}]', 'patch_failed', 0);
  fails('[1]', '[{"op":"remove","path":"/-"}]', 'patch_failed', 0);
  fails('[1]', '[{"op":"replace","path":"/01","value":1}]', 'patch_failed', 0);
  fails('[1]', '[{"op":"replace","path":"/length","value":1}]', 'patch_failed', 0);
  fails('{"a":{"b":1}}', '[{"op":"move","from":"/a","path":"/a/c"}]', 'patch_failed', 0);
  // Once it is taken out, the next element stands in its place, and would take it.
  fails('[{},{}]', '[{"op":"move","from":"/0","path":"/0/x"}]', 'patch_failed', 0);
  fails('{"a":[[],[]]}', '[{"op":"move","from":"/a/0","path":"/a/0/-"}]', 'patch_failed', 0);
  fails('{"a":1}', '[{"op":"remove","path":""}]', 'patch_failed', 0);
  fails('{}', '[{"op":"replace","path":"/toString","value":1}]', 'patch_failed', 0);
});

t.test('what is no JSON Patch is refused before anything is done', async t => {
  for (const patch of [
    '{}',
    '"x"',
    '[1]',
    '[{}]',
    '[{"op":"add"}]',
    '[{"op":"add","path":"/a"}]',
    '[{"op":"constructor","path":"/a","value":1}]',
    '[{"op":"move","path":"/a"}]',
    '[{"op":"add","path":1,"value":1}]',
    `[{"op":"add","path":"${'/a'.repeat(65)}","value":1}]`,
    `[${Array.from({ length: PATCH_OPERATIONS_MAX + 1 }, () => '{"op":"test","path":"","value":1}').join(',')}]`,
  ]) {
    t.throws(() => patched('{}', patch), { code: 'invalid_patch' }, patch.slice(0, 60));
  }
  t.throws(() => patched('{}', '[{"op":"add","path":"a","value":1}]'), { code: 'invalid_parameter' });
});

t.test('no patch of some lines doubles the document thirty times', async t => {
  const doubling = Array.from({ length: 40 }, (_, i) => `{"op":"copy","from":"","path":"/${i}"}`).join(',');
  t.throws(() => patched('{"a":"0123456789"}', `[${doubling}]`), { code: 'patch_too_large' });
  t.ok(patched('{}', `[{"op":"add","path":"/a","value":"${'x'.repeat(PATCH_BYTES_MAX / 2)}"}]`).length > 0);
});

t.test('a patch may not go over a large document again and again', async t => {
  const deep = `${'{"a":'.repeat(63)}"${'x'.repeat(500_000)}"${'}'.repeat(63)}`;
  const tests = Array.from(
    { length: 100 },
    () => `{"op":"test","path":"${'/a'.repeat(62)}","value":{"a":1}}`,
  ).join(',');
  t.throws(() => patched(deep, `[${tests}]`), { code: 'patch_too_large' });
  const flat = `{${Array.from({ length: 20_000 }, (_, i) => `"k${i}":${i}`).join(',')}}`;
  const looks = Array.from({ length: 1000 }, (_, i) => `{"op":"test","path":"/k${i}","value":${i}}`).join(
    ',',
  );
  t.equal(patched(flat, `[${looks}]`), flat, 'a look into what was taken apart costs nothing');
});

t.test('a patch that takes apart too many members and elements is refused', async t => {
  const numbers = `[${Array(PATCH_PARTS_MAX + 1)
    .fill('1')
    .join(',')}]`;
  const spaced = numbers.replace(',', ', ');
  const members = `{${Array.from({ length: PATCH_PARTS_MAX + 1 }, (_, i) => `"${i}":1`).join(',')}}`;
  for (const [target, patch] of [
    [numbers, '[{"op":"add","path":"/0","value":1}]'],
    [members, '[{"op":"remove","path":"/0"}]'],
    [numbers, `[{"op":"test","path":"","value":${spaced}}]`],
    ['{}', `[{"op":"add","path":"/a","value":1,${members.slice(1)}]`],
    ['{}', `[{"op":"add","path":"/a","value":{"\\u0061":${numbers}}}]`],
  ] as const) {
    t.throws(() => patched(target, patch), { code: 'patch_too_large' }, patch.slice(0, 60));
  }
  t.equal(patched('{}', `[{"op":"add","path":"/a","value":${numbers}}]`), `{"a":${numbers}}`);
  t.equal(
    patched(numbers, `[{"op":"test","path":"","value":${numbers}}]`),
    numbers,
    'what is left whole is none',
  );
});

t.test('a patch that nests deeper and deeper is refused before the stack is full', async t => {
  const chain = `${'{"a":'.repeat(60)}1${'}'.repeat(60)}`;
  const steps = Array.from({ length: 300 }, (_, i) => [
    `{"op":"add","path":"/n${i + 1}","value":${chain}}`,
    `{"op":"move","from":"/n${i}","path":"/n${i + 1}${'/a'.repeat(60)}"}`,
  ]);
  const patch = `[{"op":"add","path":"/n0","value":1},${steps.flat().join(',')},{"op":"test","path":"/n300","value":1}]`;
  t.throws(() => patched('{}', patch), { code: /too_deep|patch_too_large/ });
});

t.test('a patch that names __proto__ is refused, on every way', async t => {
  for (const operation of [
    '{"op":"add","path":"/__proto__","value":1}',
    '{"op":"add","path":"/__proto__/polluted","value":1}',
    '{"op":"copy","from":"/__proto__","path":"/a"}',
    '{"op":"add","path":"/a","value":[{"b":{"__proto__":1}}]}',
  ]) {
    t.throws(() => patched('{"__proto__":1}', `[${operation}]`), { code: 'unsafe_member' }, operation);
  }
});

t.test('what a patch does not touch stays byte for byte', async t => {
  const target = '{ "a": 10.0, "b": [1e2, 9007199254740993 , {"ü": "\\u00fc"}], "c": 1 }';
  t.equal(
    patched(target, '[{"op":"replace","path":"/c","value":2.50}]'),
    '{"a":10.0,"b":[1e2, 9007199254740993 , {"ü": "\\u00fc"}],"c":2.50}',
  );
});

t.test('numbers are equal by what they are worth, and never by what a double makes of them', async t => {
  const equal = (a: string, b: string): boolean => isEqual(json(a), json(b));
  for (const [a, b] of [
    ['10', '10.0'],
    ['10', '1e1'],
    ['0', '-0.0'],
    ['0.001', '1E-3'],
    ['100e-2', '1'],
  ] as const)
    t.ok(equal(a, b), `${a} = ${b}`);
  for (const [a, b] of [
    ['9007199254740992', '9007199254740993'],
    ['1', '-1'],
    ['1', '"1"'],
    ['0', 'false'],
    ['0', 'null'],
  ] as const)
    t.notOk(equal(a, b), `${a} ≠ ${b}`);
  const zeros = '0'.repeat(200_000);
  t.notOk(equal(`1.${zeros}1`, `1.${zeros}2`), 'however many digits there are');
  t.ok(equal(`1.${zeros}`, '1'));
  t.notOk(equal(`1e-${'9'.repeat(200_000)}`, `1e-${'8'.repeat(200_000)}`));
  t.ok(equal('{"a":1,"b":[1,2]}', '{ "b": [1.0, 2], "\\u0061": 1 }'));
  t.notOk(equal('[1,2]', '[2,1]'));
  t.notOk(equal('{"a":null}', '{}'));
  t.notOk(equal('[]', '{}'));
});
