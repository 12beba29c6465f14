/** `/users`, by its built-in policy: what a user must be. */
import t from 'tap';
import { policyOf } from '../../src/config/collections.js';
import { VALUE_BYTES_MAX } from '../../src/limits.js';
import { codeOf, type Service, startService } from './service.js';

const service = (test: Parameters<typeof startService>[0]): Promise<Service> =>
  startService(test, { collections: { users: policyOf('users') } });

const ADA = '{"name":"Ada","email":"ada@example.com","age":36.0}';

t.test('a user gets an id, and keeps the members that came', async t => {
  const { call } = await service(t);
  const { status, body, headers } = await call('POST', '/users', { body: ADA });
  t.equal(status, 201);
  const id = /^\{"id":"([0-9a-f-]{36})",/.exec(body)?.[1];
  t.equal(body, `{"id":"${id}",${ADA.slice(1)}`);
  t.equal(headers['location'], `/users/${id}`);
  t.equal((await call('GET', `/users/${id}`)).body, body);
  t.equal((await call('GET', '/users?where=email=ada@example.com')).body, `[${body}]`);
});

const refusals: readonly (readonly [string, string, string, RegExp])[] = [
  ['no name', '{"email":"ada@example.com"}', 'member_missing', /has no \\"name\\"/],
  ['no email', '{"name":"Ada"}', 'member_missing', /has no \\"email\\"/],
  ['an empty name', '{"name":"","email":"ada@example.com"}', 'member_missing', /\\"name\\" that is empty/],
  ['an email that is none', '{"name":"Ada","email":"ada"}', 'invalid_email', /one \\"@\\", a domain/],
  ['an email of two', '{"name":"Ada","email":"a@b@c.de"}', 'invalid_email', /email/],
  ['an email with a space', '{"name":"Ada","email":"a b@c.de"}', 'invalid_email', /email/],
  ['no object', '["Ada"]', 'not_an_object', /object/],
];

for (const [what, body, code, message] of refusals) {
  t.test(`refused: ${what}`, async t => {
    const { call } = await service(t);
    for (const [method, path] of [
      ['POST', '/users'],
      ['PUT', '/users/1'],
    ] as const) {
      const answer = await call(method, path, { body });
      t.same([answer.status, codeOf(answer)], [422, code], method);
      t.match(answer.body, message);
    }
    t.equal((await call('GET', '/users')).body, '[]');
  });
}

t.test('a patch may not take away what a user must have', async t => {
  const { call } = await service(t);
  await call('PUT', '/users/1', { body: ADA });
  const patch = (body: string) => call('PATCH', '/users/1', { body });
  t.equal(codeOf(await patch('{"name":null}')), 'member_missing');
  t.equal(codeOf(await patch('{"email":"x"}')), 'invalid_email');
  t.equal((await patch('{"email":"ada@example.org"}')).status, 200);
  t.match((await call('GET', '/users/1')).body, /ada@example\.org.*"age":36\.0/);
});

t.test('an email is that of one user, whatever its case, also of two who come at once', async t => {
  const { call } = await service(t);
  const ada = (name: string, email: string) =>
    call('POST', '/users', { body: JSON.stringify({ id: name, name, email }) });
  const both = await Promise.all([ada('a', 'ada@example.com'), ada('b', 'Ada@Example.com')]);
  t.same(both.map(({ status }) => status).sort(), [201, 409]);
  const first = both[0]?.status === 201 ? 'a' : 'b';
  const refused = both.find(({ status }) => status === 409);
  t.match(JSON.parse(refused?.body ?? ''), { code: 'duplicate_value', field: 'email', key: first });
  t.equal((await ada('c', 'grace@example.com')).status, 201);
  const taken = await call('PATCH', '/users/c', { body: '{"email":"ADA@example.com"}' });
  t.same([taken.status, codeOf(taken)], [409, 'duplicate_value']);
  t.equal((await call('DELETE', `/users/${first}`)).status, 204);
  t.equal((await call('PATCH', '/users/c', { body: '{"email":"ADA@example.com"}' })).status, 200);
});

t.test('a duplicate goes before what else is wrong with a document, as 409 goes before 422', async t => {
  const { call } = await service(t);
  await call('PUT', '/users/ada', { body: '{"name":"Ada","email":"ada@example.com"}' });
  const twice = '{"email":"ADA@example.com"}';
  for (const [method, path, body, status, code] of [
    ['POST', '/users', twice, 409, 'duplicate_value'],
    ['PUT', '/users/b', twice, 409, 'duplicate_value'],
    ['PUT', '/users/ada', twice, 422, 'member_missing'],
    ['POST', '/users', '{"email":"b@example.com"}', 422, 'member_missing'],
    ['POST', '/users', `{"id":"ada","email":"b@example.com"}`, 409, 'key_exists'],
    [
      'POST',
      '/users',
      `{"email":"ada@example.com","x":"${'x'.repeat(VALUE_BYTES_MAX)}"}`,
      413,
      'value_too_large',
    ],
  ] as const) {
    const answer = await call(method, path, { body });
    t.same([answer.status, codeOf(answer)], [status, code], `${method} ${path} ${body.slice(0, 40)}`);
    if (code === 'duplicate_value')
      t.match(JSON.parse(answer.body), { field: 'email', key: 'ada', message: /"ada"/ });
  }
  const stale = { 'if-match': '"1-1"' };
  t.equal(codeOf(await call('PUT', '/users/ada', { body: twice, headers: stale })), 'revision_mismatch');
});

t.test('a user is found by the email, whatever its case', async t => {
  const { call } = await service(t);
  await call('PUT', '/users/1', { body: ADA });
  await call('PUT', '/users/2', { body: '{"name":"Grace","email":"grace@example.com"}' });
  const found = async (query: string) => JSON.parse((await call('GET', `/users?${query}`)).body).length;
  t.equal(await found('where=email=ADA@example.com'), 1);
  t.equal(await found('where=/email=ada@example.com'), 1);
  t.equal(await found('where=email=ada@example.com&where=name=Ada'), 1);
  t.equal(await found('where=email=ada@example.com&where=name=Grace'), 0);
  t.equal(await found('where=email=ada@example.com&prefix=2'), 0);
  t.equal(await found('where=email=nobody@example.com'), 0);
  t.equal(await found('where=age=36'), 1, 'other fields are looked through');
});

t.test('a unique member that need not be a string is looked for in every document', async t => {
  const { call } = await startService(t, { collections: { things: { unique: ['n'] } } });
  for (const [key, value] of Object.entries({ a: '10', b: '"10"', c: '["zz","10"]', d: '"AB"' }))
    await call('PUT', `/things/${key}`, { body: `{"n":${value}}` });
  const found = async (where: string) => JSON.parse((await call('GET', `/things?keys&where=${where}`)).body);
  t.same(await found('n=10'), ['a', 'b', 'c']);
  t.same(await found('n=zz'), ['c']);
  t.same(await found('n=AB'), ['d']);
});

t.test('a long unique value is compared whole', async t => {
  const { call } = await startService(t, { collections: { things: { unique: ['n'], required: ['n'] } } });
  const long = 'x'.repeat(5_000);
  t.equal((await call('PUT', '/things/a', { body: JSON.stringify({ n: `${long}a` }) })).status, 201);
  t.equal((await call('PUT', '/things/b', { body: JSON.stringify({ n: `${long}b` }) })).status, 201);
  t.equal(
    (await call('PUT', '/things/c', { body: JSON.stringify({ n: `${long.toUpperCase()}B` }) })).status,
    409,
  );
});
