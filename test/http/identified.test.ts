/** Collections whose documents have their id within: the member that the policy names stays in step with the key. */
import t from 'tap';
import { codeOf, startService, stored } from './service.js';

const NAMED = { policy: { idField: 'name' } };

t.test('the conversation of the configuration service that users come from', async t => {
  const { call } = await startService(t, NAMED);
  t.equal((await call('GET', '/kv')).body, '[]');
  const datacenter =
    '{"name":"datacenter-1","metadata":{"monitoring":{"enabled":"true"},"limits":{"cpu":{"value":"300m"}}}}';
  const created = await call('POST', '/kv', { body: datacenter });
  t.same([created.status, created.body, created.headers['location']], [201, datacenter, '/kv/datacenter-1']);
  t.equal((await call('POST', '/kv', { body: datacenter })).status, 409);
  t.equal((await call('GET', '/kv/datacenter-1')).body, datacenter);
  t.equal((await call('GET', '/kv')).body, `[${datacenter}]`);
  t.equal((await call('GET', '/kv?where=metadata.monitoring.enabled=true')).body, `[${datacenter}]`);
  const replaced = await call('PUT', '/kv/datacenter-1', { body: '{"name":"datacenter-1","metadata":{}}' });
  t.same([replaced.status, replaced.body], [200, '{"name":"datacenter-1","metadata":{}}']);
  const patched = await call('PATCH', '/kv/datacenter-1', { body: '{"metadata":{"a":1}}' });
  t.equal(patched.body, '{"name":"datacenter-1","metadata":{"a":1}}');
  t.equal((await call('DELETE', '/kv/datacenter-1')).status, 204);
  t.equal((await call('GET', '/kv/datacenter-1')).status, 404);
});

t.test(
  'an id that is not in a PUT comes in as the first member, and the rest stays as it was sent',
  async t => {
    const { call } = await startService(t, NAMED);
    for (const [body, stands] of [
      ['{}', '{"name":"a/ü"}'],
      ['{ }', '{"name":"a/ü"}'],
      ['{ "x": 10.0,\n"y":[ ] }', '{"name":"a/ü", "x": 10.0,\n"y":[ ] }'],
      ['{"x":1,"name":"a/ü"}', '{"x":1,"name":"a/ü"}'],
      ['{"x":1,"na\\u006de":"a\\/\\u00fc"}', '{"x":1,"na\\u006de":"a\\/\\u00fc"}'],
    ] as const) {
      t.equal((await call('PUT', '/kv/a/%C3%BC', { body })).body, stands, body);
    }
  },
);

t.test(
  'a document that is no object, has no id or another one is 422, and nothing of it is stored',
  async t => {
    const service = await startService(t, NAMED);
    await service.call('PUT', '/kv/a', { body: '{}' });
    const json = { 'content-type': 'application/json-patch+json' };
    for (const [method, path, body, headers, code] of [
      ['PUT', '/kv/a', '[]', {}, 'not_an_object'],
      ['PUT', '/kv/a', '"name"', {}, 'not_an_object'],
      ['PUT', '/kv/a', '{"name":"b"}', {}, 'id_mismatch'],
      ['PUT', '/kv/a', '{"name":"a","name":"b"}', {}, 'id_mismatch'],
      ['PUT', '/kv/a', '{"name":1}', {}, 'id_missing'],
      ['PUT', '/kv/a', '{"name":""}', {}, 'id_mismatch'],
      ['PATCH', '/kv/a', '{"name":"b"}', {}, 'id_mismatch'],
      ['PATCH', '/kv/a', '{"name":".."}', {}, 'id_mismatch'],
      ['PATCH', '/kv/a', '{"name":null}', {}, 'id_mismatch'],
      ['PATCH', '/kv/a', '[1]', {}, 'not_an_object'],
      ['PATCH', '/kv/a', '[{"op":"replace","path":"/name","value":"b"}]', json, 'id_mismatch'],
      ['POST', '/kv', '{"x":1}', {}, 'id_missing'],
      ['POST', '/kv', '1', {}, 'not_an_object'],
      ['POST', '/kv', '{"name":null}', {}, 'id_missing'],
    ] as const) {
      const answer = await service.call(method, path, { body, headers });
      t.same([answer.status, codeOf(answer)], [422, code], `${method} ${body}`);
    }
    const stale = await service.call('PUT', '/kv/a', { body: '[]', headers: { 'if-match': '"1-99"' } });
    t.same([stale.status, codeOf(stale)], [412, 'revision_mismatch'], 'a condition goes before the document');
    const wrong = await service.call('POST', '/kv', { body: '{"name":".."}' });
    t.same([wrong.status, codeOf(wrong)], [400, 'invalid_key'], 'an id is a key like any other');
    t.equal(stored(service, 'a'), '{"name":"a"}');
    t.equal(service.engine.status().entries, 1);
  },
);

t.test('an id is made where the collection has it so, and a ttl stands in the query', async t => {
  const { call } = await startService(t, { policy: { idField: 'id', generatedId: true } });
  const made = await call('POST', '/kv?ttl=60', { body: '{"n":1}' });
  t.equal(made.status, 201);
  t.match(made.body, /^\{"id":"[0-9a-f-]{36}","n":1\}$/);
  t.equal(made.headers['x-ttl'], '60');
  t.equal((await call('GET', String(made.headers['location']))).body, made.body);
  t.equal((await call('POST', '/kv', { body: '{"id":"mine"}' })).body, '{"id":"mine"}');
});
