/** `/config?service=`: the answers of the service that users come from, to the letter, and what is new beside them. */
import t, { type Test } from 'tap';
import { policyOf } from '../../src/config/collections.js';
import type { Engine } from '../../src/engine/engine.js';
import { digestOf, TokenGate } from '../../src/http/gate.js';
import { CONFIG_STREAM_BYTES } from '../../src/limits.js';
import type { JsonText } from '../../src/model.js';
import { grantOf, type Right, type Verb } from '../../src/service/grant.js';
import { ServicesEngine, withCompanions } from '../../src/service/services.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { ModelEngine } from '../fixtures/model-engine.js';
import {
  type Answer,
  codeOf,
  EPOCH,
  key,
  type Service,
  type ServiceOptions,
  startService,
} from './service.js';

const start = (t: Test, options: ServiceOptions = {}): Promise<Service> =>
  startService(t, {
    collections: { services: policyOf('services'), configs: policyOf('configs') },
    ...options,
  });

const AT = '/config?service=managed-k8s';
const UNKNOWN = '{"error":404,"message":"resource not found","success":false}';
const UNPROCESSABLE = '{"error":422,"message":"unprocessable","success":false}';
const DONE = '{"success":true}';

const shown = ({ status, body }: Answer): readonly [number, string] => [status, body];

t.test('create, duplicate, get, patch, get again, missing, delete', async t => {
  const { call } = await start(t);
  const one = '{ "data": [ {"key1": "value1"}, {"key2": 10.0} ] }';
  const created = await call('POST', AT, { body: one });
  t.strictSame(shown(created), [
    200,
    `{"ID":1,"enabled":true,"service":"managed-k8s","serviceJSONconf":${JSON.stringify(one)},"success":true,"total_configs":1}`,
  ]);
  t.strictSame(shown(await call('POST', AT, { body: one })), [422, UNPROCESSABLE]);
  t.strictSame(shown(await call('GET', AT)), [200, one]);
  t.strictSame(shown(await call('PATCH', AT, { body: '{"a":1}' })), [200, DONE]);
  t.strictSame(shown(await call('PATCH', AT, { body: '{"a":1}' })), [200, DONE]);
  const all = `{"0":${JSON.stringify(one)},"1":"{\\"a\\":1}","2":"{\\"a\\":1}"}`;
  t.strictSame(shown(await call('GET', AT)), [200, all], 'the same text is a version too');
  t.strictSame(shown(await call('GET', '/config?service=other')), [404, UNKNOWN]);
  t.strictSame(shown(await call('PATCH', '/config?service=other', { body: '{}' })), [404, UNKNOWN]);
  t.strictSame(shown(await call('DELETE', '/config?service=other')), [404, UNKNOWN]);
  t.strictSame(shown(await call('DELETE', AT)), [422, UNPROCESSABLE], 'it is enabled');
  t.strictSame(shown(await call('PATCH', `${AT}&enabled=false`)), [200, DONE]);
  t.strictSame(shown(await call('DELETE', AT)), [200, DONE]);
  t.strictSame(shown(await call('GET', AT)), [404, UNKNOWN]);
});

t.test('what is no object is unprocessable', async t => {
  const { call } = await start(t);
  for (const body of ['[]', '1', '"a"', 'null']) {
    t.strictSame(shown(await call('POST', AT, { body })), [422, UNPROCESSABLE]);
  }
  await call('POST', AT, { body: '{}' });
  t.strictSame(shown(await call('PATCH', AT, { body: '[]' })), [422, UNPROCESSABLE]);
});

t.test('a number is one more than the highest ever given', async t => {
  const { call } = await start(t);
  const post = async (name: string) =>
    JSON.parse((await call('POST', `/config?service=${name}`, { body: '{}' })).body);
  t.match(await post('a'), { ID: 1, total_configs: 1 });
  t.match(await post('b'), { ID: 2, total_configs: 2 });
  await call('PATCH', '/config?service=b&enabled=false');
  await call('DELETE', '/config?service=b');
  t.match(await post('c'), { ID: 3, total_configs: 2 });
  t.match(await post('b'), { ID: 4, total_configs: 3, enabled: true }, 'made again it is another one');
  await call('PUT', '/services/d', { body: '{}' });
  await call('POST', '/batch', {
    body: '{"ops":[{"op":"put","collection":"services","key":"e","value":{}}]}',
  });
  t.match(await post('f'), { ID: 7, total_configs: 6 }, 'on every way in');
});

t.test('one version is the configuration itself, from 0 or the latest', async t => {
  const { call } = await start(t);
  const first = await call('POST', AT, { body: '{"n":1.0}' });
  await call('PATCH', AT, { body: '{"n":2}' });
  const old = await call('GET', `${AT}&version=0`);
  t.equal(old.body, '{"n":1.0}');
  t.equal(old.headers['etag'], first.headers['etag']);
  t.equal((await call('GET', `${AT}&version=1`)).body, '{"n":2}');
  t.equal((await call('GET', `${AT}&version=latest`)).body, '{"n":2}');
  t.equal((await call('GET', `${AT}&as=env`)).body, "N='2'\n", 'a form is of the latest');
  t.equal((await call('GET', `${AT}&version=0&as=env`)).body, "N='1.0'\n");
  const missing = await call('GET', `${AT}&version=2`);
  t.match(JSON.parse(missing.body), { error: 404, success: false, code: 'version_not_found', hint: String });
  const headers = { 'if-none-match': String(old.headers['etag']) };
  t.equal((await call('GET', `${AT}&version=0`, { headers })).status, 304);
});

t.test('a service made again counts from 0 again', async t => {
  const { call } = await start(t);
  await call('POST', AT, { body: '{"n":1}' });
  await call('PATCH', AT, { body: '{"n":2}' });
  await call('PATCH', `${AT}&enabled=false`);
  await call('DELETE', AT);
  await call('POST', AT, { body: '{"n":3}' });
  t.equal((await call('GET', AT)).body, '{"n":3}');
  t.equal((await call('GET', `${AT}&version=0`)).body, '{"n":3}');
  const history = JSON.parse((await call('GET', '/services/managed-k8s?history')).body);
  t.equal(history.length, 4, 'as a document it keeps its past');
});

t.test('the switch is no version, and is told', async t => {
  const { call } = await start(t);
  await call('POST', AT, { body: '{}' });
  t.equal((await call('GET', AT)).headers['x-enabled'], 'true');
  const { headers } = await call('PATCH', `${AT}&enabled=false`);
  t.match(headers, { 'x-enabled': 'false', 'x-durable': 'true', 'x-version': '1' });
  const after = await call('GET', AT);
  t.match(after, { body: '{}', headers: { 'x-enabled': 'false', 'x-version': '1' } });
  await call('PATCH', AT, { body: '{"a":1}' });
  t.equal((await call('GET', AT)).headers['x-enabled'], 'false', 'a version leaves it');
  await call('PATCH', `${AT}&enabled=true`);
  t.equal((await call('GET', AT)).headers['x-enabled'], 'true');
  t.strictSame(shown(await call('PATCH', '/config?service=other&enabled=true')), [404, UNKNOWN]);
});

t.test('a service that is enabled is deleted on no way', async t => {
  const { call } = await start(t);
  await call('PUT', '/services/a', { body: '{}' });
  const ways: readonly (readonly [string, string, string?])[] = [
    ['DELETE', '/services/a'],
    ['DELETE', '/services/a?purge'],
    ['DELETE', '/services?prefix=a'],
    ['POST', '/batch', '{"ops":[{"op":"delete","collection":"services","key":"a"}]}'],
  ];
  for (const [method, path, body] of ways) {
    const answer = await call(method, path, body === undefined ? {} : { body });
    t.strictSame([answer.status, codeOf(answer)], [422, 'service_enabled'], `${method} ${path}`);
  }
  await call('PATCH', '/config?service=a&enabled=false');
  t.equal((await call('DELETE', '/services?prefix=a')).body, '{"deleted":1}');
});

t.test('/services/<name> is the same configuration as a document', async t => {
  const { call } = await start(t);
  await call('POST', AT, { body: '{"n":1}' });
  await call('PATCH', '/services/managed-k8s', { body: '{"m":2}' });
  t.equal((await call('GET', `${AT}&version=1`)).body, '{"n":1,"m":2}', 'merged there, as documents are');
  t.equal(
    (await call('GET', '/services/managed-k8s?version=1')).body,
    '{"n":1}',
    'and versions count from 1',
  );
  await call('POST', '/services/managed-k8s?rollback=1');
  t.equal((await call('GET', `${AT}&version=latest`)).body, '{"n":1}');
  t.match(JSON.parse((await call('GET', '/services')).body), [{ key: 'managed-k8s', value: { n: 1 } }]);
});

t.test('the number and the switch travel with an export', async t => {
  const from = await start(t);
  for (const name of ['a', 'b', 'c']) await from.call('POST', `/config?service=${name}`, { body: '{}' });
  await from.call('PATCH', '/config?service=b&enabled=false');
  await from.call('PATCH', '/config?service=a&enabled=false');
  await from.call('DELETE', '/config?service=a');
  const { body } = await from.call('GET', '/export');
  t.equal(
    body,
    '{"collection":"services","key":"b","value":{},"id":2,"enabled":false}\n' +
      '{"collection":"services","key":"c","value":{},"id":3,"enabled":true}\n',
  );
  const to = await start(t);
  t.match(await to.call('POST', '/import', { body }), { status: 200, body: /"imported":2/ });
  t.equal((await to.call('GET', '/export')).body, body);
  t.match(JSON.parse((await to.call('POST', AT, { body: '{}' })).body), { ID: 4, total_configs: 3 });
  const again = await to.call('POST', '/import', { body });
  t.equal(again.status, 200, 'and may come twice');
  const taken = '{"collection":"services","key":"x","value":{},"id":2}';
  t.match(await to.call('POST', '/import', { body: taken }), { status: 409, body: /duplicate_value/ });
  const other =
    '{"collection":"services","key":"d","value":{}}\n{"collection":"services","key":"b","value":{"x":1},"id":7}';
  const refused = await to.call('POST', '/import', { body: other });
  t.match(
    { status: refused.status, told: JSON.parse(refused.body) },
    {
      status: 422,
      told: { code: 'id_mismatch', line: 2, imported: 1, message: /has the ID 2/, hint: /Take "id" out/ },
    },
    'a service keeps its number, and nothing is dropped in silence',
  );
  t.equal((await to.call('GET', '/services/b')).body, '{}');
  for (const line of [
    '{"collection":"services","key":"x","value":{},"id":0}',
    '{"collection":"services","key":"x","value":{},"id":"2"}',
    '{"collection":"services","key":"x","value":{},"enabled":1}',
    '{"collection":"kv","key":"x","value":{},"enabled":true}',
  ]) {
    t.equal((await to.call('POST', '/import', { body: line })).status, 400, line);
  }
});

t.test(
  'what is told of a service is what its own commit made of it, whatever came before its fsync',
  async t => {
    const clock = new ManualClock();
    const policies = { services: policyOf('services') };
    const model = new ModelEngine({ policies: withCompanions(policies), clock, epoch: EPOCH });
    let release = (): void => {};
    const fsync = new Promise<void>(resolve => {
      release = resolve;
    });
    const commit: Engine['commit'] = async (...args) => {
      const committed = model.commit(...args);
      await fsync;
      return committed;
    };
    const slow = new Proxy<Engine>(model, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (name === 'commit') return commit;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const engine = new ServicesEngine(slow);
    const { call } = await startService(t, { policies, engine: () => engine });
    const names = ['a', 'b', 'c'];
    const answers = names.map(name => call('POST', `/config?service=${name}`, { body: '{}' }));
    while (engine.services < names.length) await clock.turn();
    await model.commit([{ type: 'put', collection: 'services', key: key('d'), text: '{}' as JsonText }]);
    release();
    const told = (await Promise.all(answers)).map(({ body }) => JSON.parse(body));
    const facts = told.map(({ ID, total_configs }) => [ID, total_configs]);
    t.strictSame(
      facts.sort(([left], [right]) => left - right),
      [
        [1, 1],
        [2, 2],
        [3, 3],
      ],
      'each its own number, and as many as there were with it',
    );
    await model.close();
  },
);

t.test('a token is told of no more services than it may read or write', async t => {
  const right = (verb: Verb, prefix: string | null) => ({
    verb,
    collection: 'services',
    prefix: prefix === null ? null : key(prefix),
  });
  const rights: Readonly<Record<string, readonly Right[]>> = {
    writer: [right('write', 'app')],
    both: [right('write', 'app'), right('read', 'shared/')],
    reader: [right('write', 'app'), right('read', null)],
  };
  const tokens = Object.entries(rights).map(([id, own]) => ({
    id,
    sha256: digestOf(id),
    grant: grantOf(own),
  }));
  const gate = new TokenGate({ required: true, tokens: [...tokens, { id: 'all', sha256: digestOf('all') }] });
  const { call } = await start(t, { gate: () => gate });
  const post = async (token: string, name: string) => {
    const headers = { Authorization: `Bearer ${token}` };
    const { body } = await call('POST', `/config?service=${name}`, { body: '{}', headers });
    return JSON.parse(body).total_configs;
  };
  for (const name of ['apple', 'shared/a', 'shared/b', 'other/a']) await post('all', name);
  t.equal(await post('writer', 'app'), 1);
  t.equal(await post('writer', 'app/a'), 2);
  t.equal(await post('both', 'app/b'), 5);
  t.equal(await post('reader', 'app/c'), 8);
  t.equal(await post('all', 'b'), 9);
});

t.test('other errors have its three members, a code and a hint', async t => {
  const { call } = await start(t);
  const asked: readonly (readonly [string, string, number, string, string?])[] = [
    ['GET', '/config', 400, 'invalid_key'],
    ['GET', '/config?service=', 400, 'invalid_key'],
    ['GET', '/config?service=a&version=x', 400, 'invalid_parameter'],
    ['GET', '/config?service=a&nope=1', 400, 'invalid_parameter'],
    ['POST', AT, 400, 'invalid_json', '{'],
    ['POST', AT, 400, 'invalid_json', ''],
    ['PATCH', AT, 400, 'invalid_json', ''],
    ['PATCH', `${AT}&enabled=maybe`, 400, 'invalid_parameter'],
    ['PATCH', `${AT}&enabled=true`, 400, 'bad_request', '{}'],
  ];
  for (const [method, path, status, code, body] of asked) {
    const answer = await call(method, path, body === undefined ? {} : { body });
    t.equal(answer.status, status, `${method} ${path}`);
    t.match(JSON.parse(answer.body), { error: status, success: false, message: /./, code, hint: /./ });
  }
  const { headers } = await call('PUT', '/config?service=a', { body: '{}' });
  t.equal(headers.allow, 'GET, HEAD, POST, PATCH, DELETE, OPTIONS');
});

t.test('conditions hold here as elsewhere', async t => {
  const { call } = await start(t);
  const { headers } = await call('POST', AT, { body: '{}' });
  const stale = { 'if-match': '"1-1"' };
  for (const [method, path, body] of [
    ['PATCH', AT, '{"a":1}'],
    ['PATCH', `${AT}&enabled=false`, undefined],
    ['DELETE', AT, undefined],
  ] as const) {
    const answer = await call(method, path, { headers: stale, ...(body === undefined ? {} : { body }) });
    t.match(answer, { status: 412, body: /"success":false.*revision_mismatch/ }, `${method} ${path}`);
  }
  const fresh = { 'if-match': String(headers['etag']) };
  t.equal((await call('PATCH', AT, { headers: fresh, body: '{"a":1}' })).status, 200);
});

t.test('many large versions come part for part', async t => {
  const { call } = await start(t);
  const large = `{"a":"${'x'.repeat(CONFIG_STREAM_BYTES / 2)}"}`;
  await call('POST', AT, { body: large });
  await call('PATCH', AT, { body: large });
  const answer = await call('GET', AT);
  t.equal(answer.body, `{"0":${JSON.stringify(large)},"1":${JSON.stringify(large)}}`);
  t.equal(answer.headers['content-length'], undefined);
});

t.test('what stands beside the services has no name of its own', async t => {
  const { call } = await start(t);
  await call('POST', AT, { body: '{}' });
  for (const name of ['services.facts', 'services.counter']) {
    t.equal((await call('GET', `/${name}`)).status, 404);
    t.equal((await call('GET', `/${name}/managed-k8s`)).status, 404);
    t.equal((await call('GET', `/export?collection=${name}`)).status, 404);
    const body = `{"ops":[{"op":"put","collection":"${name}","key":"a","value":1}]}`;
    t.equal((await call('POST', '/batch', { body })).status, 404);
  }
  const collections = JSON.parse((await call('GET', '/collections')).body);
  t.strictSame(
    collections.map(({ name }: { name: string }) => name),
    ['configs', 'kv', 'services'],
  );
});

t.test('a service neither expires nor is evicted', async t => {
  const { call } = await start(t);
  await call('PUT', '/services/a', { body: '{}' });
  const ways: readonly (readonly [string, string, string?])[] = [
    ['PATCH', '/services/a?ttl=1s'],
    ['PUT', '/services/a?ttl=1s', '{}'],
    ['POST', '/services', '{"key":"b","value":{},"ttl":1}'],
    ['POST', '/batch', '{"ops":[{"op":"put","collection":"services","key":"a","value":{},"ttl":1}]}'],
    ['POST', '/import', '{"collection":"services","key":"a","value":{},"ttl":1}'],
  ];
  for (const [method, path, body] of ways) {
    const answer = await call(method, path, body === undefined ? {} : { body });
    t.strictSame([answer.status, codeOf(answer)], [400, 'invalid_ttl'], `${method} ${path}`);
  }
  const services = policyOf('services');
  for (const wrong of [{ defaultTtl: 1_000 }, { full: 'evict' as const, entriesMax: 2 }]) {
    t.throws(() => withCompanions({ services: { ...services, ...wrong } }), { code: 'configuration' });
  }
});

t.test('of a batch the first operation that fails is told, whatever its rule', async t => {
  const { call } = await start(t);
  await call('PUT', '/services/a', { body: '{}' });
  const body = JSON.stringify({
    ops: [
      { op: 'delete', collection: 'services', key: 'a' },
      { op: 'put', collection: 'kv', key: 'b', value: 1, if: 'any' },
    ],
  });
  const answer = await call('POST', '/batch', { body });
  t.match({ status: answer.status, ...JSON.parse(answer.body) }, { code: 'service_enabled', op: 0 });
});

t.test('a deletion by prefix names the service that it does not delete', async t => {
  const { call } = await start(t);
  for (let i = 0; i < 3; i++) await call('PUT', `/services/p${i}`, { body: '{}' });
  for (const name of ['p0', 'p1']) await call('PATCH', `/config?service=${name}&enabled=false`);
  const answer = await call('DELETE', '/services?prefix=p');
  t.equal(answer.status, 422);
  t.strictSame(Object.keys(JSON.parse(answer.body)), ['status', 'message', 'code', 'hint', 'key']);
  t.match(JSON.parse(answer.body), { code: 'service_enabled', key: 'p2', hint: /enabled=false/ });
});

t.test('every refusal on /config has its form, also before the service is looked at', async t => {
  const { call } = await start(t);
  const wrong = await call('PUT', AT, { body: '{}' });
  t.match({ status: wrong.status, ...JSON.parse(wrong.body) }, { error: 405, success: false, code: String });
  const missing = await call('GET', AT);
  t.match(missing.headers, { 'x-revision': '0' });
  await call('POST', AT, { body: '{}' });
  t.match((await call('GET', `${AT}&version=7`)).headers, { 'x-revision': String });
  await call('PATCH', `${AT}&enabled=false`);
  t.match((await call('DELETE', AT)).headers, { etag: String, 'x-revision': String, 'x-durable': 'true' });
});

// The write was begun before the engine was asked for: its refusal was nobody's, and an error that nobody catches ends the process.
t.test('while it loads every call is 503, and no refusal is left that nobody looks at', async t => {
  const { call } = await start(t, { engine: () => null });
  const lost: unknown[] = [];
  const hear = (error: unknown) => void lost.push(error);
  process.on('unhandledRejection', hear);
  t.teardown(() => process.off('unhandledRejection', hear));
  for (const method of ['GET', 'POST', 'PATCH', 'DELETE']) {
    const answer = await call(method, AT, method === 'GET' || method === 'DELETE' ? {} : { body: '{}' });
    t.match({ status: answer.status, ...JSON.parse(answer.body) }, { error: 503, code: 'loading' }, method);
  }
  await new Promise(resolve => setImmediate(resolve));
  t.strictSame(lost, []);
});
