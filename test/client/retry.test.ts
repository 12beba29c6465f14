/** When the client repeats a call, how long it waits, and what it says when it gives up. Against a fake over sockets. */
import t from 'tap';
import { type CairnClient, CairnClientError } from '../../src/client/index.js';
import { RETRY_AFTER_MS_MAX } from '../../src/client/limits.js';
import { document, fakeService, NEVER_MS, refusal, type Say } from './fake-service.js';

type Doing = (client: CairnClient) => Promise<unknown>;

const get: Doing = client => client.get('a');
const put: Doing = client => client.collection('kv').put('a', 1);
const set: Doing = client => client.set('a', 1);
const remove: Doing = client => client.delete('a');
const create: Doing = client => client.collection('kv').create(1, { key: 'a' });
const merge: Doing = client => client.collection('kv').merge('a', { b: 1 });
const guarded: Doing = client => client.collection('kv').merge('a', { b: 1 }, { ifMatch: '"100-1"' });
const touch: Doing = client => client.collection('kv').touch('a', '30s');
const rollback: Doing = client => client.collection('configs').rollback('a', 1);
const batch: Doing = client => client.batch([{ op: 'delete', collection: 'kv', key: 'a' }]);
const update: Doing = client => client.config.update('a', {});

const harmless = { get, put, set, remove, guarded, touch, batch };
const other = { create, merge, rollback, update };

/** How often the service was asked, and how it ended. */
async function outcome(
  t: Parameters<typeof fakeService>[0],
  doing: Doing,
  ...says: readonly Say[]
): Promise<{ readonly asked: number; readonly error: unknown; readonly pauses: readonly number[] }> {
  const { client, asked, clock } = await fakeService(t, says);
  const error = await doing(client).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { asked: asked.length, error, pauses: clock.pauses };
}

const done = document({});

for (const [name, doing] of Object.entries(harmless)) {
  t.test(`${name}: does no harm twice, and is repeated after whatever may pass`, async t => {
    for (const [why, say] of [
      ['cut', null],
      ['proxy', { status: 502, body: '<html>' }],
      ['unknown', refusal(503, 'storage_error', { outcome: 'unknown' })],
      ['loading', refusal(503, 'loading')],
    ] as const) {
      const { asked, error } = await outcome(t, doing, say, done);
      t.same([asked, error], [2, undefined], why);
    }
  });
}

for (const [name, doing] of Object.entries(other)) {
  t.test(`${name}: is repeated only where nothing was done`, async t => {
    for (const [why, say] of [
      ['cut', null],
      ['proxy', { status: 502, body: '<html>' }],
      ['unknown', refusal(503, 'storage_error', { outcome: 'unknown' })],
      ['not said', refusal(503, 'storage_error')],
      ['overloaded, and unknown', refusal(503, 'overloaded', { outcome: 'unknown' })],
    ] as const) {
      const { asked, error } = await outcome(t, doing, say, done);
      t.equal(asked, 1, why);
      t.ok(error instanceof CairnClientError, why);
    }
    for (const [why, say] of [
      ['not applied', refusal(503, 'storage_full', { outcome: 'not_applied' })],
      ['loading', refusal(503, 'loading')],
      ['draining', refusal(503, 'draining')],
      ['overloaded', refusal(503, 'overloaded')],
      ['rate', refusal(429, 'rate_limited', {}, { 'retry-after': '1' })],
    ] as const) {
      t.equal((await outcome(t, doing, say, done)).asked, 2, why);
    }
  });
}

t.test('a refusal is not repeated', async t => {
  for (const [status, code] of [
    [400, 'invalid_ttl'],
    [403, 'forbidden'],
    [409, 'key_exists'],
    [412, 'revision_mismatch'],
    [500, 'internal'],
    [507, 'quota_exceeded'],
  ] as const) {
    const { asked, error } = await outcome(t, put, refusal(status, code));
    t.equal(asked, 1, code);
    t.match(error, { name: 'CairnClientError', code, status, message: `words of ${code}`, attempts: 1 });
  }
});

t.test('an error has everything that the service said', async t => {
  const { error } = await outcome(t, put, refusal(412, 'revision_mismatch', { current: '100-9' }));
  t.match(error, { hint: 'do', details: { current: '100-9' }, requestId: 'r-1', retryAfterMs: undefined });
  t.strictSame(error instanceof CairnClientError && error.details, { current: '100-9' });
});

t.test('after the last repetition the error tells how often it was tried', async t => {
  const { asked, error, pauses } = await outcome(t, get, null);
  t.equal(asked, 4);
  t.match(error, { code: 'network', status: 0, attempts: 4 });
  t.strictSame(pauses, [75, 150, 300], 'doubled, of each the half and of the other half what chance says');
});

t.test(
  'Retry-After is waited for, in seconds or as a date, and some more, unless it is too long',
  async t => {
    const told = (value: string) => refusal(503, 'draining', {}, { 'retry-after': value });
    t.strictSame((await outcome(t, get, told('2'), done)).pauses, [2_075]);
    t.strictSame((await outcome(t, get, told('Thu, 01 Jan 1970 00:00:03 GMT'), done)).pauses, [3_075]);
    t.strictSame((await outcome(t, get, told('soon'), done)).pauses, [75]);
    const { asked, error, pauses } = await outcome(t, get, told(String(RETRY_AFTER_MS_MAX / 1000 + 1)), done);
    t.same([asked, pauses], [1, []]);
    t.match(error, { code: 'draining', retryAfterMs: RETRY_AFTER_MS_MAX + 1000 });
  },
);

t.test('the time of a call counts its repetitions: what would begin after its end is left', async t => {
  const { client, asked } = await fakeService(
    t,
    [refusal(503, 'draining', {}, { 'retry-after': '20' }), done],
    {
      clock: { now: () => 0, after: () => () => {} },
      timeoutMs: 10_000,
    },
  );
  await t.rejects(client.get('a'), { code: 'draining' });
  t.equal(asked.length, 1);
});

t.test('a call that is not answered in its time ends with "timeout", and with its connection', async t => {
  let late: (() => void) | undefined;
  const { client, asked, connections } = await fakeService(t, [() => late?.()], {
    clock: {
      now: () => 0,
      after(_, callback) {
        late = callback;
        return () => {};
      },
    },
  });
  await t.rejects(client.get('a'), { code: 'timeout', status: 0 });
  t.equal(asked.length, 1, 'it is not repeated');
  while ((await connections()) > 0) await new Promise(resolve => setImmediate(resolve));
});

t.test("the caller's own abort is thrown as he gave it, before, within and between attempts", async t => {
  const reason = new Error('mine');
  const before = await fakeService(t, [done]);
  await t.rejects(before.client.get('a', { signal: AbortSignal.abort(reason) }), reason);
  t.equal(before.asked.length, 0);
  const controller = new AbortController();
  const within = await fakeService(t, [() => controller.abort(reason)]);
  await t.rejects(within.client.get('a', { signal: controller.signal }), reason);
  const second = new AbortController();
  const between = await fakeService(t, [refusal(503, 'loading'), done], {
    clock: {
      now: () => 0,
      after(ms) {
        if (ms < NEVER_MS) setImmediate(() => second.abort(reason));
        return () => {};
      },
    },
  });
  await t.rejects(between.client.get('a', { signal: second.signal }), reason);
  t.equal(between.asked.length, 1);
});

t.test('a token that was rotated meanwhile is read once more, and no more than that', async t => {
  const tokens = ['old', 'new', 'newer'];
  const { client, asked } = await fakeService(t, [refusal(401, 'unauthenticated'), done], {
    token: async () => `${asked.length === 0 ? tokens[0] : tokens[1]}\n`,
  });
  await client.get('a');
  t.strictSame(
    asked.map(({ headers }) => headers.authorization),
    ['Bearer old', 'Bearer new'],
  );
  const never = await fakeService(t, [refusal(401, 'unauthenticated')], {
    token: () => `t${Math.floor(never.asked.length)}`,
  });
  await t.rejects(never.client.get('a'), { code: 'unauthenticated', status: 401 });
  t.equal(never.asked.length, 2);
  const fixed = await fakeService(t, [refusal(401, 'unauthenticated')], { token: 'x' });
  await t.rejects(fixed.client.get('a'), { code: 'unauthenticated' });
  t.equal(fixed.asked.length, 1);
});

t.test('what is no answer of Cairn is told so', async t => {
  for (const say of [
    { status: 404, headers: { 'content-type': 'text/html' }, body: '<html>' },
    { status: 200, body: '<html>' },
    { status: 404, body: '[]' },
  ]) {
    t.match((await outcome(t, client => client.collection('kv').get('a'), say)).error, {
      code: 'bad_answer',
      status: say.status,
    });
  }
});

t.test('a mistake of the caller is thrown as it is, and nothing is sent', async t => {
  const { client, asked } = await fakeService(t, [done]);
  await t.rejects(
    client.set('a', () => {}),
    TypeError,
  );
  await t.rejects(client.collection('users').create({ id: 'a' }, { key: 'b' }), TypeError);
  await t.rejects(client.collection('kv').put('a', 1, { ifMatch: 'a\nb' }), TypeError);
  for (const key of ['', '.', '..', 'a/../b', 'a/.', '\ud800']) {
    await t.rejects(client.get(key), { code: 'invalid_key' }, JSON.stringify(key));
  }
  t.equal(asked.length, 0);
});

t.test('a body that is a stream goes once', async t => {
  const { asked, error } = await outcome(
    t,
    client => client.import([{ key: 'a', value: 1 }]),
    refusal(503, 'loading'),
  );
  t.equal(asked, 1);
  t.match(error, { code: 'loading', attempts: 1 });
});
