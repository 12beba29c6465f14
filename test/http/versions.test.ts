/** The past of a document: history, one version, diff, rollback, undelete, purge; who, when and why. */
import t, { type Test } from 'tap';
import { digestOf, TokenGate } from '../../src/http/gate.js';
import { COMMENT_BYTES_MAX, HISTORY_AT_ONCE_MAX, HISTORY_DEPTH_MAX } from '../../src/limits.js';
import type { JsonText } from '../../src/model.js';
import { type Answer, codeOf, key, type Service, type ServiceOptions, startService } from './service.js';

const kept = { history: 4, historyTtl: 60_000 };
const configs = { ...kept, idField: 'name' };

const start = (t: Test, options: ServiceOptions = {}): Promise<Service> =>
  startService(t, { collections: { kept, configs }, ...options });

async function written(service: Service, ...bodies: readonly string[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const body of bodies) answers.push(await service.call('PUT', '/kept/a', { body }));
  return answers;
}

t.test('the history is an array, newest first, of who, when and why', async t => {
  const gate = new TokenGate({ required: true, tokens: [{ id: 'ci', sha256: digestOf('secret-secret') }] });
  const { call, clock } = await start(t, { gate: () => gate });
  const authorization = 'Bearer secret-secret';
  const why = Buffer.from('erste "größere" Fassung', 'utf8').toString('latin1');
  // Before a string Node would write the header as UTF-8 of these bytes.
  await call('PUT', '/kept/a', { body: Buffer.from('1'), headers: { authorization, 'x-comment': why } });
  await clock.advance(2_000);
  await call('PUT', '/kept/a', { body: '2', headers: { authorization } });
  const gone = await call('DELETE', '/kept/a', { headers: { authorization, 'x-comment': 'gone' } });
  t.equal(gone.status, 204);
  const answer = await call('GET', '/kept/a?history', { headers: { authorization } });
  t.equal(answer.status, 200);
  t.match(answer.headers, { 'x-revision': '3', 'content-type': 'application/json; charset=utf-8' });
  const at = (ms: number): string =>
    new Date(Math.floor((clock.now() - 2_000 + ms) / 1000) * 1000).toISOString();
  t.strictSame(JSON.parse(answer.body), [
    { version: 3, revision: 3, at: at(2_000), by: 'ci', comment: 'gone', deleted: true },
    { version: 2, revision: 2, at: at(2_000), by: 'ci', comment: null, deleted: false },
    { version: 1, revision: 1, at: at(0), by: 'ci', comment: 'erste "größere" Fassung', deleted: false },
  ]);
});

t.test(
  'a moved deadline is a change of the document and no version, so a session kept alive keeps its past',
  async t => {
    const service = await start(t);
    const { call, clock } = service;
    await written(service, '1', '2', '3', '4');
    const past = (await call('GET', '/kept/a?history')).body;
    const { headers } = await call('GET', '/kept/a');
    for (let i = 0; i < 9; i++) {
      await clock.advance(1_000);
      t.match((await call('PATCH', '/kept/a?ttl=1h')).headers, {
        'x-version': '4',
        'x-revision': String(5 + i),
      });
    }
    t.equal((await call('GET', '/kept/a?history')).body, past);
    const kept = await call('GET', '/kept/a');
    t.match(kept.headers, { 'x-version': '4', 'x-revision': '13', 'x-ttl': '3600' });
    t.not(kept.headers['etag'], headers['etag'], 'the ETag names the last change');
    t.equal((await call('GET', '/kept/a?version=4')).body, '4', 'and the version is there under its number');
    await call('PUT', '/kept/a?ttl=2h', { body: '4' });
    t.equal(
      (await call('GET', '/kept/a?history')).body,
      past,
      'nor is a put of the same text with another ttl',
    );
  },
);

t.test('without tokens nobody is named', async t => {
  const service = await start(t);
  await written(service, '1');
  const { body } = await service.call('GET', '/kept/a?history');
  t.match(JSON.parse(body), [{ version: 1, by: null, comment: null, deleted: false }]);
});

t.test('a history goes as far back as its collection keeps it', async t => {
  const service = await start(t);
  await written(service, '1', '2', '3', '4', '5', '6');
  const versions = JSON.parse((await service.call('GET', '/kept/a?history')).body);
  t.strictSame(
    versions.map(({ version }: { version: number }) => version),
    [6, 5, 4, 3],
  );
  t.equal((await service.call('GET', '/kept/b?history')).status, 404);
});

t.test('a long history is made while it is read, and not held', async t => {
  const service = await start(t, { collections: { long: { history: HISTORY_DEPTH_MAX } } });
  const versions = HISTORY_AT_ONCE_MAX + 1;
  for (let i = 1; i <= versions; i++) {
    const put = { type: 'put' as const, collection: 'long', key: key('a'), text: String(i) as JsonText };
    await service.engine.commit([put]);
    if (i < HISTORY_AT_ONCE_MAX) continue;
    const { status, headers, body } = await service.call('GET', '/long/a?history');
    t.same([status, headers['content-length'] === undefined], [200, i === versions]);
    t.match(headers, { 'content-type': 'application/json; charset=utf-8', 'x-revision': String(i) });
    const told: readonly { readonly version: number }[] = JSON.parse(body);
    t.same(
      told.map(({ version }) => version),
      Array.from({ length: i }, (_, back) => i - back),
    );
  }
  const head = await service.call('HEAD', '/long/a?history');
  t.same([head.status, head.body], [200, '']);
});

t.test('a version is the document as it was, with its own ETag', async t => {
  const service = await start(t);
  const [first] = await written(service, '{"a":10.0}', '{"a":11}');
  const old = await service.call('GET', '/kept/a?version=1');
  t.strictSame([old.status, old.body], [200, '{"a":10.0}']);
  t.match(old.headers, { etag: first?.headers['etag'], 'x-version': '1', 'x-revision': '1' });
  t.equal((await service.call('GET', '/kept/a?version=1&raw&path=/a')).body, '10.0');
  t.equal((await service.call('GET', '/kept/a?version=1&as=env')).body, "A='10.0'\n");
  const headers = { 'if-none-match': String(first?.headers['etag']) };
  t.equal((await service.call('GET', '/kept/a?version=1', { headers })).status, 304);
  t.equal((await service.call('GET', '/kept/a?version=2')).body, '{"a":11}');
  const head = await service.call('HEAD', '/kept/a?version=1');
  t.strictSame([head.status, head.body, head.headers['content-length']], [200, '', '10']);
});

t.test('a version that was cut off, is a deletion, or never was is 404', async t => {
  const service = await start(t);
  await written(service, '1', '2', '3', '4', '5');
  await service.call('DELETE', '/kept/a');
  for (const version of [1, 6, 7, 0, 999_999_999]) {
    const answer = await service.call('GET', `/kept/a?version=${version}`);
    t.strictSame([answer.status, codeOf(answer)], [404, 'version_not_found'], `version ${version}`);
  }
  const fallback = await service.call('GET', '/kept/a?version=1&raw&default=x');
  t.strictSame([fallback.status, fallback.body], [200, 'x']);
  const unknown = await service.call('GET', '/kept/b?version=1');
  t.strictSame([unknown.status, codeOf(unknown)], [404, 'key_not_found']);
});

t.test('a diff is a JSON Patch that makes one version of the other', async t => {
  const service = await start(t);
  await written(
    service,
    '{"a":1,"b":[1,2,3],"c":{"d":true}}',
    '{"a":1.0,"b":[2,3],"c":{"d":true,"e/f":null}}',
    '[]',
  );
  const answer = await service.call('GET', '/kept/a?diff=1..2');
  t.equal(answer.headers['content-type'], 'application/json-patch+json');
  t.strictSame(JSON.parse(answer.body), [
    { op: 'replace', path: '/a', value: 1 },
    { op: 'remove', path: '/b/0' },
    { op: 'add', path: '/c/e~1f', value: null },
  ]);
  t.match(answer.body, '"value":1.0', 'its values are texts');
  t.equal((await service.call('GET', '/kept/a?diff=1')).body, '[{"op":"replace","path":"","value":[]}]');
  t.equal((await service.call('GET', '/kept/a?diff=3..3')).body, '[]');
  await service.call('PUT', '/kept/a', { body: '{"a":1,"b":[1,2,3],"c":{"d":true}}' });
  await service.call('PATCH', '/kept/a', {
    headers: { 'content-type': 'application/json-patch+json' },
    body: answer.body,
  });
  t.equal((await service.call('GET', '/kept/a?diff=2..5')).body, '[]', 'a PATCH takes it');
  t.equal((await service.call('GET', '/kept/a?diff=1..5')).status, 404);
});

t.test('a rollback makes the old text a new version, and keeps the deadline', async t => {
  const service = await start(t);
  const { call } = service;
  await written(service, '{"a":10.0}', '{"a":2}');
  await call('PATCH', '/kept/a?ttl=1h');
  const back = await call('POST', '/kept/a?rollback=1', { headers: { 'x-comment': 'as it was' } });
  t.strictSame([back.status, back.body], [200, '{"a":10.0}']);
  t.match(back.headers, { 'x-version': '3', 'x-revision': '4', 'x-ttl': '3600', etag: String });
  t.match(JSON.parse((await call('GET', '/kept/a?history')).body)[0], { version: 3, comment: 'as it was' });
  t.equal(
    (await call('POST', '/kept/a?rollback=3')).headers['x-version'],
    '4',
    'to what is there is one too',
  );
  t.match((await call('POST', '/kept/a?rollback=3&ttl=2h')).headers, { 'x-ttl': '7200' });
  const stale = await call('POST', '/kept/a?rollback=5', { headers: { 'if-match': '"1-1"' } });
  t.strictSame([stale.status, codeOf(stale)], [412, 'revision_mismatch']);
});

t.test('a rollback of a deleted key brings it back', async t => {
  const service = await start(t);
  await written(service, '1');
  await service.call('DELETE', '/kept/a');
  const back = await service.call('POST', '/kept/a?rollback=1');
  t.match(back, { status: 201, body: '1', headers: { 'x-version': '3', location: '/kept/a' } });
  const missing = await service.call('POST', '/kept/a?rollback=2');
  t.strictSame([missing.status, codeOf(missing)], [404, 'version_not_found']);
});

t.test('a rollback passes the checks of a write', async t => {
  const service = await start(t, { collections: { kept: { ...kept, required: ['name'] } } });
  await service.engine.commit([
    { type: 'put', collection: 'kept', key: 'a' as never, text: '{}' as never },
    { type: 'put', collection: 'kept', key: 'b' as never, text: '{}' as never },
  ]);
  const answer = await service.call('POST', '/kept/a?rollback=1');
  t.strictSame([answer.status, codeOf(answer)], [422, 'member_missing']);
});

t.test('a put of the same text changes nothing, and says so by its ETag', async t => {
  const service = await start(t);
  const [first, again] = await written(service, '{"a":1}', ' {"a":1}\n');
  t.equal(again?.status, 200);
  t.match(again?.headers, { etag: first?.headers['etag'], 'x-version': '1', 'x-revision': '1' });
  const patched = await service.call('PATCH', '/kept/a', { body: '{}' });
  t.strictSame([patched.status, patched.headers['etag']], [200, first?.headers['etag']]);
  t.equal(JSON.parse((await service.call('GET', '/kept/a?history')).body).length, 1);
});

t.test('a purge takes the history too, also of a deleted key', async t => {
  const service = await start(t);
  const { call } = service;
  await written(service, '1', '2');
  t.equal((await call('DELETE', '/kept/a?purge')).status, 204);
  t.equal((await call('GET', '/kept/a?history')).status, 404);
  t.equal((await call('DELETE', '/kept/a?purge')).status, 404);
  await written(service, '1');
  await call('DELETE', '/kept/a');
  t.equal((await call('DELETE', '/kept/a')).status, 404, 'deleted already');
  t.equal((await call('DELETE', '/kept/a?purge')).status, 204);
  t.equal((await call('GET', '/kept/a?history')).status, 404);
  t.equal((await written(service, '1'))[0]?.headers['x-version'], '1');
});

t.test('the history of a deleted key goes after its time', async t => {
  const service = await start(t);
  await written(service, '1');
  await service.call('DELETE', '/kept/a');
  await service.clock.advance(59_000);
  t.equal((await service.call('GET', '/kept/a?history')).status, 200);
  await service.clock.advance(1_000);
  t.equal((await service.call('GET', '/kept/a?history')).status, 404);
});

t.test('where no history is kept all of it is 400', async t => {
  const { call } = await start(t);
  await call('PUT', '/kv/a', { body: '1' });
  const asked: readonly (readonly [string, string])[] = [
    ['GET', '/kv/a?history'],
    ['GET', '/kv/a?version=1'],
    ['GET', '/kv/a?diff=1..2'],
    ['GET', '/get/a?history'],
    ['POST', '/kv/a?rollback=1'],
    ['DELETE', '/kv/a?purge'],
  ];
  for (const [method, path] of asked) {
    const answer = await call(method, path);
    t.strictSame([answer.status, codeOf(answer)], [400, 'history_off'], `${method} ${path}`);
  }
  t.equal((await call('GET', '/kv/a')).body, '1', 'nothing was deleted');
});

t.test('what cannot be understood is 400', async t => {
  const service = await start(t);
  await written(service, '1', '2');
  const asked: readonly (readonly [string, string])[] = [
    ['GET', '/kept/a?version=x'],
    ['GET', '/kept/a?version=-1'],
    ['GET', '/kept/a?version=1.5'],
    ['GET', '/kept/a?version'],
    ['GET', '/kept/a?diff=1-2'],
    ['GET', '/kept/a?diff=..2'],
    ['GET', '/kept/a?diff'],
    ['GET', '/kept/a?history=maybe'],
    ['GET', '/kept/a?history&version=1'],
    ['GET', '/kept/a?diff=1&version=1'],
    ['GET', '/kept/a?history&raw'],
    ['GET', '/kept/a?diff=1&as=yaml'],
    ['POST', '/kept/a'],
    ['POST', '/kept/a?rollback=x'],
  ];
  for (const [method, path] of asked) {
    const answer = await service.call(method, path);
    t.strictSame([answer.status, codeOf(answer)], [400, 'invalid_parameter'], `${method} ${path}`);
  }
  t.equal((await service.call('GET', '/kept/a?history=false')).body, '2');
});

t.test('a comment is one line of UTF-8, and not too long', async t => {
  const service = await start(t);
  const put = (comment: string): Promise<Answer> =>
    service.call('PUT', '/kept/a', { body: Buffer.from('1'), headers: { 'x-comment': comment } });
  for (const comment of ['\xff', 'a\tb', 'a\xc2\x85b', '\xe2\x80\xa8', 'x'.repeat(COMMENT_BYTES_MAX + 1)]) {
    const answer = await put(comment);
    t.strictSame([answer.status, codeOf(answer)], [400, 'invalid_comment']);
  }
  t.equal((await service.call('GET', '/kept/a')).status, 404, 'nothing was stored');
  t.equal((await put('x'.repeat(COMMENT_BYTES_MAX))).status, 201);
});

t.test('where the id is within, a rollback keeps it', async t => {
  const { call } = await start(t);
  await call('POST', '/configs', { body: '{"name":"a","v":1}' });
  await call('PUT', '/configs/a', { body: '{"v":2}' });
  await call('DELETE', '/configs/a');
  const back = await call('POST', '/configs/a?rollback=1');
  t.match(back, { status: 201, body: '{"name":"a","v":1}' });
});

t.test('a purge by prefix takes all histories under it, also of deleted keys', async t => {
  const { call } = await start(t);
  for (const name of ['a/1', 'a/2', 'b']) await call('PUT', `/kept/${name}`, { body: '1' });
  await call('DELETE', '/kept/a/2');
  await call('DELETE', '/kept/b');
  const answer = await call('DELETE', '/kept?prefix=a/&purge');
  t.strictSame([answer.status, answer.body], [200, '{"deleted":2}']);
  for (const name of ['a/1', 'a/2']) t.equal((await call('GET', `/kept/${name}?history`)).status, 404, name);
  t.equal((await call('GET', '/kept/b?history')).status, 200);
  t.equal(codeOf(await call('DELETE', '/kv?prefix=a/&purge')), 'history_off');
  await call('PUT', '/kept/c', { body: '1' });
  await call('DELETE', '/kept?prefix=c', { headers: { 'x-comment': 'all of it' } });
  t.match(JSON.parse((await call('GET', '/kept/c?history')).body), [
    { deleted: true, comment: 'all of it' },
    {},
  ]);
});
