/** What a stop does to a start, and a defect to a stop: the orders in a service's life that no other test sees. */
import { connect } from 'node:net';
import t from 'tap';
import { runService } from '../src/app.js';
import type { ReadyFacts } from '../src/banner.js';
import type { StopReason } from '../src/commands/serve.js';
import { readConfig } from '../src/config.js';
import { systemClock } from '../src/platform/clock.js';
import { call, get, set } from './fixtures/calls.js';
import { configSources } from './fixtures/config-sources.js';
import { CrashFiles } from './fixtures/crash-files.js';
import { DIRECTORY, recoverState } from './fixtures/map-state.js';
import { MemoryLocks } from './fixtures/memory-locks.js';
import { MemoryLogger } from './fixtures/memory-logger.js';

/** A service in this process, on a disk of the test, with the ends of its life in the test's hands. */
async function start(files: CrashFiles) {
  const argv = ['--port', '0', '--snapshot-dir', DIRECTORY, '--snapshot-interval', '1m'];
  const { config } = await readConfig(configSources({ argv }));
  let stop: (reason: StopReason) => void = () => undefined;
  let crash: () => void = () => undefined;
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
    crashed: new Promise(resolve => {
      crash = resolve;
    }),
    announce: facts => announce(facts),
  });
  return { ready, ended, stop, crash };
}

t.test('a stop during the load leaves the directory as it was', async t => {
  const files = new CrashFiles();
  const first = await start(files);
  await set((await first.ready).url, 'a', 1);
  first.stop('SIGTERM');
  await first.ended;
  const before = files.paths();
  let go = (): void => undefined;
  files.hold(call => (call.op === 'list' ? new Promise<void>(resolve => (go = resolve)) : undefined));
  const second = await start(files);
  second.stop('SIGTERM');
  await second.ended;
  files.hold(() => undefined);
  go();
  for (let turns = 0; turns < 100; turns++) await systemClock.turn();
  t.strictSame(files.paths(), before, 'no log was begun behind it');
  t.equal((await recoverState(files, Date.now())).clean, true, 'so the epoch goes on');
});

t.test('a defect during the drain does not cost the flush', async t => {
  const files = new CrashFiles();
  const { ready, ended, stop, crash } = await start(files);
  const { url } = await ready;
  await set(url, 'a', 1);
  const half = connect(Number(new URL(url).port), '127.0.0.1');
  t.teardown(() => half.destroy());
  half.on('error', () => undefined);
  await new Promise<void>(resolve => half.write('GET /get/a HTTP/1.1\r\n', () => resolve()));
  await call(`${url}/livez`);
  stop('SIGTERM');
  crash();
  await ended;
  t.equal((await recoverState(files.crash(), Date.now())).target.rows.size, 1);
});

t.test('after the load it answers, and SIGINT ends it', async t => {
  const files = new CrashFiles();
  await files.makeDirectory(DIRECTORY);
  const { ready, ended, stop } = await start(files);
  const { url } = await ready;
  t.equal((await get(url, 'a')).status, 404);
  t.equal((await call(`${url}/readyz`)).body, 'ready');
  stop('SIGINT');
  await ended;
});
