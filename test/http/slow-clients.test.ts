/**
 * Clients that take their time, very many at once: that say nothing, that send headers or a body bit by bit, that do not
 * read a large answer or a watch. Each kind is ended by its bound, the others are answered all the while, and afterwards
 * connections, watchers and descriptors are those of before.
 *
 * Node's own time limits run on the real clock; ours are moved by hand. How long others wait is a figure of the bench
 * `slow-clients`, of the real process with its real bounds.
 */
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import net from 'node:net';
import t, { type Test } from 'tap';
import { READER_PAUSE_MS } from '../../src/limits.js';
import { allowTime, TORTURE } from '../fixtures/torture.js';
import { type Service, startService } from './service.js';

allowTime(t);

const CLIENTS = TORTURE ? 1_000 : 60;
/** Sockets that are opened at the same time. */
const AT_ONCE = 100;
/** Calls of the others while clients hang that nothing ends but the test. */
const ROUNDS = TORTURE ? 1_000 : 100;
/** Milliseconds between two bytes of those who send bit by bit. */
const BIT_MS = 50;
/** Values of so many bytes: all of them together are more than the buffers of a connection take. */
const LARGE_BYTES = 1_000_000;
const LARGE_VALUES = 10;
/** Where the kernel says which descriptors a process has. */
const DESCRIPTORS = '/proc/self/fd';
const LIMITS = TORTURE ? {} : { headersTimeoutMs: 1_000, requestTimeoutMs: 2_000, connectionsCheckMs: 200 };

interface Client {
  readonly socket: net.Socket;
  /** What came. */
  bytes: string;
  readonly closed: Promise<void>;
}

async function dial({ port }: Service, first: string): Promise<Client> {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  // Not `once`: that one rejects where the connection is reset, which is how a reader that stands still is cut off.
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()));
  const client: Client = { socket, bytes: '', closed };
  await once(socket, 'connect');
  socket.write(first);
  return client;
}

async function dialAll(service: Service, first: string): Promise<readonly Client[]> {
  const clients: Client[] = [];
  while (clients.length < CLIENTS) {
    const size = Math.min(AT_ONCE, CLIENTS - clients.length);
    clients.push(...(await Promise.all(Array.from({ length: size }, () => dial(service, first)))));
  }
  return clients;
}

async function start(t: Test): Promise<Service> {
  // As much of answers as there can be may wait here: the time alone ends who reads nothing.
  const answerBytesMax = Number.POSITIVE_INFINITY;
  const service = await startService(t, { connectionsMax: 5_000, limits: { ...LIMITS, answerBytesMax } });
  for (let i = 0; i < LARGE_VALUES; i++) {
    await service.call('PUT', `/kv/large/${i}`, { body: JSON.stringify('x'.repeat(LARGE_BYTES)) });
  }
  while (service.server.metrics.connections() > 0) await service.clock.turn();
  return service;
}

/** What everybody else does: it is answered, and rightly. */
async function others(service: Service, round: number): Promise<readonly number[]> {
  const body = `{"round":${round}}`;
  const put = await service.call('PUT', '/kv/other', { body });
  const got = await service.call('GET', '/kv/other');
  const probed = await service.call('GET', '/readyz');
  return [put.body === body ? 200 : put.status, got.body === body ? 200 : got.status, probed.status];
}

const fine = [200, 200, 200];

function descriptors(): number {
  return existsSync(DESCRIPTORS) ? readdirSync(DESCRIPTORS).length : 0;
}

async function mustBeAsBefore(t: Test, service: Service, before: number): Promise<void> {
  const { metrics } = service.server;
  while (metrics.connections() + metrics.watches().streams > 0 || descriptors() > before) {
    await service.clock.turn();
  }
  t.ok(descriptors() <= before, 'no more descriptors than before');
  t.strictSame(await others(service, -1), fine);
  t.strictSame(service.logger.messages('error'), []);
}

/** How much there is to read for one that did not, until its connection is closed. */
async function bytesOf({ socket, closed }: Client): Promise<number> {
  let bytes = 0;
  socket.on('data', chunk => {
    bytes += chunk.length;
  });
  await closed;
  return bytes;
}

const senders: readonly (readonly [string, string])[] = [
  ['open a connection and say nothing', ''],
  ['send their headers bit by bit', 'GET /livez HTTP/1.1\r\nHost: a\r\nX: '],
  ['send their body bit by bit', 'PUT /kv/slow HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"'],
];

for (const [what, first] of senders) {
  t.test(`${CLIENTS} clients that ${what} are told, and everybody else is answered meanwhile`, async t => {
    const service = await start(t);
    const before = descriptors();
    const clients = await dialAll(service, first);
    for (const client of clients) {
      client.socket.on('data', chunk => {
        client.bytes += chunk.toString('latin1');
      });
    }
    const send = () => {
      for (const { socket } of clients) if (socket.writable) socket.write('x');
    };
    const sending = first === '' ? undefined : setInterval(send, BIT_MS);
    let left = CLIENTS;
    const ended = clients.map(({ closed }) => closed.then(() => left--));
    let rounds = 0;
    while (left > 0) t.strictSame(await others(service, rounds++), fine);
    clearInterval(sending);
    await Promise.all(ended);
    const told = clients.filter(({ bytes }) => /^HTTP\/1\.1 408 .*"code":"request_timeout"/s.test(bytes));
    t.equal(told.length, CLIENTS, 'each is answered 408');
    t.ok(rounds > 0);
    t.equal((await service.call('GET', '/kv/slow')).status, 404, 'nothing is stored');
    await mustBeAsBefore(t, service, before);
  });
}

t.test(`${CLIENTS} clients that do not read a large answer are cut off in the end`, async t => {
  const service = await start(t);
  const before = descriptors();
  const clients = await dialAll(service, 'GET /export HTTP/1.1\r\nHost: a\r\n\r\n');
  for (let round = 0; round < ROUNDS; round++) t.strictSame(await others(service, round), fine);
  t.ok(service.server.metrics.connections() >= CLIENTS, 'all of them hang');
  // Again for those whose buffers were not full then.
  while (service.server.metrics.connections() > 0) await service.clock.advance(READER_PAUSE_MS);
  const read = clients.map(client => bytesOf(client));
  for (const bytes of await Promise.all(read)) t.ok(bytes < LARGE_VALUES * LARGE_BYTES, 'a part of it');
  await mustBeAsBefore(t, service, before);
});

t.test(`${CLIENTS} clients that do not read a watch are cut off when too much waits for them`, async t => {
  const service = await start(t);
  const before = descriptors();
  const clients = await dialAll(service, 'GET /watch?key=watched HTTP/1.1\r\nHost: a\r\n\r\n');
  const { watches } = service.server.metrics;
  while (watches().streams < CLIENTS) await service.clock.turn();
  const body = JSON.stringify('x'.repeat(200_000));
  let rounds = 0;
  while (watches().streams > 0) {
    t.equal((await service.call('PUT', '/kv/watched', { body })).status, rounds === 0 ? 201 : 200);
    t.strictSame(await others(service, rounds++), fine);
  }
  t.equal(watches().cut, CLIENTS);
  await Promise.all(clients.map(client => bytesOf(client)));
  await mustBeAsBefore(t, service, before);
});
