/** `GET /collections`: what is in force, by the names of the configuration. */
import t from 'tap';
import { policyOf } from '../../src/config/collections.js';
import { startService } from './service.js';

const collections = {
  sessions: policyOf('sessions'),
  notes: { schema: { type: 'object' }, history: Number.POSITIVE_INFINITY },
};

t.test('every collection in the order of the names, with its policy, its count and its bytes', async t => {
  const { call } = await startService(t, { collections });
  await call('PUT', '/notes/a', { body: '{"x":1}' });
  const { status, body, headers } = await call('GET', '/collections');
  t.equal(status, 200);
  t.match(headers, { 'content-type': /^application\/json/, 'x-revision': '1', 'x-epoch': '1700000000' });
  const lines: { name: string; count: number; bytes: number; lastChange: string; policy: object }[] =
    JSON.parse(body);
  t.same(
    lines.map(({ name, count }) => [name, count]),
    [
      ['kv', 0],
      ['notes', 1],
      ['sessions', 0],
    ],
  );
  const [, notes, sessions] = lines;
  t.match(notes, {
    bytes: Number,
    lastChange: '1700000000-1',
    policy: { schema: { type: 'object' }, history: 'all' },
  });
  t.ok((notes?.bytes ?? 0) > 0);
  t.same(Object.keys(sessions ?? {}), ['name', 'count', 'bytes', 'lastChange', 'policy']);
  t.match(sessions?.policy, {
    durability: 'periodic',
    ttl: 86_400,
    entries: 100_000,
    bytes: 64 * 1024 * 1024,
    full: 'evict',
    id: null,
    generated: true,
    schema: null,
    required: [],
    emails: [],
    history: 'off',
  });
});

t.test('HEAD, OPTIONS, a wrong verb, and a word that is not known', async t => {
  const { call } = await startService(t);
  const head = await call('HEAD', '/collections');
  t.same([head.status, head.body], [200, '']);
  t.equal((await call('OPTIONS', '/collections')).headers['allow'], 'GET, HEAD, OPTIONS');
  t.equal((await call('POST', '/collections', { body: '{}' })).status, 405);
  t.equal((await call('GET', '/collections?limit=1')).status, 400);
});

t.test('a collection that the engine has and no route leads to is not shown', async t => {
  const { call } = await startService(t, { collections, policies: { notes: policyOf('notes') } });
  const { body } = await call('GET', '/collections');
  const lines: { name: string }[] = JSON.parse(body);
  t.same(
    lines.map(({ name }) => name),
    ['notes'],
  );
});
