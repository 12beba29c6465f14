/** The bad inputs of the contract (reliability.md §4) that concern plain keys, by row. */
import t from 'tap';
import { digestOf, TokenGate } from '../../src/http/gate.js';
import { BODY_BYTES_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../../src/limits.js';
import { codeOf, parseAnswer, startService, stored } from './service.js';

type Case = readonly [name: string, bytes: string, status: number, code: string];

const FORM = 'Content-Type: application/x-www-form-urlencoded';

/** A request as bytes; `body` holds one byte a character. */
function message(line: string, headers: readonly string[] = [], body?: string): string {
  const length = body === undefined ? [] : [`Content-Length: ${body.length}`];
  const lines = [`${line} HTTP/1.1`, 'Host: a', 'Connection: close', ...headers, ...length];
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`;
}

function set(body: string, ...headers: string[]): string {
  return message('POST /set', headers, body);
}

function put(body: string, ...headers: string[]): string {
  return message('PUT /kv/a', headers, body);
}

function chunked(line: string, ...chunks: string[]): string {
  const parts = chunks.map(chunk => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  return `${message(line, ['Transfer-Encoding: chunked'])}${parts.join('')}0\r\n\r\n`;
}

function utf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

const ok = '{"key":"a","value":1}';
const deep = `${'['.repeat(65)}${']'.repeat(65)}`;
const big = `"${'x'.repeat(VALUE_BYTES_MAX)}"`;

const rows: Readonly<Record<string, readonly Case[]>> = {
  '1 body that is no JSON': [
    ['words', put('nonsense'), 400, 'invalid_json'],
    ['empty', put(''), 400, 'invalid_json'],
    ['no body at all', message('PUT /kv/a'), 400, 'invalid_json'],
    ['NaN', put('NaN'), 400, 'invalid_json'],
    ['trailing comma', put('[1,]'), 400, 'invalid_json'],
    ['second value', put('1 2'), 400, 'invalid_json'],
    ['byte order mark', put('\xef\xbb\xbf1'), 400, 'invalid_json'],
    ['set: words', set('{nonsense'), 400, 'invalid_json'],
    ['set: an array', set('[]', 'Content-Type: application/json'), 400, 'invalid_json'],
    ['set: more behind it', set(`${ok}1`), 400, 'invalid_json'],
  ],
  '2 type that is not taken': [
    ['set: text', set(ok, 'Content-Type: text/plain'), 415, 'unsupported_media_type'],
    [
      'set: multipart',
      set(ok, 'Content-Type: multipart/form-data; boundary=x'),
      415,
      'unsupported_media_type',
    ],
    ['put: XML', put('1', 'Content-Type: application/xml'), 415, 'unsupported_media_type'],
    ['put: a patch', put('1', 'Content-Type: application/merge-patch+json'), 415, 'unsupported_media_type'],
    ['put: no type', put('1', 'Content-Type: json'), 415, 'unsupported_media_type'],
    [
      'put: two types',
      put('1', 'Content-Type: application/json', 'Content-Type: text/plain'),
      400,
      'bad_request',
    ],
  ],
  '3 charset': [
    [
      'Latin 1',
      put('"\xfc"', 'Content-Type: application/json; charset=iso-8859-1'),
      415,
      'unsupported_charset',
    ],
    ['UTF-16', set(ok, 'Content-Type: application/json;charset="utf-16"'), 415, 'unsupported_charset'],
    ['text', put('x', 'Content-Type: text/plain; charset=us-ascii'), 415, 'unsupported_charset'],
  ],
  '4 not UTF-8': [
    ['put', put('"\xfc"'), 400, 'invalid_utf8'],
    ['put: surrogate', put('"\xed\xa0\x80"'), 400, 'invalid_utf8'],
    ['put: text', put('\xc0\xaf', 'Content-Type: text/plain'), 400, 'invalid_utf8'],
    ['set', set('{"key":"a","value":"\xff"}'), 400, 'invalid_utf8'],
    ['form', set('key=a&value=\xff', FORM), 400, 'invalid_utf8'],
  ],
  '5 too large by its length': [
    ['put', message('PUT /kv/a', [`Content-Length: ${BODY_BYTES_MAX + 1}`]), 413, 'body_too_large'],
    ['set', message('POST /set', ['Content-Length: 9007199254740991']), 413, 'body_too_large'],
    ['form', message('POST /set', [FORM, `Content-Length: ${BODY_BYTES_MAX + 1}`]), 413, 'body_too_large'],
    ['value', put(big), 413, 'value_too_large'],
    ['set: value', set(`{"key":"a","value":${big}}`), 413, 'value_too_large'],
    [
      'text that is larger as JSON',
      put('"'.repeat(VALUE_BYTES_MAX / 2), 'Content-Type: text/plain'),
      413,
      'value_too_large',
    ],
  ],
  '6 too large in chunks': [
    ['put', chunked('PUT /kv/a', ...Array<string>(17).fill('x'.repeat(65_536))), 413, 'body_too_large'],
    ['set', chunked('POST /set', 'x'.repeat(BODY_BYTES_MAX), 'x'), 413, 'body_too_large'],
  ],
  '7 Content-Encoding': [
    ['gzip', put('1', 'Content-Encoding: gzip'), 415, 'unsupported_encoding'],
    ['br', set(ok, 'Content-Encoding: br'), 415, 'unsupported_encoding'],
    ['two', set(ok, 'Content-Encoding: identity, gzip'), 415, 'unsupported_encoding'],
  ],
  '8 Transfer-Encoding': [
    ['gzip', `${message('PUT /kv/a', ['Transfer-Encoding: gzip'])}1`, 501, 'unsupported_transfer_encoding'],
    [
      'identity',
      `${message('PUT /kv/a', ['Transfer-Encoding: identity'])}1`,
      501,
      'unsupported_transfer_encoding',
    ],
    [
      'gzip, chunked',
      `${message('PUT /kv/a', ['Transfer-Encoding: gzip, chunked'])}1\r\n1\r\n0\r\n\r\n`,
      501,
      'unsupported_transfer_encoding',
    ],
    [
      'chunked twice',
      `${message('PUT /kv/a', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'])}0\r\n\r\n`,
      501,
      'unsupported_transfer_encoding',
    ],
  ],
  '9 framing': [
    [
      'both lengths',
      `${message('POST /set', ['Transfer-Encoding: chunked', 'Content-Length: 3'])}0\r\n\r\n`,
      400,
      'bad_request',
    ],
    [
      'two lengths',
      message('POST /set', ['Content-Length: 3', 'Content-Length: 4'], undefined),
      400,
      'bad_request',
    ],
    ['negative', message('POST /set', ['Content-Length: -1']), 400, 'bad_request'],
    ['enormous', message('POST /set', ['Content-Length: 99999999999999999999']), 400, 'bad_request'],
    ['bad chunk', `${message('POST /set', ['Transfer-Encoding: chunked'])}zz\r\n`, 400, 'bad_request'],
    ['lines end in LF', 'GET /livez HTTP/1.1\nHost: a\nX: y\n z\n\n', 400, 'bad_request'],
    ['folded header', message('GET /livez', ['X: a\r\n b']), 400, 'bad_request'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'bad_request'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'bad_request'],
  ],
  '10 depth': [
    ['put', put(deep), 400, 'too_deep'],
    ['set', set(`{"key":"a","value":${deep}}`), 400, 'too_deep'],
    ['a million', put('['.repeat(1_000_000)), 400, 'too_deep'],
  ],
  '14 number that is none': [
    ['put', put('1e400'), 400, 'number_out_of_range'],
    ['inside', set('{"key":"a","value":[{"b":-1e999}]}'), 400, 'number_out_of_range'],
  ],
  '16 lone surrogate in a key': [['set', set('{"key":"a\\ud800","value":1}'), 400, 'invalid_key']],
  '17 key missing, empty or no string': [
    ['missing', set('{"value":1}'), 400, 'invalid_key'],
    ['empty', set('{"key":"","value":1}'), 400, 'invalid_key'],
    ['number', set('{"key":1,"value":1}'), 400, 'invalid_key'],
    ['null', set('{"key":null,"value":1}'), 400, 'invalid_key'],
    ['form: missing', set('value=1', FORM), 400, 'invalid_key'],
    ['form: empty', set('key=&value=1', FORM), 400, 'invalid_key'],
    ['get: nothing', message('GET /get'), 400, 'invalid_key'],
    ['get: empty path', message('GET /get/'), 400, 'invalid_key'],
    ['get: empty query', message('GET /get?key='), 400, 'invalid_key'],
  ],
  '18 key too long': [
    ['set', set(`{"key":"${'x'.repeat(KEY_BYTES_MAX + 1)}","value":1}`), 400, 'key_too_long'],
    [
      'path, in bytes and not in characters',
      message(`GET /get/${'%C3%BC'.repeat(KEY_BYTES_MAX / 2)}x`),
      400,
      'key_too_long',
    ],
  ],
  '19 control characters in a key': [
    ['NUL', set('{"key":"\\u0000","value":1}'), 400, 'invalid_key'],
    ['LF in a path', message('PUT /kv/a%0Ab', [], '1'), 400, 'invalid_key'],
    ['CR LF in a path', message('PUT /kv/a%0D%0AX:%20y', [], '1'), 400, 'invalid_key'],
    ['C1', set(utf8('{"key":"\x85","value":1}')), 400, 'invalid_key'],
    ['U+2028', set(utf8('{"key":"\u2028","value":1}')), 400, 'invalid_key'],
    ['form', set('key=%00&value=1', FORM), 400, 'invalid_key'],
  ],
  '20 dot segments': [
    ['.', message('PUT /kv/.', [], '1'), 400, 'invalid_key'],
    ['..', message('GET /get/..'), 400, 'invalid_key'],
    ['encoded', message('PUT /kv/%2e%2E', [], '1'), 400, 'invalid_key'],
    ['inside', message('PUT /kv/a/../b', [], '1'), 400, 'invalid_key'],
    ['in a body', set('{"key":"a/./b","value":1}'), 400, 'invalid_key'],
  ],
  '21 bad encoding of a path': [
    ['%', message('GET /get/%'), 400, 'invalid_path_encoding'],
    ['%zz', message('GET /get/%zz'), 400, 'invalid_path_encoding'],
    ['%C0%AF', message('PUT /kv/%C0%AF', [], '1'), 400, 'invalid_path_encoding'],
    ['%ED%A0%80', message('DELETE /kv/%ED%A0%80'), 400, 'invalid_path_encoding'],
    ['a byte as it is', message('GET /get/\xff'), 400, 'invalid_path_encoding'],
  ],
  '24 headers too large': [
    ['a long URL', message(`GET /get/${'a'.repeat(17_000)}`), 431, 'headers_too_large'],
    ['a long header', message('GET /livez', [`X: ${'a'.repeat(17_000)}`]), 431, 'headers_too_large'],
    ['101 headers', message('GET /livez', Array<string>(99).fill('a: b')), 431, 'headers_too_large'],
    ['2,500 headers', message('GET /livez', Array<string>(2_500).fill('a: b')), 431, 'headers_too_large'],
  ],
  '25 unknown path': [
    ['a word', message('GET /nope'), 404, 'not_found'],
    ['another case', message('POST /SET', [], ok), 404, 'not_found'],
    ['a slash in front', message('GET //get/a'), 404, 'not_found'],
    ['an asterisk', message('OPTIONS *'), 404, 'not_found'],
  ],
  '26 wrong method': [
    ['GET /set', message('GET /set'), 405, 'method_not_allowed'],
    ['no key', message('PUT /kv/', [], '1'), 405, 'method_not_allowed'],
    ['POST /get', message('POST /get/a', [], '1'), 405, 'method_not_allowed'],
    ['DELETE /get', message('DELETE /get/a'), 405, 'method_not_allowed'],
    ['TRACE', message('TRACE /get/a'), 405, 'method_not_allowed'],
    ['PROPFIND', message('PROPFIND /kv/a'), 405, 'method_not_allowed'],
    ['CONNECT', message('CONNECT evil.example:80'), 405, 'method_not_allowed'],
    ['Upgrade', message('GET /get/a', ['Upgrade: websocket']), 405, 'method_not_allowed'],
    ['no method', message('FOO /get/a'), 400, 'bad_request'],
  ],
  '27 Host': [
    ['twice', message('GET /livez', ['Host: b']), 400, 'bad_request'],
    ['never', 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'bad_request'],
    ['HTTP/0.9', 'GET /livez\r\n\r\n', 400, 'bad_request'],
    ['HTTP/3.7', 'GET /livez HTTP/3.7\r\nHost: a\r\n\r\n', 400, 'bad_request'],
  ],
  '30 query': [
    ['unknown', message('GET /get/a?nope=1'), 400, 'invalid_parameter'],
    ['twice', message('GET /get/a?raw&raw'), 400, 'invalid_parameter'],
    ['of another route', message('PUT /kv/a?raw', [], '1'), 400, 'invalid_parameter'],
    ['not encoded', message('GET /get/a?default=%zz'), 400, 'invalid_parameter'],
    ['not UTF-8', message('GET /get?key=%ff'), 400, 'invalid_parameter'],
    ['neither true nor false', message('PUT /kv/a?sync=yes', [], '1'), 400, 'invalid_parameter'],
    ['no pointer', message('GET /get/a?path=b'), 400, 'invalid_parameter'],
    ['ttl of a body', message('POST /set?ttl=5', [], ok), 400, 'invalid_parameter'],
  ],
  '32 ttl': [
    ['0', set('{"key":"a","value":1,"ttl":0}'), 400, 'invalid_ttl'],
    ['negative', set('{"key":"a","value":1,"ttl":-1}'), 400, 'invalid_ttl'],
    ['over ten years', set('{"key":"a","value":1,"ttl":"4000d"}'), 400, 'invalid_ttl'],
    ['a word', set('{"key":"a","value":1,"ttl":"soon"}'), 400, 'invalid_ttl'],
    ['a list', set('{"key":"a","value":1,"ttl":[1]}'), 400, 'invalid_ttl'],
    ['form', set('key=a&value=1&ttl=-5', FORM), 400, 'invalid_ttl'],
    ['query', message('PUT /kv/a?ttl=0', [], '1'), 400, 'invalid_ttl'],
    ['a word alone', message('PUT /kv/a?ttl', [], '1'), 400, 'invalid_ttl'],
  ],
  '33 fields': [
    ['unknown', set('{"key":"a","value":1,"rev":1}'), 400, 'unknown_field'],
    ['__proto__', set('{"key":"a","value":1,"__proto__":{}}'), 400, 'unknown_field'],
    ['twice', set('{"key":"a","value":1,"value":2}'), 400, 'duplicate_field'],
    ['twice, escaped', set('{"key":"a","value":1,"valu\\u0065":2}'), 400, 'duplicate_field'],
    ['no value', set('{"key":"a"}'), 400, 'missing_field'],
  ],
  '34 conditions': [
    ['no list', put('1', 'If-Match: nonsense'), 400, 'invalid_precondition'],
    ['stale', put('1', 'If-Match: "1-1"'), 412, 'revision_mismatch'],
  ],
  '42 what came was half': [
    [
      'the body is shorter than it says',
      message('PUT /kv/a', ['Content-Length: 100']),
      408,
      'request_timeout',
    ],
    ['headers that do not end', 'GET /livez HTTP/1.1\r\nHost: a\r\nX: ', 408, 'request_timeout'],
  ],
  '45 browsers': [
    ['cross-site', set(ok, 'Sec-Fetch-Site: cross-site'), 403, 'cross_site'],
    ['same-site is another one', set(ok, 'Sec-Fetch-Site: same-site'), 403, 'cross_site'],
    ['Origin', put('1', 'Origin: https://evil.example'), 403, 'cross_site'],
    ['Origin null', message('DELETE /kv/a', ['Origin: null']), 403, 'cross_site'],
    ['another port', put('1', 'Origin: http://a:8080'), 403, 'cross_site'],
  ],
  'a body where none belongs': [
    ['GET', message('GET /get/a', [], '1'), 400, 'bad_request'],
    ['DELETE', message('DELETE /kv/a', [], '{}'), 400, 'bad_request'],
    ['in chunks', chunked('DELETE /kv/a', '{}'), 400, 'bad_request'],
  ],
  'an expectation': [['another', put('1', 'Expect: 200-ok'), 417, 'expectation_failed']],
};

const limits = { headersTimeoutMs: 300, requestTimeoutMs: 300, connectionsCheckMs: 50 };

for (const [row, cases] of Object.entries(rows)) {
  t.test(`row ${row}`, async t => {
    const service = await startService(t, { limits });
    for (const [name, bytes, status, code] of cases) {
      const answer = parseAnswer(await service.raw(bytes));
      t.same([answer.status, codeOf(answer)], [status, code], name);
      checkEnvelope(t, answer.headers, answer.body);
    }
    t.equal(service.engine.revision, 0, 'nothing was stored');
    t.equal((await service.call('GET', '/livez')).body, 'ok', 'it still serves');
    t.strictSame(service.logger.messages('error'), [], 'nothing was a defect of ours');
  });
}

function checkEnvelope(
  t: Pick<typeof import('tap').t, 'match' | 'notMatch'>,
  headers: Readonly<Record<string, unknown>>,
  body: string,
): void {
  t.match(headers, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(body.length),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-request-id': /^[\w.-]{1,128}$/,
  });
  t.match(JSON.parse(body), { status: 'error', message: /./, code: /^[a-z0-9_]+$/, hint: /./ });
  t.notMatch(body, /node_modules|\.js:|<anonymous>/, 'no stack');
}

t.test('what a refusal says about verbs, waiting and tokens', async t => {
  const gate = new TokenGate({ required: true, tokens: [{ id: 'one', sha256: digestOf('secret') }] });
  const { call } = await startService(t, { gate: () => gate });
  const headers = { authorization: 'Bearer secret' };
  t.equal((await call('POST', '/get/a', { headers })).headers.allow, 'GET, HEAD, OPTIONS');
  t.equal((await call('GET', '/kv/a')).headers['www-authenticate'], 'Bearer');
});

t.test('a refused body closes the connection with the answer, whatever is still to come', async t => {
  const { raw } = await startService(t);
  const first = message('PUT /kv/a', ['Content-Length: 9999999']).replace('Connection: close\r\n', '');
  const answer = parseAnswer(
    await raw(`${first}${'x'.repeat(100_000)}`.padEnd(9_999_999 + first.length, 'x')),
  );
  t.equal(answer.status, 413);
  t.equal(answer.headers['connection'], 'close');
});

t.test('a small body that nobody reads does not cost the connection', async t => {
  const { raw } = await startService(t);
  const keep = (line: string) => `${line} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc`;
  const answers = await raw(keep('PUT /nope') + message('GET /livez'));
  t.match(answers, /^HTTP\/1\.1 404 [\s\S]*\r\n\r\n\{[\s\S]*\}HTTP\/1\.1 200 [\s\S]*ok$/);
});

t.test('rows 12 and 13: names of JavaScript are names like any other', async t => {
  const service = await startService(t);
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    t.equal((await service.call('GET', `/get/${name}`)).status, 404);
    const value = `{"${name}":{"a":1}}`;
    const body = `{"key":"${name}","value":${value}}`;
    t.equal((await service.call('POST', '/set', { body })).status, 200);
    t.equal((await service.call('GET', `/kv/${name}`)).body, value);
  }
  const headers = {
    ['__proto__']: 'x',
    'x-forwarded-for': '<>',
    'x-forwarded-host': 'b',
    'x-http-method-override': 'DELETE',
  };
  t.equal((await service.call('GET', '/kv/__proto__', { headers })).status, 200, 'row 29: headers too');
});

t.test('row 15: an integer beyond 2^53 stays exact', async t => {
  const service = await startService(t);
  await service.call('PUT', '/kv/a', { body: '9007199254740993' });
  t.equal(stored(service, 'a'), '9007199254740993');
});

t.test('row 45: a preflight gets no permission, and a page of our own may write', async t => {
  const { call } = await startService(t);
  const origin = 'https://evil.example';
  const preflight = await call('OPTIONS', '/set', {
    headers: { origin, 'access-control-request-method': 'POST' },
  });
  t.equal(preflight.status, 204);
  const read = await call('GET', '/livez', { headers: { origin } });
  for (const { headers } of [preflight, read]) {
    t.strictSame(
      Object.keys(headers).filter(name => name.startsWith('access-control-')),
      [],
    );
  }
  const own: readonly Record<string, string>[] = [
    { 'sec-fetch-site': 'same-origin', origin: 'http://x' },
    { 'sec-fetch-site': 'none' },
    { host: 'x:3000', origin: 'http://x:3000' },
    { host: 'x', origin: 'https://x' },
    { host: 'X:443', origin: 'https://x' },
  ];
  for (const headers of own) {
    t.equal((await call('POST', '/set', { body: ok, headers })).status, 200, JSON.stringify(headers));
  }
});

t.test(
  'row 48: a defect is 500 without a word about itself, and is logged under the id of the request',
  async t => {
    const { call, engine, logger } = await startService(t);
    engine.failNext(new TypeError('secret words'));
    const answer = await call('PUT', '/kv/a', { body: '1', headers: { 'x-request-id': 'my-id' } });
    t.same([answer.status, codeOf(answer), answer.headers['x-request-id']], [500, 'internal', 'my-id']);
    t.notMatch(answer.body, 'secret words');
    t.match(
      logger.lines.filter(({ level }) => level === 'error'),
      [{ fields: { id: 'my-id', err: { message: 'secret words' } } }],
    );
    t.equal((await call('PUT', '/kv/a', { body: '1' })).status, 201, 'it still serves');
  },
);

t.test('a request id is taken over if it is harmless', async t => {
  const { call } = await startService(t);
  for (const id of ['a', 'A-1_b.c', 'x'.repeat(128)]) {
    t.equal((await call('GET', '/livez', { headers: { 'x-request-id': id } })).headers['x-request-id'], id);
  }
  for (const id of ['', 'a b', 'x'.repeat(129), 'a"', 'ü']) {
    t.match(
      (await call('GET', '/livez', { headers: { 'x-request-id': id } })).headers['x-request-id'],
      /^[0-9a-f-]{36}$/,
    );
  }
});

t.test('RFC 9457 for those who ask for it', async t => {
  const { call } = await startService(t);
  const headers = { accept: 'application/problem+json' };
  const { status, headers: answered, body } = await call('GET', '/get/none', { headers });
  t.equal(status, 404);
  t.equal(answered['content-type'], 'application/problem+json');
  t.match(JSON.parse(body), {
    type: 'about:blank',
    title: 'Not Found',
    status: 404,
    detail: 'Key not found',
    code: 'key_not_found',
  });
});
