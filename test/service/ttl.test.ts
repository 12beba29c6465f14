import t from 'tap';
import { scanValue } from '../../src/json/scan.js';
import { TTL_MS_MAX } from '../../src/limits.js';
import { ttlFromJson, ttlFromQuery } from '../../src/service/ttl.js';

t.test('a ttl in JSON is a number of seconds or a duration', async t => {
  const ttls: Record<string, number> = {
    ...{ '30': 30_000, '0.5': 500, '1e1': 10_000, '0.0001': 1, '315576000': TTL_MS_MAX },
    ...{ '"30"': 30_000, '"5m"': 300_000, '"0.5"': 500, '"\\u0035s"': 5000, '"3652.5d"': TTL_MS_MAX },
  };
  for (const [text, ms] of Object.entries(ttls)) t.equal(ttlFromJson(scanValue(text)), ms, text);
});

t.test('anything else in JSON is an invalid ttl', async t => {
  const texts = [
    '0',
    '-1',
    '-0',
    '0.0',
    '315576001',
    '1e300',
    'null',
    'true',
    '{}',
    '[30]',
    '""',
    '"0"',
    '"-1s"',
  ];
  for (const text of [...texts, '"none"', '" 1"', '"1e3"', '"11000d"', '"\\ud800"', '1e-400']) {
    t.throws(() => ttlFromJson(scanValue(text)), { code: 'invalid_ttl' }, text);
  }
});

t.test('a ttl in a query is a duration or none', async t => {
  t.equal(ttlFromQuery('30m'), 1_800_000);
  t.equal(ttlFromQuery('0.5'), 500);
  t.equal(ttlFromQuery('none'), 'none');
  for (const text of ['', '0', 'true', 'NONE', '-5', '1e3', '11y', '11000d']) {
    t.throws(() => ttlFromQuery(text), { code: 'invalid_ttl' }, text);
  }
});
