import t from 'tap';
import { formatHttpDate, parseHttpDate } from '../../src/http/http-date.js';

const SECONDS = 784_111_777;

t.test('the three forms of RFC 9110 §5.6.7 are one moment, whatever the time zone', async t => {
  const zone = process.env['TZ'];
  t.teardown(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });
  process.env['TZ'] = 'America/New_York';
  t.equal(formatHttpDate(SECONDS), 'Sun, 06 Nov 1994 08:49:37 GMT');
  for (const text of [
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994',
  ]) {
    t.equal(parseHttpDate(text), SECONDS, text);
  }
});

t.test('anything else is no date', async t => {
  const texts = [
    '',
    'yesterday',
    '784111777',
    '1994-11-06',
    '1994-11-06T08:49:37Z',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 06 Xxx 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 28:49:37 GMT',
    ' Sun, 06 Nov 1994 08:49:37 GMT',
  ];
  for (const text of texts) t.equal(parseHttpDate(text), undefined, text);
});
