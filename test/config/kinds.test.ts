import t from 'tap';
import {
  address,
  choice,
  duration,
  integer,
  orNone,
  size,
  tokenText,
  truth,
  words,
} from '../../src/config/kinds.js';
import { TOKEN_CHARS_MAX } from '../../src/limits.js';

const MIB = 1024 * 1024;

function accepts<T>(kind: { parse(text: string): T | undefined }, cases: Record<string, T>): void {
  for (const [text, value] of Object.entries(cases)) t.equal(kind.parse(text), value, `${text} is taken`);
}

function refuses(kind: { parse(text: string): unknown }, texts: readonly string[]): void {
  for (const text of texts) t.equal(kind.parse(text), undefined, `${JSON.stringify(text)} is refused`);
}

const port = integer(0, 65_535, 3000);
accepts(port, { '0': 0, '65535': 65_535, '080': 80 });
refuses(port, ['', '-1', '65536', '1.5', '1e3', '0x10', ' 1', '1 ', '٣', '99999999999999999999']);

refuses(choice(['auto', 'off'], 'off'), ['', 'AUTO', 'of', 'toString']);
refuses(truth, ['', '1', 'yes', 'TRUE', 'on']);
refuses(words('<file>', 'a path', 'x'), ['', 'a\nb', 'a\0']);

accepts(address, {
  '127.0.0.1': '127.0.0.1',
  '::': '::',
  localhost: 'localhost',
  'a-b.c_d.example.': 'a-b.c_d.example.',
});
refuses(address, [
  '',
  'a:80',
  '127.0.0.1:80',
  '[::1]',
  'http://a',
  '1.2.3',
  '256.1.1.1',
  '12',
  '-a',
  'a..b',
  'a b',
  '*',
]);

const interval = duration(10, 60_000, '10ms to 1m', '1s');
accepts(interval, { '10ms': 10, '1m': 60_000, '0.5': 500, '2': 2000 });
refuses(interval, ['', '9ms', '61s', '-1s', '1 s', '1S', 'none']);

const bytes = size(1024, '1MiB');
accepts(bytes, {
  '1024': 1024,
  '1024B': 1024,
  '1Ki': 1024,
  '64MiB': 64 * MIB,
  '64Mi': 64 * MIB,
  '512M': 512e6,
  '512MB': 512e6,
  '1.5GiB': 1536 * MIB,
  '2k': 2000,
});
refuses(bytes, ['', '1023', '64m', '64mib', '1.5', '-1M', '1 M', '1T', '9999999999999999G', 'none']);

t.equal(orNone(bytes).parse('none'), null, 'none takes a bound away');
t.equal(orNone(bytes).show(null), 'none');

accepts(tokenText, {
  'exactly-16-chars': 'exactly-16-chars',
  [`${'~'.repeat(TOKEN_CHARS_MAX)}`]: '~'.repeat(TOKEN_CHARS_MAX),
});
refuses(tokenText, [
  '',
  'fifteen-letters',
  'a b'.repeat(9),
  'ü'.repeat(20),
  `${'x'.repeat(20)}\n`,
  'x'.repeat(TOKEN_CHARS_MAX + 1),
]);
t.notMatch(tokenText.show('exactly-16-chars'), 'exactly', 'a secret is masked');

t.test('what a kind shows it reads back as the same', async t => {
  for (const value of [1024, 1025, 64 * MIB, 512e6, 3 * 1024 * MIB])
    t.equal(bytes.parse(bytes.show(value)), value);
  for (const value of [10, 999, 1000, 1500, 60_000]) t.equal(interval.parse(interval.show(value)), value);
});
