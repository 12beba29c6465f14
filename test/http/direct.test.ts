/**
 * The two ways of a request, before Koa and through it, asked the same: two services in the same state get the same
 * requests, right ones and wrong ones, and must answer the same bytes, log the same lines, count the same and be left with
 * the same. CAIRN_SEED=n repeats a run.
 */
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { digestOf, TokenGate } from '../../src/http/gate.js';
import { grantOf } from '../../src/service/grant.js';
import { Dice } from '../fixtures/fuzz/dice.js';
import { seedOf } from '../fixtures/seeded-random.js';
import { cyclesOf } from '../fixtures/torture.js';
import { type Service, startService } from './service.js';

const SEED = seedOf();
const CONVERSATIONS = cyclesOf(1_500, 60_000);
/** Requests of a conversation, at most. */
const IN_A_ROW = 3;
const LARGE = JSON.stringify('x'.repeat(100_000));

const methods = ['GET', 'GET', 'GET', 'HEAD', 'PUT', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS', 'LINK'];
const paths = [
  ...[
    '/set',
    '/set',
    '/get/a',
    '/get/a',
    '/get',
    '/get/',
    '/get/large',
    '/kv/a',
    '/kv/a',
    '/kv/b',
    '/kv/large',
  ],
  ...[
    '/kv/',
    '/kv',
    '/kv/%zz',
    '/kv/%C3%A9',
    '/kv/a%2Fb',
    '/kv/../a',
    '/users/a',
    '/users/b',
    '/nothing',
    '/kv//',
  ],
  ...['http://other/kv/a', '*', '/livez', '/batch', '/KV/a', '/set/', '/kv/mine/a', '/kv/mine/b', '/kv/\xe9'],
];
const common = [
  '/set',
  '/get/a',
  '/kv/a',
  '/kv/a',
  '/kv/b',
  '/kv/large',
  '/users/a',
  '/kv/mine/a',
  '/nothing',
];
const queries = [
  ...[
    '',
    '',
    '',
    '',
    '',
    'raw',
    'raw&default=z',
    'path=/b',
    'path=b',
    'as=env',
    'as=x',
    'sync=true',
    'sync=maybe',
  ],
  ...[
    'ttl=10m',
    'ttl=x',
    'purge',
    'history',
    'version=1',
    'diff=1..2',
    'key=a',
    'wat=1',
    'raw&raw',
    '%zz',
    'rollback=1',
  ],
  ...['since=1'],
];
const headers = [
  ...[
    'If-Match: *',
    'If-None-Match: *',
    'If-Match: "1700000000-1"',
    'If-None-Match: "1700000000-1"',
    'If-Match: x',
  ],
  ...['If-Modified-Since: Wed, 01 Jan 2025 00:00:00 GMT', 'If-Unmodified-Since: yesterday', 'X-Comment: why'],
  ...[
    'Accept: application/problem+json',
    'Connection: close',
    'Connection: keep-alive',
    'X-Comment: \xff',
    'Host: b',
  ],
  ...[
    'Origin: http://evil',
    'Sec-Fetch-Site: cross-site',
    'Upgrade: h2c',
    'Upgrade: websocket',
    'Content-Encoding: gzip',
  ],
  ...[
    'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    'Authorization: Basic x',
    'X: y',
  ],
  ...['Expect: more', 'Content-Type: text/plain'],
  ...['Content-Type: application/json; charset=utf-8', 'Content-Type: application/json; charset=latin1'],
  ...['Content-Type: application/x-www-form-urlencoded', 'Content-Type: text/html', 'Content-Type: '],
];
const bodies = [
  ...[
    '{"key":"a","value":{"b":1}}',
    '{"key":"b","value":2,"ttl":"1h"}',
    '{"key":"a"}',
    '{"key":"a","value":1,"x":2}',
  ],
  ...[
    '1',
    '{"b":10.0}',
    '"x"',
    '{"id":"a","name":"n"}',
    'key=a&value=1',
    '',
    '{',
    '\xff',
    ' {"key":"c","value":null}',
  ],
  ...[LARGE, `{"key":"large","value":${LARGE}}`, '{"key":"mine/a","value":1}'],
];
const ALL = 'Authorization: Bearer all';
const MINE = 'Authorization: Bearer mine';
const callers = [ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL, MINE, MINE, MINE, 'Authorization: Bearer no', ''];

function requestOf(dice: Dice, id: string): string {
  const method = dice.one(methods);
  const isPlain = dice.is(0.5);
  const query = isPlain ? '' : dice.one(queries);
  const body =
    method === 'PUT' || method === 'POST' || method === 'PATCH' || dice.is(0.1) ? dice.one(bodies) : null;
  const lines = [
    `${method} ${dice.one(isPlain ? common : paths)}${query === '' ? '' : `?${query}`} HTTP/1.${dice.is(0.95) ? 1 : 0}`,
    'Host: a',
    `X-Request-Id: ${id}`,
    ...[dice.one(callers)].filter(line => line !== ''),
    ...dice.list(0, dice.is(0.5) ? 0 : 2, () => dice.one(headers)),
    ...(body === null ? [] : [`Content-Length: ${body.length}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`;
}

async function start(t: Test, direct: boolean): Promise<Service> {
  const grant = grantOf([
    { verb: 'read', collection: 'kv', prefix: 'mine/' },
    { verb: 'write', collection: 'kv', prefix: 'mine/' },
  ]);
  const gate = new TokenGate({
    required: true,
    tokens: [
      { id: 'all', sha256: digestOf('all') },
      { id: 'mine', sha256: digestOf('mine'), grant },
    ],
  });
  return startService(t, {
    direct,
    gate: () => gate,
    policy: { history: 3 },
    collections: { users: { idField: 'id', required: ['name'] } },
    audited: true,
  });
}

/** All that comes back until nothing does: the last request says that it is. */
function talk(port: number, bytes: string): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    socket.setEncoding('latin1').on('data', text => {
      heard += text;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(alike(heard)));
    socket.write(bytes, 'latin1');
  });
}

/** Without what must differ: the time, and the ids of what was no request. */
function alike(text: string): string {
  return text
    .replaceAll(/^Date: .*$/gm, 'Date: then')
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'id');
}

function toldBy({ logger }: Service): string {
  const lines = logger.lines.splice(0);
  return lines
    .map(({ level, message, fields: { ms: _, peer: __, ...others } }) =>
      alike(JSON.stringify([level, message, others])),
    )
    .join('\n');
}

t.test(
  `before Koa and through it ${CONVERSATIONS} conversations are the same (CAIRN_SEED=${SEED})`,
  async t => {
    const ways = [await start(t, true), await start(t, false)] as const;
    const statuses = new Map<string, number>();
    for (let number = 0; number < CONVERSATIONS; number++) {
      const dice = new Dice(SEED, number);
      const requests = Array.from({ length: 1 + dice.below(IN_A_ROW) }, (_, k) =>
        requestOf(dice, `c${number}.${k}`),
      );
      const last = 'GET /livez HTTP/1.1\r\nHost: a\r\nX-Request-Id: last\r\nConnection: close\r\n\r\n';
      const bytes = requests.join('') + last;
      const [direct, koa] = await Promise.all(ways.map(({ port }) => talk(port, bytes)));
      const told = ways.map(toldBy);
      const found = { direct, told: told[0] };
      const wanted = { direct: koa, told: told[1] };
      const isSame = JSON.stringify(found) === JSON.stringify(wanted);
      for (const [, status = ''] of (koa ?? '').matchAll(/^HTTP\/1\.1 (\d\d\d)/gm)) {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
      if (!isSame) {
        t.strictSame(
          found,
          wanted,
          `conversation ${number}: ${JSON.stringify(bytes.replaceAll(/x{50,}/g, 'x…'))}`,
        );
        return;
      }
    }
    const [one, other] = ways.map(({ server, engine }) => ({
      counts: server.metrics.requests.counts(),
      codes: server.metrics.requests.codes().map(code => [code, server.metrics.requests.errors(code)]),
      inFlight: server.metrics.requests.inFlight,
      revision: engine.revision,
      entries: engine.page('kv', { limit: 100 }).entries.map(([key, { text }]) => [key, text]),
    }));
    t.strictSame(one, other);
    t.comment(
      [...statuses]
        .sort()
        .map(([status, count]) => `${status} ${count}`)
        .join(', '),
    );
    for (const status of ['200', '201', '204', '304', '400', '401', '403', '404', '405', '412', '415']) {
      t.ok(statuses.has(status), status);
    }
  },
);

t.test(
  'an answer that cannot be sent is a 500 and a line in the log, and not the end of the process',
  async t => {
    const service = await startService(t);
    await service.call('PUT', '/kv/a', { body: '1' });
    const { engine } = service;
    const get = engine.get.bind(engine);
    engine.get = (...place) => {
      const entry = get(...place);
      return entry === undefined ? entry : Object.assign(Object.create(entry), { version: '1\n' });
    };
    const { status, body } = await service.call('GET', '/kv/a');
    t.match([status, JSON.parse(body)], [500, { code: 'internal' }]);
    t.equal(service.logger.messages('error').length, 1);
    engine.get = get;
    t.equal((await service.call('GET', '/kv/a')).status, 200);
    t.equal(service.server.metrics.requests.inFlight, 0);
  },
);

t.test('what a large answer took is all that it took, though Koa sends it', async t => {
  const service = await startService(t);
  const waiting = service.call('GET', '/kv/a?wait=30s&default=x');
  while (service.server.metrics.watches().waits === 0) await service.clock.turn();
  await service.clock.advance(3_000);
  await service.call('PUT', '/kv/a', { body: LARGE });
  t.equal((await waiting).body, LARGE);
  const line = service.logger.lines.find(
    ({ message, fields }) => message === 'request' && fields['method'] === 'GET',
  );
  t.equal(line?.fields['ms'], 3_000);
});
