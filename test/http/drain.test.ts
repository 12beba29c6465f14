import http from 'node:http';
import net from 'node:net';
import t from 'tap';
import { HttpServer } from '../../src/http/server.js';
import { IDLE_GRACE_MS } from '../../src/limits.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { MemoryLogger } from '../fixtures/memory-logger.js';
import { open, request, type Service, startService } from './service.js';

interface Line {
  readonly socket: net.Socket;
  /** Everything that came, when the server has closed. */
  readonly got: Promise<string>;
}

function dial({ port }: Service, bytes: string): Promise<Line> {
  const socket = net.connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', chunk => chunks.push(chunk));
  socket.on('error', () => {});
  const got = new Promise<string>(resolve => {
    socket.once('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
  return new Promise(resolve => socket.write(bytes, () => resolve({ socket, got })));
}

const PUT = 'PUT /kv/a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n';

t.test('what is in flight is answered with Connection: close, and then it is over', async t => {
  const service = await startService(t);
  const { socket, got } = await dial(service, `${PUT}1`);
  await service.call('GET', '/livez');
  const drained = service.server.drain();
  socket.write('2');
  t.match(await got, /^HTTP\/1\.1 201 [\s\S]*\r\nConnection: close\r\n[\s\S]*\r\n\r\n12$/);
  await drained;
  t.equal(service.engine.revision, 1);
});

t.test('no new connections', async t => {
  const { port, server } = await startService(t);
  await server.drain();
  await t.rejects(request(port, 'GET', '/livez'), { code: 'ECONNREFUSED' });
});

t.test('not ready, and still alive', async t => {
  const service = await startService(t);
  const half = (path: string) => dial(service, `GET ${path} HTTP/1.1\r\nHost: a\r\n`);
  const lines = [await half('/readyz'), await half('/readyz?verbose'), await half('/livez')] as const;
  await service.call('GET', '/livez');
  const drained = service.server.drain();
  for (const { socket } of lines) socket.write('\r\n');
  const [ready, verbose, live] = await Promise.all(lines.map(({ got }) => got));
  t.match(ready, /^HTTP\/1\.1 503 [\s\S]*"code":"draining"/);
  t.match(verbose, /^HTTP\/1\.1 503 [\s\S]*\[-\]serving failed: draining/);
  t.match(live, /^HTTP\/1\.1 200 /);
  await drained;
});

t.test('connections that are idle, or on which nothing was ever sent, are closed after a moment', async t => {
  const service = await startService(t);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  await service.call('GET', '/livez', { agent });
  const unused = net.connect(service.port, '127.0.0.1');
  await new Promise(resolve => unused.once('connect', resolve));
  await service.call('GET', '/livez');
  const closed = new Promise(resolve => unused.once('close', resolve));
  const drained = service.server.drain();
  await service.clock.advance(IDLE_GRACE_MS);
  await drained;
  await closed;
  t.equal(service.clock.pending, 0, 'without waiting for the drain time');
  agent.destroy();
});

t.test('a request that was on its way on an idle connection is answered, as the last one', async t => {
  const service = await startService(t);
  const { socket, got } = await dial(service, 'GET /livez HTTP/1.1\r\nHost: a\r\n\r\n');
  await new Promise(resolve => socket.once('data', resolve));
  const drained = service.server.drain();
  socket.write('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n');
  const answers = (await got).split('HTTP/1.1 200 OK').slice(1);
  t.equal(answers.length, 2);
  t.match(answers[1], /Connection: close/);
  await drained;
});

t.test('what is not done after the drain time is cut off', async t => {
  const service = await startService(t);
  const { got } = await dial(service, `${PUT}1`);
  await service.call('GET', '/livez');
  const drained = service.server.drain();
  await service.clock.advance(9_999);
  let over = false;
  void drained.then(() => {
    over = true;
  });
  await service.clock.turn();
  t.notOk(over);
  await service.clock.advance(1);
  await drained;
  t.equal(await got, '');
  t.equal(service.engine.revision, 0);
});

t.test('draining twice is draining once', async t => {
  const { server } = await startService(t);
  t.equal(server.drain(), server.drain());
});

t.test('a server that never listened is drained at once', async t => {
  await t.resolves(serverOn().drain());
});

t.test('a port that is taken, and an address that is not ours', async t => {
  const { port } = await startService(t);
  await t.rejects(serverOn().listen('127.0.0.1', port), { code: 'address_in_use' });
  await t.rejects(serverOn().listen('192.0.2.1', 0), { code: 'configuration', message: /EADDRNOTAVAIL/ });
});

function serverOn(): HttpServer {
  return new HttpServer({
    engine: () => null,
    gate: () => open,
    build: { version: '1', commit: null, node: '20' },
    policies: {},
    checks: new Map(),
    describePolicy: () => ({}),
    connectionsMax: 10,
    logger: new MemoryLogger(),
    clock: new ManualClock(),
  });
}
