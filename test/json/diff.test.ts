/** A diff leads from one text to the other, for any two; and never takes long. */
import { strictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { diffPatch } from '../../src/json/diff.js';
import { isEqual } from '../../src/json/equal.js';
import { applyPatch, parsePatch } from '../../src/json/patch.js';
import { DIFF_SPARE_BYTES } from '../../src/limits.js';
import type { JsonText } from '../../src/model.js';
import { seedOf } from '../fixtures/seeded-random.js';

const seed = seedOf();
const json = (text: string): JsonText => Buffer.from(text, 'utf8').toString('latin1') as JsonText;
/** A patch that names `__proto__` is right, and refused: see json/unsafe.ts. */
const harmless = (each: unknown): boolean => !JSON.stringify(each).includes('__proto__');
const value = fc
  .jsonValue({ maxDepth: 4 })
  .filter(harmless)
  .map(each => json(JSON.stringify(each)));
/** Two that have much in common. */
const near = fc
  .tuple(fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 6 }), fc.nat(6), fc.jsonValue({ maxDepth: 2 }))
  .filter(harmless)
  .map(([list, at, more]) => [
    json(JSON.stringify({ list, at })),
    json(JSON.stringify({ list: [...list.slice(0, at), more, ...list.slice(at)] })),
  ]);

function list(length: number, element: (index: number) => string): string {
  return `[${Array.from({ length }, (_, i) => element(i)).join(',')}]`;
}

function leads(before: JsonText, after: JsonText, name = `${before} → ${after}`): void {
  const patch = diffPatch(before, after);
  strictEqual(
    isEqual(applyPatch(before, parsePatch(patch)), after),
    true,
    `${name}: ${patch.slice(0, 1_000)}`,
  );
}

t.test(`a diff leads from any value to any other (CAIRN_SEED=${seed})`, async () => {
  fc.assert(
    fc.property(value, value, (a, b) => leads(a, b)),
    { numRuns: 1_000, seed },
  );
  fc.assert(
    fc.property(near, ([a, b]) => leads(a!, b!)),
    { numRuns: 1_000, seed },
  );
});

t.test('a diff is short where little has changed', async t => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['{"a":1}', '{"a":1}', '[]'],
    ['{"a":1,"b":2}', '{"b":2,"a":1}', '[]'],
    ['[1,2,3]', '[0,1,2,3]', '[{"op":"add","path":"/0","value":0}]'],
    ['[1,2,3]', '[1,2]', '[{"op":"remove","path":"/2"}]'],
    ['[[],{}]', '[{}]', '[{"op":"remove","path":"/0"}]'],
    [
      '{"a":{"b":[]}}',
      '{"a":{"c":[]}}',
      '[{"op":"remove","path":"/a/b"},{"op":"add","path":"/a/c","value":[]}]',
    ],
    ['{"a~/b":1}', '{"a~/b":1.0}', '[{"op":"replace","path":"/a~0~1b","value":1.0}]'],
    ['{"__proto__":1}', '{"__proto__":2}', '[{"op":"replace","path":"/__proto__","value":2}]'],
  ];
  for (const [before, after, patch] of cases)
    t.equal(diffPatch(json(before), json(after)), patch, `${before} → ${after}`);
});

t.test('a name that has no UTF-8 stays escaped', async t => {
  t.equal(diffPatch(json('{}'), json('{"\\ud800":1}')), '[{"op":"add","path":"/\\ud800","value":1}]');
});

t.test('a diff is no longer than what it leads to, but for some KiB', async t => {
  const numbers = (shift: number): string => list(500_000, i => String((i + shift) % 10));
  const members = (value: number): string => `{${list(90_000, i => `"k${i}":${value}`).slice(1, -1)}}`;
  const nested = (end: string): string => `${`[${'0,'.repeat(5_000)}`.repeat(60)}${end}${']'.repeat(60)}`;
  const named = (value: number): string =>
    `{"${'n'.repeat(100_000)}":{${list(30_000, i => `"k${i}":${value}`).slice(1, -1)}}}`;
  const cases: Readonly<Record<string, readonly [string, string]>> = {
    'arrays of other numbers': [numbers(0), numbers(1)],
    'an array that was emptied': [numbers(0), '[]'],
    'an array that was filled': ['[]', numbers(0)],
    'an array that was written in another way': [numbers(0), numbers(0).replace(',', ', ')],
    'objects of other members': [members(1), members(2)],
    'an object that was emptied': [members(1), '{}'],
    'arrays in arrays': [nested('[1]'), nested('[2,3]')],
    'small arrays': [list(200_000, () => '[0]'), list(200_000, () => '[1]')],
    'many members under a long name': [named(1), named(2)],
  };
  for (const [name, [before, after]] of Object.entries(cases)) {
    const [was, is] = [json(before), json(after)];
    const patch = diffPatch(was, is);
    t.ok(patch.length < after.length + DIFF_SPARE_BYTES + 100, `${name}: ${patch.length} bytes`);
    leads(was, is, name);
  }
});

t.test('where little of a large document has changed, only that is compared, and told', async t => {
  const rows = (changed: number): string =>
    list(3_000, i => `{"id":${i},"tags":[${list(20, j => String(i === 5 ? changed : j)).slice(1, -1)}]}`);
  const patch = diffPatch(json(`{"rows":${rows(1)},"n":1}`), json(`{"rows":${rows(2)},"n":1}`));
  t.match(patch, /^\[\{"op":"replace","path":"\/rows\/5\/tags\/0","value":2\},/);
  t.equal(JSON.parse(patch).length, 20);
});
