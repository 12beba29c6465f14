/**
 * Very many who watch, come and go, or never read: the watchers, the descriptors and the memory are those of before
 * afterwards, and each one that reads gets every event.
 *
 * Memory is compared with what it is after a first round of as many, not with what it is before it. That round leaves
 * some 2 MB behind, however many there were: of the difference of two heap snapshots, 5,000 watchers apart, most is code
 * that was compiled meanwhile, the rest the 1,000 parsers that Node keeps, and the tables of sets that have been large.
 * Five rounds more came to 1 % more at most, and to less as often: a leak would grow with each.
 */
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import net from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { WINDOW_BYTES_MAX } from '../../src/limits.js';
import type { JsonText } from '../../src/model.js';
import { systemClock } from '../../src/platform/clock.js';
import { allowTime, TORTURE } from '../fixtures/torture.js';
import { key, type Service, startService } from './service.js';

allowTime(t);

const WATCHERS = TORTURE ? 5_000 : 400;
const ABORTS = TORTURE ? 20_000 : 2_000;
const NEVER_READ = TORTURE ? 100 : 10;
const EVENTS = 20;
/** Sockets that are opened at the same time. */
const AT_ONCE = 100;
/** What the heap may have more than after the first round: code is compiled, and thrown away, at any time. */
const SPARE_SHARE = 0.02;
/** One of so many has to do with that. */
const ROUNDS_MAX = 6;
/** Where the kernel says which descriptors a process has. */
const DESCRIPTORS = '/proc/self/fd';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

interface Base {
  readonly descriptors: number;
  readonly bytes: number;
}

/** When all who were there are gone. */
async function baseOf({ server }: Service): Promise<Base> {
  await until(() => server.metrics.connections() + server.metrics.watches().streams === 0);
  for (let i = 0; i < 5; i++) {
    await systemClock.turn();
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  const descriptors = existsSync(DESCRIPTORS) ? readdirSync(DESCRIPTORS).length : 0;
  return { descriptors, bytes: heapUsed + external };
}

function put({ engine }: Service, text: string) {
  return engine.commit([{ type: 'put', collection: 'kv', key: key('a'), text: text as JsonText }]);
}

function streams({ server }: Service): number {
  return server.metrics.watches().streams;
}

/** Resolves when it is watching. */
async function watch({ port }: Service, query = '?key=a'): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(`GET /watch${query} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await once(socket, 'readable');
  return socket;
}

async function inBatches(count: number, work: () => Promise<unknown>): Promise<void> {
  for (let left = count; left > 0; left -= AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, left) }, work));
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await systemClock.turn();
}

function manyWatched(t: Parameters<typeof startService>[0]): Promise<Service> {
  const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  return startService(t, { clock: systemClock, logger, connectionsMax: 20_000, watchersMax: 20_000 });
}

/** Round after round: what they leave behind does not grow, and no descriptor is among it. */
async function mustLeaveNothing(t: Tap, service: Service, round: () => Promise<void>): Promise<void> {
  const before = await baseOf(service);
  await round();
  const first = await baseOf(service);
  t.equal(first.descriptors, before.descriptors, 'descriptors');
  const bytes = [before.bytes, first.bytes];
  const most = first.bytes * (1 + SPARE_SHARE);
  for (let rounds = 2; rounds === 2 || (rounds <= ROUNDS_MAX && (bytes.at(-1) ?? 0) > most); rounds++) {
    await round();
    const after = await baseOf(service);
    t.equal(after.descriptors, before.descriptors, 'descriptors');
    bytes.push(after.bytes);
  }
  t.ok((bytes.at(-1) ?? 0) <= most, `bytes before, and after each round: ${bytes.join(', ')}`);
}

type Tap = Pick<typeof t, 'equal' | 'ok'>;

t.test(`${WATCHERS} watchers each get every event, and leave nothing behind`, async t => {
  const service = await manyWatched(t);
  await inBatches(AT_ONCE, async () => (await watch(service)).destroy());
  await mustLeaveNothing(t, service, async () => {
    const sockets: net.Socket[] = [];
    let events = 0;
    await inBatches(WATCHERS, async () => {
      const socket = await watch(service);
      socket.on('data', bytes => {
        events += bytes.toString('latin1').split('\ndata: ').length - 1;
      });
      sockets.push(socket);
    });
    t.equal(streams(service), WATCHERS);
    for (let i = 0; i < EVENTS; i++) {
      await put(service, String(i));
      await systemClock.turn();
    }
    await until(() => events >= EVENTS * WATCHERS);
    t.equal(events, EVENTS * WATCHERS);
    for (const socket of sockets) socket.destroy();
  });
});

t.test(`${ABORTS} that come and go at any moment leave nothing behind`, async t => {
  const service = await manyWatched(t);
  await inBatches(AT_ONCE, async () => (await watch(service)).destroy());
  let count = 0;
  await mustLeaveNothing(t, service, () =>
    inBatches(ABORTS, async () => {
      const number = count++;
      const socket = net.connect(service.port, '127.0.0.1');
      socket.on('error', () => {});
      const query = ['?key=a', '?initial', '?since=0', '?prefix=b'][number % 4];
      socket.write(`GET /watch${query} HTTP/1.1\r\nHost: a\r\n\r\n`);
      for (let turns = number % 5; turns > 0; turns--) await systemClock.turn();
      if (number % 10 === 0) await put(service, String(number));
      socket.destroy();
      await once(socket, 'close');
    }),
  );
});

t.test(
  `${NEVER_READ} that never read are cut, the others get every event, and nothing is left behind`,
  async t => {
    const service = await manyWatched(t);
    const text = JSON.stringify('x'.repeat(200_000));
    // The window holds as much as it may, also before the first round.
    for (let bytes = 0; bytes < WINDOW_BYTES_MAX; bytes += text.length) await put(service, text);
    let cut = 0;
    await mustLeaveNothing(t, service, async () => {
      const sockets: net.Socket[] = [];
      await inBatches(NEVER_READ, async () => void sockets.push((await watch(service)).pause()));
      const reading = await watch(service);
      let bytes = 0;
      reading.on('data', chunk => {
        bytes += chunk.length;
      });
      let written = 0;
      while (streams(service) > 1) {
        await put(service, text);
        written += text.length;
        // The one that reads has the time to.
        await until(() => bytes > written);
      }
      cut += NEVER_READ;
      t.equal(service.server.metrics.watches().cut, cut);
      t.ok(bytes > written);
      for (const socket of [...sockets, reading]) socket.destroy();
    });
  },
);
