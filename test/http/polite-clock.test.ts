/** Work in slices gives way to callers that arrive: the event loop takes one of them in a turn. */
import net from 'node:net';
import t from 'tap';
import { PoliteClock } from '../../src/http/polite-clock.js';
import { ARRIVALS_TURNS_MAX } from '../../src/limits.js';
import type { JsonText } from '../../src/model.js';
import { systemClock } from '../../src/platform/clock.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { key, startService } from './service.js';

/** Fewer than the kernel lets wait for the service. */
const CALLERS = 10 * ARRIVALS_TURNS_MAX;
/** An export gives out one of them in a turn. */
const VALUES = 2 * CALLERS;

/** Turns that the loop takes until the clock's turn is over, with a caller in each of the first. */
async function turnsWith(arrivals: number): Promise<number> {
  const clock = new PoliteClock(systemClock);
  let isOver = false;
  const turn = clock.turn().then(() => {
    isOver = true;
  });
  let turns = 0;
  for (; !isOver; turns++) {
    if (turns < arrivals) clock.arrived();
    await systemClock.turn();
  }
  await turn;
  return turns;
}

t.test(
  'a turn is over when nobody came in one, or when so many came that the work has waited enough',
  async t => {
    t.equal(await turnsWith(0), 1);
    t.equal(await turnsWith(1), 2);
    t.equal(await turnsWith(10), 11);
    t.equal(await turnsWith(10 * ARRIVALS_TURNS_MAX), ARRIVALS_TURNS_MAX);
  },
);

t.test('all else is as on any clock', async t => {
  const manual = new ManualClock();
  const clock = new PoliteClock(manual);
  const fired: number[] = [];
  clock.setTimer(10, () => fired.push(clock.monotonic()));
  clock.setTimer(20, () => fired.push(0)).cancel();
  await manual.advance(30);
  t.same([fired, clock.monotonic(), clock.now()], [[10], 30, manual.now()]);
});

t.test('callers that come at once do not wait for a slice each', async t => {
  const service = await startService(t);
  const text = JSON.stringify('x'.repeat(200_000)) as JsonText;
  for (let i = 0; i < VALUES; i++) {
    await service.engine.commit([{ type: 'put', collection: 'kv', key: key(`${i}`), text }]);
  }
  const { clock, port, server } = service;
  let slices = 0;
  const page = service.engine.page.bind(service.engine);
  service.engine.page = (collection, range) => {
    slices += 1;
    return page(collection, range);
  };
  const sockets: net.Socket[] = [];
  const dial = (request: string): void => {
    const socket = net.connect(port, '127.0.0.1').on('error', () => {});
    if (request !== '') socket.resume().write(request);
    sockets.push(socket);
  };
  t.teardown(() => sockets.forEach(socket => void socket.destroy()));
  const open = server.metrics.connections();
  dial('GET /export HTTP/1.1\r\nHost: a\r\n\r\n');
  while (slices === 0) await clock.turn();
  for (let i = 0; i < CALLERS; i++) dial('');
  const before = slices;
  while (server.metrics.connections() < open + CALLERS) await clock.turn();
  t.ok(slices - before < CALLERS / 8, `${slices - before} pages for ${CALLERS} callers`);
});
