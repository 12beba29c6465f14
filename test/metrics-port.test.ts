/** The port of the metrics in the life of a service: it is there as early as the other one, and goes last. */
import { createServer } from 'node:net';
import t from 'tap';
import { runService } from '../src/app.js';
import type { ReadyFacts } from '../src/banner.js';
import type { StopReason } from '../src/commands/serve.js';
import { readConfig } from '../src/config.js';
import { systemClock } from '../src/platform/clock.js';
import { call, set } from './fixtures/calls.js';
import { configSources } from './fixtures/config-sources.js';
import { CrashFiles } from './fixtures/crash-files.js';
import { DIRECTORY } from './fixtures/map-state.js';
import { MemoryLocks } from './fixtures/memory-locks.js';
import { MemoryLogger } from './fixtures/memory-logger.js';
import { parseMetrics } from './fixtures/metrics.js';

async function start(metricsPort: number, files = new CrashFiles()) {
  const argv = ['--port', '0', '--metrics-port', String(metricsPort), '--snapshot-dir', DIRECTORY];
  const { config } = await readConfig(configSources({ argv }));
  let stop: (reason: StopReason) => void = () => undefined;
  let announce: (facts: ReadyFacts) => void = () => undefined;
  const ready = new Promise<ReadyFacts>(resolve => {
    announce = resolve;
  });
  const ended = runService(config, {
    logger: new MemoryLogger(),
    clock: systemClock,
    files,
    locks: new MemoryLocks(),
    smallFiles: {
      read: () => Promise.reject(new Error('none')),
      readRegular: () => Promise.reject(new Error('none')),
      writeSecret: async () => undefined,
    },
    randomBytes: size => new Uint8Array(size),
    stopSignal: new Promise(resolve => {
      stop = resolve;
    }),
    crashed: new Promise(() => undefined),
    announce: facts => announce(facts),
  });
  return { ready, ended, stop, files };
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

t.test('it answers while the service loads, and while it stops, and ends with it', async t => {
  const files = new CrashFiles();
  let load = (): void => undefined;
  files.hold(({ op }) => (op === 'list' ? new Promise<void>(resolve => (load = resolve)) : undefined));
  const port = await freePort();
  const metrics = `http://127.0.0.1:${port}/metrics`;
  const service = await start(port, files);
  let loading = await call(metrics).catch(() => null);
  while (loading === null) loading = await call(metrics).catch(() => null);
  t.equal(parseMetrics(loading.body).value('cairn_ready'), 0);
  t.equal((await call(`http://127.0.0.1:${port}/readyz`)).status, 503);
  t.equal((await call(`http://127.0.0.1:${port}/livez`)).status, 200);
  files.hold(() => undefined);
  load();

  const { url, metricsUrl } = await service.ready;
  t.equal(metricsUrl, metrics);
  await set(url, 'a', 1);
  t.equal(parseMetrics((await call(metrics)).body).value('cairn_ready'), 1);
  t.equal((await call(`${url}/metrics`)).status, 404);

  let go = (): void => undefined;
  files.hold(({ op }) => (op === 'sync' ? new Promise<void>(resolve => (go = resolve)) : undefined));
  service.stop('SIGTERM');
  while (
    await call(`${url}/livez`).then(
      () => true,
      () => false,
    )
  )
    await systemClock.turn();
  t.equal(parseMetrics((await call(metrics)).body).value('cairn_ready'), 0, 'the flush is still to come');
  files.hold(() => undefined);
  go();
  await service.ended;
  await t.rejects(call(metrics), 'it is closed');
});

t.test('a port in use is told as that of the data is, and nothing stays open', async t => {
  const taken = createServer();
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', () => resolve()));
  t.teardown(() => new Promise(resolve => taken.close(resolve)));
  const address = taken.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const { ended, files } = await start(port);
  await t.rejects(ended, { code: 'address_in_use', message: `Port ${port} on 127.0.0.1 is in use.` });
  t.strictSame(files.paths(), [], 'the snapshots were not touched');
});
