import { createHash } from 'node:crypto';
import t from 'tap';
import { CairnError } from '../../src/errors.js';
import { digestOf, TokenGate } from '../../src/http/gate.js';
import type { Policy } from '../../src/model.js';
import { grantOf } from '../../src/service/grant.js';
import { key, type Service, startService } from './service.js';

const collections: Readonly<Record<string, Partial<Policy>>> = {
  configs: { idField: 'name', history: 10 },
  services: { history: Number.POSITIVE_INFINITY },
  sessions: { full: 'evict', entriesMax: 3, generatedId: true },
};

const rights = (['read', 'write'] as const).map(verb => ({ verb, collection: '*', prefix: 'app/' }));
const gate = new TokenGate({
  required: true,
  tokens: [{ id: 'ci', sha256: digestOf('ci'), grant: grantOf(rights) }],
});
const open = new TokenGate({ required: false, tokens: [] });

/** What the audit told since it was asked last, without who it was. */
function told({ logger }: Service): readonly object[] {
  const lines = logger.lines.filter(({ message }) => message === 'audit');
  logger.lines.length = 0;
  return lines.map(({ fields: { caller, peer, method, route, id, ...what } }) => what);
}

t.test('a change is a line: who, from where, by which request, which key and revision', async t => {
  const { call, logger } = await startService(t, { gate: () => gate, collections, audited: true });
  const headers = { authorization: 'Bearer ci', 'x-request-id': 'req-1' };
  await call('PUT', '/kv/app/a', { headers, body: '"the value"' });
  const lines = logger.lines.filter(({ message }) => message === 'audit');
  t.strictSame(lines, [
    {
      level: 'info',
      fields: {
        caller: 'ci',
        peer: '127.0.0.1',
        method: 'PUT',
        route: '/kv/<key>',
        id: 'req-1',
        collection: 'kv',
        key: 'app/a',
        action: 'put',
        revision: 1,
      },
      message: 'audit',
    },
  ]);
  t.notMatch(JSON.stringify(logger.lines), /the value|Bearer/);
});

t.test('every way in is told, by what it does', async t => {
  const service = await startService(t, { gate: () => open, collections, audited: true });
  const { call } = service;
  const line = (collection: string, key: string, action: string, revision: number) => {
    return { collection, key, action, revision };
  };
  const ways: readonly (readonly [string, string, string | undefined, readonly object[]])[] = [
    ['POST', '/set', '{"key":"a","value":1}', [line('kv', 'a', 'put', 1)]],
    ['POST', '/kv', '{"key":"b","value":1}', [line('kv', 'b', 'put', 2)]],
    ['PATCH', '/kv/b', '{"x":1}', [line('kv', 'b', 'put', 3)]],
    ['PATCH', '/kv/b?ttl=60', undefined, [line('kv', 'b', 'touch', 4)]],
    ['DELETE', '/kv/b', undefined, [line('kv', 'b', 'delete', 5)]],
    ['PUT', '/configs/%C3%A9', '{}', [line('configs', 'é', 'put', 6)]],
    ['POST', '/configs/%C3%A9?rollback=1', undefined, [line('configs', 'é', 'put', 7)]],
    ['DELETE', '/configs/%C3%A9?purge', undefined, [line('configs', 'é', 'purge', 8)]],
    [
      'POST',
      '/batch',
      '{"ops":[{"op":"put","collection":"kv","key":"c","value":1},{"op":"delete","collection":"kv","key":"a"},{"op":"delete","collection":"kv","key":"none"}]}',
      [line('kv', 'c', 'put', 9), line('kv', 'a', 'delete', 10)],
    ],
    [
      'POST',
      '/import',
      '{"key":"d/1","value":1}\n{"key":"d/2","value":2}',
      [line('kv', 'd/1', 'put', 11), line('kv', 'd/2', 'put', 12)],
    ],
    [
      'DELETE',
      '/kv?prefix=d/',
      undefined,
      [line('kv', 'd/1', 'delete', 13), line('kv', 'd/2', 'delete', 14)],
    ],
  ];
  for (const [method, path, body, wanted] of ways) {
    const { status } = await call(method, path, body === undefined ? {} : { body });
    t.ok(status < 300, `${method} ${path}`);
    t.same(told(service), wanted, `${method} ${path}`);
  }
});

t.test('a service is told by its own name, a switch too, and nothing of what is kept beside it', async t => {
  const service = await startService(t, { gate: () => open, collections, audited: true });
  const { call } = service;
  const actions = async (method: string, query: string, body?: string) => {
    await call(method, `/config?service=shop${query}`, body === undefined ? {} : { body });
    return told(service).map(line => JSON.parse(JSON.stringify({ ...line, revision: undefined })));
  };
  const line = (action: string) => [{ collection: 'services', key: 'shop', action }];
  t.same(await actions('POST', '', '{}'), line('put'));
  t.same(await actions('PATCH', '', '{}'), line('put'));
  t.same(await actions('PATCH', '&enabled=false'), line('switch'));
  t.same(await actions('DELETE', ''), line('delete'));
});

t.test('what changes nothing is no line: a read, a refusal, what expires', async t => {
  const service = await startService(t, { gate: () => open, collections, audited: true });
  const { call, clock, engine } = service;
  await call('PUT', '/kv/a?ttl=1', { body: '1' });
  await call('PUT', '/configs/a', { body: '{}' });
  told(service);
  await call('GET', '/kv/a');
  await call('PUT', '/kv/a', { body: '1', headers: { 'if-none-match': '*' } });
  await call('PUT', '/configs/a', { body: '{}' });
  await call('DELETE', '/kv/none');
  await clock.advance(5_000);
  t.equal(engine.get('kv', key('a')), undefined);
  await call('PUT', '/kv/b', { body: '{' });
  t.same(told(service), []);
});

t.test('what had to make room is not told, and the key of a session only by its digest', async t => {
  const service = await startService(t, { gate: () => open, collections, audited: true });
  const keys = ['s1', 's2', 's3', 's4'];
  for (const key of keys) await service.call('PUT', `/sessions/${key}`, { body: '1' });
  const digests = keys.map(key => `sha256:${createHash('sha256').update(key).digest('hex').slice(0, 16)}`);
  t.same(
    told(service).map(line => JSON.parse(JSON.stringify(line)).key),
    digests,
  );
});

t.test('a slice of an import is one line, with all of its keys', async t => {
  const service = await startService(t, { gate: () => open, collections, audited: true });
  const lines = Array.from({ length: 700 }, (_, i) => JSON.stringify({ key: `k/${i}`, value: i }));
  await service.call('POST', '/import', { body: lines.join('\n') });
  const imported: readonly Record<string, unknown>[] = told(service).map(line => ({ ...line }));
  const keys = imported.flatMap(line => line['keys'] ?? line['key']);
  t.same(
    keys,
    Array.from({ length: 700 }, (_, i) => `k/${i}`),
  );
  t.ok(imported.length < 110);
  t.match(imported[0], { collection: 'kv', action: 'put', fromRevision: 1 });
  await service.call('DELETE', '/kv?prefix=k/');
  const deleted: readonly Record<string, unknown>[] = told(service).map(line => ({ ...line }));
  t.equal(deleted.flatMap(line => line['keys'] ?? line['key']).length, 700);
});

t.test('a change whose fsync fails is told: it is in memory', async t => {
  const service = await startService(t, { gate: () => open, collections, audited: true });
  service.engine.failNext(new CairnError('storage_error', 'No disk.', { outcome: 'unknown' }));
  t.equal((await service.call('PUT', '/kv/a', { body: '1' })).status, 503);
  t.match(told(service), [{ key: 'a', revision: 1 }]);
});

t.test('without an audit nothing is told', async t => {
  const service = await startService(t, { gate: () => open, collections });
  await service.call('PUT', '/kv/a', { body: '1' });
  t.same(told(service), []);
});
