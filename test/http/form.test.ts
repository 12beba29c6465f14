import t from 'tap';
import { codeOf, startService, stored } from './service.js';

const headers = { 'content-type': 'application/x-www-form-urlencoded' };

function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

t.test('fields are stored as what they say', async t => {
  const service = await startService(t);
  const forms: readonly (readonly [body: string, value: string])[] = [
    ['key=a&value=b', '"b"'],
    ['value=b&key=a', '"b"'],
    ['key=a&value=', '""'],
    ['key=a&value=1', '"1"'],
    ['key=a&value=%7B%22b%22%3A1%7D', '"{\\"b\\":1}"'],
    ['key=a&value=b+c%2Bd', '"b c+d"'],
    ['key=a&value=x=y=z', '"x=y=z"'],
    ['key=a&value=ü', bytesOf('"ü"')],
    ['key=a&value=%C3%BC%EF%BF%BD', bytesOf('"ü\ufffd"')],
    ['key=a&value=\ufffd', bytesOf('"\ufffd"')],
    ['key=a&value=a[b].c', '"a[b].c"'],
    ['key=a&value=a,b;c', '"a,b;c"'],
    ['&&key=a&&value=b&', '"b"'],
    ['%6Bey=a&value=%0A', '"\\n"'],
    [`key=a&value=${'x'.repeat(100_000)}`, `"${'x'.repeat(100_000)}"`],
  ];
  for (const [body, value] of forms) {
    t.equal((await service.call('POST', '/set', { headers, body })).status, 200, body.slice(0, 40));
    t.equal(stored(service, 'a'), value);
  }
  await service.call('POST', '/set', { headers, body: 'key=a%2Fb+c&value=1' });
  t.equal(stored(service, 'a/b c'), '"1"', 'a key is decoded too');
});

t.test('what could be understood in two ways is refused', async t => {
  const service = await startService(t);
  const forms: readonly (readonly [body: string, code: string])[] = [
    ['', 'invalid_key'],
    ['nonsense', 'bad_request'],
    ['key=a', 'missing_field'],
    ['key=a&value', 'bad_request'],
    ['key=a&value=%', 'bad_request'],
    ['key=a&value=%zz', 'bad_request'],
    ['key=a&value=%C0%AF', 'bad_request'],
    ['key=a&value=%ED%A0%80', 'bad_request'],
    ['key=a&value=%C3&x=%BC', 'bad_request'],
    ['key=a&value=1&=x', 'unknown_field'],
    ['=x&key=a&value=1', 'unknown_field'],
    ['\ufeffkey=a&value=1', 'bad_request'],
    ['key=a&value=1&value=2', 'duplicate_field'],
    ['key=a&key=a&value=1', 'duplicate_field'],
    ['key=a&value=1&ttl=1&ttl=1', 'duplicate_field'],
    ['key=a&value[]=1', 'unknown_field'],
    ['key=a&value[b]=1', 'unknown_field'],
    ['key=a&value.b=1', 'unknown_field'],
    ['key=a&value=1&rev=2', 'unknown_field'],
    ['key=a&value=1&__proto__=2', 'unknown_field'],
    ['key=a&value=1&hasOwnProperty=2', 'unknown_field'],
    ['key=a&value=1&Value=2', 'unknown_field'],
    [`key=a&value=1${'&x=1'.repeat(2_000)}`, 'bad_request'],
    [`key=a&value=1${'&'.repeat(2_000)}value=2`, 'bad_request'],
    ['[1]', 'bad_request'],
    ['"text"', 'bad_request'],
  ];
  for (const [body, code] of forms) {
    const answer = await service.call('POST', '/set', { headers, body });
    t.same([answer.status, codeOf(answer)], [400, code], body.slice(0, 40));
  }
  t.equal(service.engine.revision, 0, 'and nothing is stored');
});

t.test('a form is a form on /set only', async t => {
  const service = await startService(t);
  const answer = await service.call('PUT', '/kv/a', { headers, body: 'key=a&value=b' });
  t.same([answer.status, codeOf(answer)], [400, 'invalid_json']);
});
