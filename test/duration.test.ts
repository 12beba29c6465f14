import fc from 'fast-check';
import t from 'tap';
import { formatDuration, parseDuration } from '../src/duration.js';
import { printable } from './fixtures/printable.js';

const seed = process.env['CAIRN_SEED'];
const parameters = seed === undefined ? {} : { seed: Number(seed) };

t.test('a duration is a number of seconds, or has one unit', async t => {
  const durations: Record<string, number> = {
    ...{ '30': 30_000, '0.5': 500, '0': 0, '007': 7000, '0.001': 1, '1.5': 1500 },
    ...{ '500ms': 500, '30s': 30_000, '5m': 300_000, '2h': 7_200_000, '7d': 604_800_000, '1.5h': 5_400_000 },
    ...{ '0.07s': 70, '1.0004s': 1000, '1.0005s': 1001 },
  };
  for (const [text, ms] of Object.entries(durations)) t.equal(parseDuration(text), ms, `${text} is ${ms} ms`);
  t.equal(parseDuration('0.0001'), 1, 'what is more than nothing is not rounded to nothing');
});

t.test('nothing else is one', async t => {
  const texts = [
    '',
    ' ',
    '-1',
    '+1',
    '1e3',
    '1 s',
    ' 1',
    '1\n',
    '.5',
    '5.',
    '1,5',
    '0x10',
    '1S',
    '1M',
    '1w',
    '1us',
    's',
  ];
  for (const text of [...texts, '1h30m', 'NaN', 'Infinity', 'none', '٣', '1ms s', '1.2.3']) {
    t.equal(parseDuration(text), null, printable(text));
  }
  t.equal(parseDuration('9'.repeat(400)), null, 'nor what is not finite');
});

t.test('it is written in the largest unit that is exact', async t => {
  const texts: Record<string, number> = {
    '90s': 90_000,
    '1500ms': 1500,
    '7d': 604_800_000,
    '2h': 7_200_000,
    '0s': 0,
  };
  for (const [text, ms] of Object.entries(texts)) t.equal(formatDuration(ms), text, text);
});

t.test('what is written is read as the same', async () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), ms => parseDuration(formatDuration(ms)) === ms),
    parameters,
  );
});
