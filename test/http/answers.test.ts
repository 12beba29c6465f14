/** What waits for readers that stand still, all of them together. */
import { once } from 'node:events';
import http, { ServerResponse } from 'node:http';
import net, { type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t, { type Test } from 'tap';
import { policyOf } from '../../src/config/collections.js';
import { Answers } from '../../src/http/answers.js';
import { assetOf } from '../../src/http/assets.js';
import {
  ANSWER_PARTS_A_TURN,
  ANSWER_STALLED_MS,
  EXPORT_CHUNK_BYTES,
  READER_PAUSE_MS,
} from '../../src/limits.js';
import type { JsonText } from '../../src/model.js';
import { systemClock } from '../../src/platform/clock.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { codeOf, key, type Service, type ServiceOptions, startService } from './service.js';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

function usage(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const MIB = 1024 * 1024;
const READERS = 6;

/** Some MiB of documents. */
async function fill({ engine }: Service): Promise<void> {
  const text = JSON.stringify('x'.repeat(MIB - 2)) as JsonText;
  for (let i = 0; i < 4; i++)
    await engine.commit([{ type: 'put', collection: 'kv', key: key(`k${i}`), text }]);
}

/** More than any buffer on the way holds. */
const VERSIONS = 32;
const LONG = '/config?service=long';

async function startLong(t: Test, limits: ServiceOptions['limits'] = {}): Promise<Service> {
  const service = await startService(t, { collections: { services: policyOf('services') }, limits });
  const text = JSON.stringify({ a: 'x'.repeat(MIB - 100) }) as JsonText;
  for (let i = 0; i < VERSIONS; i++) {
    const put = { type: 'put', collection: 'services', key: key('long'), text, always: true } as const;
    await service.engine.commit([put]);
  }
  await fill(service);
  return service;
}

/** Asks, and takes nothing of the answer. Resolves when the server has given what it can. */
async function stall(t: Test, { engine, clock, port }: Service, path: string): Promise<Socket> {
  const asked = new Promise<void>(resolve => {
    const { page, history } = engine;
    engine.page = (...range) => {
      resolve();
      return page.apply(engine, range);
    };
    engine.history = (...place) => {
      resolve();
      return history.apply(engine, place);
    };
  });
  const socket = net.connect(port, '127.0.0.1').pause();
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await asked;
  for (let turns = 0; turns < 200; turns++) await clock.turn();
  return socket;
}

function get(service: Service, path: string, method = 'GET') {
  return service.call(method, path);
}

t.test('readers that stand still keep no copy of what they asked for', async t => {
  const service = await startLong(t);
  const before = usage();
  for (let i = 0; i < READERS; i++) await stall(t, service, LONG);
  const held = usage() - before;
  t.ok(held < (READERS * VERSIONS * MIB) / 4, `${held} bytes`);
});

t.test('readers that stand still within an export hold a large value once', async t => {
  const service = await startService(t);
  await fill(service);
  const before = usage();
  for (let i = 0; i < 4 * READERS; i++) await stall(t, service, '/export');
  const held = usage() - before;
  t.ok(held < (4 * READERS * MIB) / 2, `${held} bytes`);
});

t.test('past the bound who takes nothing is cut off after some seconds, and others are not', async t => {
  const service = await startLong(t, { answerBytesMax: EXPORT_CHUNK_BYTES / 2 });
  const stalled = await stall(t, service, LONG);
  const closed = once(stalled, 'close');
  const refused = await get(service, '/kv');
  t.same([refused.status, codeOf(refused)], [503, 'overloaded'], 'another long one waits until then');
  t.match(refused.headers, { 'retry-after': /^\d+$/ });
  t.notMatch(refused.headers, { etag: /./ });
  t.equal((await get(service, '/kv?keys')).status, 200, 'short answers go out');
  t.equal((await get(service, '/kv', 'HEAD')).status, 200);
  const body = JSON.stringify('y'.repeat(MIB / 2));
  const written = await service.call('PUT', '/kv/k0', { body });
  t.same([written.status, written.body.length], [200, body.length], 'and what was written is told');
  await service.clock.advance(ANSWER_STALLED_MS);
  stalled.resume();
  await closed;
  t.equal((await get(service, '/kv')).status, 200);
  t.equal(service.clock.pending, 0);
});

t.test('who does not read the page of the API, without a token too, takes no room from others', async t => {
  const asset = assetOf('x'.repeat(VERSIONS * MIB));
  let wanted = 0;
  const assets = {
    read: async () => {
      wanted += 1;
      return asset;
    },
  };
  const service = await startService(t, { assets, limits: { answerBytesMax: MIB } });
  await fill(service);
  for (let i = 0; i < 2; i++) {
    const socket = net.connect(service.port, '127.0.0.1').pause();
    t.teardown(() => socket.destroy());
    socket.on('error', () => {});
    socket.write('GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\n\r\n');
  }
  while (wanted < 2) await service.clock.turn();
  for (let turns = 0; turns < 200; turns++) await service.clock.turn();
  t.equal((await get(service, '/kv/k0')).status, 200);
});

t.test('within the bound a reader may stand still for minutes', async t => {
  const service = await startLong(t);
  const stalled = await stall(t, service, LONG);
  await service.clock.advance(READER_PAUSE_MS - 1);
  t.notOk(stalled.destroyed);
  const closed = once(stalled, 'close');
  await service.clock.advance(1);
  stalled.resume();
  await closed;
  t.equal(service.clock.pending, 0);
});

t.test('a long answer is whole, and says its length where it is one document', async t => {
  const service = await startService(t);
  await fill(service);
  const one = await get(service, '/kv/k0');
  t.same([one.body.length, one.headers['content-length']], [MIB, String(MIB)]);
  const page = await get(service, '/kv');
  t.equal(page.headers['content-length'], undefined, 'of several it is made while it is read');
  const list = JSON.parse(page.body);
  t.same(
    list.map(({ key: name, value }: { key: string; value: string }) => [name, value.length]),
    [0, 1, 2, 3].map(i => [`k${i}`, MIB - 2]),
  );
  t.same(await get(service, '/kv?limit=1').then(({ body }) => JSON.parse(body).length), 1);
  const head = await get(service, '/kv/k0', 'HEAD');
  t.same([head.body, head.headers['content-length']], ['', String(MIB)]);
});

function response(): ServerResponse {
  return new ServerResponse(new http.IncomingMessage(new net.Socket()));
}

t.test('the one that stands still longest goes first, and no more than has to', async t => {
  const clock = new ManualClock();
  const answers = new Answers({ clock, bytesMax: 100 });
  const responses = [response(), response(), response()] as const;
  const [one, two, three] = responses.map(res => ({ res, answer: answers.begin(res, 30) }));
  one?.answer.waits(5);
  two?.answer.waits(5);
  await clock.advance(ANSWER_STALLED_MS - 1);
  one?.answer.moved();
  one?.answer.waits(5);
  three?.answer.waits(5);
  t.equal(answers.bytes, 105);
  t.same(
    responses.map(({ destroyed }) => destroyed),
    [false, false, false],
  );
  await clock.advance(1);
  t.same(
    responses.map(({ destroyed }) => destroyed),
    [false, true, false],
  );
  t.equal(answers.bytes, 70);
  t.doesNotThrow(() => answers.refuseFull());
  await clock.advance(READER_PAUSE_MS / 2);
  t.same(
    responses.map(({ destroyed }) => destroyed),
    [false, true, false],
    'the bound holds, so nobody else goes',
  );
  for (const each of [one, two, three]) each?.answer.end();
  t.same([answers.bytes, clock.pending], [0, 0]);
});

t.test('of all long answers together only some parts are made in a turn, and each has its turn', async t => {
  const answers = new Answers({ clock: systemClock, bytesMax: MIB });
  const made: number[] = [];
  const wait = (reader: number) => answers.turn().then(() => made.push(reader));
  const waiting = Array.from({ length: 2 * ANSWER_PARTS_A_TURN + 1 }, (_, reader) => wait(reader));
  await systemClock.turn();
  t.equal(made.length, ANSWER_PARTS_A_TURN);
  await systemClock.turn();
  t.equal(made.length, 2 * ANSWER_PARTS_A_TURN);
  await Promise.all(waiting);
  t.strictSame(made, [...made.keys()], 'in the order in which they came');
  await wait(-1);
  t.equal(made.at(-1), -1, 'and one that comes later too');
});
