/** A page of another site may not change anything, whatever the route, and whether or not a token is needed. */
import t from 'tap';
import { refuseCrossSite } from '../../src/http/cross-site.js';
import { codeOf, startService } from './service.js';

const foreign: readonly Readonly<Record<string, string>>[] = [
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
  { 'sec-fetch-site': 'same-origin, cross-site' },
  { 'sec-fetch-site': '' },
  { 'sec-fetch-site': 'cross-site', origin: 'http://localhost:3000' },
  { origin: 'http://evil.example' },
  { origin: 'http://localhost:3001' },
  { origin: 'null' },
  { origin: 'nonsense' },
  { origin: '' },
];

const ours: readonly Readonly<Record<string, string>>[] = [
  {},
  { 'sec-fetch-site': 'same-origin', origin: 'http://anything' },
  { 'sec-fetch-site': 'none' },
  { origin: 'http://localhost:3000' },
  { origin: 'http://LOCALHOST:3000' },
];

t.test('every route that writes refuses it, and nothing is stored', async t => {
  const collections = {
    configs: { idField: 'name', history: 10 },
    services: { history: Number.POSITIVE_INFINITY },
  };
  const { call, engine } = await startService(t, { collections });
  const { calls }: { calls: Record<string, string> } = JSON.parse((await call('GET', '/')).body);
  const writes = Object.keys(calls).filter(name => !name.startsWith('GET'));
  t.ok(writes.length > 10);
  for (const name of writes) {
    const [method = '', shown = ''] = name.split(' ');
    for (const headers of foreign) {
      const answer = await call(method, shown.replace('<key>', 'a'), {
        headers: { host: 'localhost:3000', ...headers },
        body: '{}',
      });
      t.same([answer.status, codeOf(answer)], [403, 'cross_site'], `${name} ${JSON.stringify(headers)}`);
    }
  }
  t.equal(engine.revision, 0);
});

t.test('every verb that is no reading one is refused, also one that is not known', async t => {
  for (const headers of foreign) {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'QUERY', 'MKCOL']) {
      t.throws(() => refuseCrossSite(method, { host: 'localhost:3000', ...headers }), { code: 'cross_site' });
    }
    for (const method of ['GET', 'HEAD', 'OPTIONS'])
      refuseCrossSite(method, { host: 'localhost:3000', ...headers });
  }
});

t.test('a page of our own and a program may write', async t => {
  const { call } = await startService(t);
  for (const headers of ours) {
    const answer = await call('PUT', '/kv/a', { headers: { host: 'localhost:3000', ...headers }, body: '1' });
    t.ok(answer.status < 300, JSON.stringify(headers));
  }
});

t.test('a read of another site is answered, and no header lets its page see it', async t => {
  const { call } = await startService(t);
  const { status, headers } = await call('GET', '/kv', { headers: { origin: 'http://evil.example' } });
  t.equal(status, 200);
  t.notOk(Object.keys(headers).some(name => name.startsWith('access-control')));
});
