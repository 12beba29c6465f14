import t from 'tap';
import { type Answer, startService } from './service.js';

const paths = [
  '/',
  '/version',
  '/livez',
  '/readyz',
  '/readyz?verbose',
  '/healthz',
  '/kv/a',
  '/kv/a?raw',
  '/kv/none',
  '/get/a',
  '/get?key=a',
  '/get/none',
  '/get/none?default=x',
  '/get/',
  '/get/a?nope',
  '/nope',
  '/set',
];

t.test('HEAD answers as GET does, without the body', async t => {
  const { call } = await startService(t);
  await call('PUT', '/kv/a?ttl=60', { body: '{"b":"ü"}' });
  for (const path of paths) {
    for (const headers of [{}, { 'if-none-match': '*' }, { accept: 'text/html, application/problem+json' }]) {
      const get = await call('GET', path, { headers });
      const head = await call('HEAD', path, { headers });
      t.equal(head.body, '');
      t.equal(head.status, get.status, path);
      // The path that takes no GET names the verb in its message.
      if (get.status !== 405) t.strictSame(comparable(head), comparable(get), path);
    }
  }
});

t.test('HEAD is allowed wherever GET is', async t => {
  const { call } = await startService(t);
  const allow = async (path: string) => (await call('OPTIONS', path)).headers.allow;
  t.equal(await allow('/get/a'), 'GET, HEAD, OPTIONS');
  t.equal(await allow('/kv/a'), 'GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS');
  t.equal(await allow('/set'), 'POST, OPTIONS');
});

function comparable({ headers }: Answer): object {
  const { date: _, 'x-request-id': __, ...others } = headers;
  return others;
}
