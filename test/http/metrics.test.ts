/** What /metrics says, and that it says what happened. */
import http from 'node:http';
import net from 'node:net';
import t from 'tap';
import { digestOf, TokenGate } from '../../src/http/gate.js';
import { ServicesEngine } from '../../src/service/services.js';
import { systemError } from '../fixtures/crash-files.js';
import { openEngine } from '../fixtures/memory-engine.js';
import { metricsProblems, parseMetrics, type Scrape } from '../fixtures/metrics.js';
import { needs } from '../fixtures/needs.js';
import { randomOf, seedOf } from '../fixtures/seeded-random.js';
import { exchange, request, type Service, type ServiceOptions, startService } from './service.js';

type Test = (typeof t)['t'];

async function text({ call }: Pick<Service, 'call'>): Promise<string> {
  const answer = await call('GET', '/metrics');
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.body}`);
  return answer.body;
}

async function scrape(service: Pick<Service, 'call'>): Promise<Scrape> {
  return parseMetrics(await text(service));
}

/** With the memory engine behind it, on a disk of the test. */
async function overSnapshots(t: Test, options: Partial<ServiceOptions> = {}, rotateBytesMin?: number) {
  const world = await openEngine(rotateBytesMin === undefined ? {} : { rotateBytesMin });
  t.teardown(async () => {
    world.files.heal();
    const closed = world.engine.close();
    await world.clock.advance(60_000);
    await closed;
  });
  const services = new ServicesEngine(world.engine);
  const service = await startService(t, { engine: () => services, ...options });
  return { ...world, service };
}

t.test('it is text for Prometheus, also by HEAD, and takes no parameters', async t => {
  const { call } = await startService(t);
  const answer = await call('GET', '/metrics');
  t.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  t.equal((await call('HEAD', '/metrics')).status, 200);
  t.equal((await call('GET', '/metrics?x')).status, 400);
  t.equal((await call('POST', '/metrics')).status, 405);
});

t.test('the delay of the event loop is told where it was seen, and never as nothing', async t => {
  const service = await startService(t);
  const delays = async (): Promise<readonly number[]> =>
    [...(await text(service)).matchAll(/^nodejs_eventloop_lag\w* (\S+)$/gm)].map(([, value]) =>
      Number(value),
    );
  let seen: readonly number[] = [];
  // What was seen is forgotten with each scrape, so of two right after another one mostly finds nothing.
  for (let scrapes = 0; scrapes < 20 || seen.length < 5; scrapes++) {
    seen = await delays();
    t.ok(
      seen.every(value => value >= 1e-6),
      `${seen}`,
    );
    if (scrapes >= 20) await new Promise(resolve => setTimeout(resolve, 20));
  }
  t.equal(seen.length, 5, 'the last one, the longest, and three percentiles');
});

t.test('promtool takes it: empty, loaded, loading and degraded', { skip: needs('promtool') }, async t => {
  const { service, files } = await overSnapshots(t);
  t.equal(metricsProblems(await text(service)), '', 'empty');
  await service.call('PUT', '/kv/a?sync&ttl=1h', { body: '1' });
  for (const path of ['/get/a', '/get/none', '/kv', '/nowhere', '/readyz']) await service.call('GET', path);
  await exchange(service.port, 'nonsense\r\n\r\n');
  t.equal(metricsProblems(await text(service)), '', 'loaded');
  files.fail(({ op }) => (op === 'sync' ? systemError('EIO') : undefined));
  t.equal((await service.call('PUT', '/kv/a?sync', { body: '2' })).status, 503);
  t.equal(metricsProblems(await text(service)), '', 'degraded');
  const loading = await startService(t, { engine: () => null });
  t.equal(metricsProblems(await text(loading)), '', 'loading');
  t.match(metricsProblems('# TYPE a_total gauge\na_total 1\n'), /a_total/, 'it would find something');
});

t.test('requests are counted by route, method and status, and timed', async t => {
  const service = await startService(t);
  const { call } = service;
  await call('PUT', '/kv/a', { body: '1' });
  await call('PUT', '/kv/a/b', { body: '1' });
  await call('PUT', '/kv/a', { body: '{' });
  await call('GET', '/get/a');
  await call('HEAD', '/get/a');
  await call('OPTIONS', '/kv/a');
  await call('GET', '/nowhere');
  await call('DELETE', '/else/where?x=1');
  await call('PROPFIND', '/kv/a');
  const found = await scrape(service);
  const counted = [
    ['/kv/<key>', 'PUT', '201', 2],
    ['/kv/<key>', 'PUT', '400', 1],
    ['/get/<key>', 'GET', '200', 1],
    ['/get/<key>', 'HEAD', '200', 1],
    ['/kv/<key>', 'OPTIONS', '204', 1],
    ['unknown', 'GET', '404', 1],
    ['unknown', 'DELETE', '404', 1],
    ['/kv/<key>', 'other', '405', 1],
  ] as const;
  for (const [route, method, code, count] of counted) {
    const series = `cairn_http_requests_total{route="${route}",method="${method}",code="${code}"}`;
    t.equal(found.value(series), count, series);
  }
  t.equal(found.sum('cairn_http_requests_total'), 9, 'and nothing else');
  t.equal(found.sum('cairn_http_request_duration_seconds_count'), 9);
  t.equal(found.value('cairn_http_request_duration_seconds_count{route="/kv/<key>",method="PUT"}'), 3);
  t.equal(found.value('cairn_http_errors_total{code="invalid_json"}'), 1);
  t.equal(found.value('cairn_http_errors_total{code="not_found"}'), 2);
  t.equal(found.value('cairn_http_requests_in_flight'), 1, 'the scrape itself');
  t.equal(
    (await scrape(service)).sum('cairn_http_requests_total', 'route="/metrics"'),
    1,
    'counted when it ended',
  );
});

t.test('a call that waits for a change is counted and not timed', async t => {
  const service = await startService(t);
  await service.call('PUT', '/kv/a', { body: '1' });
  const waiting = service.call('GET', '/kv/a?wait=30s');
  let found = await scrape(service);
  while (found.value('cairn_watchers{transport="wait"}') === 0) found = await scrape(service);
  await service.clock.advance(30_000);
  t.equal((await waiting).status, 200);
  await service.call('GET', '/kv/a?wait=30s&since=0');
  found = await scrape(service);
  t.equal(found.value('cairn_http_requests_total{route="/kv/<key>",method="GET",code="200"}'), 2);
  t.equal(found.value('cairn_http_request_duration_seconds_count{route="/kv/<key>",method="GET"}'), 1);
  t.equal(found.value('cairn_http_request_duration_seconds_sum{route="/kv/<key>",method="GET"}'), 0);
  t.equal(found.value('cairn_watchers{transport="wait"}'), 0);
});

t.test('what is no request is counted by its answer', async t => {
  const service = await startService(t);
  const { raw } = service;
  t.match(await raw('nonsense\r\n\r\n'), /^HTTP\/1\.1 400/);
  t.match(await raw(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431/);
  t.match(await raw('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'), /^HTTP\/1\.1 405/);
  const broken = 'PUT /kv/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n';
  t.match(await raw(broken), /^HTTP\/1\.1 400/, 'in the middle of a body');
  const found = await scrape(service);
  const series = (code: number) =>
    `cairn_http_requests_total{route="malformed",method="other",code="${code}"}`;
  t.same([found.value(series(400)), found.value(series(431)), found.value(series(405))], [2, 1, 1]);
  t.equal(found.sum('cairn_http_requests_total'), 4, 'each of them once');
  t.equal(found.value('cairn_http_requests_in_flight'), 1);
});

t.test('a caller that went away before the answer has no status, and no error', async t => {
  const { service, files, clock } = await overSnapshots(t);
  let found = await scrape(service);
  const until = async (inFlight: number) => {
    do found = await scrape(service);
    while (found.value('cairn_http_requests_in_flight') !== inFlight + 1);
  };
  const begun = net.connect(service.port, '127.0.0.1');
  begun.write('PUT /kv/a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{');
  await until(1);
  begun.resetAndDestroy();
  await until(0);
  const aborted = 'cairn_http_requests_total{route="/kv/<key>",method="PUT",code="aborted"}';
  t.equal(found.value(aborted), 1, 'in the middle of its body');

  let go = (): void => undefined;
  files.hold(({ op }) => (op === 'sync' ? new Promise(resolve => (go = resolve)) : undefined));
  const waiting = net.connect(service.port, '127.0.0.1');
  waiting.write('PUT /kv/a?sync HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1');
  await until(1);
  waiting.destroy();
  while (found.value('cairn_http_connections') > 1) found = await scrape(service);
  files.hold(() => undefined);
  go();
  await clock.advance(10);
  await until(0);
  t.equal(found.value(aborted), 2, 'while it waited for the volume');
  t.equal(found.sum('cairn_http_requests_total', 'method="PUT"'), 2);
  t.equal(found.sum('cairn_http_errors_total'), 0);
});

t.test('no path, no method and no header makes another series', async t => {
  const seed = seedOf();
  t.comment(`CAIRN_SEED=${seed}`);
  const random = randomOf(seed);
  const service = await startService(t);
  const word = (): string => Math.floor(random() * 1e9).toString(36);
  const methods = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'LOCK', 'SEARCH'];
  const roots = ['/', '/kv/', '/get/', '/kv?prefix=', '/nowhere/', '/metrics/', '/livez?'];
  const pick = (of: readonly string[]): string => of[Math.floor(random() * of.length)] ?? '';
  const connections = Array.from({ length: 10 }, () => {
    const requests = Array.from({ length: 1000 }, () => {
      const head = `${pick(methods)} ${pick(roots)}${word()} HTTP/1.1\r\nHost: a\r\n`;
      return `${head}X-Request-Id: ${word()}\r\nOrigin: http://${word()}\r\nContent-Length: 0\r\n\r\n`;
    });
    return inTurn(service.port, requests);
  });
  await Promise.all(connections);
  const found = await scrape(service);
  t.equal(found.sum('cairn_http_requests_total'), 10_000);
  const series = [...found.values.keys()].filter(name => name.startsWith('cairn_http_requests_total'));
  // Six routes that are asked for and the unknown, eight methods, and some statuses each.
  t.ok(series.length < 150, `${series.length} series`);
  t.ok([...found.values.keys()].length < 2500, `${found.values.size} lines`);
});

/** Sends them one after the other, and resolves when each has its answer. */
async function inTurn(port: number, requests: readonly string[]): Promise<void> {
  const socket = net.connect(port, '127.0.0.1');
  // Some at a time, so that none of them is one too many that waits.
  for (let i = 0; i < requests.length; i += 100) {
    const some = requests.slice(i, i + 100);
    let answers = 0;
    const all = new Promise<void>((resolve, reject) => {
      socket.on('close', () => reject(new Error('the connection was closed')));
      socket.on('data', chunk => {
        answers += chunk.toString('latin1').split('X-Request-Id: ').length - 1;
        if (answers >= some.length) resolve();
      });
    });
    socket.write(some.join(''));
    await all;
    socket.removeAllListeners('data').removeAllListeners('close');
  }
  socket.destroy();
}

t.test('reads and writes are counted by what became of them', async t => {
  const service = await startService(t, { collections: { notes: { history: 10 } } });
  const { call } = service;
  await call('PUT', '/kv/a', { body: '1' });
  await call('PUT', '/kv/a', { body: '2' });
  await call('PUT', '/notes/a', { body: '1' });
  await call('PUT', '/notes/a', { body: '1' });
  await call('PATCH', '/kv/a?ttl=1h');
  await call('DELETE', '/kv/a');
  await call('DELETE', '/kv/a');
  const before = await scrape(service);
  for (let i = 0; i < 3; i++) await call('GET', '/get/none');
  for (let i = 0; i < 5; i++) await call('GET', '/notes/a');
  const found = await scrape(service);
  const gained = (series: string): number => found.value(series) - before.value(series);
  t.equal(gained('cairn_keyspace_hits_total'), 5);
  t.equal(gained('cairn_keyspace_misses_total'), 3);
  t.equal(gained('cairn_ops_total{op="get",result="found"}'), 5);
  t.equal(gained('cairn_ops_total{op="get",result="absent"}'), 3);
  const wanted = { created: 2, replaced: 1, unchanged: 1 };
  for (const [result, count] of Object.entries(wanted)) {
    t.equal(found.value(`cairn_ops_total{op="put",result="${result}"}`), count, result);
  }
  t.equal(found.value('cairn_ops_total{op="touch",result="touched"}'), 1);
  t.equal(found.value('cairn_ops_total{op="delete",result="deleted"}'), 1);
  t.equal(found.value('cairn_ops_total{op="delete",result="absent"}'), 1);
});

t.test('keys that go by themselves are counted, and those that have a deadline', async t => {
  const { service, clock, engine } = await overSnapshots(t, { collections: { sessions: {} } });
  for (const name of ['a', 'b']) await service.call('PUT', `/kv/${name}?ttl=1s`, { body: '1' });
  await service.call('PUT', '/kv/c', { body: '1' });
  t.equal((await scrape(service)).value('cairn_keys_with_ttl'), 2);
  t.equal((await scrape(service)).value('cairn_keys{collection="kv"}'), 3);
  await clock.advance(2000);
  let found = await scrape(service);
  t.equal(found.value('cairn_expired_keys_total'), 2);
  t.equal(found.value('cairn_keys_with_ttl'), 0);
  t.equal(found.value('cairn_keys{collection="kv"}'), 1);
  for (const name of ['1', '2', '3', '4', '5']) await service.call('PUT', `/sessions/${name}`, { body: '1' });
  found = await scrape(service);
  t.equal(found.value('cairn_evicted_keys_total'), 2, 'three are what there may be');
  t.equal(found.value('cairn_keys{collection="sessions"}'), 3);
  t.equal(found.value('cairn_memory_limit_bytes'), 100_000_000);
  t.equal(found.value('cairn_memory_bytes'), found.sum('cairn_bytes'));
  clock.jump(100_000);
  engine.now();
  t.equal((await scrape(service)).value('cairn_clock_jumps_total'), 1);
});

t.test('refusals are counted by their reason, from the beginning on', async t => {
  const gate = new TokenGate({
    required: true,
    tokens: [{ id: 'a', sha256: digestOf('right-token-of-20') }],
  });
  const service = await startService(t, { gate: () => gate });
  const headers = { authorization: 'Bearer right-token-of-20' };
  const call: Service['call'] = (method, path, options = {}) =>
    service.call(method, path, { ...options, headers: { ...headers, ...options.headers } });
  t.equal((await scrape({ call })).sum('cairn_auth_denied_total'), 0);
  for (let i = 0; i < 2; i++) await service.call('GET', '/get/a');
  await call('PUT', '/kv/a', { headers: { 'sec-fetch-site': 'cross-site' }, body: '1' });
  await call('PUT', '/kv/a', { headers: { 'if-match': '"1-1"' }, body: '1' });
  const found = await scrape({ call });
  t.equal(found.value('cairn_auth_denied_total{reason="unauthenticated"}'), 2);
  t.equal(found.value('cairn_auth_denied_total{reason="cross_site"}'), 1);
  t.equal(found.value('cairn_auth_denied_total{reason="forbidden"}'), 0);
  t.equal(found.value('cairn_auth_denied_total{reason="rate_limited"}'), 0);
  t.equal(found.value('cairn_cas_conflicts_total'), 1);
});

t.test('a volume in trouble is seen while it lasts', async t => {
  const { service, files, clock } = await overSnapshots(t);
  const trouble = async () => {
    const found = await scrape(service);
    return ['full', 'filling', 'error'].filter(
      reason => found.value(`cairn_storage_degraded{reason="${reason}"}`) === 1,
    );
  };
  const write = async () => (await service.call('PUT', '/kv/a?sync', { body: '1' })).status;
  t.equal(await write(), 201);
  t.strictSame(await trouble(), []);

  files.fail(({ op }) => (op === 'sync' ? systemError('EIO') : undefined));
  t.equal(await write(), 503);
  t.strictSame(await trouble(), ['error']);
  t.equal((await scrape(service)).value('cairn_log_failures_total'), 1);
  files.heal();
  await clock.advance(1000);
  t.strictSame(await trouble(), [], 'it takes writes again');

  files.fail(({ op }) => (op === 'append' || op === 'create' ? systemError('ENOSPC') : undefined));
  t.equal(await write(), 503);
  t.strictSame(await trouble(), ['full']);
  files.heal();
  await clock.advance(1000);
  t.strictSame(await trouble(), []);

  await service.call('PUT', '/kv/large?sync', { body: `"${'x'.repeat(100_000)}"` });
  files.free = 5000;
  await clock.advance(2000);
  t.equal(await write(), 200, 'the look comes before the next line');
  t.strictSame(await trouble(), ['filling']);
  files.free = 1e9;
  await clock.advance(2000);
  t.strictSame(await trouble(), []);
});

t.test('what is written, what waits, and for how long', async t => {
  const { service, files, clock } = await overSnapshots(t);
  await service.call('PUT', '/kv/a?sync', { body: '1' });
  let found = await scrape(service);
  t.equal(found.value('cairn_log_fsync_duration_seconds_count'), 1);
  t.ok(found.value('cairn_log_written_bytes_total') > 0);
  t.ok(found.value('cairn_log_bytes') > found.value('cairn_log_written_bytes_total'), 'it has a header');
  t.same([found.value('cairn_revision'), found.value('cairn_durable_revision')], [1, 1]);
  t.same([found.value('cairn_undurable_bytes'), found.value('cairn_undurable_seconds')], [0, 0]);
  let go = (): void => undefined;
  files.hold(({ op }) => (op === 'sync' ? new Promise(resolve => (go = resolve)) : undefined));
  await service.call('PUT', '/kv/a', { body: '2' });
  await clock.advance(1500);
  found = await scrape(service);
  t.same([found.value('cairn_revision'), found.value('cairn_durable_revision')], [2, 1]);
  t.equal(found.value('cairn_undurable_seconds'), 1.5);
  t.ok(found.value('cairn_undurable_bytes') > 0);
  files.hold(() => undefined);
  go();
  await clock.advance(10);
  found = await scrape(service);
  t.equal(found.value('cairn_durable_revision'), 2);
  const bucket = (le: string) => found.value(`cairn_log_fsync_duration_seconds_bucket{le="${le}"}`);
  t.equal(bucket('0.512') - bucket('0.256'), 1, 'it took half a second');
  t.equal(bucket('+Inf') - bucket('0.512'), 0);
});

t.test('a base is told of once it is made, and when one could not be', async t => {
  const { service, files, clock } = await overSnapshots(t, {}, 1000);
  const write = () => service.call('PUT', '/kv/a?sync', { body: `"${'x'.repeat(2000)}"` });
  t.notOk(
    (await scrape(service)).names.includes('cairn_base_bytes'),
    'of what is not there yet nothing is said',
  );
  files.fail(({ op, path }) =>
    op === 'create' && path.endsWith('.base.tmp') ? systemError('EIO') : undefined,
  );
  await write();
  await clock.advance(10);
  let found = await scrape(service);
  t.equal(found.value('cairn_base_failures_total'), 1);
  t.equal(found.sum('cairn_storage_degraded'), 0, 'the logs are there');
  files.heal();
  await clock.advance(60_000);
  await write();
  await clock.advance(10);
  found = await scrape(service);
  t.ok(found.value('cairn_base_bytes') > 2000);
  t.equal(found.value('cairn_base_duration_seconds'), 0);
  const at = found.value('cairn_base_last_success_timestamp_seconds');
  t.equal(Math.floor(at), Math.floor(clock.now() / 1000));
});

t.test('watchers, what they were told, and those that had to begin anew', async t => {
  const service = await startService(t);
  const watch = http.get({ port: service.port, path: '/watch?collection=kv&since=1-1' });
  watch.on('response', res => res.resume()).on('error', () => undefined);
  let found = await scrape(service);
  while (found.value('cairn_watchers{transport="sse"}') === 0) found = await scrape(service);
  for (let i = 0; i < 3; i++) await service.call('PUT', '/kv/a', { body: '1' });
  while (found.value('cairn_watch_events_total') < 3) found = await scrape(service);
  t.equal(found.value('cairn_watch_events_total'), 3);
  t.equal(found.value('cairn_watch_resets_total'), 1, 'its past is of another epoch');
  t.equal(found.value('cairn_slow_watchers_total'), 0);
  watch.destroy();
  while (found.value('cairn_watchers{transport="sse"}') > 0) found = await scrape(service);
  t.equal(found.sum('cairn_watchers'), 0);
});

t.test('nothing that a caller sent is in it', async t => {
  const service = await startService(t);
  const secret = 'hunter2';
  await service.call('PUT', `/kv/${secret}?ttl=1h`, {
    body: `"${secret}"`,
    headers: { 'x-comment': secret },
  });
  await service.call('GET', `/${secret}?${secret}=${secret}`);
  await service.call('GET', `/kv?where=${secret}=${secret}`);
  t.notMatch(await text(service), secret);
});

t.test(
  'on the port of its own it needs no token, and nothing but it and the health routes is there',
  async t => {
    const gate = new TokenGate({
      required: true,
      tokens: [{ id: 'a', sha256: digestOf('right-token-of-20') }],
    });
    const service = await startService(t, { gate: () => gate, metricsApart: true });
    const monitor = service.server.monitor();
    const { port } = await monitor.listen('127.0.0.1', 0);
    t.teardown(async () => {
      const drained = monitor.drain();
      await service.clock.advance(60_000);
      await drained;
    });
    for (const path of ['/livez', '/readyz', '/healthz', '/metrics']) {
      t.equal((await request(port, 'GET', path)).status, 200, path);
    }
    for (const path of ['/', '/kv', '/get/a', '/export', '/collections', '/version', '/nowhere']) {
      t.equal((await request(port, 'GET', path)).status, 404, path);
    }
    t.equal((await request(port, 'PUT', '/kv/a', { body: '1' })).status, 404);
    const headers = { authorization: 'Bearer right-token-of-20' };
    t.equal((await service.call('GET', '/metrics', { headers })).status, 404);
    t.equal((await service.call('GET', '/livez')).status, 200);
    await service.call('GET', '/get/a', { headers });
    const found = parseMetrics((await request(port, 'GET', '/metrics')).body);
    t.equal(found.sum('cairn_http_requests_total', 'route="/get/<key>"'), 1, 'it tells of the other port');
  },
);

t.test('on the port of the data it takes a token, where one is needed', async t => {
  const gate = new TokenGate({
    required: true,
    tokens: [{ id: 'a', sha256: digestOf('right-token-of-20') }],
  });
  const service = await startService(t, { gate: () => gate });
  t.equal((await service.call('GET', '/metrics')).status, 401);
  const headers = { authorization: 'Bearer right-token-of-20' };
  t.equal((await service.call('GET', '/metrics', { headers })).status, 200);
});

t.test('it is not ready while it loads', async t => {
  const ready = await scrape(await startService(t));
  t.equal(ready.value('cairn_ready'), 1);
  t.match(
    [...ready.values.keys()].find(name => name.startsWith('cairn_build_info')),
    'version="1.2.3"',
  );
  const loading = await scrape(await startService(t, { engine: () => null }));
  t.equal(loading.value('cairn_ready'), 0);
  t.notOk(loading.names.includes('cairn_revision'), 'of what is not there yet nothing is said');
});
