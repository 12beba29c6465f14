/**
 * What a write says of its revision, for every route that changes something: the rows are held against the index of
 * routes. It lies behind all that was there before, and a watch since it tells nothing of the write itself.
 */
import t from 'tap';
import type { JsonText, Policy } from '../../src/model.js';
import { key, type Service, startService } from './service.js';

const collections: Readonly<Record<string, Partial<Policy>>> = {
  configs: { idField: 'name', history: 10 },
  services: { history: Number.POSITIVE_INFINITY },
};

const options = { collections, policy: { history: 10 } };

interface Row {
  readonly call: string;
  readonly body?: string;
  /** What has to be done before. */
  readonly after?: string;
}

const op = (rest: object) =>
  JSON.stringify({ ops: [rest, { op: 'put', collection: 'kv', key: 'z', value: 1 }] });
const lines = (...items: readonly object[]) => items.map(item => JSON.stringify(item)).join('\n');

const rows: readonly Row[] = [
  { call: 'POST /set', body: '{"key":"a","value":2}' },
  { call: 'POST /set', body: '{"key":"new","value":2,"ttl":60}' },
  { call: 'POST /config?service=new', body: '{}' },
  { call: 'PATCH /config?service=a', body: '{"b":1}' },
  { call: 'PATCH /config?service=a&enabled=false' },
  { call: 'PATCH /config?service=a&enabled=false&sync=true' },
  { call: 'PATCH /config?service=a&enabled=true', after: 'PATCH /config?service=a&enabled=false' },
  { call: 'DELETE /config?service=a', after: 'PATCH /config?service=a&enabled=false' },
  { call: 'POST /batch', body: op({ op: 'put', collection: 'kv', key: 'a', value: 2 }) },
  { call: 'POST /batch', body: op({ op: 'put', collection: 'services', key: 'new', value: {} }) },
  { call: 'POST /batch', body: op({ op: 'delete', collection: 'kv', key: 'a' }) },
  {
    call: 'POST /import',
    body: lines({ key: 'a', value: 2 }, { key: 'b', value: 2 }, { key: 'a', value: 3 }),
  },
  { call: 'POST /import', body: lines({ collection: 'services', key: 'a', value: {}, enabled: false }) },
  ...['kv', ...Object.keys(collections)].flatMap(rowsOf),
];

function rowsOf(name: string): readonly Row[] {
  const id = collections[name]?.idField;
  const created = id == null ? { key: 'new', value: {} } : { [id]: 'new' };
  const isService = name === 'services';
  const disabled = isService ? { after: 'PATCH /config?service=a&enabled=false' } : {};
  const moved = isService ? [] : [{ call: `PATCH /${name}/a?ttl=60` }];
  return [
    { call: `POST /${name}`, body: JSON.stringify(created) },
    { call: `PUT /${name}/a`, body: '{"b":1}' },
    { call: `PUT /${name}/new`, body: '{"b":1}' },
    { call: `PATCH /${name}/a`, body: '{"b":1}' },
    { call: `DELETE /${name}/a`, ...disabled },
    { call: `DELETE /${name}?prefix=a`, ...disabled },
    ...moved,
    ...pastRowsOf(name, disabled),
  ];
}

function pastRowsOf(name: string, disabled: Partial<Row>): readonly Row[] {
  return [
    { call: `POST /${name}/a?rollback=1` },
    { call: `DELETE /${name}/a?purge`, ...disabled },
    { call: `DELETE /${name}?prefix=a&purge`, ...disabled },
  ];
}

async function fill({ call }: Service): Promise<void> {
  await call('POST', '/set', { body: '{"key":"a","value":1}' });
  await call('PUT', '/kv/a', { body: '{"c":2}' });
  await call('PUT', '/configs/a', { body: '{"c":1}' });
  await call('PUT', '/configs/a', { body: '{"c":2}' });
  await call('POST', '/config?service=a', { body: '{}' });
  await call('PATCH', '/config?service=a', { body: '{"c":2}' });
}

const methodAndPath = (call: string): readonly [string, string] => {
  const [method = '', path = ''] = call.split(' ');
  return [method, path];
};

/** As the index has it. */
const routeOf = (call: string) => {
  const [method, path] = methodAndPath(call);
  const [route = ''] = path.split('?');
  return `${method} ${/^\/\w+\/./.test(route) ? `${route.slice(0, route.lastIndexOf('/'))}/<key>` : route}`;
};

t.test('every route that changes something has a row here', async t => {
  const { call } = await startService(t, options);
  const { calls }: { calls: Record<string, string> } = JSON.parse((await call('GET', '/')).body);
  const listed = Object.keys(calls).filter(route => !route.startsWith('GET '));
  t.ok(listed.length > 10);
  const known = new Set(rows.map(row => routeOf(row.call)));
  t.same(
    listed.filter(route => !known.has(route)),
    [],
  );
});

for (const { call: what, body, after } of rows) {
  t.test(`the revision is that of the change: ${what} ${body ?? ''}`, async t => {
    const service = await startService(t, options);
    const { engine, call } = service;
    await fill(service);
    if (after !== undefined) t.equal((await call(...methodAndPath(after))).status, 200);
    const before = engine.revision;
    const { status, headers } = await call(...methodAndPath(what), body === undefined ? {} : { body });
    t.ok(status >= 200 && status < 300, `${status}`);
    t.ok(engine.revision > before, 'something changed');
    const revision = Number(headers['x-revision']);
    t.ok(revision > before && revision <= engine.revision, `${revision} of ${before} to ${engine.revision}`);
    const named = (engine.changesAfter(revision, 100) ?? []).filter(
      ({ collection }) => !collection.includes('.'),
    );
    t.same(named, [], 'a watch since it tells nothing of it again');
  });
}

t.test('what changes nothing says what is there', async t => {
  const { engine, call } = await startService(t, options);
  await call('PUT', '/configs/a', { body: '{"c":1}' });
  await call('POST', '/set', { body: '{"key":"a","value":1}' });
  const { revision } = engine;
  const again = await call('PUT', '/configs/a', { body: '{"c":1}' });
  t.equal(again.headers['x-revision'], '1', 'a document that is so already: its last change');
  t.equal((await call('DELETE', '/kv/none')).headers['x-revision'], `${revision}`);
  t.equal((await call('DELETE', '/kv?prefix=none')).headers['x-revision'], `${revision}`);
  t.equal((await call('POST', '/import', { body: '' })).headers['x-revision'], `${revision}`);
  t.equal(engine.get('kv', key('a'))?.text, '1' as JsonText);
  t.equal(engine.revision, revision);
});
