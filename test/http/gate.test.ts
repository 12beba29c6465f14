import t from 'tap';
import { digestOf, type KnownToken, TokenGate } from '../../src/http/gate.js';
import { grantOf } from '../../src/service/grant.js';
import { codeOf, startService } from './service.js';

const TOKEN = 'a-token.of~our_own+/=!';

const gate = new TokenGate({
  required: true,
  tokens: [
    { id: 'first', sha256: digestOf(TOKEN) },
    { id: 'second', sha256: digestOf('another') },
  ],
});

t.test('a token opens everything, the name of its scheme in any case', async t => {
  const { call, logger } = await startService(t, { gate: () => gate });
  for (const authorization of [`Bearer ${TOKEN}`, `bearer  ${TOKEN}`, 'BEARER another']) {
    t.equal((await call('GET', '/kv/none', { headers: { authorization } })).status, 404);
  }
  const callers = logger.lines
    .filter(({ message }) => message === 'request')
    .map(({ fields }) => fields['caller']);
  t.strictSame(callers, ['first', 'first', 'second'], 'the log knows who it was');
  t.notMatch(JSON.stringify(logger.lines), TOKEN, 'and never the token');
});

t.test('everything else gets one answer', async t => {
  const { call, clock } = await startService(t, { gate: () => gate });
  const wrong: readonly Record<string, string | readonly string[]>[] = [
    {},
    { authorization: '' },
    { authorization: 'Bearer' },
    { authorization: 'Bearer wrong' },
    { authorization: `Bearer ${TOKEN}x` },
    { authorization: `Bearer ${TOKEN} x` },
    { authorization: TOKEN },
    { authorization: `Basic ${TOKEN}` },
    { authorization: [`Bearer ${TOKEN}`, `Bearer ${TOKEN}`] },
    { 'proxy-authorization': `Bearer ${TOKEN}` },
    { cookie: `token=${TOKEN}` },
  ];
  const bodies = new Set<string>();
  for (const headers of wrong) {
    // More in a minute are told to wait: see admission.test.ts.
    await clock.advance(60_000);
    for (const path of ['/kv/a', '/nope', `/kv/a?token=${TOKEN}`, '/kv/a?access_token=another', '/set']) {
      const answer = await call('GET', path, { headers });
      t.same(
        [answer.status, codeOf(answer), answer.headers['www-authenticate']],
        [401, 'unauthenticated', 'Bearer'],
      );
      t.notOk(answer.headers['x-epoch'], 'and learns nothing about the store');
      bodies.add(answer.body);
    }
  }
  t.equal(bodies.size, 1);
});

t.test('a token that was removed, is over or may do something else is not the same one any more', async t => {
  let isOver = false;
  const token: KnownToken = { id: 'third', sha256: digestOf('third'), isOver: () => isOver };
  let list: readonly KnownToken[] = [token];
  const changing = new TokenGate({ required: true, tokens: [], more: () => list });
  const callerOf = () => changing.callerOf(['Bearer third']);
  const caller = callerOf();
  t.match(caller, { id: 'third' });
  const other = { id: 'fourth', sha256: digestOf('fourth') };
  list = [token, other];
  t.equal(caller?.isCurrent(), true, 'another one came');
  isOver = true;
  t.same([caller?.isCurrent(), callerOf()], [false, null], 'over');
  isOver = false;
  t.equal(caller?.isCurrent(), true);
  list = [other];
  t.same([caller?.isCurrent(), callerOf()], [false, null], 'removed');
  list = [{ ...token, grant: grantOf([]) }];
  t.equal(caller?.isCurrent(), false, 'it may do something else');
  t.match(callerOf(), { id: 'third' }, 'and whoever comes now may do that');
});

t.test('two tokens of one caller are valid at once, until one is taken out', async t => {
  const [old, next] = ['old', 'new'].map(name => ({ id: name, sha256: digestOf(name) }));
  let list: readonly KnownToken[] = [old!];
  const rotating = new TokenGate({ required: true, tokens: [], more: () => list });
  const { call } = await startService(t, { gate: () => rotating });
  const status = async (token: string) =>
    (await call('GET', '/kv/none', { headers: { authorization: `Bearer ${token}` } })).status;
  t.same([await status('old'), await status('new')], [404, 401]);
  list = [old!, next!];
  t.same([await status('old'), await status('new')], [404, 404]);
  list = [next!];
  t.same([await status('old'), await status('new')], [401, 404]);
});

t.test('401 comes before everything that the request is wrong about', async t => {
  const { call } = await startService(t, { gate: () => gate });
  for (const [method, path] of [
    ['GET', '/nope'],
    ['PATCH', '/set'],
    ['OPTIONS', '/kv/a'],
    ['GET', '/get/%zz'],
    ['TRACE', '/kv/a'],
  ] as const) {
    t.equal((await call(method, path)).status, 401, `${method} ${path}`);
  }
  const body = '{';
  t.equal(
    (await call('POST', '/set', { body, headers: { 'content-type': 'a/b', origin: 'http://evil' } })).status,
    401,
  );
});

t.test('health, version and index are open', async t => {
  const { call } = await startService(t, { gate: () => gate });
  for (const path of ['/', '/livez', '/readyz', '/readyz?verbose', '/healthz', '/version']) {
    t.equal((await call('GET', path)).status, 200, path);
    t.equal((await call('POST', path)).status, 405, `${path}: a wrong verb is told so`);
  }
});

t.test('where no token is needed, what is sent does not matter', async t => {
  const { call } = await startService(t);
  t.equal((await call('GET', '/kv/none', { headers: { authorization: 'Bearer wrong' } })).status, 404);
});

t.test('as long as nobody knows who may come in, nobody does', async t => {
  const { call } = await startService(t, { gate: () => null });
  for (const path of ['/kv/a', '/nope']) {
    const answer = await call('GET', path);
    t.same([answer.status, codeOf(answer), answer.headers['retry-after']], [503, 'loading', '1']);
  }
  t.equal((await call('GET', '/livez')).status, 200);
});
