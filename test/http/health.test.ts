import t from 'tap';
import { codeOf, EPOCH, startService } from './service.js';

t.test('ready', async t => {
  const { call } = await startService(t);
  for (const [path, body] of [
    ['/livez', 'ok'],
    ['/readyz', 'ready'],
    ['/healthz', 'ready'],
  ] as const) {
    const answer = await call('GET', path);
    t.same(
      [answer.status, answer.body, answer.headers['content-type']],
      [200, body, 'text/plain; charset=utf-8'],
    );
  }
});

t.test('verbose says what it knows', async t => {
  const { call, engine } = await startService(t);
  await call('PUT', '/kv/a?sync', { body: '1' });
  await call('PUT', '/kv/a', { body: '2' });
  const lines = async () => (await call('GET', '/readyz?verbose')).body.split('\n');
  const numbers = ['revision 2', 'durable revision 1', `epoch ${EPOCH}`];
  t.strictSame(await lines(), ['[+]loaded ok', '[+]serving ok', '[+]storage ok', ...numbers, 'ready']);
  engine.degraded = true;
  t.equal((await call('GET', '/readyz')).status, 200, 'a bad disk is no reason: reads go on');
  t.ok((await lines()).includes('[-]storage degraded: No volume.'));
});

t.test('while it loads it lives, is not ready, and says when to come again', async t => {
  const { call } = await startService(t, { engine: () => null });
  t.equal((await call('GET', '/livez')).body, 'ok');
  const ready = await call('GET', '/readyz');
  t.same([ready.status, codeOf(ready), ready.headers['retry-after']], [503, 'loading', '1']);
  const verbose = await call('GET', '/healthz?verbose');
  t.same(
    [verbose.status, verbose.body],
    [503, '[-]loaded failed: the snapshot is still being read\n[+]serving ok\nnot ready'],
  );
  const calls = [
    ['GET', '/get/a'],
    ['PUT', '/kv/a'],
    ['DELETE', '/kv/a'],
    ['POST', '/set'],
  ] as const;
  for (const [method, path] of calls) {
    const body = method === 'PUT' ? '1' : method === 'POST' ? '{"key":"a","value":1}' : '';
    const answer = await call(method, path, { body });
    t.same(
      [answer.status, codeOf(answer), answer.headers['retry-after']],
      [503, 'loading', '1'],
      `${method} ${path}`,
    );
  }
  t.equal((await call('GET', '/nope')).status, 404, 'what is wrong anyway is told at once');
  t.equal((await call('GET', '/set')).status, 405);
});

t.test('the index is JSON, and a page for browsers that needs nothing from elsewhere', async t => {
  const { call } = await startService(t);
  const json = JSON.parse((await call('GET', '/')).body);
  t.match(json, {
    name: 'cairn',
    version: '1.2.3',
    calls: { 'POST /set': /./, 'GET /get/<key>': /./, 'PUT /kv/<key>': /./, 'GET /readyz': /./ },
  });
  const page = await call('GET', '/', { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } });
  t.equal(page.headers['content-type'], 'text/html; charset=utf-8');
  t.match(page.headers['content-security-policy'], /^default-src 'none'/);
  t.match(page.body, 'PUT /kv/&lt;key&gt;');
  t.notMatch(page.body, /https?:\/\/|<script/);
  t.same(JSON.parse((await call('GET', '/version')).body), {
    name: 'cairn',
    version: '1.2.3',
    commit: null,
    node: '20',
  });
});
