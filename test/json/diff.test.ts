/** A diff leads from one text to the other, for any two; and never takes long. */
import { strictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { diffPatch } from '../../src/json/diff.js';
import { isEqual } from '../../src/json/equal.js';
import { applyPatch, parsePatch } from '../../src/json/patch.js';
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

function leads(before: JsonText, after: JsonText): void {
  const patch = diffPatch(before, after);
  strictEqual(isEqual(applyPatch(before, parsePatch(patch)), after), true, `${before} → ${after}: ${patch}`);
}

t.test(`a diff leads from any value to any other (CAIRN_SEED=${seed})`, async () => {
  fc.assert(fc.property(value, value, leads), { numRuns: 1_000, seed });
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

t.test('two texts that would take long to compare are replaced in part, and rightly', async () => {
  const nested = (end: string): JsonText => {
    let text = end;
    for (let depth = 0; depth < 60; depth++) text = `[${'0,'.repeat(5_000)}${text}]`;
    return json(text);
  };
  const [before, after] = [nested('[1]'), nested('[2,3]')];
  const patch = diffPatch(before, after);
  const list = JSON.parse(patch) as readonly { op: string }[];
  strictEqual(list.length > 0, true);
});
