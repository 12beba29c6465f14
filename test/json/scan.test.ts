/** `CAIRN_SEED` replays the random tests. JSON.parse is the oracle of what is JSON. */
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { CairnError, type ErrorCode } from '../../src/errors.js';
import { fromUnicode, toUnicode } from '../../src/json/bytes.js';
import { scanMembers, scanValue } from '../../src/json/scan.js';
import { printable } from '../fixtures/printable.js';

const seed = process.env['CAIRN_SEED'];
const parameters = { numRuns: 2000, ...(seed === undefined ? {} : { seed: Number(seed) }) };

const whitespace = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

/** Any JSON text, with any white space and any spelling of strings and numbers. */
const { value: jsonText } = fc.letrec<{ value: string }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('true', 'false', 'null', '""', '[]', '{ }', '-0', '1E+2', '0.50e-7', '"\\uD800"'),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(number => JSON.stringify(number)),
    fc.string({ unit: 'binary' }).map(text => JSON.stringify(text)),
    fc.array(fc.tuple(whitespace, tie('value'), whitespace)).map(items => `[${items.map(joined).join()}]`),
    fc
      .array(fc.tuple(whitespace, fc.string({ unit: 'grapheme' }), whitespace, tie('value'), whitespace))
      .map(
        items => `{${items.map(([a, name, b, value, c]) => `${a}${JSON.stringify(name)}${b}:${value}${c}`)}}`,
      ),
  ),
}));

/** A JSON text after a few edits, which mostly make it none. */
const edited = fc
  .tuple(jsonText, fc.array(fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...'{}[],:"\\u09.eE+-tnx \n\0é'))))
  .map(([text, edits]) => edits.reduce(edit, text));

t.test('a random JSON text', async t => {
  t.test('comes back byte for byte, less the white space around it', async () => {
    fc.assert(
      fc.property(whitespace, jsonText, whitespace, (before, text, after) => {
        return toUnicode(scanValue(fromUnicode(before + text + after))) === text;
      }),
      parameters,
    );
  });

  t.test('is accepted, after random edits, exactly when JSON.parse accepts it', async () => {
    fc.assert(fc.property(edited, agrees), { ...parameters, numRuns: 20_000 });
  });

  t.test('is cut into the members that JSON.parse finds', async () => {
    fc.assert(
      fc.property(jsonText, text => {
        const parsed: unknown = JSON.parse(text);
        const bytes = fromUnicode(text);
        if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return true;
        return same(
          Object.fromEntries(scanMembers(bytes).map(({ name, text }) => [name, parse(text)])),
          parsed,
        );
      }),
      parameters,
    );
  });
});

t.test('what JSON is not', async t => {
  // The kinds of JSONTestSuite's n_ files.
  const texts = [
    ...[
      '',
      ' ',
      '\n',
      '\u00a01',
      '\u2028',
      '\f1',
      '#',
      '/**/1',
      '1//',
      "'a'",
      'a',
      '*',
      '&',
      '<null>',
      '\u0000',
    ],
    ...[
      '[',
      ']',
      '[[',
      '[]]',
      '[1',
      '[1,',
      '[1,]',
      '[,1]',
      '[,]',
      '[1,,2]',
      '[1 2]',
      '["a":1]',
      '[1}',
      '[a',
      '[\u000b]',
    ],
    ...[
      '{',
      '}',
      '{}}',
      '{]',
      '{"a"',
      '{"a":',
      '{"a"}',
      '{"a":1',
      '{"a":1,',
      '{"a":1,}',
      '{,"a":1}',
      '{"a" 1}',
    ],
    ...[
      '{"a"::1}',
      '{"a":1 "b":2}',
      '{"a":1,,"b":2}',
      '{a:1}',
      "{'a':1}",
      '{1:1}',
      '{null:1}',
      '{[]:1}',
      '{"a":1]',
    ],
    ...[
      '+1',
      '01',
      '-01',
      '-',
      '--1',
      '-a',
      '.5',
      '-.5',
      '5.',
      '5.e1',
      '1e',
      '1e+',
      '1e-',
      '1eE2',
      '1.2.3',
      '0x1',
      '1_0',
    ],
    ...[
      'NaN',
      '-NaN',
      'Infinity',
      '-Infinity',
      'inf',
      '1 000',
      '１',
      '1a',
      '0e',
      '1/2',
      '1f',
      '2.e+3',
      '0e+-1',
      '0e-+1',
      '++1',
    ],
    ...[
      '"',
      '"a',
      'a"',
      '"\\"',
      '"\\',
      '"\\a"',
      '"\\x00"',
      '"\\u"',
      '"\\u00"',
      '"\\u00g0"',
      '"\\U0000"',
      '"\\u 123"',
    ],
    ...[
      '"\u0000"',
      '"\n"',
      '"\t"',
      '"\u001f"',
      '"\\\t"',
      '"\\é"',
      '"\\\u{1f600}"',
      '"a" "b"',
      '1 2',
      'true false',
    ],
    ...[
      'True',
      'TRUE',
      'tru',
      'truee',
      'nul',
      'nulll',
      'nil',
      'fals',
      'undefined',
      '[1]x',
      '{}{}',
      '[] []',
      '1,',
      ',',
    ],
  ];
  for (const text of texts) refused(t, text, 'invalid_json', printable(text));
  t.notOk(texts.some(parses), 'JSON.parse refuses them too');
  refused(t, '\ufeff1', 'invalid_json', 'a byte order mark');
});

t.test('what JSON is', async t => {
  // The kinds of JSONTestSuite's y_ files.
  const texts = [
    ...[
      '1',
      '0',
      '-0',
      '-0.0',
      '1.5',
      '1E5',
      '1e+05',
      '0e-9',
      '1e-400',
      '10.0',
      '9007199254740993',
      '1.7976931348623157e308',
    ],
    ...[
      '""',
      '"\\u0000"',
      '"\\/\\b\\f\\n\\r\\t\\"\\\\"',
      '"\\uD83D\\uDE00"',
      '"\\uDEAD"',
      '"\u007f\u0080\u2028\ufeff"',
    ],
    ...[
      '"\u{10ffff}"',
      '"*/"',
      '[]',
      '[[]]',
      '[ ]',
      '{}',
      '{"":0}',
      '{"a":1,"a":2}',
      '{"__proto__":1}',
      '[null,1,"1",{}]',
    ],
    ...['true', 'false', 'null', `[${'[],'.repeat(100)}[]]`],
  ];
  for (const text of texts) {
    t.equal(toUnicode(scanValue(fromUnicode(` \t\r\n${text} \n`))), text, printable(text));
  }
});

t.test('a number that no double can hold is refused, one that it can round is kept', async t => {
  for (const text of [
    '1e400',
    '-1e400',
    '1e309',
    '2e308',
    '9'.repeat(310),
    `${'9'.repeat(300)}e10`,
    '0.1e999999999',
  ]) {
    refused(t, `{"a":${text}}`, 'number_out_of_range', printable(text));
  }
  for (const text of [
    '1e308',
    '0e999999',
    '1e-999999',
    '9'.repeat(308),
    `0.${'9'.repeat(1000)}`,
    '1e0000000001',
  ]) {
    t.equal(scanValue(text), text, printable(text));
  }
});

t.test('depth', async t => {
  t.equal(scanValue(nested(64)).length, 64 * 2 + 1, '64 levels are accepted');
  refused(t, nested(65), 'too_deep', '65 levels are refused');
  refused(
    t,
    '['.repeat(1_000_000),
    'too_deep',
    'a million are refused at the 65th, without a closing bracket',
  );
  t.equal(
    scanValue(`[${Array(100).fill(nested(63)).join()}]`).length,
    100 * 128 + 1,
    'brothers do not add up',
  );
  t.equal(scanMembers(`{"value":${nested(64)}}`)[0]?.text, nested(64), 'a member counts by itself');
  t.throws(() => scanMembers(`{"value":${nested(65)}}`), { code: 'too_deep' });
  t.equal(scanMembers(`{"value":${nested(66)}}`, 66)[0]?.text, nested(66), 'as deep as the caller says');
  t.throws(() => scanValue('{"a":{"a":1}}', 1), { code: 'too_deep' }, 'objects count as arrays do');
});

t.test('the members of an object', async t => {
  t.same(
    scanMembers(fromUnicode(' { "key" : "k" , "v\\u0061l" : [ 1, {} ] , "key" : 10.0 , "é" : null } ')),
    [
      { name: 'key', text: '"k"' },
      { name: 'val', text: '[ 1, {} ]' },
      { name: 'key', text: '10.0' },
      { name: 'é', text: 'null' },
    ],
    'come in order, names decoded, doubled ones twice, texts as sent',
  );
  t.same(
    scanMembers('{"\\ud800":1}'),
    [{ name: '\ud800', text: '1' }],
    'a lone surrogate in a name stays one',
  );
  t.same(scanMembers('{ }'), []);
  t.throws(() => scanMembers('[1]'), {
    code: 'invalid_json',
    message: 'The JSON is a value, but not an object.',
  });
  t.throws(() => scanMembers('"a'), { message: /closing quote/ }, 'what is no JSON is told as that');
  t.throws(() => scanMembers('{"a":1} {}'), { message: /more follows/ });
});

t.test('an error', async t => {
  const place = (text: string) => messageOf(fromUnicode(text)).split(':')[0];
  t.equal(place('{"a":1,}'), 'Line 1, column 8', 'names the column from 1');
  t.equal(place('{\n"a": tru\r\n}'), 'Line 2, column 6', 'names the line');
  t.equal(place('["é日\u{1f600}" x]'), 'Line 1, column 8', 'counts characters, not bytes');
  t.equal(place('[1, 1e999]'), 'Line 1, column 5', 'shows the beginning of a number');
  t.equal(place('["a\nb"]'), 'Line 1, column 4', 'shows the control character');
  t.equal(messageOf('["a", '), 'Line 1, column 7: a JSON value is expected, but the text ends here.');
  t.equal(messageOf(' \n'), 'There is no JSON: the text is empty.');
  t.notMatch(messageOf('{"password":"hunter2",password}'), 'password', 'shows nothing of the body');
});

t.test('every byte is looked at a bounded number of times', async t => {
  const shapes: Record<string, (size: number) => string> = {
    'a string': size => `"${'a'.repeat(size)}"`,
    'an unclosed string': size => `"${'a'.repeat(size)}`,
    escapes: size => `"${'\\\\'.repeat(size / 2)}"`,
    digits: size => '1'.repeat(size),
    'digits of a fraction': size => `0.${'1'.repeat(size)}e1`,
    'white space': size => ' '.repeat(size),
    newlines: size => `${'\n'.repeat(size)}x`,
    'flat arrays': size => `[${'[],'.repeat(size / 3)}0]`,
    'deep arrays': size => `[${`${nested(63)},`.repeat(size / 128)}0]`,
    'unclosed arrays': size => '['.repeat(size),
    names: size => `{${'"":1,'.repeat(size / 5)}"":1}`,
  };
  for (const [name, shape] of Object.entries(shapes)) {
    const small = looksAt(shape(1000));
    const large = looksAt(shape(16_000));
    t.ok(large <= small * 16 * 1.5, `${name}: ${small} looks at 1,000 bytes, ${large} at 16,000`);
    scanQuietly(shape(2 ** 20));
  }
});

t.test('a text that is given out does not keep the body alive', async t => {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  if (typeof gc !== 'function') throw new Error('no garbage collector');
  const kept = [];
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < 64; index++) {
    const body = `{"padding":"${String(index).padEnd(900_000, 'x')}","value":"a text of twenty bytes"}`;
    kept.push(scanMembers(Buffer.from(body).toString('latin1')).at(-1)?.text);
  }
  gc();
  const grown = process.memoryUsage().heapUsed - before;
  t.ok(grown < 16 * 900_000, `64 values out of bodies of 900,000 bytes keep ${grown} bytes`);
  t.equal(kept.length, 64);
});

function joined(parts: readonly string[]): string {
  return parts.join('');
}

/** Inserts, replaces or removes at a place. */
function edit(text: string, [place, kind, character]: readonly [number, number, string]): string {
  const at = place % (text.length + 1);
  return text.slice(0, at) + (kind === 2 ? '' : character) + text.slice(kind === 0 ? at : at + 1);
}

function parses(text: string): boolean {
  try {
    JSON.parse(toUnicode(fromUnicode(text)));
    return true;
  } catch {
    return false;
  }
}

/** A number beyond a double is told before what follows it is looked at, which JSON.parse may refuse. */
function agrees(text: string): boolean {
  const code = scanQuietly(fromUnicode(text));
  return code === 'number_out_of_range' || (code === '') === parses(text);
}

function scanQuietly(bytes: string): ErrorCode | '' {
  try {
    scanValue(bytes);
    return '';
  } catch (error) {
    if (error instanceof CairnError) return error.code;
    throw error;
  }
}

function messageOf(bytes: string): string {
  try {
    scanValue(bytes);
    return '';
  } catch (error) {
    return error instanceof CairnError ? error.message : '';
  }
}

function refused(t: Test, text: string, code: ErrorCode, name: string): void {
  t.equal(scanQuietly(fromUnicode(text)), code, name);
}

function parse(text: string): unknown {
  return JSON.parse(toUnicode(text));
}

function same(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

function nested(depth: number): string {
  return `${'['.repeat(depth)}1${']'.repeat(depth)}`;
}

/** How often the scanner asks for a byte of the text. */
function looksAt(text: string): number {
  const { charCodeAt } = String.prototype;
  let looks = 0;
  String.prototype.charCodeAt = function (this: string, index: number) {
    looks++;
    return charCodeAt.call(this, index);
  };
  try {
    scanQuietly(text);
  } finally {
    String.prototype.charCodeAt = charCodeAt;
  }
  return looks;
}
