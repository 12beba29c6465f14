/** The watch of the client: over a fake that cuts its connections, and against a real server. */
import type http from 'node:http';
import t, { type Test } from 'tap';
import { CairnClient, type WatchEvent } from '../../src/client/index.js';
import type { WatchOptions } from '../../src/client/watch.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { randomOf, seedOf } from '../fixtures/seeded-random.js';
import { type Service, startService } from '../http/service.js';
import { type Asked, fakeService, NEVER_MS, refusal, type Say } from './fake-service.js';

const CHANGES = 200;
/** Bytes after which a connection is cut, at most. */
const CUT_BYTES = 2_000;

/** A stream that says this and stays open, ends, or is cut. */
function stream(
  text: string,
  end: 'open' | 'end' | 'cut' = 'cut',
  headers: http.OutgoingHttpHeaders = {},
): Say {
  return res => {
    res.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
    if (end === 'end') return void res.end(text);
    res.write(text, () => {
      if (end === 'cut') res.socket?.resetAndDestroy();
    });
  };
}

function put(revision: number, named = true): string {
  const data = { type: 'put', collection: 'kv', key: `k${revision}`, revision, version: 1, value: revision };
  return `${named ? `id: 100-${revision}\n` : ''}data: ${JSON.stringify(data)}\n\n`;
}

function mark(type: 'synced' | 'reset', revision: number, forget = false): string {
  const id = forget ? 'id\n' : `id: 100-${revision}\n`;
  return `event: ${type}\n${id}data: {"id":"100-${revision}","revision":${revision}}\n\n`;
}

/** The first so many events, each in short. */
async function take(client: CairnClient, count: number, options: WatchOptions = {}): Promise<string[]> {
  const told: string[] = [];
  for await (const event of client.watch({ silenceMs: NEVER_MS, ...options })) {
    told.push(short(event));
    if (told.length === count) break;
  }
  return told;
}

function short(event: WatchEvent): string {
  if (event.type === 'put') return `put ${event.revision}`;
  return event.type === 'delete'
    ? `delete ${event.revision} ${event.reason}`
    : `${event.type} ${event.id ?? ''}`.trim();
}

function lastIds(asked: readonly Asked[]): unknown[] {
  return asked.map(({ headers }) => headers['last-event-id']);
}

t.test('after a cut it goes on behind the last change that was given, each once and in order', async t => {
  const { client, asked } = await fakeService(t, [
    stream(put(1) + put(2)),
    stream(`${put(3)}id: 100-4\nda`, 'cut'),
    null,
    stream('', 'end'),
    stream(put(4) + put(5), 'open'),
  ]);
  t.strictSame(
    await take(client, 5, { collection: 'kv', prefix: 'k', since: '100-0' }),
    [1, 2, 3, 4, 5].map(n => `put ${n}`),
  );
  t.equal(asked[0]?.url, '/watch?collection=kv&prefix=k&since=100-0');
  t.strictSame(lastIds(asked), [undefined, '100-2', '100-3', '100-3', '100-3']);
});

t.test('what a caller has not taken is not passed over', async t => {
  const { client, asked } = await fakeService(t, [stream(put(1) + put(2) + put(3)), stream(put(2), 'open')]);
  const events = client.watch({ silenceMs: NEVER_MS });
  t.match(await events.next(), { value: { revision: 1, id: '100-1' } });
  await events.return();
  t.equal(asked.length, 1);
});

t.test('an id that comes alone is where one is; a heartbeat is nothing', async t => {
  const { client, asked } = await fakeService(t, [
    stream(`:\n\n${put(1)}:\nid: 100-9\n\n`),
    stream(put(10), 'open'),
  ]);
  t.strictSame(await take(client, 2), ['put 1', 'put 10']);
  t.strictSame(lastIds(asked), [undefined, '100-9']);
});

t.test('from now on means from the first connection on', async t => {
  const { client, asked } = await fakeService(t, [
    stream('', 'cut', { 'x-epoch': '100', 'x-revision': '7' }),
    stream(put(8), 'open'),
  ]);
  t.strictSame(await take(client, 1), ['put 8']);
  t.strictSame(lastIds(asked), [undefined, '100-7']);
});

t.test('a state that was cut off within begins anew, and a reset says so', async t => {
  const { client, asked } = await fakeService(t, [
    stream(put(1, false) + put(2, false)),
    stream(put(1, false) + put(2, false) + put(3, false) + mark('synced', 4)),
    stream(put(5), 'open'),
  ]);
  t.strictSame(await take(client, 8, { initial: true }), [
    ...['put 1', 'put 2', 'reset', 'put 1', 'put 2', 'put 3', 'synced 100-4', 'put 5'],
  ]);
  t.strictSame(lastIds(asked), [undefined, undefined, '100-4']);
});

t.test('a reset of the service is told with its id, and the id before it is forgotten', async t => {
  const { client, asked } = await fakeService(t, [
    stream(put(1) + mark('reset', 9, true) + put(8, false)),
    stream(put(8, false) + mark('synced', 9), 'open'),
  ]);
  t.strictSame(await take(client, 6, { since: '100-0', initial: true }), [
    ...['put 1', 'reset 100-9', 'put 8', 'reset', 'put 8', 'synced 100-9'],
  ]);
  t.strictSame(lastIds(asked), [undefined, undefined]);
  t.equal(asked[1]?.url, '/watch?initial', 'nothing of the past is asked for');
});

t.test('whatever a state that was cut off has as its id, it is asked for as a whole', async t => {
  const whole = stream(put(8, false) + mark('synced', 9), 'open');
  const kept = await fakeService(t, [stream(mark('reset', 9) + put(8, false)), whole]);
  t.strictSame(await take(kept.client, 3, { initial: true }), ['reset 100-9', 'put 8', 'reset']);
  t.strictSame(lastIds(kept.asked), [undefined, undefined]);
  const empty = await fakeService(t, [stream(put(1) + mark('reset', 9, true)), whole]);
  t.strictSame(await take(empty.client, 4, { since: '100-0', initial: true }), [
    ...['put 1', 'reset 100-9', 'put 8', 'synced 100-9'],
  ]);
  t.strictSame(lastIds(empty.asked), [undefined, undefined]);
});

t.test('deletions have their reason; what a newer service says besides is passed over', async t => {
  const gone = `id: 100-1\ndata: {"type":"delete","reason":"expired","collection":"kv","key":"a","revision":1,"version":2}\n\n`;
  const { client } = await fakeService(t, [stream(`event: news\ndata: x\n\n${gone}`, 'open')]);
  t.strictSame(await take(client, 1), ['delete 1 expired']);
});

t.test('the hint of the service is waited for, then a growing back-off', async t => {
  const { client, clock } = await fakeService(t, [
    stream(`${put(1)}retry: 700\n\n`, 'end'),
    stream('', 'end'),
    stream('', 'end'),
    stream(put(2), 'open'),
  ]);
  t.strictSame(await take(client, 2), ['put 1', 'put 2']);
  t.strictSame(clock.pauses, [775, 150, 300]);
});

t.test(
  'the first connection fails like every call, later ones are waited out, a refusal ends it',
  async t => {
    const gone = await fakeService(t, [null], { retries: 1 });
    await t.rejects(take(gone.client, 1), { code: 'network', attempts: 2 });
    const back = await fakeService(t, [
      stream(put(1)),
      ...Array<Say>(20).fill(refusal(503, 'draining')),
      stream(put(2), 'open'),
    ]);
    t.strictSame(await take(back.client, 2), ['put 1', 'put 2']);
    const refused = await fakeService(t, [stream(put(1)), refusal(403, 'forbidden')]);
    await t.rejects(take(refused.client, 2), { code: 'forbidden' });
    const page = await fakeService(t, [{ headers: { 'content-type': 'text/html' }, body: '<html>' }]);
    await t.rejects(take(page.client, 1), { code: 'bad_answer' });
  },
);

t.test("the caller's abort ends it while it reads and while it waits, and closes the connection", async t => {
  const reason = new Error('mine');
  const reading = new AbortController();
  const first = await fakeService(t, [stream(put(1), 'open')]);
  const events = first.client.watch({ signal: reading.signal, silenceMs: NEVER_MS });
  await events.next();
  const next = events.next();
  reading.abort(reason);
  await t.rejects(next, reason);
  while ((await first.connections()) > 0) await new Promise(resolve => setImmediate(resolve));
  const waiting = new AbortController();
  const second = await fakeService(t, [stream(put(1))], {
    clock: {
      now: () => 0,
      after(ms) {
        if (ms < NEVER_MS) setImmediate(() => waiting.abort(reason));
        return () => {};
      },
    },
  });
  await t.rejects(take(second.client, 2, { signal: waiting.signal }), reason);
});

t.test('a connection on which nothing comes any more is given up', async t => {
  const manual = new ManualClock();
  const clock = {
    now: () => manual.now(),
    after(ms: number, callback: () => void) {
      const timer = manual.setTimer(ms, callback);
      return () => timer.cancel();
    },
  };
  const { client, asked } = await fakeService(t, [stream(put(1), 'open'), stream(put(2), 'open')], { clock });
  const events = client.watch({ silenceMs: 45_000 });
  t.match(await events.next(), { value: { revision: 1 } });
  const next = events.next();
  await manual.advance(44_999);
  t.equal(asked.length, 1);
  while (asked.length < 2) await manual.advance(1_000);
  t.match(await next, { value: { revision: 2 } });
  await events.return();
});

const real = (service: Service, via: typeof fetch = fetch) =>
  new CairnClient({
    url: `http://127.0.0.1:${service.port}`,
    fetch: via,
    clock: { now: () => 0, after: (ms, run) => (ms < NEVER_MS ? soon(run) : () => {}) },
    timeoutMs: NEVER_MS,
  });

function soon(run: () => void): () => void {
  const timer = setImmediate(run);
  return () => clearImmediate(timer);
}

t.test('against the service: state, changes, deletions', async t => {
  const service = await startService(t);
  const client = real(service);
  await client.set('a', { n: 1 });
  const events = client.watch({ collection: 'kv', initial: true, silenceMs: NEVER_MS });
  t.match(await events.next(), { value: { type: 'put', key: 'a', value: { n: 1 }, id: undefined } });
  t.match(await events.next(), { value: { type: 'synced', id: /-1$/ } });
  await client.set('ü/€', 2);
  t.match(await events.next(), { value: { type: 'put', key: 'ü/€', value: 2, revision: 2, id: /-2$/ } });
  await client.delete('a');
  t.match(await events.next(), { value: { type: 'delete', reason: 'deleted', key: 'a' } });
  await events.return();
  const past = client.watch({ since: 0, silenceMs: NEVER_MS });
  t.match(await past.next(), { value: { revision: 1 } });
  await past.return();
  await t.rejects(client.watch({ collection: 'nope' }).next(), { code: 'not_found' });
});

/** fetch whose event streams break after a random number of bytes. */
function breaking(random: () => number): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    if (response.headers.get('content-type')?.startsWith('text/event-stream') !== true) return response;
    let left = Math.floor(random() * CUT_BYTES);
    const cut = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        controller.enqueue(chunk.slice(0, left));
        left -= chunk.length;
        if (left <= 0) controller.error(new TypeError('terminated'));
      },
    });
    return new Response(response.body?.pipeThrough(cut), response);
  };
}

t.test('over connections that break anywhere, the events are the log, each once and in order', async t => {
  const seed = seedOf();
  t.comment(`CAIRN_SEED=${seed}`);
  const random = randomOf(seed);
  const service = await startService(t);
  const client = real(service, breaking(random));
  const watched = collect(t, client, CHANGES);
  const writes = Array.from({ length: CHANGES }, (_, i) => i);
  for (const i of writes) {
    await client.set(`k${i % 10}`, { i, text: 'ü'.repeat(Math.floor(random() * 60)) });
    if (random() < 0.2) await new Promise(resolve => setImmediate(resolve));
  }
  t.strictSame(
    await watched,
    writes.map(i => i + 1),
  );
});

/** The revisions of the first so many changes. */
async function collect(t: Test, client: CairnClient, count: number): Promise<number[]> {
  const revisions: number[] = [];
  for await (const event of client.watch({ since: 0, silenceMs: NEVER_MS })) {
    if (event.type !== 'put') t.fail(`a ${event.type} came`);
    else revisions.push(event.revision);
    if (revisions.length === count) break;
  }
  return revisions;
}

t.test('wait: for a key that is not there yet, for its next change, and for a list', async t => {
  const service = await startService(t);
  const client = real(service);
  const kv = client.collection<number>('kv');
  const first = kv.wait('a', { seconds: 30, since: 0 });
  await kv.put('a', 1);
  const { document, since } = await first;
  t.match(document, { value: 1, revision: 1 });
  const second = kv.wait('a', { seconds: 30, since });
  await kv.put('a', 2);
  t.match(await second, { document: { value: 2 }, since: /-2$/ });
  t.match(await kv.wait('a', { seconds: 0, since: 2 }), { document: { value: 2 } });
  t.match(await kv.wait('b', { seconds: 0 }), { document: undefined, since: '2' });
  t.match(await kv.waitList({ seconds: 30, since: 0 }), { items: [{ key: 'a', value: 2 }] });
});
