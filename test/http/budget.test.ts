/** What all bodies that are on their way may have together, counted in bytes. */
import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { ByteBudget } from '../../src/http/budget.js';
import { Pieces } from '../../src/http/pieces.js';
import { BODY_SMALL_BYTES, IMPORT_HELD_BYTES } from '../../src/limits.js';
import { codeOf, parseAnswer, type Service, startService, stored } from './service.js';

const MIB = 1024 * 1024;
/** JSON of a MiB. */
const VALUE = `"${'x'.repeat(MIB - 2)}"`;

/** So much of it that there is room for all of it. */
const HALF = VALUE.slice(0, 700 * 1024);

const start = (t: Test, bodyBytesMax: number): Promise<Service> =>
  startService(t, { limits: { bodyBytesMax } });

async function dial(t: Test, { port }: Service): Promise<Socket> {
  const socket = net.connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** A request of which no more than the head has come, and the first bytes of its body; the server has seen them. */
async function begin(t: Test, service: Service, head: string, body = ''): Promise<Socket> {
  const socket = await dial(t, service);
  socket.write(`${head}\r\nHost: a\r\nExpect: 100-continue\r\n\r\n`);
  const [invited] = await once(socket, 'data');
  if (!String(invited).startsWith('HTTP/1.1 100 ')) throw new Error(String(invited));
  if (body !== '') await new Promise<void>(resolve => socket.write(body, () => resolve()));
  return socket;
}

async function answerOf(socket: Socket, bytes: string) {
  const answered = once(socket, 'data');
  socket.write(bytes);
  return parseAnswer(String((await answered)[0]));
}

const put = (key: string) => `PUT /kv/${key} HTTP/1.1\r\nContent-Length: ${MIB}`;

t.test(
  'a body that would be one too many is 503 before it is read, and taken when there is room',
  async t => {
    const service = await start(t, 3 * MIB + BODY_SMALL_BYTES);
    const [first] = [
      await begin(t, service, put('a'), HALF),
      await begin(t, service, put('b'), HALF),
      await begin(t, service, put('c'), HALF),
    ];
    // Nothing of its body was asked for, as soon as those before it have come so far.
    const head = `${put('d')}\r\nHost: a\r\nExpect: 100-continue\r\n\r\n`;
    let refused = await answerOf(await dial(t, service), head);
    for (let tries = 0; refused.status === 100 && tries < 200; tries++) {
      refused = await answerOf(await dial(t, service), head);
    }
    t.match(refused, { status: 503, headers: { 'retry-after': /^\d+$/ } });
    t.equal(codeOf(refused), 'overloaded');
    t.equal(
      (await service.call('PUT', '/kv/small', { body: '1' })).status,
      201,
      'a small one is read in any case',
    );
    t.equal((await answerOf(first, VALUE.slice(HALF.length))).status, 201);
    const { status } = await service.call('PUT', '/kv/d', { body: VALUE });
    t.equal(status, 201, 'what was handled has given back its bytes');
    t.equal(stored(service, 'd')?.length, MIB);
  },
);

t.test('who announces much and sends nothing keeps nobody from writing', async t => {
  const service = await start(t, MIB + BODY_SMALL_BYTES);
  for (let i = 0; i < 3; i++) await begin(t, service, put('a'));
  t.equal((await service.call('PUT', '/kv/a', { body: VALUE })).status, 201);
});

t.test('a caller that goes away, and one that is refused, leave nothing behind', async t => {
  const service = await start(t, MIB + BODY_SMALL_BYTES);
  for (let i = 0; i < 5; i++) {
    const socket = await begin(t, service, put('a'));
    socket.destroy();
    while (service.server.metrics.connections() > 0) await service.clock.turn();
    const wrong = await service.call('PUT', '/kv/a', { body: `${VALUE.slice(0, -1)} ` });
    t.equal(wrong.status, 400);
  }
  t.equal((await service.call('PUT', '/kv/a', { body: VALUE })).status, 201);
});

t.test('a body that does not say its length is counted as it comes', async t => {
  const service = await start(t, MIB);
  const chunked = 'Transfer-Encoding: chunked';
  const chunk = (length: number) => `${length.toString(16)}\r\n${'1'.repeat(length)}\r\n`;
  const half = await begin(t, service, `PUT /kv/a HTTP/1.1\r\n${chunked}`, chunk(600 * 1024));
  for (let turns = 0; turns < 50; turns++) await service.clock.turn();
  const answer = await service.raw(
    `PUT /kv/b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${chunked}\r\n\r\n${chunk(600 * 1024)}0\r\n\r\n`,
  );
  t.match(parseAnswer(answer), { status: 503 });
  t.equal(codeOf(parseAnswer(answer)), 'overloaded');
  half.destroy();
});

t.test('an import counts what it may hold at most, however long it is', async t => {
  const service = await start(t, IMPORT_HELD_BYTES + BODY_SMALL_BYTES);
  const chunked = 'Transfer-Encoding: chunked';
  const running = await begin(t, service, `POST /import HTTP/1.1\r\n${chunked}`);
  const refused = await service.call('POST', '/import', {
    headers: { 'transfer-encoding': 'chunked' },
    body: '{"key":"a","value":1}',
  });
  t.same([refused.status, codeOf(refused)], [503, 'overloaded']);
  const short = await service.call('POST', '/import', { body: '{"key":"a","value":1}' });
  t.equal(short.status, 200, 'a short one that says so does not');
  const line = '{"key":"b","value":1}';
  t.equal((await answerOf(running, `${line.length.toString(16)}\r\n${line}\r\n0\r\n\r\n`)).status, 200);
  const progress = await service.call('POST', '/import?progress', {
    headers: { 'transfer-encoding': 'chunked' },
    body: line,
  });
  t.match(progress.body, /"imported":1/);
  const next = await service.call('POST', '/import', {
    headers: { 'transfer-encoding': 'chunked' },
    body: line,
  });
  t.equal(next.status, 200, 'those that are over have given back theirs');
});

t.test('a budget gives what it has, and takes it back once', async t => {
  const budget = new ByteBudget(100, 10);
  const [one, two] = [budget.share(), budget.share()];
  t.ok(one.resize(80));
  t.notOk(two.resize(21));
  t.same([one.bytes, two.bytes, budget.bytes], [80, 0, 80]);
  t.ok(two.resize(20));
  t.notOk(two.resize(21));
  t.equal(two.bytes, 20, 'what it had it keeps');
  t.ok(budget.share().resize(10), 'so little is never refused');
  t.ok(one.resize(40), 'and to have less neither');
  one.end();
  one.end();
  t.equal(budget.bytes, 30);
});

t.test('pieces ask before they take room, and for as much as they take', async t => {
  const asked: number[] = [];
  const pieces = new Pieces(100, bytes => {
    asked.push(bytes);
    return bytes <= 80;
  });
  const taken = [20, 20, 5, 30, 10].map(length => pieces.add(Buffer.alloc(length, 'x')));
  t.same(taken, [true, true, true, true, false]);
  t.same(asked, [20, 40, 80, 100]);
  t.equal(pieces.take().length, 75, 'what was refused is not within');
});
