import t from 'tap';
import { CairnError } from '../../src/errors.js';
import { codeOf, EPOCH, startService, stored } from './service.js';

t.test('the answers of the service that users come from, to the letter', async t => {
  const { call } = await startService(t);
  const set = await call('POST', '/set', { body: '{"key":"key_1","value":"value_1"}' });
  t.same(
    [set.status, set.body],
    [200, '{"status":"success","message":"key-value pair is set successfully"}'],
  );
  const got = await call('GET', '/get/key_1');
  t.same([got.status, got.body], [200, '{"key":"key_1","value":"value_1"}']);
  const none = await call('GET', '/get/key_2');
  t.same([none.status, none.body], [404, '{"status":"error","message":"Key not found"}']);
  for (const { headers } of [set, got, none])
    t.equal(headers['content-type'], 'application/json; charset=utf-8');
});

t.test('what was sent comes back byte for byte', async t => {
  const { call } = await startService(t);
  const values = [
    '10.0',
    '9007199254740993',
    'null',
    '0',
    'false',
    '""',
    '{"b":1, "a" : [ ]}',
    '"\\u00fc ü \\ud800"',
    '-0',
    '1E5',
  ];
  for (const value of values) {
    await call('POST', '/set', { body: `{"key":"a","value": ${value} }` });
    t.equal((await call('GET', '/get/a')).body, `{"key":"a","value":${value}}`);
    t.equal((await call('GET', '/kv/a')).body, value);
    t.equal((await call('PUT', '/kv/b', { body: `\n${value}\n` })).body, value);
  }
});

t.test('raw is the bare string, or the JSON text of any other value, and nothing a browser runs', async t => {
  const { call } = await startService(t);
  const raws = [
    ['"a\\nb \\u00fc"', 'a\nb ü'],
    ['""', ''],
    ['[1, "x"]', '[1, "x"]'],
    ['null', 'null'],
    ['"\\ud800"', '"\\ud800"'],
  ] as const;
  for (const [value, raw] of raws) {
    await call('PUT', '/kv/a', { body: value });
    const { body, headers } = await call('GET', '/get/a?raw');
    t.equal(body, raw);
    t.match(headers, {
      'content-type': 'text/plain; charset=utf-8',
      'content-security-policy': 'sandbox',
      'x-content-type-options': 'nosniff',
    });
    t.equal((await call('GET', '/get/a?raw=false')).body, `{"key":"a","value":${value}}`);
  }
});

t.test('default stands in for a missing key or member, as a string', async t => {
  const { call } = await startService(t);
  await call('PUT', '/kv/a', { body: '{"b":1}' });
  t.equal((await call('GET', '/get/none?default=5')).body, '{"key":"none","value":"5"}');
  t.equal((await call('GET', '/kv/none?default=5')).body, '"5"');
  t.equal((await call('GET', '/kv/a?path=/c&default=x')).body, '"x"');
  t.equal((await call('GET', '/get/none?raw&default=')).body, '');
  t.equal((await call('GET', '/kv/a?path=/b&default=x')).body, '1', 'and only then');
  const { status, headers } = await call('GET', '/kv/none?default=5');
  t.equal(status, 200);
  t.match(headers, { 'x-revision': '1', 'x-epoch': String(EPOCH) });
  t.notOk(headers.etag, 'a default has no ETag');
});

t.test('a member that is not there is 404 with its own code', async t => {
  const { call } = await startService(t);
  await call('PUT', '/kv/a', { body: '{"b":1}' });
  for (const path of ['/kv/a?path=/c', '/get/a?path=/b/c']) {
    const answer = await call('GET', path);
    t.same([answer.status, codeOf(answer)], [404, 'member_not_found']);
  }
});

t.test('a document comes with its headers, a 404 with the revision of the store', async t => {
  const { call, clock } = await startService(t);
  await call('PUT', '/kv/a', { body: '1' });
  await call('PUT', '/kv/a', { body: '2' });
  const put = await call('PUT', '/kv/b?ttl=1.5', { body: '1' });
  const about = {
    etag: `"${EPOCH}-2"`,
    'last-modified': 'Wed, 01 Jan 2025 00:00:00 GMT',
    'x-version': '2',
    'x-revision': '2',
    'x-epoch': String(EPOCH),
  };
  t.match((await call('GET', '/get/a')).headers, about);
  t.match((await call('GET', '/kv/a?raw')).headers, about);
  t.notOk((await call('GET', '/kv/a')).headers['x-ttl']);
  t.equal(put.headers['x-ttl'], '2', 'seconds are rounded up');
  await clock.advance(1_000);
  t.equal((await call('GET', '/kv/b')).headers['x-ttl'], '1');
  await clock.advance(500);
  const gone = await call('GET', '/kv/b');
  t.equal(gone.status, 404);
  t.match(gone.headers, { 'x-revision': '4', 'x-epoch': String(EPOCH) });
});

t.test('PUT answers the document, 201 with Location or 200', async t => {
  const { call } = await startService(t);
  const created = await call('PUT', '/kv/a%2Fb', { body: '{"x":1}' });
  t.same([created.status, created.body, created.headers.location], [201, '{"x":1}', '/kv/a%2Fb']);
  const replaced = await call('PUT', '/kv/a/b', { body: '{"x":2}' });
  t.same([replaced.status, replaced.body, replaced.headers.location], [200, '{"x":2}', undefined]);
});

t.test('DELETE is 204, and 404 the second time', async t => {
  const { call } = await startService(t);
  await call('PUT', '/kv/a', { body: '1' });
  const deleted = await call('DELETE', '/kv/a');
  t.same([deleted.status, deleted.body], [204, '']);
  t.match(deleted.headers, { etag: `"${EPOCH}-2"`, 'x-revision': '2', 'x-durable': 'false' });
  const again = await call('DELETE', '/kv/a');
  t.same([again.status, codeOf(again), again.headers['x-revision']], [404, 'key_not_found', '2']);
});

t.test('each write says which promise it got', async t => {
  const { call } = await startService(t);
  const writes = [
    ['POST', '/set', '{"key":"a","value":1}'],
    ['PUT', '/kv/a', '1'],
    ['DELETE', '/kv/a', ''],
  ] as const;
  for (const [query, durable] of [
    ['', 'false'],
    ['?sync', 'true'],
    ['?sync=true', 'true'],
    ['?sync=false', 'false'],
  ] as const) {
    for (const [method, path, body] of writes) {
      const answer = await call(method, path + query, { body });
      t.equal(answer.headers['x-durable'], durable, `${method} ${path}${query}`);
      t.match(answer.headers, { 'x-revision': /^\d+$/, etag: /^"\d+-\d+"$/ });
    }
  }
});

t.test('a collection that promises more does so without being asked', async t => {
  const { call } = await startService(t, { policy: { durability: 'sync' } });
  t.equal((await call('PUT', '/kv/a', { body: '1' })).headers['x-durable'], 'true');
  t.equal((await call('PUT', '/kv/a?sync=false', { body: '1' })).headers['x-durable'], 'false');
});

t.test('a ttl in a body, in a form, in a query', async t => {
  const { call } = await startService(t);
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const writes = [
    ['POST', '/set', '{"key":"a","value":1,"ttl":30}', {}, '30'],
    ['POST', '/set', '{"ttl":"5m","key":"a","value":1}', {}, '300'],
    ['POST', '/set', 'key=a&value=1&ttl=2h', form, '7200'],
    ['PUT', '/kv/a?ttl=7d', '1', {}, '604800'],
    ['PUT', '/kv/a?ttl=none', '1', {}, undefined],
    ['PUT', '/kv/a', '1', {}, undefined],
  ] as const;
  for (const [method, path, body, headers, seconds] of writes) {
    t.equal(
      (await call(method, path, { body, headers })).headers['x-ttl'],
      seconds,
      `${method} ${path} ${body}`,
    );
  }
});

t.test('every key is itself', async t => {
  const service = await startService(t);
  const keys = [
    ['/a', '/a'],
    ['a/', 'a/'],
    ['a//b', 'a//b'],
    ['//', '//'],
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
    ['%c3%a9', 'é'],
    ['e%CC%81', 'e\u0301'],
    ['a+b', 'a+b'],
    ['c%2Bd', 'c+d'],
    ['a%3Fb', 'a?b'],
    ['%25', '%'],
    ['a%2525', 'a%25'],
    ['...', '...'],
    ['a;b=c,d', 'a;b=c,d'],
    ['SET', 'SET'],
    ['%20', ' '],
  ] as const;
  for (const [path, name] of keys) {
    t.equal((await service.call('GET', `/kv/${path}`)).status, 404, `${path} is not there yet`);
    t.equal((await service.call('PUT', `/kv/${path}`, { body: '1' })).status, 201, path);
    t.ok(stored(service, name), name);
    const { body } = await service.call('GET', `/get/${path}`);
    t.same(JSON.parse(body), { key: name, value: 1 });
  }
});

t.test('the absolute form of a request is routed by its path alone', async t => {
  const { call } = await startService(t);
  await call('PUT', '/kv/x', { body: '1' });
  t.equal((await call('GET', 'http://evil.example/get/x?raw')).body, '1');
  t.equal((await call('GET', 'http://evil.example')).status, 200, 'without a path it is /');
  const put = await call('PUT', 'http://evil.example:80/kv/y', { body: '1' });
  t.equal(put.headers.location, '/kv/y', 'the authority is never given back');
});

t.test('a slash behind a path that takes no key is nothing', async t => {
  const { call } = await startService(t);
  t.equal((await call('POST', '/set/', { body: '{"key":"a","value":1}' })).status, 200);
  t.equal((await call('GET', '/get/?key=a&raw')).body, '1');
  t.equal((await call('GET', '/livez/')).status, 200);
  t.equal((await call('GET', '/GET/a')).status, 404, 'but its case counts');
});

t.test('a disk that fails shows in every answer about data, with what became of the write', async t => {
  const { call, engine } = await startService(t);
  await call('PUT', '/kv/a', { body: '1' });
  engine.failNext(new CairnError('storage_error', 'fsync failed.', { outcome: 'unknown' }));
  const unknown = await call('PUT', '/kv/a', { body: '2' });
  t.match(JSON.parse(unknown.body), { code: 'storage_error', outcome: 'unknown' });
  engine.degraded = true;
  const refused = await call('PUT', '/kv/a', { body: '3' });
  t.equal(refused.status, 503);
  t.match(refused.headers, { 'x-storage': 'degraded', 'retry-after': '1', 'x-epoch': String(EPOCH) });
  t.match(JSON.parse(refused.body), { outcome: 'not_applied' });
  const read = await call('GET', '/kv/a');
  t.same([read.status, read.body, read.headers['x-storage']], [200, '2', 'degraded']);
});

t.test('a full collection is 507, and deletes still pass', async t => {
  const { call } = await startService(t, { policy: { entriesMax: 1 } });
  await call('PUT', '/kv/a', { body: '1' });
  const full = await call('PUT', '/kv/b', { body: '1' });
  t.same([full.status, codeOf(full)], [507, 'quota_exceeded']);
  t.equal((await call('DELETE', '/kv/a')).status, 204);
});
