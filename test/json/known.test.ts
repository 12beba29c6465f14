/** Texts that are known to be JSON: gone over fast, and to the same places as with the checks. */
import fc from 'fast-check';
import t from 'tap';
import { fromUnicode } from '../../src/json/bytes.js';
import { valueEnd } from '../../src/json/known.js';
import { membersOf } from '../../src/json/pointer.js';
import { scanValue } from '../../src/json/scan.js';
import { Scanner } from '../../src/json/scanner.js';
import type { JsonText } from '../../src/model.js';

const seed = process.env['CAIRN_SEED'];
const parameters = { numRuns: 3000, ...(seed === undefined ? {} : { seed: Number(seed) }) };

/** As `JSON.stringify` writes it, or with white space. */
const texts = fc
  .tuple(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(0, 1, '\t'))
  .map(([value, space]) => fromUnicode(JSON.stringify(value, null, space)));

function checkedEnd(text: string, start: number): number {
  const scanner = new Scanner(text.slice(start));
  scanner.skipValue(64);
  return start + scanner.position;
}

t.test('a value ends where the scanner says', async t => {
  fc.assert(
    fc.property(texts, fc.constantFrom('', ' ', ',', ']', '}', '\n,1', ']]', ' "x"'), (text, behind) => {
      return valueEnd(`[${text}${behind}`, 1) === checkedEnd(`[${text}${behind}`, 1);
    }),
    parameters,
  );
  t.pass();
});

t.test('long strings end at their quote, whatever is escaped on the way', async t => {
  const long = 'x'.repeat(200);
  for (const inner of [
    long,
    `${long}\\"${long}`,
    `${long}\\\\`,
    `${long}\\\\\\"`,
    `${'\\"'.repeat(500)}`,
    `${long}\\u0022${long}`,
    `${'x'.repeat(63)}\\"x`,
    `${'x'.repeat(64)}\\\\`,
    `${'x'.repeat(65)}[{"`.replace('"', '\\"'),
  ]) {
    const text = `"${inner}"`;
    t.equal(valueEnd(`${text},"b"]`, 0), text.length, inner.slice(0, 30));
    t.equal(valueEnd(`{"a":${text}}]`, 0), text.length + 6);
  }
});

t.test('what is no JSON has an end too', async t => {
  for (const text of ['"abc', '{"a":[', '[[', '"a\\', '', '12', `"${'x'.repeat(300)}`])
    t.equal(valueEnd(text, 0), text.length, text.slice(0, 10));
});

t.test('members are found by name as JSON.parse finds them', async t => {
  const names = fc.constantFrom('a', 'b', 'é', 'a"b', 'a\\b', '\\u0061', '__proto__', '', '\ud800', '\ufffd');
  const objects = fc.array(fc.tuple(names, fc.jsonValue({ maxDepth: 2 }), fc.boolean()), { maxLength: 6 });
  fc.assert(
    fc.property(objects, fc.uniqueArray(names), (members, wanted) => {
      const written = members.map(([name, value, escaped]) => {
        const literal = JSON.stringify(name);
        return `${escaped ? literal.replace('a', '\\u0061') : literal}:${JSON.stringify(value)}`;
      });
      const text = scanValue(fromUnicode(`{${written.join(' ,')}}`));
      const found = membersOf(text, wanted);
      const expected: ReadonlyMap<string, unknown> = new Map(
        members.map(([name, value]) => [name, JSON.stringify(value)]),
      );
      return wanted.every(name => {
        const value = found.get(name);
        const parsed = Object.entries(JSON.parse(Buffer.from(text, 'latin1').toString()));
        if (!parsed.some(([other]) => other === name)) return value === undefined;
        return value === fromUnicode(String(expected.get(name)));
      });
    }),
    parameters,
  );
  t.same([...membersOf('[1]' as JsonText, ['a'])], []);
  t.same([...membersOf('{"a":1}' as JsonText, [])], []);
});
