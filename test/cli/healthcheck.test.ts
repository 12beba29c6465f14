import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { healthcheck } from '../../src/cli/healthcheck.js';
import { MemoryIo } from '../fixtures/memory-io.js';

/** Listens on `address` and gives the port. */
async function serve(t: Test, address: string, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, address);
  await once(server, 'listening');
  t.teardown(() => server.closeAllConnections());
  t.teardown(() => server.close());
  const { port }: AddressInfo = Object.assign({ port: 0, family: '', address: '' }, server.address());
  return port;
}

const answering =
  (status: number): RequestListener =>
  (_request, response) => {
    response.statusCode = status;
    response.end();
  };

t.test('200 is ready', async t => {
  const paths: (string | undefined)[] = [];
  const port = await serve(t, '127.0.0.1', (request, response) => {
    paths.push(request.url);
    response.end();
  });
  const io = new MemoryIo({ CAIRN_PORT: String(port) });
  t.equal(await healthcheck([], io), 0);
  t.equal(io.stdout.text, 'ready\n');
  t.same(paths, ['/readyz']);
});

t.test('of an address that is every address it asks the loopback one', async t => {
  const port = await serve(t, '0.0.0.0', answering(200));
  for (const host of ['0.0.0.0', '::']) {
    t.equal(await healthcheck([`--host=${host}`, `--port=${port}`], new MemoryIo()), 0, host);
  }
});

t.test('anything else is not ready', async t => {
  const port = await serve(t, '127.0.0.1', answering(503));
  await t.rejects(healthcheck([`--port=${port}`], new MemoryIo()), {
    code: 'unhealthy',
    message: `http://127.0.0.1:${port}/readyz answers 503.`,
  });
});

t.test('nobody there is not ready', async t => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port }: AddressInfo = Object.assign({ port: 0, family: '', address: '' }, server.address());
  server.close();
  await once(server, 'close');
  await t.rejects(healthcheck([`--port=${port}`], new MemoryIo()), {
    code: 'unhealthy',
    message: /ECONNREFUSED/,
  });
});

t.test('one that does not answer is not ready, after two seconds', async t => {
  const port = await serve(t, '127.0.0.1', () => {});
  await t.rejects(healthcheck([`--port=${port}`], new MemoryIo()), {
    code: 'unhealthy',
    message: `http://127.0.0.1:${port}/readyz does not answer within 2 s.`,
  });
});

t.test('port 0 cannot be asked', async t => {
  await t.rejects(healthcheck(['--port=0'], new MemoryIo()), { code: 'usage' });
});
