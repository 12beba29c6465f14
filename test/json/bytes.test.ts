import t from 'tap';
import { flat, flatSlice, fromUnicode, toUnicode } from '../../src/json/bytes.js';
import { printable } from '../fixtures/printable.js';

t.test('text and bytes', async t => {
  for (const text of ['', 'key_1', 'é', '日本', '\u{1f600}', 'a\u0000\u007f\u0080\uffff']) {
    const bytes = fromUnicode(text);
    t.equal(bytes.length, Buffer.byteLength(text), `${printable(text)} has a unit for each byte`);
    t.equal(toUnicode(bytes), text, 'and comes back');
  }
  t.equal(fromUnicode('é'), '\xc3\xa9');
  t.equal(fromUnicode('\ud800'), '\xef\xbf\xbd', 'a lone surrogate becomes U+FFFD');
  t.equal(toUnicode('\xff'), '\ufffd', 'so does what is not UTF-8');
});

t.test('a flat copy has the same bytes, whatever its length', async t => {
  const bytes = Array.from({ length: 10_000 }, (_, index) => String.fromCharCode(index % 256)).join('');
  for (const length of [0, 1, 12, 13, 512, 4095, 4096, 4097, 9000]) {
    t.equal(flat(bytes.slice(5, 5 + length)), bytes.substring(5, 5 + length), `${length} bytes`);
    t.equal(flatSlice(bytes, 7, 7 + length), bytes.substring(7, 7 + length));
  }
});
