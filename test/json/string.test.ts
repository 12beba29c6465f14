import fc from 'fast-check';
import t from 'tap';
import { fromUnicode, toUnicode } from '../../src/json/bytes.js';
import { scanValue } from '../../src/json/scan.js';
import { decodeLiteral, decodeString, encodeString } from '../../src/json/string.js';

const seed = process.env['CAIRN_SEED'];
const parameters = { numRuns: 1000, ...(seed === undefined ? {} : { seed: Number(seed) }) };

t.test('any text', async t => {
  const anyText = fc.string({ unit: 'binary' });

  t.test('is written as JSON.stringify writes it', async () => {
    fc.assert(
      fc.property(anyText, text => toUnicode(encodeString(fromUnicode(text))) === JSON.stringify(text)),
      parameters,
    );
  });

  t.test('comes back from its literal, also with every character escaped', async () => {
    const escaped = (text: string) =>
      `"${text.replace(/./gs, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`;
    fc.assert(
      fc.property(anyText, text => {
        const bytes = fromUnicode(text);
        return (
          decodeString(encodeString(bytes)) === bytes && decodeString(scanValue(escaped(text))) === bytes
        );
      }),
      parameters,
    );
  });
});

t.test('a string that UTF-8 cannot say has no bytes', async t => {
  for (const literal of ['"\\ud800"', '"a\\uDC00b"', '"\\udc00\\ud800"']) {
    t.equal(decodeString(scanValue(literal)), undefined, literal);
  }
  t.equal(decodeString(scanValue('"\\ud83d\\ude00"')), fromUnicode('\u{1f600}'), 'a pair has');
  t.equal(decodeLiteral('"\\ud800"'), '\ud800', 'as JavaScript has it, it can be looked at');
});

t.test('what is no string has no bytes', async t => {
  for (const text of ['1', 'null', '{"a":"b"}', '["a"]'])
    t.equal(decodeString(scanValue(text)), undefined, text);
});
