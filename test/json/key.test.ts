import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { ErrorCode } from '../../src/errors.js';
import { fromUnicode } from '../../src/json/bytes.js';
import { keyFromBytes, keyFromJson, keyFromPath, keyFromUnicode } from '../../src/json/key.js';
import { encodeString } from '../../src/json/string.js';
import { printable } from '../fixtures/printable.js';

const seed = process.env['CAIRN_SEED'];
const parameters = seed === undefined ? {} : { seed: Number(seed) };

t.test('keys', async t => {
  const keys = [
    ...[
      'a',
      'key_1',
      'service/key_123456',
      '/',
      '//',
      '/a',
      'a/',
      'a//b',
      'a b',
      ' ',
      '+',
      '%',
      '%2F',
      '"',
      '\\',
    ],
    ...[
      '__proto__',
      'constructor',
      '...',
      'a..b',
      '..a',
      'a..',
      '.hidden',
      'a/...',
      'é',
      '日本',
      '\u{1f600}',
      '\uffff',
    ],
    ...['\u00a0', '\u2027', '\u202a', 'x'.repeat(512), 'é'.repeat(256), `${'x'.repeat(510)}.x`],
  ];
  for (const key of keys) t.equal(keyFromUnicode(key), fromUnicode(key), `${printable(key)} is one`);
  t.not(keyFromUnicode('\u00e9'), keyFromUnicode('e\u0301'), 'nothing is normalised');
});

t.test('no keys', async t => {
  refused(t, '', 'invalid_key');
  for (const key of ['.', '..', './a', 'a/.', 'a/..', '../a', 'a/../b', '/.', './', '//..//', 'é/..']) {
    refused(t, key, 'invalid_key');
  }
  for (const key of [
    '\0',
    'a\nb',
    'a\r',
    '\t',
    '\u001f',
    '\u007f',
    '\u0080',
    '\u009f',
    'a\u2028',
    '\u2029b',
  ]) {
    refused(t, key, 'invalid_key');
  }
  refused(t, 'x'.repeat(513), 'key_too_long');
  refused(t, `${'é'.repeat(256)}x`, 'key_too_long');
  refused(t, '\ud800', 'invalid_key');
  refused(t, 'a\udc00b', 'invalid_key');
});

t.test('bytes that are not UTF-8 are refused', async t => {
  for (const bytes of ['\xff', '\xc3', '\xc0\xaf', '\xed\xa0\x80', '\xf4\x90\x80\x80', 'a\x80', '\u0100']) {
    t.throws(() => keyFromBytes(bytes), { code: 'invalid_utf8' }, printable(bytes));
  }
});

t.test('a refusal names the rule and the place, not the key', async t => {
  t.throws(() => keyFromUnicode('secret\nX'), {
    message: 'The key holds the control character U+000A at byte 7.',
  });
  t.throws(() => keyFromUnicode('é\u2028'), {
    message: 'The key holds the control character U+2028 at byte 3.',
  });
  t.throws(() => keyFromUnicode('x'.repeat(600)), { message: 'The key has 600 bytes; 512 are allowed.' });
});

t.test('the key of a path', async t => {
  const paths: Record<string, string> = {
    'a%2Fb': 'a/b',
    'a/b': 'a/b',
    'a+b': 'a+b',
    'a%20b': 'a b',
    'a%2520b': 'a%20b',
    '%C3%A9%e6%97%a5': 'é日',
    '%F0%9F%98%80': '\u{1f600}',
    [fromUnicode('é')]: 'é',
    "~!$&'()*,;=:@": "~!$&'()*,;=:@",
  };
  for (const [path, key] of Object.entries(paths)) {
    t.equal(keyFromPath(path), fromUnicode(key), `${printable(path)} is ${printable(key)}`);
  }
  for (const path of [
    '%',
    '%zz',
    'a%2',
    '%%41',
    '%C0%AF',
    '%ED%A0%80',
    '%FF',
    'a%C3',
    '\xff',
    '\u0100',
    '%u0041',
  ]) {
    t.throws(() => keyFromPath(path), { code: 'invalid_path_encoding' }, printable(path));
  }
  for (const path of ['', '%2e%2e', 'a/%2E', '..', '%00', '%0d%0a', '%C2%85', '%E2%80%A8']) {
    t.throws(() => keyFromPath(path), { code: 'invalid_key' }, path);
  }
  t.throws(
    () => keyFromPath('%41'.repeat(513)),
    { code: 'key_too_long' },
    'the bytes count, not their encoding',
  );
  t.equal(keyFromPath('%41'.repeat(512)).length, 512);
});

t.test('what encodeURIComponent makes of a key leads back to it', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), text => {
      const key = attempt(() => keyFromUnicode(text));
      return key === attempt(() => keyFromPath(encodeURIComponent(text)));
    }),
    parameters,
  );
});

t.test('the key of a JSON body', async t => {
  t.equal(keyFromJson(encodeString(fromUnicode('é"\\'))), fromUnicode('é"\\'));
  for (const text of ['1', 'null', '["a"]', '{}', '""', '"\\ud800"', '"\\n"', '"\\u002e."']) {
    t.throws(() => keyFromJson(text as never), { code: 'invalid_key' }, text);
  }
});

function refused(t: Test, text: string, code: ErrorCode): void {
  t.throws(() => keyFromUnicode(text), { code }, `${printable(text)} is refused`);
}

function attempt(make: () => string): string | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
