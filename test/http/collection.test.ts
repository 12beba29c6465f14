/** Lists, creation and deletion by prefix: the same in every collection whose id is the key. */
import t from 'tap';
import { keyFromUnicode } from '../../src/json/key.js';
import { LIST_BYTES_MAX, LIST_LIMIT_MAX, LIST_LOOKS_MAX } from '../../src/limits.js';
import type { JsonText, Operation } from '../../src/model.js';
import { codeOf, type Service, startService, stored } from './service.js';

const nextOf = (link: string | readonly string[] | undefined): string =>
  /^<([^>]+)>; rel="next"$/.exec(String(link))?.[1] ?? '';

async function fill({ call }: Service, names: readonly string[], value = '1'): Promise<void> {
  for (const name of names) await call('PUT', `/kv/${name}`, { body: value });
}

const put = (name: string, json: string): Operation => ({
  type: 'put',
  collection: 'kv',
  key: keyFromUnicode(name),
  text: json as JsonText,
});

/** All pages from a path on, parsed. */
async function walk({ call }: Service, path: string): Promise<unknown[][]> {
  const pages: unknown[][] = [];
  for (let next = path; next !== ''; ) {
    const { status, body, headers } = await call('GET', next);
    t.equal(status, 200);
    pages.push(JSON.parse(body));
    next = nextOf(headers['link']);
  }
  return pages;
}

t.test('a list has the values as they came, in the order of the keys', async t => {
  const service = await startService(t);
  const empty = await service.call('GET', '/kv');
  t.same([empty.status, empty.body, empty.headers['x-total-count']], [200, '[]', '0']);
  await fill(service, ['b', 'a/c', '%C3%BC']);
  await service.call('PUT', '/kv/a', { body: '{ "x": 10.0 }' });
  const { body, headers } = await service.call('GET', '/kv');
  t.equal(
    body,
    '[{"key":"a","value":{ "x": 10.0 }},{"key":"a/c","value":1},{"key":"b","value":1},{"key":"ü","value":1}]',
  );
  t.match(headers, { 'x-total-count': '4', 'x-revision': '4', 'x-epoch': String });
  t.equal(headers['link'], undefined);
  t.equal((await service.call('GET', '/kv?keys')).body, '["a","a/c","b","ü"]');
  t.equal((await service.call('GET', '/kv/')).body, body, 'with a slash behind it too');
  t.equal((await service.call('HEAD', '/kv')).headers['x-total-count'], '4');
});

t.test(
  'a prefix is bytes at the beginning of a key, and its total costs a scan that must be asked for',
  async t => {
    const service = await startService(t);
    await fill(service, ['app/1', 'app/2', 'apple', 'b']);
    const under = await service.call('GET', '/kv?prefix=app/&keys');
    t.same([under.body, under.headers['x-total-count']], ['["app/1","app/2"]', undefined]);
    t.equal((await service.call('GET', '/kv?prefix=app&keys&count')).headers['x-total-count'], '3');
    t.equal((await service.call('GET', '/kv?count=false')).headers['x-total-count'], undefined);
    t.equal((await service.call('GET', '/kv?prefix=zz')).body, '[]');
  },
);

t.test('the pages of a list have each key once, whatever comes and goes in between', async t => {
  const service = await startService(t);
  await fill(service, ['a', 'b', 'c', 'd', 'e', 'f', 'g']);
  t.same(await walk(service, '/kv?limit=3&keys'), [['a', 'b', 'c'], ['d', 'e', 'f'], ['g']]);
  const first = await service.call('GET', '/kv?limit=3&keys');
  await service.call('DELETE', '/kv/c');
  await fill(service, ['aa', 'dd']);
  t.same(await walk(service, nextOf(first.headers['link'])), [
    ['d', 'dd', 'e'],
    ['f', 'g'],
  ]);
});

t.test('where finds by a member, and several must all hold', async t => {
  const service = await startService(t);
  const documents = {
    a: '{"db":{"port":5432},"tags":["x","y"],"on":true,"v":"10"}',
    b: '{"db":{"port":5432.0},"tags":["y"],"on":false,"v":10}',
    c: '{"db.port":5432,"on":"true","v":10.0,"n":null}',
    d: '[1,2]',
  };
  for (const [key, body] of Object.entries(documents)) await service.call('PUT', `/kv/${key}`, { body });
  const find = async (...wheres: string[]): Promise<string> => {
    const query = wheres.map(where => `where=${encodeURIComponent(where)}`).join('&');
    return (await service.call('GET', `/kv?keys&${query}`)).body;
  };
  t.equal(await find('db.port=5432'), '["a","b"]');
  t.equal(await find('/db.port=5432'), '["c"]', 'a pointer where the name has a dot');
  t.equal(await find('on=true'), '["a","c"]');
  t.equal(await find('on="true"'), '["c"]');
  t.equal(await find('v=10'), '["a","b","c"]');
  t.equal(await find('v="10"'), '["a"]');
  t.equal(await find('tags=y'), '["a","b"]', 'any element of an array');
  t.equal(await find('tags=y', 'on=true'), '["a"]');
  t.equal(await find('tags=["y"]'), '["b"]');
  t.equal(await find('0=1'), '["d"]');
  t.equal(await find('n=null'), '["c"]');
  t.equal(await find('none='), '[]', 'what is not there matches nothing');
  const paged = await walk(service, '/kv?keys&limit=1&where=v=10&where=on=true');
  t.same(paged.flat(), ['a', 'c'], 'the link keeps all of them');
});

t.test('a page ends sooner where the values are large', async t => {
  const service = await startService(t);
  const large = JSON.stringify('x'.repeat(LIST_BYTES_MAX / 5));
  await fill(service, ['a', 'b', 'c', 'd', 'e', 'f', 'g'], large);
  const pages = await walk(service, '/kv');
  t.same(
    pages.map(page => page.length),
    [5, 2],
  );
});

t.test('a page ends sooner where much was looked at, and the link goes on there', async t => {
  const service = await startService(t);
  for (let i = 0; i < LIST_LOOKS_MAX + 500; i += 100) {
    const operations = Array.from({ length: 100 }, (_, j) =>
      put(`k${String(i + j).padStart(6, '0')}`, '{"n":1}'),
    );
    await service.engine.commit(operations);
  }
  await service.call('PUT', '/kv/z', { body: '{"n":2}' });
  const pages = await walk(service, '/kv?where=n=2&keys');
  t.same(pages, [[], ['z']]);
});

t.test('a list has a validator: the last change of its collection', async t => {
  const service = await startService(t);
  const empty = await service.call('GET', '/kv');
  await fill(service, ['a']);
  const full = await service.call('GET', '/kv');
  t.match(full.headers['etag'], /^W\/"\d+-1"$/);
  t.not(full.headers['etag'], empty.headers['etag']);
  const same = await service.call('GET', '/kv?limit=1', {
    headers: { 'if-none-match': String(full.headers['etag']) },
  });
  t.same([same.status, same.body], [304, '']);
  await service.call('DELETE', '/kv/a');
  const other = await service.call('GET', '/kv', {
    headers: { 'if-none-match': String(full.headers['etag']) },
  });
  t.same([other.status, other.body], [200, '[]']);
  const strong = { 'if-match': String(full.headers['etag']) };
  t.equal((await service.call('GET', '/kv', { headers: strong })).status, 412);
});

t.test('POST creates, and says 409 where the key is there', async t => {
  const service = await startService(t);
  const created = await service.call('POST', '/kv', { body: '{"key":"a/ü b","value":{"x":1.0},"ttl":60}' });
  t.same([created.status, created.body], [201, '{"key":"a/ü b","value":{"x":1.0}}']);
  t.match(created.headers, { location: '/kv/a/%C3%BC%20b', etag: String, 'x-ttl': '60', 'x-version': '1' });
  t.equal((await service.call('GET', String(created.headers['location']))).body, '{"x":1.0}');
  const again = await service.call('POST', '/kv', { body: '{"key":"a/ü b","value":2}' });
  t.same([again.status, codeOf(again)], [409, 'key_exists']);
  const guarded = await service.call('POST', '/kv', {
    body: '{"key":"a/ü b","value":2}',
    headers: { 'if-none-match': '*' },
  });
  t.same([guarded.status, codeOf(guarded)], [412, 'revision_mismatch']);
  t.equal(stored(service, 'a/ü b'), '{"x":1.0}');
});

t.test('POST without a key makes one where the collection has it so, and is 400 elsewhere', async t => {
  const plain = await startService(t);
  const refused = await plain.call('POST', '/kv', { body: '{"value":1}' });
  t.same([refused.status, codeOf(refused)], [400, 'invalid_key']);
  const service = await startService(t, { policy: { generatedId: true } });
  const keys = new Set<string>();
  for (let i = 0; i < 5; i++) {
    const { status, body, headers } = await service.call('POST', '/kv', { body: '{"value":1}' });
    t.equal(status, 201);
    const { key } = JSON.parse(body);
    t.match(key, /^[0-9a-f-]{36}$/);
    t.equal(headers['location'], `/kv/${key}`);
    keys.add(key);
  }
  t.equal(keys.size, 5);
});

t.test('the total of a part is the same on each of its pages', async t => {
  const service = await startService(t);
  await fill(service, ['a', 'c/1', 'c/2', 'c/3']);
  const first = await service.call('GET', '/kv?prefix=c/&keys&count&limit=2');
  const rest = await service.call('GET', /<(.*)>/.exec(String(first.headers['link']))?.[1] ?? '');
  t.same([first.body, first.headers['x-total-count']], ['["c/1","c/2"]', '3']);
  t.same([rest.body, rest.headers['x-total-count']], ['["c/3"]', '3']);
});

t.test('DELETE with a prefix deletes what is under it, and tells how many', async t => {
  const service = await startService(t);
  for (let i = 0; i < 1200; i += 100) {
    await service.engine.commit(Array.from({ length: 100 }, (_, j) => put(`a/${i + j}`, '1')));
  }
  await fill(service, ['a', 'b']);
  const { status, body, headers } = await service.call('DELETE', '/kv?prefix=a/&sync=true');
  t.same([status, body, headers['x-durable']], [200, '{"deleted":1200}', 'true']);
  t.equal((await service.call('GET', '/kv?keys')).body, '["a","b"]');
  const again = await service.call('DELETE', '/kv?prefix=a/');
  // What is not there may be so by a deletion that is not durable yet.
  t.same([again.body, again.headers['x-durable']], ['{"deleted":0}', 'false']);
});

t.test('what is wrong with a list or a deletion is 400, and nothing is deleted', async t => {
  const service = await startService(t);
  await fill(service, ['a']);
  for (const [method, path, code] of [
    ['GET', '/kv?limit=0', 'invalid_parameter'],
    ['GET', `/kv?limit=${LIST_LIMIT_MAX + 1}`, 'invalid_parameter'],
    ['GET', '/kv?limit=x', 'invalid_parameter'],
    ['GET', '/kv?cursor=%20', 'invalid_parameter'],
    ['GET', '/kv?cursor=Li4', 'invalid_parameter'],
    ['GET', '/kv?where=x', 'invalid_parameter'],
    ['GET', '/kv?where==1', 'invalid_parameter'],
    ['GET', '/kv?where=/~2=1', 'invalid_parameter'],
    ['GET', `/kv?${'where=a=1&'.repeat(17)}`, 'invalid_parameter'],
    ['GET', '/kv?prefix=a&prefix=b', 'invalid_parameter'],
    ['GET', `/kv?prefix=${'x'.repeat(513)}`, 'invalid_parameter'],
    ['DELETE', '/kv', 'invalid_parameter'],
    ['DELETE', '/kv?prefix=', 'invalid_parameter'],
    ['POST', '/kv', 'invalid_json'],
  ] as const) {
    const answer = await service.call(method, path);
    t.same([answer.status, codeOf(answer)], [400, code], `${method} ${path.slice(0, 40)}`);
  }
  const guarded = await service.call('DELETE', '/kv?prefix=a', { headers: { 'if-match': '*' } });
  t.same([guarded.status, codeOf(guarded)], [400, 'invalid_precondition']);
  t.equal(stored(service, 'a'), '1');
  const unknown = await service.call('GET', '/kv?wher=1');
  t.match(JSON.parse(unknown.body).hint, /prefix, limit, cursor, keys, count, wait, since, where/);
});
