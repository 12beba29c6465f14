import t from 'tap';
import { codeOf, EPOCH, type Service, startService } from './service.js';

type Verb = 'GET' | 'HEAD' | 'PUT' | 'DELETE' | 'SET';

const LATER = 'Thu, 02 Jan 2025 00:00:00 GMT';
const EARLIER = 'Tue, 31 Dec 2024 00:00:00 GMT';
const NOW = 'Wed, 01 Jan 2025 00:00:00 GMT';

/** The one key `a` that is there has this. */
const own = `"${EPOCH}-1"`;
const bare = `${EPOCH}-1`;
const stale = `"${EPOCH}-2"`;

async function send({ call }: Service, verb: Verb, key: string, headers: Record<string, string>) {
  if (verb === 'SET') return await call('POST', '/set', { headers, body: `{"key":"${key}","value":2}` });
  return await call(verb, `/kv/${key}`, { headers, ...(verb === 'PUT' ? { body: '2' } : {}) });
}

type Expected = Readonly<Record<Verb, number>>;

/** What the plain answer would be, for a key that is there and one that is not. */
const there: Expected = { GET: 200, HEAD: 200, PUT: 200, DELETE: 204, SET: 200 };
const absent: Expected = { GET: 404, HEAD: 404, PUT: 201, DELETE: 404, SET: 200 };
const stopped: Expected = { GET: 412, HEAD: 412, PUT: 412, DELETE: 412, SET: 412 };
const known: Expected = { ...stopped, GET: 304, HEAD: 304 };
/** 404 comes before 412. */
const stoppedAbsent: Expected = { ...stopped, GET: 404, HEAD: 404, DELETE: 404 };

const matrix: readonly (readonly [headers: Record<string, string>, there: Expected, absent: Expected])[] = [
  [{ 'If-Match': own }, there, stoppedAbsent],
  [{ 'If-Match': bare }, there, stoppedAbsent],
  [{ 'If-Match': `"other", ${stale} ,${own}` }, there, stoppedAbsent],
  [{ 'If-Match': `,, ${own},` }, there, stoppedAbsent],
  [{ 'If-Match': `W/${own}` }, stopped, stoppedAbsent],
  [{ 'If-Match': stale }, stopped, stoppedAbsent],
  [{ 'If-Match': '"other"' }, stopped, stoppedAbsent],
  [{ 'If-Match': '""' }, stopped, stoppedAbsent],
  [{ 'If-Match': `"0${bare}"` }, stopped, stoppedAbsent],
  [{ 'If-Match': '*' }, there, stoppedAbsent],
  [{ 'If-None-Match': own }, known, absent],
  [{ 'If-None-Match': `W/${own}` }, known, absent],
  [{ 'If-None-Match': `W/${bare}` }, known, absent],
  [{ 'If-None-Match': `"a,b", ${bare}` }, known, absent],
  [{ 'If-None-Match': stale }, there, absent],
  [{ 'If-None-Match': '*' }, known, absent],
  [{ 'If-Match': own, 'If-None-Match': own }, known, stoppedAbsent],
  [{ 'If-Match': stale, 'If-None-Match': own }, stopped, stoppedAbsent],
  [{ 'If-Modified-Since': EARLIER }, there, absent],
  [{ 'If-Modified-Since': NOW }, { ...there, GET: 304, HEAD: 304 }, absent],
  [{ 'If-Modified-Since': LATER }, { ...there, GET: 304, HEAD: 304 }, absent],
  [{ 'If-Modified-Since': 'yesterday' }, there, absent],
  [{ 'If-Modified-Since': LATER, 'If-None-Match': stale }, there, absent],
  [{ 'If-Unmodified-Since': EARLIER }, stopped, absent],
  [{ 'If-Unmodified-Since': NOW }, there, absent],
  [{ 'If-Unmodified-Since': LATER }, there, absent],
  [{ 'If-Unmodified-Since': EARLIER, 'If-Match': own }, there, stoppedAbsent],
  [{ 'If-Unmodified-Since': LATER, 'If-None-Match': own }, known, absent],
];

t.test('RFC 9110 §13.2.2, for each verb, on a key that is there and one that is not', async t => {
  const verbs: readonly Verb[] = ['GET', 'HEAD', 'PUT', 'DELETE', 'SET'];
  for (const [headers, whereThere, whereAbsent] of matrix) {
    for (const verb of verbs) {
      // One service each: every write changes what the next would meet.
      const service = await startService(t);
      await service.call('PUT', '/kv/a', { body: '1' });
      const line = `${verb} ${JSON.stringify(headers)}`;
      t.equal((await send(service, verb, 'none', headers)).status, whereAbsent[verb], `${line}: absent`);
      const { status } = await send(service, verb, 'a', headers);
      t.equal(status, whereThere[verb], `${line}: there`);
      const text = await service.call('GET', '/kv/a');
      const wrote = status < 300 && verb !== 'GET' && verb !== 'HEAD';
      t.equal(text.body, wrote && verb !== 'DELETE' ? '2' : text.status === 404 ? text.body : '1');
    }
  }
});

t.test('a 304 has the headers of the document and no body', async t => {
  const { call } = await startService(t);
  await call('PUT', '/kv/a', { body: '1' });
  const { status, headers, body } = await call('GET', '/get/a', { headers: { 'if-none-match': own } });
  t.same([status, body], [304, '']);
  t.match(headers, {
    etag: own,
    'cache-control': 'no-store',
    'x-revision': '1',
    'x-epoch': String(EPOCH),
    'last-modified': NOW,
  });
  t.notOk(headers['content-type'] ?? headers['content-length']);
});

t.test('a 412 tells what is there now', async t => {
  const service = await startService(t);
  await service.call('PUT', '/kv/a', { body: '1' });
  for (const verb of ['GET', 'PUT', 'DELETE', 'SET'] as const) {
    const answer = await send(service, verb, 'a', { 'If-Match': stale });
    t.match(JSON.parse(answer.body), { code: 'revision_mismatch', current: bare }, verb);
    t.notOk('op' in JSON.parse(answer.body), 'one operation needs no number');
  }
  const none = await send(service, 'PUT', 'none', { 'If-Match': '*' });
  t.equal(JSON.parse(none.body).current, null);
});

t.test('a condition that cannot be understood is 400, whatever is there', async t => {
  const service = await startService(t);
  const malformed: readonly Record<string, string>[] = [
    { 'If-Match': '' },
    { 'If-Match': ',' },
    { 'If-Match': 'nonsense' },
    { 'If-Match': '"a" "b"' },
    { 'If-Match': '"a' },
    { 'If-Match': '*, "a"' },
    { 'If-Match': `w/${own}` },
    { 'If-None-Match': '1-2-3' },
    { 'If-None-Match': '"a"b' },
    { 'If-Unmodified-Since': 'yesterday' },
    { 'If-Unmodified-Since': '2025-01-01T00:00:00Z' },
  ];
  for (const headers of malformed) {
    for (const verb of ['GET', 'PUT', 'DELETE', 'SET'] as const) {
      const answer = await send(service, verb, 'none', headers);
      t.same(
        [answer.status, codeOf(answer)],
        [400, 'invalid_precondition'],
        `${verb} ${JSON.stringify(headers)}`,
      );
    }
  }
  t.equal(service.engine.revision, 0);
});

t.test('one of many writers who read the same wins', async t => {
  const { call } = await startService(t);
  const { headers } = await call('PUT', '/kv/a', { body: '0' });
  const writers = Array.from({ length: 20 }, (_, n) =>
    call('PUT', '/kv/a', { body: String(n), headers: { 'if-match': headers.etag ?? '' } }),
  );
  const statuses = (await Promise.all(writers)).map(({ status }) => status);
  t.equal(statuses.filter(status => status === 200).length, 1);
  t.equal(statuses.filter(status => status === 412).length, 19);
});

t.test('one of many creators wins', async t => {
  const { call } = await startService(t);
  const creators = Array.from({ length: 20 }, (_, n) =>
    call('POST', '/set', { body: `{"key":"a","value":${n}}`, headers: { 'if-none-match': '*' } }),
  );
  const statuses = (await Promise.all(creators)).map(({ status }) => status);
  t.equal(statuses.filter(status => status === 200).length, 1);
});

t.test('a default is an answer like another: If-Match fails where there is no document', async t => {
  const { call } = await startService(t);
  t.equal((await call('GET', '/kv/none?default=x', { headers: { 'if-match': '*' } })).status, 412);
  t.equal((await call('GET', '/kv/none?default=x', { headers: { 'if-none-match': '*' } })).status, 200);
});
