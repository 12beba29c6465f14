import t from 'tap';
import { flagOf, parseQuery, parseTarget } from '../../src/http/request-target.js';

t.test('a target is cut at the first question mark, and nothing is decoded', async t => {
  const targets: readonly (readonly [url: string, path: string, query: string])[] = [
    ['/', '/', ''],
    ['/get/a?b?c', '/get/a', 'b?c'],
    ['/get/a%3Fb?', '/get/a%3Fb', ''],
    ['//get//a', '//get//a', ''],
    ['/get/a#b', '/get/a#b', ''],
    ['/get/http://x/y', '/get/http://x/y', ''],
    ['http://host:1/get/a?b', '/get/a', 'b'],
    ['HTTPS://user@host', '/', ''],
    ['http://host?key=a', '/', 'key=a'],
    ['*', '*', ''],
  ];
  for (const [url, path, query] of targets) t.strictSame(parseTarget(url), { path, query }, url);
});

t.test('a query is words with values', async t => {
  const parse = (query: string) => Object.fromEntries(parseQuery(query, ['a', 'b', 'ä']).words);
  t.strictSame(parse(''), {});
  t.strictSame(parse('&a&'), { a: 'true' });
  t.strictSame(parse('a=&b=x=y'), { a: '', b: 'x=y' });
  t.strictSame(parse('%61=b+c%2B&%C3%A4'), { a: 'b c+', ä: 'true' });
});

t.test('an unknown or repeated word is refused with those that are allowed', async t => {
  const hint = 'Allowed, each once: a, b.';
  t.throws(() => parseQuery('c=1', ['a', 'b']), { code: 'invalid_parameter', message: /"c"/, hint });
  t.throws(() => parseQuery('a&a', ['a', 'b']), { code: 'invalid_parameter', message: /"a" twice/, hint });
  t.throws(() => parseQuery('a', []), { code: 'invalid_parameter', hint: 'There is none here.' });
  t.throws(
    () => parseQuery('%3Cscript%3E', ['a']),
    { message: 'The query parameter is not known here.' },
    'and not echoed if it is strange',
  );
});

t.test('a flag is true or false', async t => {
  t.equal(flagOf(new Map(), 'raw'), undefined);
  t.equal(flagOf(new Map([['raw', 'true']]), 'raw'), true);
  t.equal(flagOf(new Map([['raw', 'false']]), 'raw'), false);
  for (const value of ['', '1', 'TRUE']) {
    t.throws(() => flagOf(new Map([['raw', value]]), 'raw'), { code: 'invalid_parameter' });
  }
});
