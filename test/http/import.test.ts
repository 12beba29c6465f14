/** `POST /import`, sentence by sentence of the contract: lines that come as they come, and what breaks them. */
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import t from 'tap';
import { CairnError } from '../../src/errors.js';
import {
  BODY_PAUSE_MS,
  DRAIN_BODIES_MS,
  IMPORT_LINE_BYTES_MAX,
  IMPORT_PROGRESS_MS,
  LINGER_MS,
  VALUE_BYTES_MAX,
} from '../../src/limits.js';
import {
  type Answer,
  codeOf,
  endingToken,
  key,
  parseAnswer,
  type Service,
  startService,
  stored,
} from './service.js';

const COLLECTIONS = { collections: { configs: { idField: 'name' } } };

function load({ call }: Service, body: string | Uint8Array, query = ''): Promise<Answer> {
  return call('POST', `/import${query}`, { body });
}

/** A request whose body is written bit by bit. */
function open({ port }: Service, query = '', headers: http.OutgoingHttpHeaders = {}) {
  const req = http.request({ port, host: '127.0.0.1', method: 'POST', path: `/import${query}`, headers });
  const answer = once(req, 'response').then(async ([res]: http.IncomingMessage[]) => {
    const chunks: Buffer[] = [];
    for await (const chunk of res ?? []) chunks.push(chunk);
    return { status: res?.statusCode, headers: res?.headers, body: Buffer.concat(chunks).toString() };
  });
  req.on('error', () => {});
  answer.catch(() => {});
  return { req, answer };
}

/** Until it is so, turn by turn of the event loop; the test's own time limit ends what never is. */
async function until({ clock }: Service, isSo: () => boolean): Promise<void> {
  while (!isSo()) await clock.turn();
}

t.test('each line is a put, in the collection that it names, that the query names, or kv', async t => {
  const service = await startService(t, COLLECTIONS);
  const lines = '{"key":"a","value":1}\n{"collection":"configs","key":"c","value":{"x":10.0}}\n';
  const answer = await load(service, lines);
  t.same([answer.status, answer.body], [200, '{"imported":2,"revision":2}']);
  t.match(answer.headers, { 'x-revision': '2', 'x-durable': 'true' });
  t.equal(stored(service, 'a'), '1');
  t.equal(service.engine.get('configs', key('c'))?.text, '{"name":"c","x":10.0}');
  await load(
    service,
    '{"key":"d","value":{}}\n{"collection":"kv","key":"d","value":2}',
    '?collection=configs',
  );
  t.equal(service.engine.get('configs', key('d'))?.text, '{"name":"d"}');
  t.equal(stored(service, 'd'), '2');
});

t.test('an import that changes nothing promises nothing', async t => {
  const service = await startService(t);
  await service.call('PUT', '/kv/a', { body: '1' });
  const { body, headers } = await load(service, '\n', '?sync=true');
  t.same([body, headers['x-durable']], ['{"imported":0,"revision":1}', 'false']);
});

t.test('lines end in LF or CRLF, the last one may in none, blank ones are passed over', async t => {
  const service = await startService(t);
  const answer = await load(service, '\r\n{"key":"a","value":1}\r\n \t\n\n{"key":"b","value":[ 2 ]}');
  t.equal(answer.body, '{"imported":2,"revision":2}');
  t.equal(stored(service, 'b'), '[ 2 ]');
  t.equal((await load(service, '')).body, '{"imported":0,"revision":2}');
  t.equal((await load(service, '\n\r\n')).body, '{"imported":0,"revision":2}');
});

t.test('values keep their text, and a key that comes again is put again', async t => {
  const service = await startService(t);
  const values = ['10.0', '9007199254740993', '{"__proto__":{ }}', 'null', '"\\ud800"'];
  const lines = values.map((value, i) => `{"value": ${value} ,"key":"k${i}"}`);
  await load(service, [...lines, '{"key":"k0","value":"again"}', '{"key":"__proto__","value":0}'].join('\n'));
  t.same(
    [...values.slice(1)],
    [1, 2, 3, 4].map(i => stored(service, `k${i}`)),
  );
  t.equal(stored(service, 'k0'), '"again"');
  t.equal(service.engine.get('kv', key('k0'))?.version, 2);
  t.equal(stored(service, '__proto__'), '0');
});

t.test(
  'where there is a history, every line is a version with the comment, unless it changes nothing',
  async t => {
    const service = await startService(t, { policy: { history: 10 } });
    const headers = { 'x-comment': 'from elsewhere' };
    for (const body of ['{"key":"a","value":1}\n{"key":"a","value":2}', '{"key":"a","value":2}']) {
      t.equal((await service.call('POST', '/import', { body, headers })).status, 200);
    }
    t.match(
      service.engine.history('kv', key('a')).map(({ version, comment }) => [version, comment]),
      [
        [1, 'from elsewhere'],
        [2, 'from elsewhere'],
      ],
    );
  },
);

t.test('a ttl counts from now, expires is an instant, null is for ever', async t => {
  const service = await startService(t, { policy: { defaultTtl: 5_000 } });
  const at = new Date(service.clock.now() + 90_000).toISOString();
  const lines = [
    '{"key":"a","value":1,"ttl":"30s"}',
    `{"key":"b","value":1,"expires":"${at}"}`,
    `{"key":"c","value":1,"expires":"${at.replace('Z', '+00:00')}"}`,
    '{"key":"d","value":1,"expires":null}',
    '{"key":"e","value":1}',
  ];
  t.equal((await load(service, lines.join('\n'))).status, 200);
  const deadline = (name: string) => service.engine.get('kv', key(name))?.deadline();
  const now = service.clock.now();
  t.same(['a', 'b', 'c', 'd', 'e'].map(deadline), [
    now + 30_000,
    now + 90_000,
    now + 90_000,
    null,
    now + 5_000,
  ]);
});

t.test('a line whose time is over counts, and leaves nothing under its key', async t => {
  const service = await startService(t);
  await load(service, '{"key":"a","value":1}');
  const over = '"expires":"2020-01-01T00:00:00.000Z"}';
  const answer = await load(service, `{"key":"a","value":2,${over}\n{"key":"b","value":2,${over}`);
  t.equal(answer.body, '{"imported":2,"revision":2}');
  t.same([stored(service, 'a'), stored(service, 'b')], [undefined, undefined]);
});

t.test('a bad line stops it with its status, its number and what came before it', async t => {
  for (const [line, status, code] of [
    ['{"key":"b","value":}', 400, 'invalid_json'],
    ['{"key":"b","value":1}{"key":"c","value":1}', 400, 'invalid_json'],
    ['[]', 400, 'invalid_json'],
    ['{"key":"b","value":1e400}', 400, 'number_out_of_range'],
    [`{"key":"b","value":${'['.repeat(65)}${']'.repeat(65)}}`, 400, 'too_deep'],
    ['{"value":1}', 400, 'invalid_key'],
    ['{"key":"","value":1}', 400, 'invalid_key'],
    ['{"key":"b"}', 400, 'missing_field'],
    ['{"key":"b","value":1,"version":1}', 400, 'unknown_field'],
    ['{"key":"b","value":1,"__proto__":1}', 400, 'unknown_field'],
    ['{"key":"b","value":1,"value":1}', 400, 'duplicate_field'],
    ['{"key":"b","value":1,"collection":null}', 400, 'invalid_operation'],
    ['{"key":"b","value":1,"ttl":0}', 400, 'invalid_ttl'],
    ['{"key":"b","value":1,"expires":"tomorrow"}', 400, 'invalid_ttl'],
    ['{"key":"b","value":1,"expires":"2030-01-01T00:00:00"}', 400, 'invalid_ttl'],
    ['{"key":"b","value":1,"expires":"2030-13-01T00:00:00Z"}', 400, 'invalid_ttl'],
    ['{"key":"b","value":1,"expires":"2030-02-31T00:00:00Z"}', 400, 'invalid_ttl'],
    ['{"key":"b","value":1,"expires":"2099-01-01T00:00:00Z"}', 400, 'invalid_ttl'],
    ['{"key":"b","value":1,"expires":null,"ttl":1}', 400, 'invalid_ttl'],
    ['{"collection":"nowhere","key":"b","value":1}', 404, 'not_found'],
    ['{"collection":"__proto__","key":"b","value":1}', 404, 'not_found'],
    ['{"collection":"configs","key":"b","value":1}', 422, 'not_an_object'],
    ['{"collection":"configs","key":"b","value":{"name":"c"}}', 422, 'id_mismatch'],
    [`{"key":"b","value":"${'x'.repeat(VALUE_BYTES_MAX - 1)}"}`, 413, 'value_too_large'],
    [`{"key":"b","value":"${'x'.repeat(IMPORT_LINE_BYTES_MAX)}"}`, 413, 'body_too_large'],
  ] as const) {
    const service = await startService(t, COLLECTIONS);
    const answer = await load(service, `{"key":"a","value":1}\n\n${line}\n{"key":"c","value":1}\n`);
    const told = JSON.parse(answer.body);
    t.same([answer.status, told.code, told.line, told.imported], [status, code, 3, 1], line.slice(0, 60));
    t.match(told.message, /^Line 3\b/);
    t.same([stored(service, 'a'), service.engine.revision], ['1', 1]);
  }
});

t.test('a line that is not UTF-8 stops it, those before it in the same bytes are in', async t => {
  const service = await startService(t);
  const body = Buffer.from('{"key":"a","value":"\xc3\xbc"}\n{"key":"b","value":"\xc3"}\n', 'latin1');
  t.match(JSON.parse((await load(service, body)).body), { code: 'invalid_utf8', line: 2, imported: 1 });
  t.equal(stored(service, 'a'), '"\xc3\xbc"');
});

t.test(
  'a value at its bound is a line, a byte more is none, and a line without an end is not kept',
  async t => {
    const service = await startService(t);
    const line = `{"key":"a","value":"${'x'.repeat(VALUE_BYTES_MAX - 2)}"}`;
    t.equal((await load(service, line)).status, 200);
    const padded = `${line}${' '.repeat(IMPORT_LINE_BYTES_MAX - line.length)}`;
    t.equal((await load(service, `${padded}\n`)).status, 200);
    t.equal((await load(service, `${padded} \n`)).status, 413);
    const { req, answer } = open(service);
    const piece = Buffer.alloc(64 * 1024, 'x');
    let sent = 0;
    const over = answer.then(() => true);
    const HUNDRED_MIB = 100 * 1024 * 1024;
    while (sent < HUNDRED_MIB) {
      if (!req.write(piece)) if ((await Promise.race([over, once(req, 'drain')])) === true) break;
      sent += piece.length;
    }
    const { status, body } = await answer;
    t.match(
      { status, told: JSON.parse(body) },
      { status: 413, told: { code: 'body_too_large', line: 1, imported: 0 } },
    );
    t.ok(sent < HUNDRED_MIB, 'it is answered before all of it was sent');
  },
);

t.test('the types are those of lines, JSON, none, and that of curl', async t => {
  const service = await startService(t);
  for (const [type, status] of [
    ['application/x-ndjson', 200],
    ['application/ndjson', 200],
    ['application/jsonl; charset=utf-8', 200],
    ['application/json', 200],
    ['application/x-www-form-urlencoded', 200],
    ['', 200],
    ['text/csv', 415],
    ['application/json; charset=latin1', 415],
  ] as const) {
    const headers = { 'content-type': type };
    const answer = await service.call('POST', '/import', { body: '{"key":"a","value":1}', headers });
    t.equal(answer.status, status, type);
  }
  const gzip = { 'content-encoding': 'gzip' };
  t.equal(
    codeOf(await service.call('POST', '/import', { body: 'x', headers: gzip })),
    'unsupported_encoding',
  );
});

t.test('what is wrong before the first line is told before the first line is read', async t => {
  const service = await startService(t);
  const body = '{"key":"a","value":1}';
  t.equal(codeOf(await load(service, body, '?collection=nowhere')), 'not_found');
  t.equal(codeOf(await load(service, body, '?collections=kv')), 'invalid_parameter');
  t.equal(codeOf(await load(service, body, '?progress=maybe')), 'invalid_parameter');
  const headers = { 'if-match': '*' };
  t.equal(codeOf(await service.call('POST', '/import', { body, headers })), 'invalid_precondition');
  t.equal((await service.call('GET', '/import')).status, 405);
  t.equal(service.engine.revision, 0);
});

t.test('a body that waits for 100 Continue is invited, with a length or in chunks', async t => {
  const service = await startService(t);
  for (const length of [{ 'content-length': 21 }, { 'transfer-encoding': 'chunked' }]) {
    const { req, answer } = open(service, '', { expect: '100-continue', ...length });
    req.flushHeaders();
    await once(req, 'continue');
    req.end('{"key":"a","value":1}');
    t.equal((await answer).status, 200);
  }
});

t.test('the lines are stored while they come, and not held', async t => {
  const service = await startService(t);
  const { req, answer } = open(service);
  for (let i = 0; i < 2_000; i++) req.write(`{"key":"k${i}","value":${i}}\n`);
  await until(service, () => service.engine.revision >= 1_000);
  req.end('{"key":"last","value":0}');
  t.match(await answer, { status: 200, body: '{"imported":2001,"revision":2001}' });
});

t.test('of a body that breaks off, what came whole is in', async t => {
  const service = await startService(t);
  const { req } = open(service);
  req.write('{"key":"a","value":1}\n{"key":"b","value":2}\n{"key":"c","value":3}');
  await service.call('GET', '/livez');
  req.destroy();
  await until(service, () => service.engine.revision > 0);
  await service.call('GET', '/livez');
  t.same(
    ['a', 'b', 'c'].map(name => stored(service, name)),
    ['1', '2', undefined],
  );
});

t.test('a body that stands still is ended, however long it may take otherwise', async t => {
  const service = await startService(t, {
    limits: { headersTimeoutMs: 50, requestTimeoutMs: 50, connectionsCheckMs: 10 },
  });
  const socket = net.connect(service.port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', chunk => chunks.push(chunk));
  socket.write('POST /import HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{"key":"a","value":1}\n');
  // Another request that is late is ended by Node meanwhile, and so is seen to be looked for.
  const late = await service.raw('POST /set HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{');
  t.match(late, /^HTTP\/1\.1 408 /);
  t.equal(chunks.length, 0);
  const closed = once(socket, 'close');
  await service.clock.advance(BODY_PAUSE_MS);
  await service.clock.advance(60_000);
  await closed;
  const answer = parseAnswer(Buffer.concat(chunks).toString());
  t.match(
    { ...answer, body: JSON.parse(answer.body) },
    { status: 408, body: { code: 'request_timeout', imported: 1 } },
  );
});

/** What a client gets that sends this, and then either no more, or no HTTP. */
async function cutShort(service: Service, bytes: string, query = ''): Promise<Answer> {
  const socket = net.connect({ port: service.port, host: '127.0.0.1', allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on('data', chunk => chunks.push(chunk));
  socket.end(`POST /import${query} HTTP/1.1\r\nHost: a\r\n${bytes}`);
  const closed = once(socket, 'close');
  await until(service, () => chunks.length > 0);
  await service.clock.advance(LINGER_MS);
  await closed;
  return parseAnswer(Buffer.concat(chunks).toString());
}

t.test(
  'a body that breaks off is answered with the lines that are in, and the one to go on from',
  async t => {
    const lines = '{"key":"a","value":1}\n\n{"key":"b","value":2}\n{"key":"c","v';
    const chunk = `${lines.length.toString(16)}\r\n${lines}\r\n`;
    for (const bytes of [
      `Content-Length: 1000\r\n\r\n${lines}`,
      `Content-Length: 9000000\r\n\r\n${lines}`,
      `Transfer-Encoding: chunked\r\n\r\n${chunk}`,
      `Transfer-Encoding: chunked\r\n\r\n${chunk}no length\r\n`,
    ]) {
      const service = await startService(t);
      const { status, body } = await cutShort(service, bytes);
      t.match(
        { status, told: JSON.parse(body) },
        { status: 400, told: { code: 'bad_request', line: 4, imported: 2, hint: /tail -n \+4 FILE/ } },
      );
      t.same([stored(service, 'a'), stored(service, 'b')], ['1', '2']);
    }
    const service = await startService(t);
    const { body } = await cutShort(service, `Content-Length: 1000\r\n\r\n${lines}`, '?progress');
    t.match(body, /"code":"bad_request".*"line":4,"imported":2/);
  },
);

t.test('a stop ends an import that goes on with 503, the lines that are in and the next one', async t => {
  const service = await startService(t);
  const { req, answer } = open(service);
  req.write('{"key":"a","value":1}\n');
  await until(service, () => service.engine.revision === 1);
  const drained = service.server.drain();
  await service.clock.advance(DRAIN_BODIES_MS - 1);
  req.write('{"key":"b","value":2}\n');
  await until(service, () => service.engine.revision === 2);
  await service.clock.advance(1);
  const { status, headers, body } = await answer;
  t.match(
    { status, headers, told: JSON.parse(body) },
    {
      status: 503,
      headers: { connection: 'close', 'retry-after': '1' },
      told: { code: 'draining', line: 3, imported: 2, hint: /tail -n \+3 FILE/ },
    },
  );
  req.destroy();
  await service.clock.advance(60_000);
  await drained;
});

t.test('a stop ends an import whose lines never end', async t => {
  const service = await startService(t);
  const { req, answer } = open(service);
  let sending = true;
  const lines = '{"key":"a","value":1}\n'.repeat(100);
  // Some in every turn: as many as the socket takes would keep the loop, whose clock stands still, for seconds.
  const flood = (async () => {
    while (sending) {
      req.write(lines);
      await service.clock.turn();
    }
  })();
  await until(service, () => service.engine.revision > 1_000);
  const drained = service.server.drain();
  await service.clock.advance(DRAIN_BODIES_MS);
  const { body } = await answer;
  sending = false;
  req.destroy();
  await flood;
  const { imported, line, code } = JSON.parse(body);
  t.same([code, line, service.engine.revision], ['draining', imported + 1, imported]);
  await service.clock.advance(60_000);
  await drained;
});

t.test('an import that ends in time after a stop is answered as ever', async t => {
  const service = await startService(t);
  const { req, answer } = open(service);
  req.write('{"key":"a","value":1}\n');
  await until(service, () => service.engine.revision === 1);
  const drained = service.server.drain();
  req.end('{"key":"b","value":2}');
  t.match(await answer, { status: 200, body: '{"imported":2,"revision":2}' });
  await drained;
  t.equal(service.clock.pending, 0);
});

t.test(
  'a token that is over while its import goes on ends it with 401, the lines that are in and the next one',
  async t => {
    for (const query of ['', '?progress']) {
      const { options, headers, end } = endingToken();
      const service = await startService(t, options);
      const { req, answer } = open(service, query, headers);
      req.write('{"key":"a","value":1}\n{"key":"b","value":1}\n{"key":"c",');
      await until(service, () => stored(service, 'b') !== undefined);
      end();
      req.end('"value":1}\n{"key":"d","value":1}\n');
      const { status, body } = await answer;
      t.equal(status, query === '' ? 401 : 200);
      const told = JSON.parse(body.trimEnd().split('\n').at(-1) ?? '');
      t.match(told, { code: 'unauthenticated', imported: 2, line: 3, hint: /tail -n \+3/ });
      t.same(
        ['a', 'b', 'c', 'd'].map(name => stored(service, name)),
        ['1', '1', undefined, undefined],
      );
    }
  },
);

t.test('with ?progress a line comes every second, and the last one is the result', async t => {
  const service = await startService(t);
  const { req, answer } = open(service, '?progress');
  req.write('{"key":"a","value":1}\n');
  await service.call('GET', '/livez');
  for (let second = 0; second < 3; second++) await service.clock.advance(IMPORT_PROGRESS_MS);
  req.end('{"key":"b","value":1}\n');
  const { status, headers, body } = await answer;
  t.equal(status, 200);
  t.match(headers, { 'content-type': /^application\/x-ndjson/ });
  const lines = body
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));
  t.same(lines.at(-1), { imported: 2, revision: 2 });
  t.equal(lines.length, 4);
  t.match(lines.slice(0, 3), [{ imported: Number }, { imported: Number }, { imported: Number }]);
  t.equal(service.clock.pending, 0);
});

t.test('with ?progress an error is the last line, its status 200', async t => {
  const service = await startService(t);
  const answer = await load(service, '{"key":"a","value":1}\n!\n{"key":"b","value":1}', '?progress');
  t.equal(answer.status, 200);
  t.match(JSON.parse(answer.body), { status: 'error', code: 'invalid_json', line: 2, imported: 1 });
  service.engine.failNext(new Error('a secret of ours'));
  const failed = await load(service, '{"key":"a","value":1}', '?progress');
  t.match(JSON.parse(failed.body), { code: 'internal' });
  t.notMatch(failed.body, /secret/);
  t.match(service.logger.lines.at(-1), { level: 'error' });
});

t.test(
  'who waits with an error in ?progress before sending all is told, and the connection ends',
  async t => {
    const service = await startService(t);
    const { req, answer } = open(service, '?progress');
    req.write('!\n');
    await until(service, () => service.clock.pending === 1);
    await service.clock.advance(60_000);
    const { body } = await answer;
    t.match(JSON.parse(body), { code: 'invalid_json', line: 1, imported: 0 });
    req.destroy();
  },
);

t.test('what is left of a short body is passed over, and the connection goes on', async t => {
  const { port } = await startService(t);
  const socket = net.connect(port, '127.0.0.1').setEncoding('latin1');
  socket.write('POST /import HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n!\n');
  t.match((await once(socket, 'data'))[0], /^HTTP\/1\.1 400 /);
  socket.write(`${'x'.repeat(299_998)}GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  t.match((await once(socket, 'data'))[0], /^HTTP\/1\.1 200 /);
});

t.test('a volume that fails ends it, and the line says from where on to repeat it', async t => {
  const service = await startService(t);
  service.engine.failNext(new CairnError('storage_error', 'The fsync failed.', { outcome: 'unknown' }));
  const answer = await load(service, '\n{"key":"a","value":1}\n{"key":"b","value":1}');
  t.equal(answer.status, 503);
  t.match(JSON.parse(answer.body), { code: 'storage_error', outcome: 'unknown', line: 2, imported: 0 });
});
