/** `?wait=30s&since=…` on a key and on a list, sentence by sentence of the contract. */
import http from 'node:http';
import t from 'tap';
import { WAITS_A_TURN } from '../../src/limits.js';
import type { JsonText } from '../../src/model.js';
import { type Answer, codeOf, EPOCH, key, request, type Service, startService } from './service.js';

function put({ engine }: Service, name: string, text: string, collection = 'kv') {
  return engine.commit([{ type: 'put', collection, key: key(name), text: text as JsonText }]);
}

/** A call that is to wait. */
class Waiting {
  readonly answer: Promise<Answer>;
  isAnswered = false;

  private constructor(answer: Promise<Answer>) {
    this.answer = answer.finally(() => {
      this.isAnswered = true;
    });
  }

  /** Resolves when it waits; fails where it does not. */
  static async begin(service: Service, path: string, headers = {}): Promise<Waiting> {
    const before = waits(service);
    const waiting = new Waiting(service.call('GET', path, { headers }));
    while (waits(service) === before) {
      if (waiting.isAnswered) throw new Error(`${path} did not wait`);
      await service.clock.turn();
    }
    return waiting;
  }
}

function waits({ server }: Service): number {
  return server.metrics.watches().waits;
}

t.test('it is answered at once where something changed since then', async t => {
  const service = await startService(t);
  await put(service, 'a', '1');
  await put(service, 'b', '2');
  const [first] = [`${EPOCH}-1`];
  for (const [path, status, body] of [
    ['/kv/a?wait=1m&since=0', 200, '1'],
    [`/kv/b?wait=1m&since=${first}`, 200, '2'],
    [`/kv/b?wait=1m&since=%22${first}%22`, 200, '2'],
    ['/get/a?wait=1m&since=0&raw', 200, '1'],
    ['/get?key=a&wait=1m&since=0', 200, '{"key":"a","value":1}'],
    ['/kv/a?wait=1m&since=99', 200, '1'],
    [`/kv/a?wait=1m&since=${EPOCH - 1}-1`, 200, '1'],
    ['/kv?wait=1m&since=1&keys', 200, '["a","b"]'],
    ['/kv?wait=1m&since=1&prefix=b&keys', 200, '["b"]'],
    ['/kv/c?wait=1m&since=99', 404, undefined],
    ['/kv/a?wait=0&since=2', 200, '1'],
  ] as const) {
    const answer = await service.call('GET', path);
    t.equal(answer.status, status, path);
    if (body !== undefined) t.equal(answer.body, body, path);
  }
  t.equal(service.clock.pending, 0);
});

t.test('else with the next change', async t => {
  const service = await startService(t);
  await put(service, 'a', '1');
  const paths = [
    '/kv/a?wait=1m&since=1',
    '/kv/a?wait=1m',
    '/get/a?wait=60&since=1',
    '/kv?wait=1m&since=1&prefix=a',
  ];
  const waiting = [];
  for (const path of paths) waiting.push(await Waiting.begin(service, path));
  await put(service, 'b', '2');
  await service.clock.advance(30_000);
  t.equal(waits(service), 4, 'unrelated keys wake nobody');
  await put(service, 'a', '3');
  const answers = await Promise.all(waiting.map(({ answer }) => answer));
  t.same(
    answers.map(({ body }) => body),
    ['3', '3', '{"key":"a","value":3}', '[{"key":"a","value":3}]'],
  );
  t.same(
    answers.map(({ headers }) => headers['x-revision']),
    ['3', '3', '3', '3'],
  );
  t.equal(service.clock.pending, 0);
});

t.test('else with what is there when the time is over, and the X-Revision unmoved', async t => {
  const service = await startService(t);
  await put(service, 'a', '1');
  const waiting = [
    await Waiting.begin(service, '/kv/a?wait=1m&since=1'),
    await Waiting.begin(service, '/kv/c?wait=1m&since=1'),
    await Waiting.begin(service, '/kv?wait=1m&since=1&prefix=a'),
    await Waiting.begin(service, '/kv/c?wait=1m&raw&default=x'),
    await Waiting.begin(service, '/get/c?wait=1m'),
  ];
  await put(service, 'b', '2');
  await service.clock.advance(60_000);
  const answers = await Promise.all(waiting.map(({ answer }) => answer));
  t.same(
    answers.map(({ status, headers }) => [status, headers['x-revision']]),
    [
      [200, '1'],
      [404, '1'],
      [200, '1'],
      [200, '1'],
      [404, '1'],
    ],
  );
  t.equal(answers[4]?.body, '{"status":"error","message":"Key not found"}');
});

t.test('a key that is not there yet is waited for, and one that goes away', async t => {
  const service = await startService(t);
  const made = await Waiting.begin(service, '/kv/lock?wait=1m');
  await put(service, 'lock', '"me"');
  t.match(await made.answer, { status: 200, body: '"me"', headers: { 'x-revision': '1' } });
  const gone = await Waiting.begin(service, '/kv/lock?wait=1m&since=1');
  await service.engine.commit([{ type: 'delete', collection: 'kv', key: key('lock') }]);
  t.match(await gone.answer, { status: 404, headers: { 'x-revision': '2' } });
  const next = await Waiting.begin(service, '/kv/lock?wait=1m&since=2');
  await put(service, 'lock', '"you"');
  t.equal((await next.answer).body, '"you"');
  const before = await service.call('GET', '/kv/lock?wait=1m&since=1');
  t.equal(before.status, 200, 'it went away and came back meanwhile');
});

t.test('a key that expires wakes who waits for it', async t => {
  const service = await startService(t);
  await service.call('PUT', '/kv/a?ttl=30', { body: '1' });
  const waiting = await Waiting.begin(service, '/kv/a?wait=1m&since=1');
  await service.clock.advance(30_000);
  t.equal((await waiting.answer).status, 404);
});

t.test('a loop that asks with the last X-Revision sees every state there is time for', async t => {
  const service = await startService(t);
  const seen: string[] = [];
  let revision = String((await service.call('GET', '/kv/n')).headers['x-revision']);
  const loop = (async () => {
    while (seen.at(-1) !== '20') {
      const answer = await service.call('GET', `/kv/n?wait=1m&since=${revision}`);
      revision = String(answer.headers['x-revision']);
      seen.push(answer.body);
    }
  })();
  for (let i = 1; i <= 20; i++) {
    await put(service, 'n', String(i));
    for (let turns = 0; turns < (i * 7) % 5; turns++) await service.clock.turn();
  }
  await loop;
  const numbers = seen.map(Number);
  t.same(
    numbers,
    [...new Set(numbers)].sort((one, other) => one - other),
    'none twice, none out of order',
  );
});

t.test('it never answers 304 unless asked by If-None-Match', async t => {
  const service = await startService(t);
  const made = await service.call('PUT', '/kv/a', { body: '1' });
  const { etag = '', 'last-modified': date = '' } = made.headers;
  const byDate = await Waiting.begin(service, '/kv/a?wait=1m&since=1', { 'If-Modified-Since': date });
  const byTag = await Waiting.begin(service, '/kv/a?wait=1m&since=1', { 'If-None-Match': etag });
  const listTag = String((await service.call('GET', '/kv')).headers.etag);
  const list = await Waiting.begin(service, '/kv?wait=1m&since=1');
  const listByTag = await Waiting.begin(service, '/kv?wait=1m&since=1', { 'If-None-Match': listTag });
  await service.clock.advance(60_000);
  const all = await Promise.all([byDate, byTag, list, listByTag].map(({ answer }) => answer));
  t.same(
    all.map(({ status }) => status),
    [200, 304, 200, 304],
  );
});

t.test('what is wrong with a call is told at once', async t => {
  const service = await startService(t, { collections: { notes: { history: 3 } } });
  await put(service, 'a', '1');
  for (const [path, status, code, headers] of [
    ['/kv/a?wait=11m', 400, 'invalid_parameter'],
    ['/kv/a?wait', 400, 'invalid_parameter'],
    ['/kv/a?wait=-1', 400, 'invalid_parameter'],
    ['/kv/a?wait=soon', 400, 'invalid_parameter'],
    ['/kv/a?since=1', 400, 'invalid_parameter'],
    ['/kv/a?wait=1m&since=yesterday', 400, 'invalid_parameter'],
    ['/kv/a?wait=1m&since=', 400, 'invalid_parameter'],
    ['/kv/a?wait=1m&raw=maybe', 400, 'invalid_parameter'],
    ['/kv/a?wait=1m&path=x', 400, undefined],
    ['/kv/a?wait=1m&history', 400, 'history_off'],
    ['/kv/a?wait=1m', 412, 'revision_mismatch', { 'If-Match': '"1-1"' }],
    ['/kv?wait=11m', 400, 'invalid_parameter'],
    ['/kv?wait=1m&limit=0', 400, 'invalid_parameter'],
    ['/kv?wait=1m&count=maybe', 400, 'invalid_parameter'],
    ['/kv?since=1', 400, 'invalid_parameter'],
    ['/kv/a/../b?wait=1m', 400, 'invalid_key'],
  ] as const) {
    const answer = await service.call('GET', path, { headers: headers ?? {} });
    t.equal(answer.status, status, path);
    if (code !== undefined) t.equal(codeOf(answer), code, path);
  }
  t.equal((await service.call('PUT', '/kv/a?wait=1m', { body: '1' })).status, 400);
  t.equal(service.clock.pending, 0);
});

t.test('a document can be waited for in every form, a member of it too', async t => {
  const service = await startService(t, { collections: { configs: { idField: 'name', history: 5 } } });
  const member = await Waiting.begin(service, '/configs/c?wait=1m&path=/db/host&raw');
  const past = await Waiting.begin(service, '/configs/c?wait=1m&version=1');
  await service.call('PUT', '/configs/c', { body: '{"name":"c","db":{"host":"x"}}' });
  t.equal((await member.answer).body, 'x');
  t.equal((await past.answer).body, '{"name":"c","db":{"host":"x"}}');
  const history = await Waiting.begin(service, '/configs/c?wait=1m&history');
  await service.call('PUT', '/configs/c', { body: '{"name":"c"}' });
  const rows: unknown[] = JSON.parse((await history.answer).body);
  t.equal(rows.length, 2);
});

t.test('the Link of a page that was waited for leads to one that is not', async t => {
  const service = await startService(t);
  for (const name of ['a', 'b', 'c']) await put(service, name, '1');
  const { headers } = await service.call('GET', '/kv?wait=1m&since=0&limit=1');
  t.equal(headers.link, '</kv?limit=1&cursor=YQ>; rel="next"');
});

t.test('many who wait for one key are answered over many turns', async t => {
  const service = await startService(t);
  const count = 5 * WAITS_A_TURN;
  const agent = new http.Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const waiting = Array.from({ length: count }, () =>
    request(service.port, 'GET', '/kv/a?wait=1m', { agent }),
  );
  while (waits(service) < count) await service.clock.turn();
  await put(service, 'a', '1');
  let most = 0;
  for (let before = count; before > 0; before = waits(service)) {
    await service.clock.turn();
    most = Math.max(most, before - waits(service));
  }
  t.ok(most <= WAITS_A_TURN, `${most} in one turn`);
  const bodies = new Set((await Promise.all(waiting)).map(({ body }) => body));
  t.same([...bodies], ['1']);
});

t.test('a caller that goes away is forgotten', async t => {
  const service = await startService(t);
  const req = http.get({ port: service.port, host: '127.0.0.1', path: '/kv/a?wait=10m' });
  req.on('error', () => {});
  while (waits(service) === 0) await service.clock.turn();
  req.destroy();
  while (waits(service) > 0) await service.clock.turn();
  t.equal(service.clock.pending, 0);
});

t.test('a stop answers all who wait with what is there', async t => {
  const service = await startService(t);
  await put(service, 'a', '1');
  const waiting = [
    await Waiting.begin(service, '/kv/a?wait=10m&since=1'),
    await Waiting.begin(service, '/kv/b?wait=10m'),
    await Waiting.begin(service, '/kv?wait=10m&keys'),
  ];
  const drained = service.server.drain();
  const answers = await Promise.all(waiting.map(({ answer }) => answer));
  t.same(
    answers.map(({ status, body }) => [status, status === 200 ? body : null]),
    [
      [200, '1'],
      [404, null],
      [200, '["a"]'],
    ],
  );
  await service.clock.advance(1_000);
  await drained;
});
