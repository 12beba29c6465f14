import t from 'tap';
import { syslogLine, textLine } from '../../src/platform/log-line.js';

const json = (fields: Record<string, unknown>, level = 'info', msg = 'ready'): string =>
  `${JSON.stringify({ level, time: '2026-11-21T12:03:04.123Z', ...fields, msg })}\n`;

const origin = { host: 'node-1', pid: 17 };

/** RFC 5424, 6: the header, no structured data, and a message. */
const SYSLOG =
  /^<(?<priority>\d{1,3})>1 (?<time>\S+) (?<host>[\x21-\x7e]{1,255}) (?<app>[\x21-\x7e]{1,48}) (?<pid>[\x21-\x7e]{1,128}) - - (?<message>[\x20-\x7e]*)\n$/;

t.test('syslog: the header of RFC 5424, and the fields behind the message', async t => {
  t.equal(
    syslogLine(json({ url: 'http://x', keys: 3, note: 'two words', list: [1] }), origin),
    '<30>1 2026-11-21T12:03:04.123Z node-1 cairn 17 - - ready url=http://x keys=3 note="two words" list=[1]\n',
  );
});

t.test('syslog: the level is the severity, of the facility daemon', async t => {
  const priorities = ['debug', 'info', 'warn', 'error'].map(
    level => SYSLOG.exec(syslogLine(json({}, level), origin))?.groups?.['priority'],
  );
  t.same(priorities, ['31', '30', '28', '27']);
});

t.test('syslog: whatever is in it, it is one line of ASCII', async t => {
  const nasty = 'a\nb\r\u001b[2J\u009b1m\u2028 \u00fc \u{1f4a9} \u0000';
  const line = syslogLine(json({ nasty, [nasty]: 1, err: { stack: 'x\n  at y' } }, 'error', nasty), origin);
  t.match(line, SYSLOG);
  t.match(line, '\\u00fc \\ud83d\\udca9', 'by UTF-16 units, as JSON has them');
});

t.test('syslog: a host without a name is -, and a name is cut to what fits', async t => {
  const host = (name: string) => SYSLOG.exec(syslogLine(json({}), { host: name, pid: 1 }))?.groups?.['host'];
  t.same([host(''), host('ü'), host('a b'), host('n'.repeat(300))?.length], ['-', '-', 'ab', 255]);
});

t.test('text: one line without control characters', async t => {
  const line = textLine(json({ nasty: 'a\nb\u009b' }), false);
  t.match(line, /^\d\d:\d\d:\d\d info {2}ready nasty=[^\u0000-\u001f\u007f-\u009f]*\n$/);
});
