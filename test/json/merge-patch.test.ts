/** JSON Merge Patch: the test cases of RFC 7396 appendix A, and random ones against its own pseudo-code. */
import fc from 'fast-check';
import t from 'tap';
import { isEqual } from '../../src/json/equal.js';
import { checkMergePatch, mergePatch } from '../../src/json/merge-patch.js';
import type { JsonText } from '../../src/model.js';

const json = (text: string): JsonText => Buffer.from(text, 'utf8').toString('latin1') as JsonText;

const cases: readonly (readonly [target: string, patch: string, result: string])[] = [
  ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
  ['{"a":"b"}', '{"a":null}', '{}'],
  ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
  ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
  ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
  ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
  ['["a","b"]', '["c","d"]', '["c","d"]'],
  ['{"a":"b"}', '["c"]', '["c"]'],
  ['{"a":"foo"}', 'null', 'null'],
  ['{"a":"foo"}', '"bar"', '"bar"'],
  ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
  ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
  ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
];

t.test('the test cases of RFC 7396 appendix A come out as there', async t => {
  for (const [target, patch, result] of cases) {
    t.equal(mergePatch(json(target), json(patch)), result, `${target} with ${patch}`);
  }
});

t.test('what the patch does not name stays byte for byte', async t => {
  const target = '{ "a": 10.0, "b": {"c" : 9007199254740993, "d":[ 1e2 ]}, "e": "\\u0041" }';
  t.equal(
    mergePatch(json(target), json('{"b":{"d":null}}')),
    '{"a":10.0,"b":{"c":9007199254740993},"e":"\\u0041"}',
  );
});

t.test('a merge patch that names __proto__ is refused, however deep', async t => {
  for (const patch of [
    '{"__proto__":1}',
    '{"a":{"__proto__":{"b":1}}}',
    '{"\\u005f_proto__":null}',
    '{"a":[{"__proto__":1}]}',
  ])
    t.throws(() => checkMergePatch(json(patch)), { code: 'unsafe_member' }, patch);
});

t.test('a patch of a MiB is taken, or refused for its many parts', async t => {
  const members = (count: number, value: string): string =>
    `{${Array.from({ length: count }, (_, i) => `"k${i}":${value}`).join(',')}}`;
  const long = (letter: string): string => `"${letter.repeat(40)}"`;
  const numbers = `{"a":[${Array(500_000).fill('1').join(',')}]}`;
  const cases: readonly (readonly [name: string, target: string, patch: string, code?: string])[] = [
    ['20,000 members of a MiB', members(20_000, long('x')), members(20_000, long('y'))],
    ['an array of a MiB', '{}', numbers],
    ['many members', '{}', members(85_000, '1'), 'patch_too_large'],
    ['a document of many members', members(85_000, '1'), '{"k1":2}', 'patch_too_large'],
    ['many members within', '{}', `{"a":${members(85_000, '{}')}}`, 'patch_too_large'],
    ['many parts with an escape', '{}', numbers.replace('a', '\\u0061'), 'patch_too_large'],
  ];
  for (const [name, target, patch, code] of cases) {
    const [before, change] = [json(target), json(patch)];
    const apply = (): JsonText => {
      checkMergePatch(change);
      return mergePatch(before, change);
    };
    if (code === undefined) t.equal(apply(), patch, name);
    else t.throws(apply, { code }, name);
  }
});

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** RFC 7396 §2, as it stands there. */
function model(target: Json | undefined, patch: Json): Json {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  const isObject = target !== null && typeof target === 'object' && !Array.isArray(target);
  const result = new Map(isObject ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, model(result.get(name), value));
  }
  return Object.fromEntries(result);
}

t.test('any patch of any document is what the pseudo-code of the RFC makes of it', async t => {
  const names = fc.constantFrom('a', 'b', 'ü', '');
  const { tree } = fc.letrec<{ tree: Json }>(tie => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<Json>(null, true, 1.5, 'x'),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(names, tie('tree'), { noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(tree, tree, (target, patch) =>
      isEqual(
        mergePatch(json(JSON.stringify(target)), json(JSON.stringify(patch))),
        json(JSON.stringify(model(target, patch))),
      ),
    ),
    { numRuns: 2000 },
  );
  t.pass();
});
