import t from 'tap';
import type { Access } from '../src/access/root-token.js';
import { type BannerFacts, bannerFields, bannerLines } from '../src/banner.js';

const TOKEN = 'a-token-of-20-letters';

const facts: BannerFacts = {
  url: 'http://127.0.0.1:3000',
  metricsUrl: null,
  keys: 1234,
  logs: 2,
  milliseconds: 45.3,
  access: { needed: false, reason: 'loopback' },
  version: { version: '0.1.0', commit: '3f2a9c1d55', node: '20.19.0' },
  config: { snapshotDir: '/data', durability: 'periodic', snapshotIntervalMs: 1000 },
  configSources: [],
};

const withToken = (origin: 'variable' | 'file' | 'kept' | 'made'): BannerFacts => {
  const access: Access = { needed: true, token: TOKEN, origin };
  return { ...facts, access };
};

t.test('eight aligned lines', async t => {
  t.same(bannerLines(facts), [
    'cairn       0.1.0 (3f2a9c1), Node.js 20.19.0',
    'url         http://127.0.0.1:3000',
    'snapshots   /data',
    'restored    1,234 keys from 2 log files in 45 ms',
    'durability  periodic: fsync every 1s; ?sync=true waits for it',
    'auth        off: only this machine can reach the address',
    'config      defaults (`cairn config` shows all of it)',
    `try         curl -d '{"key":"a","value":1}' http://127.0.0.1:3000/set`,
  ]);
});

t.test('metrics on a port of their own have a line more', async t => {
  const metricsUrl = 'http://127.0.0.1:9091/metrics';
  const apart = { ...facts, metricsUrl };
  t.same(bannerLines(apart)[2], `metrics     ${metricsUrl}`);
  t.equal(bannerLines(apart).length, 9);
  t.match(bannerFields(apart), { url: facts.url, metrics: metricsUrl });
});

t.test('one of a thing is one', async t => {
  t.match(bannerLines({ ...facts, keys: 1, logs: 1 })[3], '1 key from 1 log file in 45 ms');
  t.match(bannerLines({ ...facts, keys: 0, logs: 0 })[3], 'nothing yet, a new store');
});

t.test('only a token that was made now is shown, and on the lines alone', async t => {
  t.match(bannerLines(withToken('made')).join('\n'), TOKEN);
  for (const origin of ['variable', 'file', 'kept'] as const) {
    t.notMatch(bannerLines(withToken(origin)).join('\n'), TOKEN, origin);
  }
  for (const origin of ['variable', 'file', 'kept', 'made'] as const) {
    t.notMatch(JSON.stringify(bannerFields(withToken(origin))), TOKEN, `${origin}, in the log`);
  }
});

t.test('who needs a token is told how to get it', async t => {
  t.match(bannerLines(withToken('kept'))[5], 'on, token from `cairn token show`');
  t.match(bannerLines(withToken('variable'))[5], 'on, token from CAIRN_TOKEN');
  t.match(bannerLines(withToken('kept'))[7], 'Authorization: Bearer $(cairn token show)');
});

t.test('the log line has the same facts', async t => {
  t.same(bannerFields({ ...facts, configSources: ['flags', 'cairn.yaml'] }), {
    version: '0.1.0',
    commit: '3f2a9c1d55',
    node: '20.19.0',
    url: 'http://127.0.0.1:3000',
    snapshots: '/data',
    keys: 1234,
    logs: 2,
    ms: 45,
    durability: 'periodic',
    intervalMs: 1000,
    auth: 'off',
    authReason: 'loopback',
    config: 'flags, cairn.yaml',
  });
});
