/** `GET /export`, sentence by sentence of the contract: a stream that costs no memory, and comes back by /import. */
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import t from 'tap';
import { IDLE_GRACE_MS, READER_PAUSE_MS } from '../../src/limits.js';
import type { JsonText } from '../../src/model.js';
import { codeOf, EPOCH, endingToken, key, type Service, startService } from './service.js';

const COLLECTIONS = { collections: { configs: { idField: 'name' }, sessions: { defaultTtl: 60_000 } } };

function put({ engine }: Service, collection: string, name: string, text: string, ttl?: number | 'none') {
  const life = ttl === undefined ? {} : { ttl };
  return engine.commit([{ type: 'put', collection, key: key(name), text: text as JsonText, ...life }]);
}

async function exported(service: Service, query = ''): Promise<string> {
  const { status, body } = await service.call('GET', `/export${query}`);
  if (status !== 200) throw new Error(`${status} ${body}`);
  return body;
}

/** 64 MiB of values: more than any buffer on the way holds. */
async function fill(service: Service): Promise<void> {
  const text = JSON.stringify('x'.repeat(256 * 1024));
  for (let i = 0; i < 256; i++) await put(service, 'kv', `k${1000 + i}`, text);
}

t.test('every key of every collection is a line, in the order of its bytes', async t => {
  const service = await startService(t, COLLECTIONS);
  await put(service, 'configs', 'c', '{"name":"c","x":10.0}');
  await put(service, 'kv', 'b"\\', '9007199254740993');
  await put(service, 'kv', 'ä', '"\xc3\xbc"', 30_000);
  await put(service, 'kv', 'a', '{\n  "deep": [1,\r\n 2]\n}');
  const at = new Date(service.clock.now() + 30_000).toISOString();
  const answer = await service.call('GET', '/export');
  t.equal(
    answer.body,
    [
      '{"collection":"kv","key":"a","value":{   "deep": [1,   2] }}\n',
      '{"collection":"kv","key":"b\\"\\\\","value":9007199254740993}\n',
      `{"collection":"kv","key":"ä","value":"ü","expires":"${at}"}\n`,
      '{"collection":"configs","key":"c","value":{"name":"c","x":10.0}}\n',
    ].join(''),
  );
  t.match(answer.headers, {
    'content-type': 'application/x-ndjson; charset=utf-8',
    'x-revision': '4',
    'x-epoch': String(EPOCH),
  });
});

t.test('one collection, and a prefix', async t => {
  const service = await startService(t, COLLECTIONS);
  for (const [collection, name] of [
    ['kv', 'a/1'],
    ['kv', 'b/1'],
    ['configs', 'a/1'],
  ] as const) {
    await put(service, collection, name, '{"name":"a/1"}');
  }
  t.equal((await exported(service, '?collection=kv')).split('\n').length, 3);
  t.equal((await exported(service, '?prefix=a/')).split('\n').length, 3);
  const one = '{"collection":"configs","key":"a/1","value":{"name":"a/1"}}\n';
  t.equal(await exported(service, '?collection=configs&prefix=a'), one);
  t.equal(await exported(service, '?collection=sessions'), '');
});

t.test('what is asked wrongly is told by the status', async t => {
  const { call } = await startService(t);
  for (const [query, status, code] of [
    ['?collection=nowhere', 404, 'not_found'],
    ['?collection=', 404, 'not_found'],
    ['?collections=kv', 400, 'invalid_parameter'],
    ['?prefix=a&prefix=b', 400, 'invalid_parameter'],
    [`?prefix=${'a'.repeat(513)}`, 400, 'invalid_parameter'],
  ] as const) {
    const answer = await call('GET', `/export${query}`);
    t.same([answer.status, codeOf(answer)], [status, code], query);
  }
});

t.test('what has expired is not there', async t => {
  const service = await startService(t);
  await put(service, 'kv', 'a', '1', 1_000);
  service.clock.jump(1_000);
  t.equal(await exported(service), '');
});

t.test('HEAD has the headers and no lines', async t => {
  const service = await startService(t);
  await put(service, 'kv', 'a', '1');
  const answer = await service.call('HEAD', '/export');
  t.same([answer.status, answer.body, answer.headers['x-revision']], [200, '', '1']);
  t.match(answer.headers, { 'content-type': 'application/x-ndjson; charset=utf-8' });
});

t.test('what an export writes, an import makes the same of: values, deadlines, and none', async t => {
  const from = await startService(t, COLLECTIONS);
  for (let i = 0; i < 700; i++)
    await put(from, 'kv', `k${i}`, `{"n":${i}.0}`, i % 3 === 0 ? 50_000 : undefined);
  await put(from, 'configs', '__proto__', '{"name":"__proto__"}');
  await put(from, 'sessions', 'for-ever', '1', 'none');
  await put(from, 'sessions', 'a-minute', '1');
  const body = await exported(from);
  const to = await startService(t, COLLECTIONS);
  const answer = await to.call('POST', '/import', { body });
  t.match(JSON.parse(answer.body), { imported: 703 });
  t.equal(await exported(to), body);
  const sessions = to.engine.page('sessions', { limit: 10 }).entries;
  t.same(
    sessions.map(([, entry]) => entry.deadline()),
    [to.clock.now() + 60_000, null],
  );
});

t.test('a key that stays comes exactly once, whatever changes meanwhile', async t => {
  const service = await startService(t);
  await fill(service);
  const req = http.get({ port: service.port, host: '127.0.0.1', path: '/export' });
  const [res]: http.IncomingMessage[] = await once(req, 'response');
  if (res === undefined) throw new Error('no answer');
  await put(service, 'kv', 'k0', '"before"');
  await put(service, 'kv', 'k2', '"behind"');
  await put(service, 'kv', 'k1000', '"another"');
  let text = '';
  for await (const chunk of res.setEncoding('utf8')) text += chunk;
  const keys = text
    .trimEnd()
    .split('\n')
    .map(line => String(JSON.parse(line).key));
  t.equal(res.headers['x-revision'], '256');
  t.same(
    keys.filter(name => name !== 'k0' && name !== 'k2'),
    Array.from({ length: 256 }, (_, i) => `k${1000 + i}`),
  );
});

t.test('who does not read is not written to: the entries are asked for as they are taken', async t => {
  const service = await startService(t);
  await fill(service);
  const asked: number[] = [];
  const { engine } = service;
  const page = engine.page.bind(engine);
  engine.page = (collection, range) => {
    asked.push(range.limit);
    return page(collection, range);
  };
  const before = process.memoryUsage().external;
  const socket = net.connect(service.port, '127.0.0.1').pause();
  socket.on('error', () => {});
  socket.write('GET /export HTTP/1.1\r\nHost: a\r\n\r\n');
  while (asked.length === 0) await service.clock.turn();
  for (let turns = 0; turns < 200; turns++) await service.clock.turn();
  t.ok(asked.length < 128, `not the whole store at once: ${asked.length} values of 256`);
  t.ok(process.memoryUsage().external - before < 16 * 1024 * 1024);
  const closed = once(socket, 'close');
  await service.clock.advance(READER_PAUSE_MS);
  socket.resume();
  await closed;
  t.pass('who takes nothing at all for long is cut off');
  while (service.clock.pending > 0) await service.clock.turn();
});

t.test('a caller that goes away ends it', async t => {
  const service = await startService(t);
  await fill(service);
  const req = http.get({ port: service.port, host: '127.0.0.1', path: '/export' });
  const [res]: http.IncomingMessage[] = await once(req, 'response');
  await once(res ?? req, 'readable');
  req.on('error', () => {}).destroy();
  while (service.clock.pending > 0) await service.clock.turn();
  t.equal((await service.call('GET', '/livez')).status, 200);
  t.strictSame(service.logger.messages('error'), [], 'and is no error of ours');
});

t.test('a token that is over gets no more than is on its way, and the connection breaks off', async t => {
  const { options, headers, end } = endingToken();
  const service = await startService(t, options);
  await fill(service);
  const req = http.get({ port: service.port, host: '127.0.0.1', path: '/export', headers });
  const [res]: http.IncomingMessage[] = await once(req, 'response');
  if (res === undefined) throw new Error('no response');
  await once(res, 'readable');
  end();
  let bytes = 0;
  await t.rejects(
    (async () => {
      for await (const chunk of res) bytes += chunk.length;
    })(),
    { code: 'ECONNRESET' },
    'nobody takes it for the whole',
  );
  t.ok(bytes > 0 && bytes < 32 * 1024 * 1024, `${bytes} bytes of 64 MiB`);
  const told = service.logger.lines.find(({ message }) => message === 'an answer broke off');
  t.match(told, { level: 'error', fields: { err: { code: 'unauthenticated' } } });
  t.equal((await service.call('GET', '/export', { headers })).status, 401);
});

t.test('a stop waits for it, closes its connection behind it, and cuts it off in the end', async t => {
  const service = await startService(t);
  await fill(service);
  const agent = new http.Agent({ keepAlive: true });
  const start = async () => {
    const req = http.get({ port: service.port, host: '127.0.0.1', path: '/export', agent });
    const [res]: http.IncomingMessage[] = await once(req, 'response');
    if (res === undefined) throw new Error('no answer');
    return res;
  };
  const [read, unread] = [await start(), await start()];
  const ended = once(read.socket, 'close');
  const drained = service.server.drain();
  await service.clock.advance(IDLE_GRACE_MS);
  let text = '';
  for await (const chunk of read.setEncoding('utf8')) text += chunk;
  t.equal(text.trimEnd().split('\n').length, 256, 'whole');
  await service.clock.advance(IDLE_GRACE_MS);
  await ended;
  unread.on('error', () => {});
  const cut = once(unread, 'error');
  await service.clock.advance(10_000);
  await drained;
  unread.resume();
  t.match(await cut, [{ code: 'ECONNRESET' }], 'and nobody takes a part for the whole');
  agent.destroy();
});
