/** Rows 41 to 44, and what connections do beside: pipelines, time-outs, half requests, too many of everything. */
import net from 'node:net';
import t from 'tap';
import { codeOf, parseAnswer, type Service, startService } from './service.js';

function line(method: string, path: string, body?: string, ...headers: string[]): string {
  const length = body === undefined ? [] : [`Content-Length: ${body.length}`];
  return `${[`${method} ${path} HTTP/1.1`, 'Host: a', ...headers, ...length].join('\r\n')}\r\n\r\n${body ?? ''}`;
}

const last = (path: string) => line('GET', path, undefined, 'Connection: close');

/** The statuses and codes in the bytes of a connection, in their order. */
function statuses(bytes: string): string[] {
  return [...bytes.matchAll(/HTTP\/1\.1 (\d+) /g)].map(match => match[1] ?? '');
}

/** A socket that is open, and all that it got so far. */
async function dial({
  port,
}: Service): Promise<{ socket: net.Socket; got: () => string; closed: Promise<void> }> {
  const socket = net.connect(port, '127.0.0.1');
  let bytes = '';
  socket.on('data', chunk => {
    bytes += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()));
  await new Promise(resolve => socket.once('connect', resolve));
  return { socket, got: () => bytes, closed };
}

t.test('pipelined requests are answered in their order, and a read sees the write before it', async t => {
  const { raw } = await startService(t);
  const bytes = await raw(
    line('PUT', '/kv/a', '1') +
      line('GET', '/kv/a?raw') +
      line('PUT', '/kv/a?sync', '2') +
      line('GET', '/kv/a?raw') +
      line('DELETE', '/kv/a') +
      line('GET', '/kv/a') +
      line('POST', '/set', '{"key":"a","value":3}') +
      last('/kv/a?raw'),
  );
  t.strictSame(statuses(bytes), ['201', '200', '200', '200', '204', '404', '200', '200']);
  t.match(bytes, /\r\n\r\n3$/);
});

t.test('what cannot be parsed is answered behind the requests before it', async t => {
  const { raw } = await startService(t);
  t.strictSame(statuses(await raw(`${line('PUT', '/kv/a', '1')}${line('GET', '/kv/a')}nonsense\r\n\r\n`)), [
    '201',
    '200',
    '400',
  ]);
  const chunks = 'PUT /kv/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n';
  t.strictSame(statuses(await raw(`${line('GET', '/kv/a')}${line('GET', '/kv/a')}${chunks}`)), [
    '200',
    '200',
    '400',
  ]);
  t.strictSame(statuses(await raw(`${line('GET', '/kv/a')}${last('/kv/a')}nonsense\r\n\r\n`)), [
    '200',
    '200',
  ]);
});

t.test('what stands behind a request that ends the connection is not done', async t => {
  const service = await startService(t);
  const hidden = line('PUT', '/kv/hidden', '1');
  const ending = [
    'PUT /kv/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'GET /kv/a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'GET /kv/a HTTP/1.1\r\n\r\n',
    line('GET', '/kv/a', undefined, 'Expect: more'),
    line('GET', '/kv/a', undefined, ...Array<string>(101).fill('X: y')),
    line('PUT', '/nope', 'x'.repeat(2_000_000)),
  ];
  for (const request of ending) {
    const bytes = await service.raw(line('GET', '/livez') + request + hidden + hidden);
    t.match(statuses(bytes), [/200/, /4\d\d|501/], request.slice(0, 60));
    t.equal(statuses(bytes).length, 2);
    t.equal(service.engine.revision, 0, request.slice(0, 60));
  }
});

t.test(
  'row 44: a thousand requests may wait on a connection; one more is 503, and the connection ends',
  async t => {
    const service = await startService(t, { limits: { unansweredMax: 10 } });
    const nine = line('GET', '/livez').repeat(9);
    t.strictSame(statuses(await service.raw(nine + last('/livez'))), Array<string>(10).fill('200'));
    const bytes = await service.raw(line('GET', '/livez').repeat(500));
    t.strictSame(statuses(bytes), [...Array<string>(10).fill('200'), '503']);
    t.match(bytes, /"code":"overloaded"/);
    t.equal((await service.call('GET', '/livez')).status, 200);
  },
);

t.test('row 42: headers or a body that come too slowly are 408, and the connection ends', async t => {
  const limits = { headersTimeoutMs: 200, requestTimeoutMs: 400, connectionsCheckMs: 50 };
  const service = await startService(t, { limits });
  const halves = [
    'GET /livez HTTP/1.1\r\nHost: a\r\nX',
    `${line('PUT', '/kv/a', '12345').slice(0, -1)}`,
    line('GET', '/livez').slice(0, -1),
  ];
  const answers = await Promise.all(halves.map(half => service.raw(half)));
  for (const bytes of answers) {
    const answer = parseAnswer(bytes);
    t.same([answer.status, codeOf(answer), answer.headers['connection']], [408, 'request_timeout', 'close']);
  }
  t.equal(service.engine.revision, 0);
});

t.test('an idle connection is kept, and closed without a word when it has been idle too long', async t => {
  const service = await startService(t, { limits: { keepAliveTimeoutMs: 100 } });
  const { socket, got, closed } = await dial(service);
  socket.write(line('GET', '/livez'));
  await closed;
  t.strictSame(statuses(got()), ['200']);
  t.match(got(), /\r\nConnection: keep-alive\r\n/);
});

t.test('row 41: with as many connections as may be, another serves probes and nothing else', async t => {
  const service = await startService(t, { connectionsMax: 2 });
  const first = await dial(service);
  const second = await dial(service);
  const busy = await service.call('GET', '/kv/a');
  t.same(
    [busy.status, codeOf(busy), busy.headers.connection, busy.headers['retry-after']],
    [503, 'overloaded', 'close', '1'],
  );
  t.equal((await service.call('GET', '/nope')).status, 503);
  for (const path of ['/livez', '/readyz', '/version'])
    t.equal((await service.call('GET', path)).status, 200, path);
  first.socket.write(last('/kv/a'));
  await first.closed;
  t.strictSame(statuses(first.got()), ['404'], 'those who were first are served');
  t.equal((await service.call('GET', '/kv/a')).status, 404, 'and then there is room again');
  second.socket.destroy();
});

t.test('row 41: past the places for probes a connection is closed', async t => {
  const service = await startService(t, { connectionsMax: 1 });
  const dialled = await Promise.all(Array.from({ length: 17 }, () => dial(service)));
  t.equal(await service.raw(last('/livez')), '');
  for (const { socket } of dialled) socket.destroy();
});

t.test('a caller that waits for 100 Continue gets it only if the body is wanted', async t => {
  const service = await startService(t);
  const wanted = await dial(service);
  wanted.socket.write(
    line('PUT', '/kv/a', '', 'Expect: 100-continue').replace('Content-Length: 0', 'Content-Length: 1'),
  );
  await until(() => wanted.got().includes('\r\n\r\n'));
  t.equal(wanted.got(), 'HTTP/1.1 100 Continue\r\n\r\n');
  wanted.socket.end('7');
  await wanted.closed;
  t.strictSame(statuses(wanted.got()), ['100', '201']);
  for (const [path, header, status] of [
    ['/nope', 'Accept: */*', '404'],
    ['/kv/a', 'Content-Encoding: gzip', '415'],
  ] as const) {
    const head = `PUT ${path} HTTP/1.1\r\nHost: a\r\n${header}\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n`;
    const refused = await dial(service);
    refused.socket.write(head);
    await until(() => refused.got().endsWith('}'));
    t.strictSame(statuses(refused.got()), [status]);
    t.match(refused.got(), /\r\nConnection: close\r\n/, 'whether the body still comes cannot be known');
    refused.socket.end();
    await refused.closed;
  }
});

t.test('a caller that goes away in the middle of its body leaves nothing behind', async t => {
  const service = await startService(t);
  const { socket, closed } = await dial(service);
  socket.write(line('PUT', '/kv/a', '12345').slice(0, -2));
  await service.call('GET', '/livez');
  socket.destroy();
  await closed;
  await service.call('GET', '/livez');
  t.equal(service.engine.revision, 0);
  t.strictSame(service.logger.messages('error'), []);
});

t.test(
  'a caller that ends its side too early is told, one that ends it after its request is answered',
  async t => {
    const service = await startService(t);
    const half = await dial(service);
    half.socket.end(line('PUT', '/kv/a', '12345').slice(0, -2));
    await half.closed;
    t.strictSame(statuses(half.got()), ['400']);
    const whole = await dial(service);
    whole.socket.end(line('PUT', '/kv/a', '1'));
    await whole.closed;
    t.strictSame(statuses(whole.got()), ['201']);
  },
);

t.test('a CONNECT behind a long answer is refused behind it, and the answer is whole', async t => {
  const service = await startService(t);
  const body = JSON.stringify('x'.repeat(1_000_000));
  for (let i = 0; i < 10; i++) await service.call('PUT', `/kv/${i}`, { body });
  for (const path of ['/export', '/kv/1']) {
    const bytes = await service.raw(`${line('GET', path)}CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n`);
    t.strictSame(statuses(bytes), ['200', '405'], path);
  }
});

t.test('what is no request ends a watch before it: nobody could ever be told', async t => {
  const service = await startService(t, { limits: { unansweredMax: 3 } });
  const get = line('GET', '/livez');
  const half = 'PUT /kv/a HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n{';
  for (const behind of [
    'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\nmore',
    'nonsense\r\n\r\n',
    `${get}nonsense\r\n\r\n`,
    get.repeat(3),
    half,
    get + half,
  ]) {
    const { socket, got, closed } = await dial(service);
    socket.write(line('GET', '/watch'));
    await until(() => got().includes('retry: '));
    t.equal(service.server.metrics.watches().streams, 1);
    socket.write(behind, () => socket.end());
    await closed;
    t.strictSame(statuses(got()), ['200'], behind.slice(0, 60));
    await until(() => service.server.metrics.connections() === 0);
    t.equal(service.server.metrics.watches().streams, 0);
  }
  t.equal((await service.call('GET', '/kv/a')).status, 404);
});

t.test('callers that are gone before they are refused do no harm, whatever they sent', async t => {
  const service = await startService(t, { limits: { unansweredMax: 3 } });
  const get = line('GET', '/livez');
  const sent = ['CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 'nonsense\r\n\r\n', get.repeat(5)];
  for (let i = 0; i < 60; i++) {
    const { socket } = await dial(service);
    socket.write(`${i % 2 === 0 ? get : ''}${sent[i % sent.length]}`);
    socket.resetAndDestroy();
  }
  await until(() => service.server.metrics.connections() === 0);
  t.equal((await service.call('GET', '/livez')).status, 200);
});

t.test('who would like another protocol is answered last: what came together with that is lost', async t => {
  const service = await startService(t);
  await service.call('PUT', '/kv/a', { body: '1' });
  for (const [protocol, status] of [
    ['h2c', '200'],
    ['websocket', '405'],
  ] as const) {
    const wish = `GET /kv/a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
    const bytes = await service.raw(wish + line('GET', '/kv/a'));
    t.strictSame(statuses(bytes), [status], protocol);
    t.match(bytes, /\r\nConnection: close\r\n/);
  }
});

t.test('a body in single bytes and chunks is whole all the same', async t => {
  const service = await startService(t);
  const { socket, got, closed } = await dial(service);
  const text = `PUT /kv/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n"\xc3\xbc\r\n1\r\n"\r\n0\r\n\r\n`;
  for (const byte of Buffer.from(text, 'latin1')) {
    await new Promise(resolve => socket.write(Buffer.of(byte), resolve));
  }
  await closed;
  t.strictSame(statuses(got()), ['201']);
  t.match(got(), /\r\n\r\n"\xc3\xbc"$/);
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setImmediate(resolve));
}
