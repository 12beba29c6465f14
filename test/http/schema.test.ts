/** The schema of a collection, over HTTP: every way in, and what the answer says. */
import t from 'tap';
import { codeOf, type Service, startService } from './service.js';

const schema = {
  type: 'object',
  properties: { port: { type: 'integer', minimum: 1 } },
  required: ['port'],
  additionalProperties: false,
};

const service = (test: Parameters<typeof startService>[0]): Promise<Service> =>
  startService(test, { collections: { ports: { schema } } });

t.test('the answer names the pointer and the rule', async t => {
  const { call } = await service(t);
  const answer = await call('PUT', '/ports/a', { body: '{"port":0}' });
  t.equal(answer.status, 422);
  t.match(JSON.parse(answer.body), {
    status: 'error',
    code: 'schema_violation',
    message: 'The document at "/port" breaks the schema of its collection: must be >= 1.',
    pointer: '/port',
    rule: 'minimum',
    hint: /\/collections/,
  });
  const problem = await call('PUT', '/ports/a', {
    body: '{}',
    headers: { accept: 'application/problem+json' },
  });
  t.match(JSON.parse(problem.body), { status: 422, code: 'schema_violation', pointer: '', rule: 'required' });
});

t.test('a document that keeps to it comes back as it was sent', async t => {
  const { call } = await service(t);
  t.equal((await call('PUT', '/ports/a', { body: '{ "port": 80.0 }' })).status, 201);
  t.equal((await call('GET', '/ports/a')).body, '{ "port": 80.0 }');
});

t.test('every way in passes the schema, and a refusal stores nothing', async t => {
  const { call } = await service(t);
  await call('PUT', '/ports/a', { body: '{"port":80}' });
  const ways: readonly (readonly [string, string, string, string])[] = [
    ['PUT', '/ports/a', '{"port":"80"}', 'application/json'],
    ['POST', '/ports', '{"key":"b","value":{"port":"80"}}', 'application/json'],
    ['PATCH', '/ports/a', '{"port":null}', 'application/json'],
    ['PATCH', '/ports/a', '[{"op":"replace","path":"/port","value":-1}]', 'application/json-patch+json'],
    [
      'POST',
      '/batch',
      '{"ops":[{"op":"put","collection":"ports","key":"b","value":{}}]}',
      'application/json',
    ],
    ['POST', '/import', '{"collection":"ports","key":"b","value":{}}\n', 'application/x-ndjson'],
  ];
  for (const [method, path, body, type] of ways) {
    const answer = await call(method, path, { body, headers: { 'content-type': type } });
    t.same([answer.status, codeOf(answer)], [422, 'schema_violation'], `${method} ${path}`);
  }
  t.equal((await call('GET', '/ports')).body, '[{"key":"a","value":{"port":80}}]');
  const passes = await call('PATCH', '/ports/a', { body: '{"port":81}' });
  t.same([passes.status, passes.body], [200, '{"port":81}']);
  t.equal((await call('PATCH', '/ports/a?ttl=30s')).status, 200, 'a moved deadline is no document');
});

t.test('a condition that does not hold is told before the schema', async t => {
  const { call } = await service(t);
  const answer = await call('PUT', '/ports/a', { body: '{}', headers: { 'if-match': '"1-1"' } });
  t.same([answer.status, codeOf(answer)], [412, 'revision_mismatch']);
});

t.test('other collections are as free as before', async t => {
  const { call } = await service(t);
  t.equal((await call('PUT', '/kv/a', { body: '[]' })).status, 201);
});
