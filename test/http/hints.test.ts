/** What a refused caller is told to do next: a call of the same kind that works, and where it is wrong only if that is a place. */
import t from 'tap';
import { policyOf } from '../../src/config/collections.js';
import { type Service, startService } from './service.js';

const start = (test: Parameters<typeof startService>[0]): Promise<Service> =>
  startService(test, {
    collections: {
      configs: policyOf('configs'),
      users: policyOf('users'),
      services: policyOf('services'),
      sessions: policyOf('sessions'),
    },
  });

interface Told {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

async function told({ call }: Service, method: string, path: string, body?: string): Promise<Told> {
  const patch = { 'content-type': 'application/json-patch+json' };
  const headers = method === 'PATCH' && body?.startsWith('[') ? { headers: patch } : {};
  const answer = await call(method, path, { ...(body === undefined ? {} : { body }), ...headers });
  t.ok(answer.status >= 400, `${method} ${path} ${body}: ${answer.status}`);
  return JSON.parse(answer.body);
}

const CALLS: readonly (readonly [method: string, path: string, shown: string])[] = [
  ['POST', '/set', '…/set'],
  ['PUT', '/kv/a', '…/kv/<key>'],
  ['POST', '/kv', '…/kv'],
  ['POST', '/configs', '…/configs'],
  ['PUT', '/configs/a', '…/configs/<key>'],
  ['POST', '/users', '…/users'],
  ['POST', '/sessions', '…/sessions'],
  ['POST', '/batch', '…/batch'],
  ['POST', '/config?service=a', '…/config?service='],
];

t.test(
  'a body that is no JSON is told where it is wrong, if it is at a place, and what would have worked',
  async t => {
    const service = await start(t);
    for (const [method, path, shown] of CALLS) {
      for (const body of ['', ' ', '{"a":', '{"a":1}}', '{a:1}']) {
        const { code, message, hint } = await told(service, method, path, body);
        if (code !== 'invalid_json') continue;
        const name = `${method} ${path} ${JSON.stringify(body)}: ${message} ${hint}`;
        t.ok(hint.includes(shown), name);
        t.equal(/the place that/.test(hint), /^Line \d+, column \d+/.test(message), name);
      }
    }
  },
);

t.test('a body of the wrong kind is told a call that takes the right one', async t => {
  const service = await start(t);
  for (const [method, path, body, shown] of [
    ['POST', '/set', '[]', '…/set'],
    ['POST', '/kv', '1', '…/kv'],
    ['POST', '/configs', '[]', '…/configs'],
    ['PUT', '/configs/a', '1', '…/configs/<key>'],
    ['POST', '/configs', '{}', '…/configs'],
    ['POST', '/batch', '[]', '…/batch'],
    ['POST', '/batch', '{}', '…/batch'],
    ['POST', '/batch', '{"ops":[{"op":"put","collection":1,"key":"a","value":1}]}', '…/batch'],
    ['POST', '/import', '{"key":"a"}', '…/import'],
    ['POST', '/import', '{"collection":1,"key":"a","value":1}', '…/import'],
  ] as const) {
    const { code, hint } = await told(service, method, path, body);
    t.ok(hint.includes(shown), `${method} ${path} ${body}: ${code} ${hint}`);
  }
});

t.test('a service of an import that is no such thing is told what one is like', async t => {
  const service = await start(t);
  for (const beside of ['"id":0', '"id":"1"', '"enabled":1']) {
    const line = `{"collection":"services","key":"a","value":{},${beside}}`;
    const { code, hint } = await told(service, 'POST', '/import', line);
    t.match({ code, hint }, { code: 'invalid_operation', hint: /"id":1,"enabled":true/ });
    t.notMatch(hint, /"op"/, 'and nothing of a batch');
    const [works = ''] = /\{.*\}/.exec(hint) ?? [];
    t.equal((await service.call('POST', '/import', { body: works })).status, 200, works);
    await service.call('PATCH', '/config?service=a&enabled=false');
    await service.call('DELETE', '/config?service=a');
  }
});

t.test('a deletion without a prefix is told how to delete, and not how to list', async t => {
  const service = await start(t);
  for (const path of ['/kv', '/kv?prefix=', '/configs?purge']) {
    const { code, hint } = await told(service, 'DELETE', path);
    t.equal(code, 'invalid_parameter');
    t.match(hint, /curl -X DELETE '…\/(kv|configs)\?prefix=a\/'/);
    t.notMatch(hint, /limit|where/);
  }
});
