/** `GET /watch`, sentence by sentence of the contract, over real sockets. */
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import t from 'tap';
import { digestOf, TokenGate } from '../../src/http/gate.js';
import { WATCH_BACKLOG_BYTES_MAX, WATCH_END_MS, WATCH_HEARTBEAT_MS } from '../../src/limits.js';
import type { JsonText } from '../../src/model.js';
import { grantOf } from '../../src/service/grant.js';
import { Watching } from '../fixtures/watching.js';
import { codeOf, EPOCH, key, type Service, startService } from './service.js';

const id = (revision: number) => `${EPOCH}-${revision}`;

function put({ engine }: Service, name: string, text: string, collection = 'kv') {
  return engine.commit([{ type: 'put', collection, key: key(name), text: text as JsonText }]);
}

/** Until the service has noticed what the test did to its sockets. */
async function settled({ server, clock }: Service, streams: number): Promise<void> {
  while (server.metrics.watches().streams !== streams) await clock.turn();
}

t.test('each change is an unnamed event with its change id, on one line', async t => {
  const service = await startService(t);
  const watching = await Watching.open(service.port, '');
  await service.call('PUT', '/kv/a', { body: '{\r\n "x":\n10.0}' });
  await service.call('PUT', '/kv/%C3%A4%22', { body: '"ü"' });
  await service.call('DELETE', '/kv/a');
  await watching.next(3);
  t.equal(
    watching.text,
    [
      'retry: 2000\n\n',
      `id: ${id(1)}\ndata: {"type":"put","collection":"kv","key":"a","revision":1,"version":1,"value":{   "x": 10.0}}\n\n`,
      `id: ${id(2)}\ndata: {"type":"put","collection":"kv","key":"ä\\"","revision":2,"version":1,"value":"ü"}\n\n`,
      `id: ${id(3)}\ndata: {"type":"delete","reason":"deleted","collection":"kv","key":"a","revision":3,"version":1}\n\n`,
    ].join(''),
  );
  t.match(watching.res.headers, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    'x-revision': '0',
    'x-epoch': String(EPOCH),
  });
  t.notOk('content-length' in watching.res.headers);
});

t.test('a deletion says why, and a purge is one', async t => {
  const collections = {
    notes: { history: 3, idField: null },
    small: { full: 'evict', entriesMax: 1 },
  } as const;
  const service = await startService(t, { collections });
  const watching = await Watching.open(service.port, '');
  const answers = [
    await service.call('PUT', '/kv/a?ttl=1', { body: '1' }),
    await service.call('PUT', '/notes/b', { body: '1' }),
    await service.call('DELETE', '/notes/b?purge'),
    await service.call('PUT', '/small/c', { body: '1' }),
    await service.call('PUT', '/small/d', { body: '1' }),
  ];
  t.ok(answers.every(({ status }) => status < 300));
  await service.clock.advance(1_000);
  const events = await watching.next(7);
  const deletions = events.filter(({ data }) => data['type'] === 'delete');
  t.same(
    deletions.map(({ data }) => [data['key'], data['reason']]),
    [
      ['b', 'deleted'],
      ['c', 'evicted'],
      ['a', 'expired'],
    ],
  );
});

t.test('a collection, a key, a prefix', async t => {
  const service = await startService(t, { collections: { other: {} } });
  const queries = [
    '?collection=kv',
    '?collection=kv&key=a/1',
    '?prefix=a/',
    '?key=a%2F1',
    '?collection=other',
  ];
  const watches = await Promise.all(queries.map(query => Watching.open(service.port, query)));
  for (const [name, collection] of [
    ['a/1', 'kv'],
    ['a/2', 'kv'],
    ['b', 'kv'],
    ['a/1', 'other'],
    ['z', 'kv'],
    ['a/1', 'kv'],
    ['z', 'other'],
  ] as const) {
    await put(service, name, '1', collection);
  }
  const expected = [
    [1, 2, 3, 5, 6],
    [1, 6],
    [1, 2, 4, 6],
    [1, 4, 6],
    [4, 7],
  ];
  for (const [i, watching] of watches.entries()) {
    const revisions = expected[i] ?? [];
    const events = await watching.next(revisions.length);
    t.same(
      events.map(({ data }) => data['revision']),
      revisions,
      `${queries[i]}`,
    );
  }
});

t.test('a service is told of as a document, and what stands beside it is not', async t => {
  const service = await startService(t, { collections: { services: { history: Number.POSITIVE_INFINITY } } });
  const watching = await Watching.open(service.port, '?initial');
  await watching.next(1);
  await service.call('POST', '/config?service=shop', { body: '{"a":1}' });
  await service.call('PATCH', '/config?service=shop&enabled=false');
  await service.call('DELETE', '/config?service=shop');
  await service.call('PUT', '/kv/end', { body: '1' });
  const events = await watching.next(3);
  t.same(
    events.map(({ data }) => [data['type'], data['collection'], data['key']]),
    [
      ['put', 'services', 'shop'],
      ['delete', 'services', 'shop'],
      ['put', 'kv', 'end'],
    ],
  );
  const back = await Watching.open(service.port, `?since=${String(events[1]?.id)}`);
  t.same((await back.next(1))[0]?.id, events[2]?.id);
});

t.test('since goes on behind a change, and Last-Event-ID goes before it', async t => {
  const service = await startService(t);
  for (let i = 1; i <= 4; i++) await put(service, 'a', String(i));
  const seen = async (query: string, headers = {}) => {
    const watching = await Watching.open(service.port, query, headers);
    const [first] = await watching.next(1);
    watching.close();
    return first?.data['revision'];
  };
  t.equal(await seen('?since=2'), 3);
  t.equal(await seen(`?since=${id(2)}`), 3);
  t.equal(await seen('?since=%221700000000-2%22'), 3, 'as an ETag has it');
  t.equal(await seen('?since=0'), 1);
  t.equal(await seen('?since=0', { 'Last-Event-ID': id(3) }), 4);
  t.equal(await seen('?since=2', { 'Last-Event-ID': '' }), 3, 'an empty one says nothing');
});

t.test('where the past is gone a reset says where it goes on', async t => {
  const service = await startService(t);
  await put(service, 'a', '1');
  const watching = await Watching.open(service.port, '?since=1600000000-1');
  const [reset] = await watching.next(1);
  t.same(reset, { event: 'reset', id: id(1), data: { id: id(1), revision: 1 } });
  await put(service, 'a', '2');
  t.match(await watching.next(1), [{ id: id(2) }]);
});

t.test('initial: the state without ids, then synced; after a reset the same, and no id before', async t => {
  const service = await startService(t);
  await put(service, 'a', '1');
  await put(service, 'b', '2');
  const first = await Watching.open(service.port, '?initial');
  const state = await first.next(3);
  t.same(state, [
    { data: { type: 'put', collection: 'kv', key: 'a', revision: 1, version: 1, value: 1 } },
    { data: { type: 'put', collection: 'kv', key: 'b', revision: 2, version: 1, value: 2 } },
    { event: 'synced', id: id(2), data: { id: id(2), revision: 2 } },
  ]);
  const again = await Watching.open(service.port, '?initial', { 'Last-Event-ID': '1-1' });
  await again.next(4);
  t.match(again.text, `event: reset\nid\ndata: {"id":"${id(2)}","revision":2}\n\n`);
  t.same(again.events.slice(1), state);
  const resumed = await Watching.open(service.port, '?initial', { 'Last-Event-ID': id(1) });
  t.match(await resumed.next(1), [{ id: id(2) }], 'who can go on is not told the state');
});

t.test('comment lines come while nothing happens, with an id to go on from', async t => {
  const service = await startService(t);
  const watching = await Watching.open(service.port, '?key=a');
  await put(service, 'unrelated', '1');
  await service.clock.advance(WATCH_HEARTBEAT_MS);
  await watching.until(() => watching.text.includes(`:\nid: ${id(1)}\n\n`));
  t.same(watching.events, []);
});

t.test('HEAD has the headers, and nobody watches', async t => {
  const service = await startService(t);
  const answer = await service.call('HEAD', '/watch?collection=kv');
  t.match(answer, { status: 200, body: '', headers: { 'content-type': 'text/event-stream' } });
  t.equal(service.server.metrics.watches().streams, 0);
  t.equal(service.clock.pending, 0);
});

t.test('what is asked wrongly is told by the status', async t => {
  const { call } = await startService(t);
  for (const [query, status, code, headers] of [
    ['?collection=nowhere', 404, 'not_found'],
    ['?collection=', 404, 'not_found'],
    ['?since=yesterday', 400, 'invalid_parameter'],
    ['?since=-1', 400, 'invalid_parameter'],
    ['?since=', 400, 'invalid_parameter'],
    ['?since=1&since=2', 400, 'invalid_parameter'],
    ['?since=9999999999999999', 400, 'invalid_parameter'],
    ['?initial=yes', 400, 'invalid_parameter'],
    ['?key=a&prefix=b', 400, 'invalid_parameter'],
    ['?key=', 400, 'invalid_key'],
    ['?key=a/../b', 400, 'invalid_key'],
    [`?prefix=${'a'.repeat(513)}`, 400, 'invalid_parameter'],
    ['?where=a=1', 400, 'invalid_parameter'],
    ['', 400, 'invalid_parameter', { 'Last-Event-ID': 'x\u00e4' }],
    ['?since=1', 400, 'invalid_parameter', { 'Last-Event-ID': '1-' }],
  ] as const) {
    const answer = await call('GET', `/watch${query}`, { headers: headers ?? {} });
    t.same([answer.status, codeOf(answer)], [status, code], query);
  }
  t.equal((await call('POST', '/watch', { body: '{}' })).status, 405);
});

t.test('no more than so many watches and waits: then it is overloaded, and comes back', async t => {
  const service = await startService(t, { watchersMax: 2 });
  const first = await Watching.open(service.port, '');
  const waiting = service.call('GET', '/kv/a?wait=10m');
  while (service.server.metrics.watches().waits === 0) await service.clock.turn();
  const refused = await service.call('GET', '/watch');
  t.same([refused.status, codeOf(refused)], [503, 'overloaded']);
  t.match(refused.headers, { 'retry-after': /^\d+$/ });
  t.match(refused.body, '--max-watchers');
  t.equal((await service.call('GET', '/kv?wait=10s')).status, 503);
  t.equal((await service.call('GET', '/kv?wait=10s&since=7')).status, 200, 'what need not wait is answered');
  first.close();
  await settled(service, 0);
  const second = await Watching.open(service.port, '');
  await put(service, 'a', '1');
  t.equal((await waiting).status, 200);
  await second.next(1);
});

t.test('a client that goes away leaves nothing behind', async t => {
  const service = await startService(t);
  for (const query of ['', '?key=a', '?initial', '?since=0']) {
    const watching = await Watching.open(service.port, query);
    t.equal(service.server.metrics.watches().streams, 1);
    watching.close();
    await settled(service, 0);
    t.equal(service.clock.pending, 0, query);
  }
  const half = await Watching.open(service.port, '');
  half.res.socket.end();
  await settled(service, 0);
  t.pass('one that closes its side too');
});

t.test('who does not read is cut at its bound, and no writer waits for it', async t => {
  const service = await startService(t);
  const socket = net.connect(service.port, '127.0.0.1').pause();
  socket.on('error', () => {});
  socket.write('GET /watch HTTP/1.1\r\nHost: a\r\n\r\n');
  await settled(service, 1);
  const text = JSON.stringify('x'.repeat(WATCH_BACKLOG_BYTES_MAX / 4));
  let written = 0;
  while (service.server.metrics.watches().cut === 0) {
    await put(service, 'a', text);
    written += text.length;
    for (let turns = 0; turns < 3; turns++) await service.clock.turn();
  }
  await settled(service, 0);
  const closed = once(socket, 'close');
  socket.resume();
  await closed;
  t.ok(written < 64 * WATCH_BACKLOG_BYTES_MAX, `${written} bytes, with all that the kernel takes`);
  t.equal((await service.call('GET', '/livez')).status, 200);
});

t.test('at a stop a watch ends with a hint to come back, and nothing holds it up', async t => {
  const service = await startService(t);
  const agent = new http.Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const watches = await Promise.all(
    ['', '?key=a', '?initial'].map(query => Watching.open(service.port, query)),
  );
  await put(service, 'a', '1');
  await watches[0]?.next(1);
  const stuck = net.connect(service.port, '127.0.0.1').pause();
  stuck.on('error', () => {});
  stuck.write('GET /watch?since=0 HTTP/1.1\r\nHost: a\r\n\r\n');
  await settled(service, 4);
  const drained = service.server.drain();
  for (const watching of watches) await watching.ended;
  t.match(watches[0]?.text, /retry: \d+\n\n$/);
  t.not(
    watches[0]?.text.split('retry: ')[2],
    watches[1]?.text.split('retry: ')[2],
    'not all at the same time',
  );
  await service.clock.advance(WATCH_END_MS);
  await drained;
  t.equal(service.clock.pending, 0);
  t.equal(service.server.metrics.watches().streams, 0);
});

t.test('one that has read nothing of its events for a second does not hold up a stop', async t => {
  const service = await startService(t);
  const stuck = net.connect(service.port, '127.0.0.1').pause();
  stuck.on('error', () => {});
  for (let i = 0; i < 20; i++) await put(service, `k${i}`, JSON.stringify('x'.repeat(1_000_000)));
  stuck.write('GET /watch?since=0 HTTP/1.1\r\nHost: a\r\n\r\n');
  await settled(service, 1);
  for (let turns = 0; turns < 50; turns++) await service.clock.turn();
  const drained = service.server.drain();
  await service.clock.advance(WATCH_END_MS);
  await drained;
  t.pass();
});

t.test('a watch shows what the token may read, and says that it is not all', async t => {
  const gate = someTokens();
  const service = await startService(t, { gate: () => gate, collections: { other: {} } });
  const open = (query: string) =>
    Watching.open(service.port, query, { Authorization: 'Bearer app-token-app-token' });
  const watches = [
    await open(''),
    await open('?collection=kv'),
    await open('?collection=kv&prefix=app/x'),
  ] as const;
  for (const name of ['apple', 'app', 'b', 'app/x1']) await put(service, name, '1');
  await put(service, 'app/x1', '1', 'other');
  await put(service, 'app/x2', '1');
  const keysOf = async (watching: Watching, count: number) =>
    (await watching.next(count)).map(({ data }) => data['key']);
  t.same(await keysOf(watches[0], 3), ['app', 'app/x1', 'app/x2']);
  t.same(await keysOf(watches[1], 3), ['app', 'app/x1', 'app/x2']);
  t.same(await keysOf(watches[2], 2), ['app/x1', 'app/x2']);
  t.same(
    watches.map(({ res }) => res.headers['x-filtered']),
    ['true', 'true', undefined],
  );
  for (const query of ['?collection=other', '?prefix=b', '?key=apple', '?collection=kv&key=apple']) {
    const headers = { Authorization: 'Bearer app-token-app-token' };
    const refused = await service.call('GET', `/watch${query}`, { headers });
    t.same([refused.status, codeOf(refused)], [403, 'forbidden'], query);
  }
  t.equal((await service.call('GET', '/watch')).status, 401);
});

t.test('a token that is removed sees nothing more after the next heartbeat, and waits no longer', async t => {
  let isOver = false;
  const gate = someTokens(() => isOver);
  const service = await startService(t, { gate: () => gate });
  const headers = { Authorization: 'Bearer app-token-app-token' };
  const watching = await Watching.open(service.port, '', headers);
  const waiting = service.call('GET', '/kv/app/x?wait=1m', { headers });
  while (service.server.metrics.watches().waits === 0) await service.clock.turn();
  isOver = true;
  await service.clock.advance(WATCH_HEARTBEAT_MS);
  await watching.ended;
  const answer = await waiting;
  t.same([answer.status, codeOf(answer)], [401, 'unauthenticated']);
  await put(service, 'app/x', '"secret"');
  t.notMatch(watching.text, 'secret');
});

function someTokens(isOver = () => false): TokenGate {
  const grant = grantOf([{ verb: 'read', collection: 'kv', prefix: 'app' as never }]);
  const token = { id: 'app', sha256: digestOf('app-token-app-token'), grant, isOver };
  return new TokenGate({ required: true, tokens: [token] });
}
