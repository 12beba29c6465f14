/**
 * Who may do what, for every route that there is: the rows are held against the index of routes, so that a new route
 * without a row fails here. Each is called inside and outside the prefix of its token, with either verb and none.
 */
import http from 'node:http';
import t from 'tap';
import { digestOf, type KnownToken, TokenGate } from '../../src/http/gate.js';
import type { JsonText, Policy } from '../../src/model.js';
import { grantOf, type Verb } from '../../src/service/grant.js';
import { type Answer, codeOf, key, type Service, startService } from './service.js';

const collections: Readonly<Record<string, Partial<Policy>>> = {
  configs: { idField: 'name', history: 10 },
  services: { history: Number.POSITIVE_INFINITY },
  sessions: { full: 'evict', entriesMax: 1000, generatedId: true },
  users: { idField: 'id', unique: ['email'], required: ['email'], emails: ['email'] },
};

const inPrefix = (verb: Verb) => ({ verb, collection: '*', prefix: 'app/' });
const everywhere = (verb: Verb) => ({ verb, collection: '*', prefix: null });

const tokens: readonly KnownToken[] = [
  { id: 'root', sha256: digestOf('root') },
  { id: 'reader', sha256: digestOf('reader'), grant: grantOf([inPrefix('read')]) },
  { id: 'writer', sha256: digestOf('writer'), grant: grantOf([inPrefix('write')]) },
  { id: 'both', sha256: digestOf('both'), grant: grantOf([inPrefix('read'), inPrefix('write')]) },
  { id: 'all', sha256: digestOf('all'), grant: grantOf([everywhere('read'), everywhere('write')]) },
  { id: 'nothing', sha256: digestOf('nothing'), grant: grantOf([]) },
  { id: 'over', sha256: digestOf('over'), isOver: () => true },
];

const gate = new TokenGate({ required: true, tokens });

interface Call {
  readonly path: string;
  readonly body?: string;
}

interface Row {
  /** All that are needed; none: it is open. */
  readonly verbs: readonly Verb[];
  /** The call about a key, or about what begins with it. */
  call(key: string): Call;
  /** It names no key: what it shows depends on the token, and whoever may do it anywhere may do it. */
  readonly anywhere?: true;
}

const open = (path: string): Row => ({ verbs: [], call: () => ({ path }) });
const at = (verbs: readonly Verb[], call: Row['call']): Row => ({ verbs, call });

const word = encodeURIComponent;

const rows = new Map<string, Row>([
  ['GET /docs/<file>', open('/docs/none')],
  ...['/', '/version', '/livez', '/readyz', '/healthz', '/openapi.json', '/docs'].map(
    path => [`GET ${path}`, open(path)] as const,
  ),
  ['GET /metrics', { ...at(['read'], () => ({ path: '/metrics' })), anywhere: true }],
  ['GET /collections', { ...at(['read'], () => ({ path: '/collections' })), anywhere: true }],
  ['POST /set', at(['write'], key => ({ path: '/set', body: JSON.stringify({ key, value: {} }) }))],
  ['GET /get/<key>', at(['read'], key => ({ path: `/get/${key}` }))],
  ['GET /get?key=<key>', at(['read'], key => ({ path: `/get?key=${word(key)}` }))],
  ['GET /config', at(['read'], key => ({ path: `/config?service=${word(key)}` }))],
  ['POST /config', at(['write'], key => ({ path: `/config?service=${word(key)}`, body: '{}' }))],
  ['PATCH /config', at(['write'], key => ({ path: `/config?service=${word(key)}`, body: '{}' }))],
  ['DELETE /config', at(['write'], key => ({ path: `/config?service=${word(key)}` }))],
  [
    'POST /batch',
    at(['write'], key => {
      const op = (name: string) => ({ op: 'put', collection: 'kv', key: name, value: 1 });
      return { path: '/batch', body: JSON.stringify({ ops: [op('app/first'), op(key)] }) };
    }),
  ],
  ['POST /import', at(['write'], key => ({ path: '/import', body: JSON.stringify({ key, value: {} }) }))],
  ['GET /export', at(['read'], key => ({ path: `/export?collection=kv&prefix=${word(key)}` }))],
  ['GET /watch', at(['read'], key => ({ path: `/watch?collection=kv&key=${word(key)}` }))],
  ...['kv', ...Object.keys(collections)].flatMap(rowsOf),
]);

function rowsOf(name: string): (readonly [string, Row])[] {
  const id = collections[name]?.idField;
  const email = name === 'users' ? { email: 'one@example.org' } : {};
  const created = (key: string) => (id == null ? { key, value: {} } : { [id]: key, ...email });
  return [
    [`GET /${name}`, at(['read'], key => ({ path: `/${name}?prefix=${word(key)}` }))],
    [`POST /${name}`, at(['write'], key => ({ path: `/${name}`, body: JSON.stringify(created(key)) }))],
    [`DELETE /${name}`, at(['write'], key => ({ path: `/${name}?prefix=${word(key)}` }))],
    [`GET /${name}/<key>`, at(['read'], key => ({ path: `/${name}/${key}` }))],
    [`PUT /${name}/<key>`, at(['write'], key => ({ path: `/${name}/${key}`, body: JSON.stringify(email) }))],
    [`PATCH /${name}/<key>`, at(['write', 'read'], key => ({ path: `/${name}/${key}`, body: '{"b":1}' }))],
    [`POST /${name}/<key>`, at(['write', 'read'], key => ({ path: `/${name}/${key}?rollback=1` }))],
    [`DELETE /${name}/<key>`, at(['write'], key => ({ path: `/${name}/${key}` }))],
  ];
}

/** The status alone: some answers have no end. */
function ask(port: number, method: string, { path, body }: Call, token: string | null): Promise<number> {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const req = http.request({ port, host: '127.0.0.1', method, path, headers, agent: false });
    req.on('error', reject);
    req.on('response', res => {
      resolve(res.statusCode ?? 0);
      res.on('error', () => {});
      res.destroy();
    });
    req.end(body);
  });
}

const as = (token: string, body?: string) => ({
  headers: { authorization: `Bearer ${token}` },
  ...(body === undefined ? {} : { body }),
});

async function fill({ engine }: Service): Promise<void> {
  const keys = ['app/x', 'other/x', 'apple'].map(key);
  const puts = ['kv', ...Object.keys(collections)].flatMap(collection =>
    keys.map(name => {
      const id = collections[collection]?.idField;
      const document = {
        ...(id == null ? {} : { [id]: name }),
        ...(collection === 'users' ? { email: `${name.replace('/', '.')}@example.com` } : {}),
      };
      return { type: 'put' as const, collection, key: name, text: JSON.stringify(document) as JsonText };
    }),
  );
  await engine.commit(puts);
}

async function listed({ call }: Service): Promise<readonly string[]> {
  const { body } = await call('GET', '/');
  const { calls }: { calls: Record<string, string> } = JSON.parse(body);
  return ['GET /', ...Object.keys(calls)];
}

t.test('every route has a row here', async t => {
  const service = await startService(t, { gate: () => gate, collections });
  t.same(
    (await listed(service)).filter(call => !rows.has(call)),
    [],
  );
});

const verbsOf: Readonly<Record<string, readonly Verb[]>> = {
  reader: ['read'],
  writer: ['write'],
  both: ['read', 'write'],
};

const inside = 'app/x';
const outside = ['other/x', 'apple', 'other/none'];

t.test('each route lets in who may do it, and nobody else', async t => {
  const service = await startService(t, { gate: () => gate, collections });
  const { port, engine, clock } = service;
  for (const row of await listed(service)) {
    const { verbs, call, anywhere } = rows.get(row) ?? open('/none');
    const method = row.split(' ')[0] ?? '';
    const isOpen = verbs.length === 0;
    const may = (id: string, name: string): boolean => {
      if (isOpen || id === 'root' || id === 'all') return true;
      const own = verbsOf[id] ?? [];
      return verbs.every(verb => own.includes(verb)) && (anywhere === true || name === inside);
    };
    await clock.advance(60_000);
    for (const id of [null, 'over', 'removed']) {
      const status = await ask(port, method, call(inside), id);
      t.equal(status === 401, !isOpen, `${row} with ${id ?? 'no'} token: ${status}`);
    }
    for (const id of ['reader', 'writer', 'both', 'nothing', 'all', 'root']) {
      for (const name of [inside, ...outside]) {
        await fill(service);
        const before = engine.revision;
        const status = await ask(port, method, call(name), id);
        const allowed = may(id, name);
        const sound = status !== 401 && status < 500 && (allowed || engine.revision === before);
        t.ok(sound && (status !== 403) === allowed, `${row} as ${id} on ${name}: ${status}`);
      }
    }
  }
});

t.test('HEAD is refused as GET is', async t => {
  const service = await startService(t, { gate: () => gate, collections });
  for (const name of await listed(service)) {
    const row = rows.get(name);
    if (row === undefined || !name.startsWith('GET') || row.verbs.length === 0 || row.anywhere) continue;
    t.equal(await ask(service.port, 'HEAD', row.call('other/x'), 'reader'), 403, name);
  }
});

t.test('a refusal is the same whether the key is there or not', async t => {
  const service = await startService(t, { gate: () => gate, collections });
  await fill(service);
  const bodies = async (method: string, key: string, body?: string): Promise<readonly string[]> => {
    const seen: string[] = [];
    for (const path of [`/kv/${key}`, `/get/${key}`, `/get?key=${key}`, `/config?service=${key}`]) {
      seen.push((await service.call(method, path, as('reader', body))).body);
    }
    return seen;
  };
  for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
    t.same(await bodies(method, 'other/x'), await bodies(method, 'other/none'), method);
  }
});

t.test('403 comes behind 405, and before all that is wrong with the body and the query', async t => {
  const { call } = await startService(t, { gate: () => gate, collections });
  const status = async (method: string, path: string, headers = {}, body = '{') =>
    (await call(method, path, { headers: { ...as('reader').headers, ...headers }, body })).status;
  t.equal(await status('POST', '/get/other/x'), 405);
  t.equal(await status('PUT', '/kv/other/x', { 'content-type': 'a/b' }), 403);
  t.equal(await status('PUT', '/kv/other/x?nope'), 403, 'whatever is wrong with the query');
  t.equal(
    await status('GET', '/get?key=other/x&nope'),
    400,
    'a query that cannot be understood names nothing',
  );
  t.equal(await status('PUT', '/kv/app/x', { 'content-type': 'a/b' }), 403, 'nor may it write at all');
  t.equal(await status('PUT', '/kv/%zz', { 'content-type': 'a/b' }), 415, 'a key that is none');
  t.equal(
    await status('POST', '/set', { 'content-type': 'a/b' }),
    403,
    'whoever may not write is not asked what',
  );
  t.equal(await status('GET', '/nowhere'), 404);
});

t.test('a key that stands in a body is asked of the token', async t => {
  const service = await startService(t, { gate: () => gate, collections });
  const { call, engine } = service;
  const write = async (path: string, body: string) => {
    const answer = await call('POST', path, as('writer', body));
    return [answer.status, codeOf(answer)];
  };
  t.same(await write('/set', '{"key":"apple","value":1}'), [403, 'forbidden']);
  t.same(await write('/kv', '{"key":"apple","value":1}'), [403, 'forbidden']);
  t.same(await write('/configs', '{"name":"apple"}'), [403, 'forbidden']);
  t.same(
    await write('/sessions', '{"value":1}'),
    [403, 'forbidden'],
    'an id that is made is under no prefix',
  );
  const form = { ...as('writer').headers, 'content-type': 'application/x-www-form-urlencoded' };
  t.equal((await call('POST', '/set', { headers: form, body: 'key=apple&value=1' })).status, 403);
  t.equal(engine.revision, 0);
  t.equal((await call('POST', '/sessions', as('root', '{"value":1}'))).status, 201);
});

t.test('a batch is refused as a whole, by the number of the operation', async t => {
  const { call, engine } = await startService(t, { gate: () => gate, collections });
  const op = (key: string, type = 'put') => ({
    ...{ op: type, collection: 'kv', key },
    ...(type === 'put' ? { value: 1 } : {}),
  });
  const batch = (...ops: object[]) => call('POST', '/batch', as('writer', JSON.stringify({ ops })));
  const refused = await batch(op('app/a'), op('app/b'), op('other/c', 'delete'));
  t.match(JSON.parse(refused.body), { code: 'forbidden', op: 2 });
  t.equal(engine.revision, 0);
  t.equal((await batch(op('app/a'), op('app/b', 'delete'))).status, 200);
  const unknown = await batch({ op: 'put', collection: 'nowhere', key: 'x', value: 1 });
  t.equal(unknown.status, 403, 'what is not there is refused like what may not be written');
});

t.test('an import stores what stands before the line that may not be stored', async t => {
  const { call, engine } = await startService(t, { gate: () => gate, collections });
  const body = ['{"key":"app/a","value":1}', '{"key":"app/b","value":2}', '{"key":"apple","value":3}'].join(
    '\n',
  );
  const answer = await call('POST', '/import', as('writer', body));
  t.equal(answer.status, 403);
  t.match(JSON.parse(answer.body), { code: 'forbidden', line: 3, imported: 2 });
  t.equal(engine.revision, 2);
  const told = await call('POST', '/import?progress', as('writer', body));
  t.match(JSON.parse(told.body.trimEnd().split('\n').at(-1) ?? ''), { code: 'forbidden', line: 3 });
});

const names = ({ body }: Answer): unknown => JSON.parse(body);

t.test('a list shows what the token may see, says so, and counts nothing', async t => {
  const service = await startService(t, { gate: () => gate, collections });
  await fill(service);
  const list = (query: string, token = 'reader') => service.call('GET', `/kv?keys&${query}`, as(token));
  const without = await list('');
  t.same(names(without), ['app/x']);
  t.same([without.headers['x-filtered'], without.headers['x-total-count']], ['true', undefined]);
  const wider = await list('prefix=a&count=true');
  t.same(
    [names(wider), wider.headers['x-filtered'], wider.headers['x-total-count']],
    [['app/x'], 'true', undefined],
  );
  const within = await list('prefix=app/&count=true');
  t.same(
    [names(within), within.headers['x-filtered'], within.headers['x-total-count']],
    [['app/x'], undefined, '1'],
  );
  t.equal((await list('prefix=other/')).status, 403);
  t.equal((await list('', 'writer')).status, 403);
  const whole = await list('', 'all');
  t.same([whole.headers['x-filtered'], whole.headers['x-total-count']], [undefined, '3']);
});

t.test(
  'the pages of a filtered list hold each key that may be seen once, in order, and look at no other',
  async t => {
    const rights = ['m', 'a/', 'zz', 'a/b'].map(prefix => ({
      verb: 'read' as const,
      collection: 'kv',
      prefix,
    }));
    const limited = new TokenGate({
      required: true,
      tokens: [...tokens, { id: 'some', sha256: digestOf('some'), grant: grantOf(rights) }],
    });
    const { call, engine } = await startService(t, { gate: () => limited });
    const wanted: string[] = [];
    for (const name of ['a', 'a!', 'm', 'm!', 'm/', 'mm', 'z', 'zz', 'zz0', 'zzz']) {
      await call('PUT', `/kv/${word(name)}`, as('root', '1'));
    }
    for (let i = 0; i < 20; i++) {
      for (const under of ['a/', 'a/b/', 'b/', 'm/', 'n/', 'zz/']) {
        const key = `${under}${i}`;
        await call('PUT', `/kv/${key}`, as('root', '1'));
        if (!/^[bn]/.test(key)) wanted.push(key);
      }
    }
    wanted.push('m', 'm/', 'zz');
    const looked: string[] = [];
    const page = engine.page.bind(engine);
    engine.page = (collection, range) => {
      const found = page(collection, range);
      looked.push(...found.entries.map(([key]) => key));
      return found;
    };
    const seen: string[] = [];
    let path: string | undefined = '/kv?keys&limit=7';
    for (let pages = 0; path !== undefined && pages < 100; pages++) {
      const { body, headers }: Answer = await call('GET', path, as('some'));
      t.equal(headers['x-filtered'], 'true');
      const keys: string[] = JSON.parse(body);
      seen.push(...keys);
      path = /^<(.*)>; rel="next"$/.exec(String(headers['link'] ?? ''))?.[1];
    }
    t.same(seen, [...wanted].sort());
    t.same(
      looked.filter(key => !wanted.includes(key) && !/^(m|zz)/.test(key)),
      [],
    );
    const exported = await call('GET', '/export?collection=kv', as('some'));
    const lines = exported.body.trimEnd().split('\n');
    t.same(
      lines.map(line => JSON.parse(line).key),
      [...wanted].sort(),
    );
  },
);

t.test('an export shows what the token may see', async t => {
  const service = await startService(t, { gate: () => gate, collections });
  await fill(service);
  const exported = async (query: string, token = 'reader') => {
    const { status, headers, body } = await service.call('GET', `/export?${query}`, as(token));
    if (status !== 200) return status;
    const keys = new Set(
      body
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line).key),
    );
    return [[...keys], headers['x-filtered']];
  };
  t.same(await exported(''), [['app/x'], 'true']);
  t.same(await exported('collection=kv'), [['app/x'], 'true']);
  t.same(await exported('prefix=app/'), [['app/x'], undefined]);
  t.equal(await exported('collection=kv&prefix=other/'), 403);
  t.equal(await exported('collection=nowhere', 'all'), 404);
  t.same(await exported('', 'all'), [['app/x', 'apple', 'other/x'], undefined]);
});

t.test(
  'GET /collections tells of those that the token may see, and no numbers of what it sees in part',
  async t => {
    const rights = [
      { verb: 'read' as const, collection: 'kv', prefix: null },
      { verb: 'read' as const, collection: 'configs', prefix: 'app/' },
    ];
    const limited = new TokenGate({
      required: true,
      tokens: [...tokens, { id: 'some', sha256: digestOf('some'), grant: grantOf(rights) }],
    });
    const service = await startService(t, { gate: () => limited, collections });
    await fill(service);
    const { headers, body } = await service.call('GET', '/collections', as('some'));
    t.equal(headers['x-filtered'], 'true');
    const lines: Record<string, unknown>[] = JSON.parse(body);
    t.same(
      lines.map(({ name, count }) => [name, count]),
      [
        ['configs', undefined],
        ['kv', 3],
      ],
    );
    t.notOk('bytes' in (lines[0] ?? {}));
  },
);

t.test('a deletion by prefix needs all of the prefix', async t => {
  const service = await startService(t, { gate: () => gate, collections });
  await fill(service);
  const remove = async (prefix: string) =>
    (await service.call('DELETE', `/kv?prefix=${prefix}`, as('writer'))).status;
  const before = service.engine.revision;
  t.same([await remove('a'), await remove('app'), await remove('other/')], [403, 403, 403]);
  t.equal(service.engine.revision, before);
  t.same([await remove('app/x'), await remove('app/')], [200, 200]);
});

t.test('a unique value does not tell which key has it to who may not read that key', async t => {
  const service = await startService(t, { gate: () => gate, collections });
  await fill(service);
  const body = '{"email":"OTHER.x@example.com"}';
  const hidden = async (answer: Answer) => {
    t.equal(answer.status, 409);
    t.notMatch(answer.body, /other\/x/);
    t.match(JSON.parse(answer.body), { code: 'duplicate_value', field: 'email', key: undefined });
  };
  const op = { op: 'put', collection: 'users', key: 'app/new', value: { email: 'other.x@example.com' } };
  const line = JSON.stringify({ collection: 'users', key: 'app/new', value: op.value });
  await hidden(await service.call('PUT', '/users/app/new', as('both', body)));
  await hidden(
    await service.call('POST', '/users', as('both', '{"id":"app/new","email":"other.x@example.com"}')),
  );
  await hidden(await service.call('PATCH', '/users/app/x', as('both', body)));
  await hidden(await service.call('POST', '/batch', as('both', JSON.stringify({ ops: [op] }))));
  await hidden(await service.call('POST', '/import', as('both', line)));
  const progress = await service.call('POST', '/import?progress', as('both', line));
  t.notMatch(progress.body, /other\/x/);
  const known = await service.call('PUT', '/users/other/new', as('all', body));
  t.match(JSON.parse(known.body), { code: 'duplicate_value', key: 'other/x' }, 'who may read it is told');
  const found = (token: string) =>
    service.call('GET', '/users?keys&where=email=other.x@example.com', as(token));
  t.same([names(await found('reader')), names(await found('all'))], [[], ['other/x']]);
});

t.test('nor does it where the document itself is refused too', async t => {
  const service = await startService(t, {
    gate: () => gate,
    collections: { ...collections, users: { ...collections['users'], required: ['name', 'email'] } },
  });
  await fill(service);
  const nameless = { email: 'other.x@example.com' };
  for (const token of ['both', 'writer']) {
    for (const [method, path, body] of [
      ['PUT', '/users/app/new', nameless],
      ['POST', '/users', { id: 'app/new', ...nameless }],
    ] as const) {
      const answer = await service.call(method, path, as(token, JSON.stringify(body)));
      t.equal(answer.status, 409);
      t.notMatch(answer.body, /other\/x/);
      t.match(JSON.parse(answer.body), { code: 'duplicate_value', field: 'email', key: undefined });
    }
  }
  const known = await service.call('PUT', '/users/app/new', as('all', JSON.stringify(nameless)));
  t.match(JSON.parse(known.body), { code: 'duplicate_value', key: 'other/x' }, 'who may read it is told');
});

t.test('a JSON Patch reaches no other document', async t => {
  const service = await startService(t, { gate: () => gate, collections });
  await service.call('PUT', '/kv/app/x', as('root', '{"a":1}'));
  await service.call('PUT', '/kv/other/x', as('root', '{"secret":2}'));
  for (const from of ['/../other/x/secret', '../other/x', '/kv/other/x', '/secret']) {
    const body = JSON.stringify([{ op: 'copy', from, path: '/b' }]);
    const headers = { ...as('both').headers, 'content-type': 'application/json-patch+json' };
    const answer = await service.call('PATCH', '/kv/app/x', { headers, body });
    t.ok(answer.status === 400 || answer.status === 422, `${from}: ${answer.status}`);
    t.notMatch(answer.body, /2/);
  }
});

t.test('a change shows what was there only to who may read it', async t => {
  const service = await startService(t, { gate: () => gate, collections });
  await service.call('PUT', '/configs/app/x', as('root', '{"secret":1}'));
  t.equal((await service.call('PATCH', '/configs/app/x', as('writer', '{}'))).status, 403);
  t.equal((await service.call('POST', '/configs/app/x?rollback=1', as('writer'))).status, 403);
  t.equal((await service.call('PUT', '/configs/app/x', as('writer', '{"new":1}'))).status, 200);
  t.equal((await service.call('POST', '/configs/app/x?rollback=1', as('both'))).status, 200);
});
