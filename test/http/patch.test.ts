/** PATCH of a document: what it makes of the value, of its deadline and of its conditions, and what it refuses. */
import t from 'tap';
import { VALUE_BYTES_MAX } from '../../src/limits.js';
import { codeOf, type Service, startService, stored } from './service.js';

const MERGE = { 'content-type': 'application/merge-patch+json' };
const OPERATIONS = { 'content-type': 'application/json-patch+json' };

async function withValue({ call }: Service, value: string, query = ''): Promise<string> {
  const { headers } = await call('PUT', `/kv/a${query}`, { body: value });
  return String(headers['etag']);
}

t.test('JSON and merge-patch+json are a merge patch, and the document as it now is comes back', async t => {
  const service = await startService(t);
  for (const headers of [{}, { 'content-type': 'application/json' }, MERGE]) {
    const etag = await withValue(service, '{"a":10.0,"b":{"c":1,"d":2}}');
    const answer = await service.call('PATCH', '/kv/a', {
      headers,
      body: ' {"b":{"c":null},"e":9007199254740993}\n',
    });
    t.equal(answer.status, 200);
    t.equal(answer.body, '{"a":10.0,"b":{"d":2},"e":9007199254740993}');
    t.not(answer.headers['etag'], etag);
    t.match(answer.headers, { 'x-durable': 'false', 'x-version': String, 'x-revision': String });
    t.equal((await service.call('GET', '/kv/a')).body, answer.body);
  }
});

t.test('curl -d without a type is a merge patch too', async t => {
  const service = await startService(t);
  await withValue(service, '{"a":1}');
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  t.equal((await service.call('PATCH', '/kv/a', { headers, body: '{"a":2}' })).body, '{"a":2}');
});

t.test('json-patch+json is all or nothing', async t => {
  const service = await startService(t);
  await withValue(service, '{"a":[1,2],"b":1}');
  const patch = (body: string): ReturnType<Service['call']> =>
    service.call('PATCH', '/kv/a', { headers: OPERATIONS, body });
  const done = await patch('[{"op":"add","path":"/a/-","value":3.0},{"op":"move","from":"/b","path":"/c"}]');
  t.same([done.status, done.body], [200, '{"a":[1,2,3.0],"c":1}']);
  const tested = await patch('[{"op":"remove","path":"/c"},{"op":"test","path":"/a/0","value":2}]');
  t.same([tested.status, codeOf(tested), JSON.parse(tested.body).op], [409, 'patch_test_failed', 1]);
  const failed = await patch('[{"op":"remove","path":"/c"},{"op":"remove","path":"/d"}]');
  t.same([failed.status, codeOf(failed), JSON.parse(failed.body).op], [422, 'patch_failed', 1]);
  t.equal((await service.call('GET', '/kv/a')).body, done.body, 'nothing of them was applied');
});

t.test('a patch keeps the deadline unless it is given another', async t => {
  const service = await startService(t);
  await withValue(service, '{"a":1}', '?ttl=60');
  const ttl = async (path: string, body?: string): Promise<unknown> => {
    const answer = await service.call('PATCH', path, body === undefined ? {} : { body });
    t.equal(answer.status, 200, path);
    return answer.headers['x-ttl'];
  };
  t.equal(await ttl('/kv/a', '{"a":2}'), '60');
  t.equal(await ttl('/kv/a?ttl=30', '{"a":3}'), '30');
  t.equal(await ttl('/kv/a?ttl=2m'), '120', 'without a body only the deadline moves');
  t.equal((await service.call('GET', '/kv/a')).body, '{"a":3}');
  t.equal(await ttl('/kv/a?ttl=none'), undefined);
});

t.test('conditions hold for a patch and for a moved deadline', async t => {
  const service = await startService(t);
  const stale = await withValue(service, '{"a":1}');
  const fresh = await withValue(service, '{"a":2}');
  const patch = async (etag: string, path = '/kv/a', body: string | undefined = '{"b":1}'): Promise<number> =>
    (await service.call('PATCH', path, { headers: { 'if-match': etag }, ...(body === '' ? {} : { body }) }))
      .status;
  t.equal(await patch(stale), 412);
  t.equal(await patch(stale, '/kv/a?ttl=1m', ''), 412);
  t.equal(await patch(fresh), 200);
  t.equal(
    (await service.call('PATCH', '/kv/a', { headers: { 'if-none-match': '*' }, body: '{}' })).status,
    412,
  );
  const past = { 'if-unmodified-since': 'Mon, 01 Jan 2001 00:00:00 GMT' };
  t.equal((await service.call('PATCH', '/kv/a', { headers: past, body: '{}' })).status, 412);
  t.equal(await patch(fresh, '/kv/none'), 404, 'what is not there is 404 before any condition');
});

t.test('a patch of what is not there is 404, after all that is wrong with it', async t => {
  const service = await startService(t);
  const patch = (path: string, body: string, headers = {}): ReturnType<Service['call']> =>
    service.call('PATCH', path, { body, headers });
  const cases = [
    [await patch('/kv/a', '{"a":1}'), 404, 'key_not_found'],
    [await service.call('PATCH', '/kv/a?ttl=30'), 404, 'key_not_found'],
    [await patch('/kv/a', '{nonsense'), 400, 'invalid_json'],
    [await service.call('PATCH', '/kv/a'), 400, 'invalid_json'],
    [await patch('/kv/a', '{}', OPERATIONS), 400, 'invalid_patch'],
    [await patch('/kv/a', '{"x":{"__proto__":1}}'), 400, 'unsafe_member'],
    [await patch('/kv/a?ttl=-1', '{}'), 400, 'invalid_ttl'],
    [await patch('/kv/a', '{}', { 'content-type': 'text/plain' }), 415, 'unsupported_media_type'],
  ] as const;
  for (const [answer, status, code] of cases) t.same([answer.status, codeOf(answer)], [status, code]);
  t.equal(stored(service, 'a'), undefined);
});

t.test('a type that is no patch is told which are, and so is OPTIONS', async t => {
  const { call } = await startService(t);
  const types = 'application/json, application/merge-patch+json, application/json-patch+json';
  const refused = await call('PATCH', '/kv/a', {
    body: '<a/>',
    headers: { 'content-type': 'application/xml' },
  });
  t.equal(refused.headers['accept-patch'], types);
  const options = await call('OPTIONS', '/kv/a');
  t.equal(options.headers['accept-patch'], types);
  t.match(options.headers['allow'], /PATCH/);
});

t.test('what a patch makes is held to the bounds of a value', async t => {
  const service = await startService(t);
  await withValue(service, `{"a":"${'x'.repeat(VALUE_BYTES_MAX / 2)}"}`);
  const large = await service.call('PATCH', '/kv/a', { body: `{"b":"${'x'.repeat(VALUE_BYTES_MAX / 2)}"}` });
  t.same([large.status, codeOf(large)], [413, 'value_too_large']);
  await withValue(service, `${'['.repeat(64)}${']'.repeat(64)}`);
  const deep = '[{"op":"copy","from":"","path":"/-"}]';
  const answer = await service.call('PATCH', '/kv/a', { headers: OPERATIONS, body: deep });
  t.same([answer.status, codeOf(answer)], [400, 'too_deep']);
});
