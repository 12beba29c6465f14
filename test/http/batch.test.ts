/** `POST /batch`, sentence by sentence of the contract, and what hostile bodies come to. */
import t from 'tap';
import { BATCH_BYTES_MAX, BATCH_OPERATIONS_MAX, VALUE_BYTES_MAX } from '../../src/limits.js';
import { codeOf, EPOCH, key, type Service, startService, stored } from './service.js';

const COLLECTIONS = { collections: { configs: { idField: 'name', durability: 'sync' as const } } };

function batch({ call }: Service, ...ops: readonly object[]) {
  return call('POST', '/batch', { body: JSON.stringify({ ops }) });
}

const put = (name: string, more: object = {}) => ({
  op: 'put',
  collection: 'kv',
  key: name,
  value: 1,
  ...more,
});
const remove = (name: string, more: object = {}) => ({ op: 'delete', collection: 'kv', key: name, ...more });

t.test('puts and deletions of several collections happen at once, in one range of revisions', async t => {
  const service = await startService(t, COLLECTIONS);
  await batch(service, put('old'), put('gone'));
  const changes: number[] = [];
  service.engine.subscribe(some => changes.push(some.length));
  const answer = await batch(
    service,
    { op: 'put', collection: 'configs', key: 'a', value: { x: 1 }, if: 'none' },
    remove('gone'),
    put('old', { value: 'new' }),
    remove('never'),
  );
  t.equal(answer.status, 200);
  t.same(JSON.parse(answer.body), {
    revision: 5,
    results: [
      { status: 201, etag: `"${EPOCH}-3"`, version: 1 },
      { status: 204, etag: `"${EPOCH}-4"` },
      { status: 200, etag: `"${EPOCH}-5"`, version: 2 },
      { status: 404 },
    ],
  });
  t.match(answer.headers, { 'x-revision': '5', 'x-durable': 'true', 'x-epoch': String(EPOCH) });
  t.same(changes, [3]);
  t.equal(stored(service, 'old'), '"new"');
});

t.test('it takes the strongest promise of its collections, unless ?sync says another', async t => {
  const service = await startService(t, COLLECTIONS);
  const body = JSON.stringify({ ops: [put('a')] });
  const durable = async (query: string, sent: string) =>
    (await service.call('POST', `/batch${query}`, { body: sent })).headers['x-durable'];
  t.equal(await durable('', body), 'false');
  t.equal(await durable('?sync', body), 'true');
  const strong = JSON.stringify({
    ops: [put('a'), { op: 'put', collection: 'configs', key: 'a', value: {} }],
  });
  t.equal(await durable('', strong), 'true');
  t.equal(await durable('?sync=false', strong), 'false');
});

t.test('`if` is a change id, with or without quotes, none or any', async t => {
  const service = await startService(t);
  await batch(service, put('a'));
  for (const [condition, name, status] of [
    [`${EPOCH}-1`, 'a', 200],
    [`"${EPOCH}-2"`, 'a', 200],
    [`${EPOCH}-1`, 'a', 412],
    ['any', 'a', 200],
    ['none', 'a', 412],
    ['any', 'b', 412],
    [`${EPOCH}-1`, 'b', 412],
    ['none', 'b', 200],
  ] as const) {
    const answer = await batch(service, put(name, { if: condition }));
    t.equal(answer.status, status, `${condition} on ${name}`);
  }
  t.equal((await batch(service, remove('c', { if: 'any' }))).status, 412);
  t.same(JSON.parse((await batch(service, remove('c', { if: 'none' }))).body).results, [{ status: 404 }]);
});

t.test('one that fails is told by its status and number, and nothing of the others happens', async t => {
  const service = await startService(t, COLLECTIONS);
  await batch(service, put('there'));
  const config = (value: unknown, more: object = {}) => ({
    op: 'put',
    collection: 'configs',
    key: 'c',
    value,
    ...more,
  });
  for (const [ops, status, code, op] of [
    [[put('there'), put('there2', { if: 'any' })], 412, 'revision_mismatch', 1],
    [[remove('there'), put('x', { collection: 'nowhere' })], 404, 'not_found', 1],
    [[remove('there'), put('x', { collection: 'constructor' })], 404, 'not_found', 1],
    [[remove('there'), config([])], 422, 'not_an_object', 1],
    [[remove('there'), config({ name: 'd' })], 422, 'id_mismatch', 1],
    [[remove('there'), config({ name: 'd' }, { if: 'any' })], 412, 'revision_mismatch', 1],
    [[put('there', { if: 'none' }), config({ name: 'd' })], 412, 'revision_mismatch', 0],
  ] as const) {
    const answer = await batch(service, ...ops);
    t.match(JSON.parse(answer.body), { status: 'error', code, op }, code);
    t.equal(answer.status, status, code);
  }
  t.equal(service.engine.revision, 1);
  t.match(JSON.parse((await batch(service, put('there', { if: 'none' }))).body), { current: `${EPOCH}-1` });
});

t.test('where the id is within, it is put in when it is absent', async t => {
  const service = await startService(t, COLLECTIONS);
  const body = '{"ops":[{"op":"put","collection":"configs","key":"a","value":{ "n":10.0 }}]}';
  t.equal((await service.call('POST', '/batch', { body })).status, 200);
  t.equal(service.engine.get('configs', key('a'))?.text, '{"name":"a", "n":10.0 }');
});

t.test('values keep their text, and __proto__ is a key like any other', async t => {
  const service = await startService(t);
  const values = ['10.0', '9007199254740993', '{"__proto__": [ 1,\n2 ] }', 'null', '"\\u00fc"'];
  const ops = values.map((value, i) => `{"op":"put","collection":"kv","key":"k${i}","value": ${value} }`);
  ops.push('{"op":"put","collection":"kv","key":"__proto__","value":false}');
  t.equal((await service.call('POST', '/batch', { body: ` {"ops" : [${ops.join(' , ')}]} ` })).status, 200);
  t.same(
    values.map((_, i) => stored(service, `k${i}`)),
    values,
  );
  t.equal(stored(service, '__proto__'), 'false');
});

t.test('a ttl is that of its operation, and the collection has one for the others', async t => {
  const service = await startService(t, { policy: { defaultTtl: 5_000 } });
  await batch(service, put('a', { ttl: 30 }), put('b', { ttl: '500ms' }), put('c'));
  const left = (name: string) => (service.engine.get('kv', key(name))?.deadline() ?? 0) - service.clock.now();
  t.same([left('a'), left('b'), left('c')], [30_000, 500, 5_000]);
});

t.test('X-Comment is said of every version that it makes', async t => {
  const service = await startService(t, { policy: { history: 10 } });
  const body = JSON.stringify({ ops: [put('a'), put('b')] });
  await service.call('POST', '/batch', { body, headers: { 'x-comment': 'the release' } });
  for (const name of ['a', 'b']) {
    t.match(service.engine.history('kv', key(name)), [{ version: 1, comment: 'the release' }]);
  }
});

t.test('nothing to do is done', async t => {
  const service = await startService(t);
  t.same(JSON.parse((await batch(service)).body), { revision: 0, results: [] });
});

t.test('what is no batch is refused, with a call that would have worked', async t => {
  const service = await startService(t);
  const [op, twice] = [
    JSON.stringify(put('a')),
    '{"op":"put","op":"put","collection":"kv","key":"a","value":1}',
  ];
  const tooMany = Array.from({ length: BATCH_OPERATIONS_MAX + 1 }, (_, i) => put(`k${i}`));
  for (const [body, status, code] of [
    ['', 400, 'invalid_json'],
    ['[]', 400, 'invalid_json'],
    ['{"ops":[', 400, 'invalid_json'],
    [`{"ops":[${op}]} 1`, 400, 'invalid_json'],
    [`{"ops":[${op},]}`, 400, 'invalid_json'],
    ['{}', 400, 'missing_field'],
    ['{"ops":{}}', 400, 'invalid_operation'],
    ['{"ops":[],"more":1}', 400, 'unknown_field'],
    ['{"ops":[],"__proto__":1}', 400, 'unknown_field'],
    [`{"ops":[],"ops":[${op}]}`, 400, 'duplicate_field'],
    ['{"ops":[1]}', 400, 'invalid_operation'],
    ['{"ops":[{}]}', 400, 'missing_field'],
    [`{"ops":[${JSON.stringify(put('a', { op: 'patch' }))}]}`, 400, 'invalid_operation'],
    [`{"ops":[${JSON.stringify(put('a', { op: 1 }))}]}`, 400, 'invalid_operation'],
    [`{"ops":[${JSON.stringify(put('a', { collection: 1 }))}]}`, 400, 'invalid_operation'],
    ['{"ops":[{"op":"put","key":"a","value":1}]}', 400, 'missing_field'],
    ['{"ops":[{"op":"put","collection":"kv","value":1}]}', 400, 'invalid_key'],
    ['{"ops":[{"op":"put","collection":"kv","key":"a"}]}', 400, 'missing_field'],
    [`{"ops":[${twice}]}`, 400, 'duplicate_field'],
    [`{"ops":[${JSON.stringify(put('a', { revision: 1 }))}]}`, 400, 'unknown_field'],
    [`{"ops":[${JSON.stringify(remove('a', { value: 1 }))}]}`, 400, 'unknown_field'],
    [`{"ops":[${JSON.stringify(remove('a', { ttl: 1 }))}]}`, 400, 'unknown_field'],
    [`{"ops":[${JSON.stringify(put(''))}]}`, 400, 'invalid_key'],
    [`{"ops":[${JSON.stringify(put('a/../b'))}]}`, 400, 'invalid_key'],
    [`{"ops":[${JSON.stringify(put('k'.repeat(513)))}]}`, 400, 'key_too_long'],
    [`{"ops":[${JSON.stringify(put('a', { ttl: 0 }))}]}`, 400, 'invalid_ttl'],
    [`{"ops":[${JSON.stringify(put('a', { ttl: null }))}]}`, 400, 'invalid_ttl'],
    [`{"ops":[${JSON.stringify(put('a', { if: 'maybe' }))}]}`, 400, 'invalid_precondition'],
    [`{"ops":[${JSON.stringify(put('a', { if: null }))}]}`, 400, 'invalid_precondition'],
    [`{"ops":[${op},${JSON.stringify(remove('a'))}]}`, 400, 'duplicate_key'],
    [
      op.replace(/^/, '{"ops":[').replace('"value":1', '"value":1e400').concat(']}'),
      400,
      'number_out_of_range',
    ],
    [
      op
        .replace(/^/, '{"ops":[')
        .replace('1}', `${'['.repeat(65)}${']'.repeat(65)}}`)
        .concat(']}'),
      400,
      'too_deep',
    ],
    [`{"ops":${'['.repeat(200_000)}`, 400, 'too_deep'],
    [JSON.stringify({ ops: tooMany }), 413, 'batch_too_large'],
    [JSON.stringify({ ops: [put('a', { value: 'x'.repeat(VALUE_BYTES_MAX - 1) })] }), 413, 'value_too_large'],
  ] as const) {
    const answer = await service.call('POST', '/batch', { body });
    t.same([answer.status, codeOf(answer)], [status, code], body.slice(0, 100));
  }
  t.equal(service.engine.revision, 0);
});

t.test('the depth of a value is counted from the value', async t => {
  const service = await startService(t);
  const value = `${'['.repeat(64)}${']'.repeat(64)}`;
  const body = `{"ops":[{"op":"put","collection":"kv","key":"a","value":${value}}]}`;
  t.equal((await service.call('POST', '/batch', { body })).status, 200);
});

t.test('an error of one operation names it, and a bad one names the place in the body', async t => {
  const { call } = await startService(t);
  const body =
    '{"ops":[{"op":"delete","collection":"kv","key":"a"},\n{"op":"delete","collection":"kv","key":1}]}';
  t.match(JSON.parse((await call('POST', '/batch', { body })).body), { code: 'invalid_key', op: 1 });
  t.match(JSON.parse((await call('POST', '/batch', { body: `${body.slice(0, -3)},x}` })).body), {
    code: 'invalid_json',
    message: /^Line 2, column 42: /,
  });
});

t.test('bytes that are not UTF-8, other types, more bytes than there may be', async t => {
  const { call } = await startService(t);
  const bytes = Buffer.from('{"ops":[{"op":"put","collection":"kv","key":"a","value":"\xc3"}]}', 'latin1');
  t.equal(codeOf(await call('POST', '/batch', { body: bytes })), 'invalid_utf8');
  const headers = { 'content-type': 'text/plain' };
  t.equal((await call('POST', '/batch', { body: '{}', headers })).status, 415);
  const large = { 'content-length': String(BATCH_BYTES_MAX + 1), expect: '100-continue' };
  t.equal((await call('POST', '/batch', { headers: large })).status, 413);
  t.equal((await call('GET', '/batch')).status, 405);
});

t.test('a condition in the headers, which would hold for no key, is refused', async t => {
  const service = await startService(t);
  const body = JSON.stringify({ ops: [put('a')] });
  const answer = await service.call('POST', '/batch', { body, headers: { 'if-none-match': '*' } });
  t.same([answer.status, codeOf(answer), service.engine.revision], [400, 'invalid_precondition', 0]);
});

t.test('eight values of almost a MiB are one batch', async t => {
  const service = await startService(t);
  const value = 'x'.repeat(VALUE_BYTES_MAX - 1024);
  const answer = await batch(service, ...Array.from({ length: 8 }, (_, i) => put(`k${i}`, { value })));
  t.equal(answer.status, 200);
  t.equal(service.engine.revision, 8);
});

t.test('what the engine cannot do now is no fault of an operation', async t => {
  const service = await startService(t);
  service.engine.degraded = true;
  const answer = await batch(service, put('a'));
  t.equal(answer.status, 503);
  t.match(JSON.parse(answer.body), { code: 'storage_error', outcome: 'not_applied', op: undefined });
});

t.test('an operation that is longer than one may be ends the reading, whatever is behind it', async t => {
  const { call } = await startService(t);
  const long = `"${'x'.repeat(VALUE_BYTES_MAX)}"`;
  for (const value of [`[${'1,'.repeat(VALUE_BYTES_MAX)}1]`, `{"a":${long},"b":${long}}`]) {
    const body = `{"ops":[{"op":"put","collection":"kv","key":"a","value":${value}},,,]}`;
    const answer = await call('POST', '/batch', { body });
    t.same([answer.status, codeOf(answer)], [413, 'value_too_large']);
  }
  const members = Array.from({ length: 80_000 }, (_, i) => `"m${i}":1`).join(',');
  const body = `{"ops":[{"op":"put",${members},"collection":"kv","key":"a","value":1}]}`;
  const answer = await call('POST', '/batch', { body });
  t.same([answer.status, codeOf(answer)], [400, 'unknown_field']);
  const list = await call('POST', '/batch', { body: `[${'1,'.repeat(VALUE_BYTES_MAX)}1]` });
  t.same([list.status, codeOf(list)], [400, 'invalid_json']);
});
