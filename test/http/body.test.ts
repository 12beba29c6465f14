/** What a body costs while it comes, in however many pieces. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { IncomingMessage, ServerResponse } from 'node:http';
import net, { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t, { type Test } from 'tap';
import { bodyChunks } from '../../src/http/body.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { type Service, startService, stored } from './service.js';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

const PIECES = 150_000;
const CHUNKS = 20;
/** Bytes; a Buffer for each piece would be some 30 MiB. */
const HEAP_MAX = 8 * 1024 * 1024;

function usage(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Sends a head and a body of one-byte chunks but for the last chunk, and waits until the server has read it. */
async function sendSlowly(t: Test, service: Service, head: string, body: string): Promise<Socket> {
  const sent = Buffer.from(`${head}\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(body)}`);
  const taken = new Promise<IncomingMessage>(resolve => {
    const onRequest = (message: unknown): void => {
      unsubscribe('http.server.request.start', onRequest);
      resolve((message as { readonly request: IncomingMessage }).request);
    };
    subscribe('http.server.request.start', onRequest);
  });
  const socket = net.connect(service.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write(sent);
  const { socket: server } = await taken;
  while (server.bytesRead < sent.length) await service.clock.turn();
  for (let turn = 0; turn < 100; turn++) await service.clock.turn();
  return socket;
}

function chunked(body: string): string {
  return [...body].map(byte => `1\r\n${byte}\r\n`).join('');
}

async function statusOf(socket: Socket): Promise<string> {
  const answered = new Promise<string>(resolve => socket.once('data', bytes => resolve(String(bytes))));
  socket.write('0\r\n\r\n');
  return (await answered).slice(0, 12);
}

t.test('a body in chunks of one byte costs about what it has bytes', async t => {
  const service = await startService(t);
  const body = `"${'x'.repeat(PIECES)}"`;
  const before = usage();
  const socket = await sendSlowly(t, service, 'PUT /kv/a HTTP/1.1', body);
  const held = usage() - before;
  t.ok(held < HEAP_MAX, `${held} bytes are held`);
  t.equal(await statusOf(socket), 'HTTP/1.1 201');
  t.equal(stored(service, 'a'), body);
});

t.test('a line of an import in chunks of one byte costs about what it has bytes', async t => {
  const service = await startService(t);
  const value = `"${'x'.repeat(PIECES)}"`;
  const before = usage();
  const socket = await sendSlowly(t, service, 'POST /import HTTP/1.1', `{"key":"a","value":${value}}`);
  const held = usage() - before;
  t.ok(held < HEAP_MAX, `${held} bytes are held`);
  t.equal(await statusOf(socket), 'HTTP/1.1 200');
  t.equal(stored(service, 'a'), value);
});

t.test('a body that is read as it comes is listened to once, in however many chunks it comes', async t => {
  const [req, clock] = [new IncomingMessage(new Socket()), new ManualClock()];
  let listeners = 0;
  req.on('newListener', () => {
    listeners += 1;
  });
  const chunks = bodyChunks({ req, res: new ServerResponse(req) }, clock);
  for (let i = 0; i < CHUNKS; i++) {
    const next = chunks.next();
    await clock.turn();
    req.push(String(i));
    t.equal(String((await next).value), String(i));
    t.equal(clock.pending, 0, 'no time-out is left behind');
  }
  t.ok(listeners < 10, `${listeners} listeners`);
  req.push(null);
  t.equal((await chunks.next()).done, true);
  t.same(
    ['readable', 'end', 'close'].map(event => req.listenerCount(event)),
    [0, 0, 0],
  );
});
