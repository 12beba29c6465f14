import fc from 'fast-check';
import t from 'tap';
import { fromUnicode, toUnicode } from '../../src/json/bytes.js';
import { memberAt } from '../../src/json/pointer.js';
import { scanValue } from '../../src/json/scan.js';
import { printable } from '../fixtures/printable.js';

const seed = process.env['CAIRN_SEED'];
const parameters = { numRuns: 3000, ...(seed === undefined ? {} : { seed: Number(seed) }) };

const at = (text: string, pointer: string) => memberAt(scanValue(fromUnicode(text)), pointer);

t.test('the examples of RFC 6901 §5', async t => {
  const text =
    '{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\\\j":5,"k\\"l":6," ":7,"m~n":8}';
  const found: Record<string, string> = {
    ...{
      '': text,
      '/foo': '["bar","baz"]',
      '/foo/0': '"bar"',
      '/': '0',
      '/a~1b': '1',
      '/c%d': '2',
      '/e^f': '3',
    },
    ...{ '/g|h': '4', '/i\\j': '5', '/k"l': '6', '/ ': '7', '/m~0n': '8' },
  };
  for (const [pointer, expected] of Object.entries(found))
    t.equal(at(text, pointer), expected, `'${pointer}'`);
});

t.test('what is found is the text as sent', async t => {
  t.equal(at('{"a": { "b" : 10.0 } }', '/a'), '{ "b" : 10.0 }');
  t.equal(at('[9007199254740993]', '/0'), '9007199254740993');
  t.equal(at('{"é":{"日":"ü"}}', '/é/日'), fromUnicode('"ü"'), 'under names beyond ASCII');
  t.equal(at('{"\\u00e9":1}', '/é'), '1', 'under names with escapes');
  t.equal(at('{"__proto__":{"x":1}}', '/__proto__/x'), '1');
  t.equal(at('{"~1":1}', '/~01'), '1', 'the tilde is unescaped last');
});

t.test('the last of several members of one name counts', async t => {
  t.equal(at('{"a":1,"b":2,"a":3}', '/a'), '3');
  t.equal(at('{"a":{"x":1},"a":{"x":2}}', '/a/x'), '2');
  t.equal(at('{"a":{"x":1},"a":{"y":2}}', '/a/x'), undefined);
  t.equal(at('{"a":{"x":1},"a":7}', '/a/x'), undefined);
});

t.test('nothing is found', async t => {
  for (const index of [
    '-',
    '01',
    '00',
    '-1',
    '+1',
    '1.0',
    '1e0',
    '2',
    '',
    ' 0',
    '99999999999999999999',
    '٠',
  ]) {
    t.equal(at('["a","b"]', `/${index}`), undefined, `at the index ${printable(index)}`);
  }
  for (const pointer of ['/a', '/a/b', '/0', '/length']) {
    for (const text of ['1', '"abc"', 'null', '{}', '[]'])
      t.equal(at(text, pointer), undefined, `${pointer} in ${text}`);
  }
  t.equal(at('{"a":{}}', '/toString'), undefined);
});

t.test('a malformed pointer is an invalid parameter', async t => {
  for (const pointer of ['a', 'a/b', '#/a', '/~', '/a~2', '/~~', ' /a']) {
    t.throws(() => at('{}', pointer), { code: 'invalid_parameter' }, pointer);
  }
});

t.test('any pointer finds what it finds in the parsed value', async () => {
  const name = fc.constantFrom('a', 'b', '0', '1', '', '/', '~', 'é', '__proto__');
  const { value } = fc.letrec<{ value: string }>(tie => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.integer().map(String),
      fc.array(tie('value'), { maxLength: 4 }).map(items => `[${items}]`),
      fc
        .array(fc.tuple(name, tie('value')), { maxLength: 4 })
        .map(items => `{${items.map(([name, item]) => `${JSON.stringify(name)}:${item}`)}}`),
    ),
  }));
  fc.assert(
    fc.property(value, fc.array(name, { maxLength: 4 }), (text, names) => {
      const pointer = names.map(name => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
      const found = at(text, pointer);
      const expected = names.reduce(member, JSON.parse(text));
      return found === undefined
        ? expected === undefined
        : JSON.stringify(JSON.parse(toUnicode(found))) === JSON.stringify(expected);
    }),
    parameters,
  );
});

t.test('a pointer as deep as the value costs one pass', async t => {
  const text = `${'{"a":'.repeat(64)}"${'x'.repeat(500_000)}"${'}'.repeat(64)}`;
  t.equal(at(text, '/a'.repeat(64))?.length, 500_002);
  t.equal(at(text, '/a'.repeat(5000)), undefined, 'one that is deeper finds nothing');
});

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || (Array.isArray(value) && !/^\d+$/.test(name)))
    return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}
