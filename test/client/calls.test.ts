/** Every call of the client against a real server over sockets. */
import t, { type Test } from 'tap';
import { CairnClient, JsonText } from '../../src/client/index.js';
import { digestOf, TokenGate } from '../../src/http/gate.js';
import { startService } from '../http/service.js';

const collections = {
  configs: { idField: 'name', history: 100, durability: 'sync' },
  services: { history: Number.POSITIVE_INFINITY, durability: 'sync' },
  flags: { idField: 'key', history: 100 },
  sessions: { generatedId: true },
} as const;

const BIG = '{"id":9007199254740993,"ratio":10.0}';

async function start(t: Test, options: Partial<ConstructorParameters<typeof CairnClient>[0]> = {}) {
  const service = await startService(t, { collections });
  const client = new CairnClient({ url: `http://127.0.0.1:${service.port}/`, ...options });
  return { service, client };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

t.test('plain keys', async t => {
  const { client } = await start(t);
  t.equal(await client.get('a'), undefined);
  t.equal(await client.set('a/ü b', { n: 1 }), false, 'not on disk yet');
  t.equal(await client.set('b', null, { sync: true, ttl: '30s' }), true);
  t.strictSame(await client.get('a/ü b'), { n: 1 });
  t.equal(await client.get('b'), null, 'null is a value');
  t.equal(await client.delete('b'), true);
  t.equal(await client.delete('b'), false);
});

t.test('keys of all kinds are the keys that they are', async t => {
  const { client, service } = await start(t);
  const kv = client.collection<number>('kv');
  const keys = [
    '/',
    '//a',
    'a//b/',
    '%2F',
    'a%',
    '?x=1',
    '#',
    'a+b c',
    '__proto__',
    'ü/😀',
    '...',
    "!'()*~",
    '\\',
  ];
  for (const [i, key] of keys.entries()) {
    await kv.put(key, i);
    t.equal((await kv.get(key))?.value, i, key);
  }
  t.equal(service.engine.revision, keys.length);
  t.strictSame(new Set(await all(kv.keys())), new Set(keys));
  for (const key of keys) t.equal(await kv.delete(key), true, key);
});

t.test('a document: put, get, conditions, create, delete', async t => {
  const { client } = await start(t);
  const kv = client.collection<{ readonly n: number }>('kv');
  const first = await kv.put('a', { n: 1 }, { ttl: 60, sync: true });
  t.match(first, {
    key: 'a',
    value: { n: 1 },
    created: true,
    durable: true,
    version: 1,
    revision: 1,
    ttl: 60,
  });
  t.match(await kv.put('a', { n: 2 }), { created: false, durable: false, version: 2, ttl: undefined });
  await t.rejects(kv.put('a', { n: 3 }, { ifMatch: first.etag }), {
    code: 'revision_mismatch',
    status: 412,
    hint: /Read the key again/,
    details: { current: /-2$/ },
    requestId: /./,
  });
  await t.rejects(kv.put('a', { n: 3 }, { ifNoneMatch: '*' }), { code: 'revision_mismatch' });
  await t.rejects(kv.create({ n: 1 }, { key: 'a' }), { code: 'key_exists', status: 409 });
  const now = await kv.get('a');
  t.equal(await kv.getUnless('a', now?.etag ?? ''), 'unchanged');
  t.match(await kv.getUnless('a', first.etag), { value: { n: 2 } });
  t.equal(await kv.getUnless('none', first.etag), undefined);
  t.match(await kv.create({ n: 1 }, { key: 'b/c d', ttl: '1h' }), {
    key: 'b/c d',
    value: { n: 1 },
    ttl: 3600,
  });
  await t.rejects(kv.delete('a', { ifMatch: first.etag }), { code: 'revision_mismatch' });
  t.equal(await kv.delete('a', { ifMatch: now?.etag }), true);
  t.equal(await kv.get('a'), undefined);
  await t.rejects(
    client.collection('nope').get('a'),
    { code: 'not_found' },
    'a collection that is not there is no missing key',
  );
});

t.test('a key that the service makes', async t => {
  const { client } = await start(t);
  const made = await client.collection('sessions').create({ user: 1 });
  t.match(made, { key: /^[0-9a-f-]{36}$/, value: { user: 1 }, created: true });
  t.match(await client.collection('sessions').get(made.key), { value: { user: 1 } });
});

t.test('patches, deadlines and members', async t => {
  const { client } = await start(t);
  const kv = client.collection<Record<string, unknown>>('kv');
  await kv.put('a', { b: { c: 1 }, d: 2 }, { ttl: 60 });
  t.match(await kv.merge('a', { b: { e: 3 }, d: null }), { value: { b: { c: 1, e: 3 } }, ttl: 60 });
  t.match(await kv.patch('a', [{ op: 'replace', path: '/b', value: new JsonText('10.0') }]), {
    value: { b: 10 },
  });
  t.equal((await kv.getText('a'))?.value, '{"b":10.0}');
  await t.rejects(kv.patch('a', [{ op: 'test', path: '/b', value: 1 }]), { code: 'patch_test_failed' });
  t.match(await kv.touch('a', '2h'), { ttl: 7200 });
  t.match(await kv.touch('a', 'none'), { ttl: undefined });
  t.match(await kv.get('a', { path: '/b' }), { value: 10 });
  t.equal(await kv.get('a', { path: '/nope' }), undefined);
  t.equal(await kv.view('a', 'env'), "B='10.0'\n");
  t.equal(await kv.view('none', 'yaml'), undefined);
});

t.test('versions', async t => {
  const { client } = await start(t);
  const configs = client.collection<{ name: string; n: number }>('configs');
  await configs.create({ name: 'a', n: 1 });
  await configs.put('a', { name: 'a', n: 2 }, { comment: 'wegen Größe €' });
  t.match(await configs.history('a'), [
    { version: 2, comment: 'wegen Größe €', deleted: false },
    { version: 1, comment: null },
  ]);
  t.match(await configs.get('a', { version: 1 }), { value: { n: 1 }, version: 1 });
  t.equal(await configs.get('a', { version: 7 }), undefined);
  t.strictSame(await configs.diff('a', 1), [{ op: 'replace', path: '/n', value: 2 }]);
  t.strictSame(await configs.diff('a', 2, 1), [{ op: 'replace', path: '/n', value: 1 }]);
  t.match(await configs.rollback('a', 1), { value: { n: 1 }, version: 3 });
  await configs.delete('a', { purge: true });
  await t.rejects(configs.history('a'), { code: 'key_not_found' });
});

t.test('lists: pages, conditions, names, totals', async t => {
  const { client } = await start(t);
  const kv = client.collection<{ n: number }>('kv');
  for (let n = 0; n < 7; n++) await kv.put(`a/${n}`, { n });
  await kv.put('b', { n: 1 });
  const items = await all(kv.list({ limit: 3 }));
  t.strictSame(
    items.map(({ key, value }) => [key, value.n]),
    [...Array.from({ length: 7 }, (_, n) => [`a/${n}`, n]), ['b', 1]],
  );
  t.strictSame(
    await all(kv.keys({ limit: 2, prefix: 'a/' })),
    Array.from({ length: 7 }, (_, n) => `a/${n}`),
  );
  t.strictSame(await all(kv.list({ where: 'n=1' })), [
    { key: 'a/1', value: { n: 1 } },
    { key: 'b', value: { n: 1 } },
  ]);
  t.strictSame(await all(kv.list({ where: ['n=1'], prefix: 'b' })), [{ key: 'b', value: { n: 1 } }]);
  t.match(await kv.page({ limit: 2 }), { total: 8, next: /./, revision: 8, etag: /^W\// });
  t.match(await kv.page({ prefix: 'a/', count: true }), { total: 7, next: undefined });
  t.equal(await kv.deletePrefix('a/'), 7);
  await t.rejects(kv.deletePrefix(''), { code: 'invalid_parameter' });
});

t.test('a list of documents that hold their id', async t => {
  const { client } = await start(t);
  await client.collection('flags').create({ key: 'dark', value: { key: 'inner' } });
  t.strictSame(await all(client.collection('flags').list()), [
    { key: 'dark', value: { key: 'dark', value: { key: 'inner' } } },
  ]);
  t.match(await client.collections(), [{ name: 'configs' }, { name: 'flags', count: 1 }, {}, {}, {}]);
});

t.test('configuration per service', async t => {
  const { client } = await start(t);
  t.equal(await client.config.get('shop'), undefined);
  t.equal(await client.config.all('shop'), undefined);
  t.strictSame(await client.config.create('shop', { '0': 'a', '1': 'b' }), {
    id: 1,
    enabled: true,
    totalConfigs: 1,
  });
  t.strictSame(await client.config.all('shop'), [{ '0': 'a', '1': 'b' }], 'one that looks like two');
  await client.config.update('shop', { n: 2 });
  t.strictSame(await client.config.all('shop'), [{ '0': 'a', '1': 'b' }, { n: 2 }]);
  t.match(await client.config.get('shop'), { value: { n: 2 }, enabled: true });
  t.match(await client.config.get('shop', 0), { value: { '0': 'a' } });
  await t.rejects(client.config.create('shop', {}), { code: 'key_exists', status: 422 });
  await t.rejects(client.config.delete('shop'), { code: 'service_enabled' });
  await client.config.enable('shop', false);
  t.match(await client.config.get('shop'), { enabled: false });
  t.equal(await client.config.delete('shop'), true);
  t.equal(await client.config.delete('shop'), false);
});

t.test('a batch', async t => {
  const { client } = await start(t);
  const { revision, results } = await client.batch([
    { op: 'put', collection: 'kv', key: 'a', value: new JsonText(BIG), ttl: '1h', if: 'none' },
    { op: 'delete', collection: 'kv', key: 'b' },
  ]);
  t.match([revision, results], [1, [{ status: 201, version: 1, etag: /./ }, { status: 404 }]]);
  await t.rejects(client.batch([{ op: 'put', collection: 'kv', key: 'a', value: 1, if: 'none' }]), {
    code: 'revision_mismatch',
    details: { op: 0 },
  });
});

t.test('an export is an import', async t => {
  const { client } = await start(t);
  await client.set('a', new JsonText(BIG), { ttl: '1h' });
  await client.config.create('shop', { n: 1 });
  await client.config.enable('shop', false);
  const lines = await all(await client.export());
  t.match(lines, [
    { collection: 'kv', key: 'a', expires: /Z$/ },
    { collection: 'services', key: 'shop', id: 1, enabled: false },
  ]);
  t.match((await client.export()).since, /^\d+-\d+$/);
  const text = await new Response((await client.export({ collection: 'kv' })).body).text();
  const other = (await start(t)).client;
  t.match(await other.import(text), { imported: 1, revision: 1 });
  t.equal((await other.collection('kv').getText('a'))?.value, BIG);
  t.match(await other.import(lines), { imported: 2 });
  t.match(await other.config.get('shop'), { enabled: false });
  t.match(await other.import((await client.export({ prefix: 'a' })).body), { imported: 1 });
});

t.test('an import of many lines, with its progress, and with a bad one', async t => {
  const { client, service } = await start(t);
  function* lines(count: number) {
    for (let i = 0; i < count; i++) yield { key: `k/${i}`, value: { i, text: 'x'.repeat(100) } };
  }
  const told: number[] = [];
  const done = await client.import(lines(5_000), { onProgress: n => told.push(n), sync: true });
  t.match(done, { imported: 5_000, revision: 5_000 });
  await t.rejects(
    client.import([
      { key: 'a', value: 1 },
      { key: '', value: 2 },
    ]),
    {
      code: 'invalid_key',
      status: 400,
      details: { line: 2, imported: 1 },
    },
  );
  await t.rejects(client.import([{ key: '', value: 2 }], { onProgress: () => {} }), {
    code: 'invalid_key',
    status: 400,
    details: { line: 1 },
  });
  await t.rejects(client.import('{"key":"a"', { collection: 'nope' }), { code: 'not_found' });
  t.strictSame(service.logger.messages('error'), []);
});

t.test("numbers beyond a double: as text, or by a parser of one's own, everywhere", async t => {
  const { client, service } = await start(t);
  const kv = client.collection('kv');
  await kv.put('a', new JsonText(BIG));
  t.equal((await kv.getText('a'))?.value, BIG);
  const exact = new CairnClient({
    url: `http://127.0.0.1:${service.port}`,
    decode: text => new JsonText(text),
  });
  t.strictSame(await exact.get('a'), new JsonText(BIG));
  t.strictSame(await all(exact.collection('kv').list()), [{ key: 'a', value: new JsonText(BIG) }]);
  t.match(await all(await exact.export()), [{ value: new JsonText(BIG) }]);
  await exact.set('b', await exact.get('a'));
  t.equal((await kv.getText('b'))?.value, BIG, 'read and written again it is the same text');
});

t.test('a token, and who has none', async t => {
  const gate = new TokenGate({ required: true, tokens: [{ id: 'one', sha256: digestOf('secret') }] });
  const { port } = await startService(t, { gate: () => gate });
  const url = `http://127.0.0.1:${port}`;
  await t.rejects(new CairnClient({ url }).get('a'), {
    code: 'unauthenticated',
    status: 401,
    hint: /Bearer/,
  });
  t.equal(await new CairnClient({ url, token: async () => 'secret\n' }).get('a'), undefined);
});

t.test('ready, version', async t => {
  const { client, service } = await start(t);
  t.equal(await client.ready(), true);
  t.match(await client.version(), { name: 'cairn', version: '1.2.3' });
  const drained = service.server.drain();
  t.equal(await client.ready(), false);
  await service.clock.advance(60_000);
  await drained;
  t.equal(await client.ready(), false, 'nobody there');
});
