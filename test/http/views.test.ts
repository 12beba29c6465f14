/** `?as=env|yaml|configmap`: another form of a document, on every GET of one. */
import t from 'tap';
import { codeOf, startService } from './service.js';

const DOCUMENT = '{ "db": { "host": "it\'s", "port": 5432.0 }, "note": null }';
const ENV = "DB_HOST='it'\\''s'\nDB_PORT='5432.0'\nNOTE=''\n";

t.test('each form has its type', async t => {
  const { call } = await startService(t);
  await call('PUT', '/kv/app', { body: DOCUMENT });
  const env = await call('GET', '/kv/app?as=env');
  t.same([env.status, env.body, env.headers['content-type']], [200, ENV, 'text/plain; charset=utf-8']);
  const yaml = await call('GET', '/kv/app?as=yaml');
  t.same(
    [yaml.body, yaml.headers['content-type']],
    ['db:\n  host: "it\'s"\n  port: 5432.0\nnote: null\n', 'application/yaml'],
  );
  const map = await call('GET', '/kv/app?as=configmap');
  t.equal(map.headers['content-type'], 'application/yaml');
  t.match(map.body, /^apiVersion: v1\nkind: ConfigMap\nmetadata:\n {2}name: app-[0-9a-f]{10}\n/);
  t.match(map.headers, {
    'x-version': '1',
    'x-revision': '1',
    'x-epoch': String,
    'content-security-policy': 'sandbox',
  });
});

t.test('/get has the same forms of the value, without its wrapping', async t => {
  const { call } = await startService(t);
  await call('PUT', '/kv/app', { body: DOCUMENT });
  t.equal((await call('GET', '/get/app?as=env')).body, ENV);
  t.equal((await call('GET', '/get?key=app&as=env')).body, ENV);
});

t.test('a member alone', async t => {
  const { call } = await startService(t);
  await call('PUT', '/kv/app', { body: DOCUMENT });
  t.equal((await call('GET', '/kv/app?as=env&path=/db')).body, "HOST='it'\\''s'\nPORT='5432.0'\n");
  t.equal((await call('GET', '/kv/app?as=yaml&path=/db/port')).body, '5432.0\n');
  t.match(
    (await call('GET', '/kv/app?as=configmap&path=/db')).body,
    /config\.json: "\{ \\"host\\": .*5432\.0 \}"\n$/,
  );
  t.same(codeOf(await call('GET', '/kv/app?as=env&path=/none')), 'member_not_found');
});

t.test('HEAD says how long it would be', async t => {
  const { call } = await startService(t);
  await call('PUT', '/kv/app', { body: DOCUMENT });
  const { status, body, headers } = await call('HEAD', '/kv/app?as=env');
  t.same([status, body, headers['content-length']], [200, '', String(ENV.length)]);
});

t.test('a form has a weak ETag: good to ask whether it is new, no good to guard a write', async t => {
  const { call } = await startService(t);
  const { headers: put } = await call('PUT', '/kv/app', { body: DOCUMENT });
  const tag = String(put['etag']);
  for (const form of ['env', 'yaml', 'configmap']) {
    const path = `/kv/app?as=${form}`;
    const first = await call('GET', path);
    t.equal(first.headers['etag'], `W/${tag}`, form);
    for (const known of [`W/${tag}`, tag]) {
      const again = await call('GET', path, { headers: { 'if-none-match': known } });
      t.same([again.status, again.body, again.headers['etag']], [304, '', `W/${tag}`], form);
    }
  }
  const guarded = await call('PUT', '/kv/app', { body: '1', headers: { 'if-match': `W/${tag}` } });
  t.equal(guarded.status, 412);
  await call('PUT', '/kv/app', { body: '{}' });
  t.equal((await call('GET', '/kv/app?as=env', { headers: { 'if-none-match': `W/${tag}` } })).status, 200);
  t.notMatch((await call('GET', '/kv/app')).headers['etag'], /^W/);
});

const refusals: readonly (readonly [string, string, number, string, RegExp])[] = [
  ['an unknown form', '/kv/app?as=toml', 400, 'invalid_parameter', /none of env, yaml, configmap/],
  ['a form with raw', '/kv/app?as=env&raw', 400, 'invalid_parameter', /as.{2} and .{2}raw/],
  ['a form with default', '/kv/none?as=yaml&default=x', 400, 'invalid_parameter', /as.{2} and .{2}default/],
  ['what is not there', '/kv/none?as=env', 404, 'key_not_found', /not found/],
  ['no object', '/kv/list?as=env', 422, 'not_representable', /It is no object/],
  ['two names in one', '/kv/two?as=env', 422, 'not_representable', /\/a\/b.*\/a_b/],
];

for (const [what, path, status, code, message] of refusals) {
  t.test(`refused: ${what}`, async t => {
    const { call } = await startService(t);
    await call('PUT', '/kv/app', { body: DOCUMENT });
    await call('PUT', '/kv/list', { body: '[1]' });
    await call('PUT', '/kv/two', { body: '{"a":{"b":1},"a_b":2}' });
    const answer = await call('GET', path);
    t.same([answer.status, codeOf(answer)], [status, code]);
    t.match(answer.body, message);
  });
}

t.test('a missing key with a form is as brief on /get as without', async t => {
  const { call } = await startService(t);
  t.equal((await call('GET', '/get/none?as=env')).body, '{"status":"error","message":"Key not found"}');
});
