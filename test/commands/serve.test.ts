import t from 'tap';
import type { RunService, ServeParts, World } from '../../src/commands/serve.js';
import { serve } from '../../src/commands/serve.js';
import { CairnError } from '../../src/errors.js';
import { CRASH_MS, LOG_FLUSH_MS } from '../../src/limits.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { MemoryIo } from '../fixtures/memory-io.js';
import { MemoryLogger } from '../fixtures/memory-logger.js';

class FlushedLogger extends MemoryLogger {
  flushed = false;
  stuck = false;

  async flush(): Promise<void> {
    this.flushed = true;
    if (this.stuck) await new Promise<void>(() => {});
  }
}

class Parts implements ServeParts {
  readonly clock = new ManualClock();
  readonly logger = new FlushedLogger();
  readonly #service: RunService;

  constructor(service: RunService) {
    this.#service = service;
  }

  createLogger(): FlushedLogger {
    return this.logger;
  }

  async loadService(): Promise<RunService> {
    return this.#service;
  }
}

/** A service that is ready at once and runs until it is told to stop. */
const obedient: RunService = async (_config, world) => {
  announce(world);
  await world.stopSignal;
};

function announce(world: World): void {
  const access = { needed: false, reason: 'loopback' } as const;
  world.announce({
    url: 'http://127.0.0.1:3000',
    metricsUrl: null,
    keys: 3,
    logs: 1,
    milliseconds: 5,
    access,
  });
}

t.test('the service gets the configuration and the world', async t => {
  const parts = new Parts(async (config, world) => {
    t.equal(config.port, 4000);
    t.equal(world.logger, parts.logger);
    t.equal(world.clock, parts.clock);
    t.equal(world.randomBytes(32).length, 32);
  });
  t.equal(await serve(['--port', '4000'], new MemoryIo(), parts), 0);
});

t.test('a wrong setting ends the start before anything is made', async t => {
  const parts = new Parts(async () => void t.fail('the service was started'));
  await t.rejects(serve(['--prot=1'], new MemoryIo(), parts), { code: 'usage' });
  t.equal(parts.logger.flushed, false);
});

t.test('on a terminal the start is eight lines on stderr, and no log line', async t => {
  const [parts, io] = [new Parts(obedient), new MemoryIo({}, { isTTY: true })];
  const ended = serve([], io, parts);
  await parts.clock.advance(0);
  t.equal(io.stderr.text.split('\n').length, 9);
  t.match(io.stderr.text, 'http://127.0.0.1:3000');
  t.same(parts.logger.lines, []);
  io.events.emit('SIGTERM');
  t.equal(await ended, 0);
});

t.test('a log in a file has the start and the stop too, on a terminal or not', async t => {
  const [parts, io] = [new Parts(obedient), new MemoryIo({}, { isTTY: true })];
  const ended = serve(['--log-file', 'cairn.log'], io, parts);
  await parts.clock.advance(0);
  io.events.emit('SIGTERM');
  t.equal(await ended, 0);
  t.match(io.stderr.text, /http:\/\/127\.0\.0\.1:3000[\s\S]*SIGTERM, stopping/);
  t.match(parts.logger.lines, [{ message: 'ready' }, { fields: { signal: 'SIGTERM' } }]);
});

t.test('a log in a file says with which error the service ended', async t => {
  const err = new CairnError('address_in_use', 'Port 3000 is taken.');
  const failing: RunService = () => Promise.reject(err);
  for (const [argv, lines] of [
    [[], []],
    [['--log-file=a'], [{ level: 'error', fields: { err } }]],
  ] as const) {
    const parts = new Parts(failing);
    await t.rejects(serve(argv, new MemoryIo(), parts), { code: 'address_in_use' });
    t.match(parts.logger.lines, lines);
    t.equal(parts.logger.lines.length, lines.length);
  }
});

t.test('without a terminal it is one log line', async t => {
  const [parts, io] = [new Parts(obedient), new MemoryIo({ CAIRN_LOG_LEVEL: 'debug' })];
  const ended = serve(['--port=0'], io, parts);
  await parts.clock.advance(0);
  t.match(parts.logger.lines, [
    { level: 'info', message: 'ready', fields: { keys: 3, auth: 'off', config: 'flags, environment' } },
  ]);
  io.events.emit('SIGTERM');
  await ended;
  t.equal(io.stderr.text, '');
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} asks the service to stop; the exit code is 0`, async t => {
    let reason = '';
    const parts = new Parts(async (_config, world) => {
      reason = await world.stopSignal;
    });
    const io = new MemoryIo();
    const ended = serve([], io, parts);
    await parts.clock.advance(0);
    io.events.emit(signal);
    t.equal(await ended, 0);
    t.equal(reason, signal);
    t.match(parts.logger.lines, [{ level: 'info', fields: { signal } }]);
    t.ok(parts.logger.flushed);
    t.same(io.events.eventNames(), [], 'nothing listens any more');
  });
}

t.test('a second signal cuts nothing short', async t => {
  let flushed = () => {};
  const flush = new Promise<void>(resolve => {
    flushed = resolve;
  });
  const parts = new Parts(async (_config, world) => {
    await world.stopSignal;
    await flush;
  });
  const io = new MemoryIo({}, { isTTY: true });
  const ended = serve([], io, parts);
  await parts.clock.advance(0);
  for (const signal of ['SIGINT', 'SIGINT', 'SIGTERM']) io.events.emit(signal);
  await parts.clock.advance(60_000);
  t.match(io.stderr.text, /stopping: .*\n.*still stopping.*\n.*still stopping/);
  t.same(io.exits, [], 'the process goes on');
  flushed();
  t.equal(await ended, 0);
});

t.test('an error of the service comes out as it is, after the log is flushed', async t => {
  const parts = new Parts(async () => {
    throw new CairnError('address_in_use', 'Port 3000 is taken.');
  });
  const io = new MemoryIo();
  await t.rejects(serve([], io, parts), { code: 'address_in_use' });
  t.ok(parts.logger.flushed);
  t.same(io.events.eventNames(), []);
});

for (const event of ['uncaughtException', 'unhandledRejection']) {
  t.test(`${event} is logged, stops the service, and is exit code 70`, async t => {
    let reason = '';
    const parts = new Parts(async (_config, world) => {
      reason = await world.stopSignal;
    });
    const io = new MemoryIo();
    const ended = serve([], io, parts);
    await parts.clock.advance(0);
    const err = new TypeError('a defect');
    io.events.emit(event, err);
    t.equal(await ended, 70);
    t.equal(reason, 'crash');
    t.match(parts.logger.lines, [{ level: 'error', fields: { err } }]);
  });
}

t.test('a service that does not come to its end after a crash is cut off', async t => {
  const parts = new Parts(() => new Promise<void>(() => {}));
  const io = new MemoryIo();
  void serve([], io, parts);
  await parts.clock.advance(0);
  io.events.emit('uncaughtException', new Error('a defect'));
  await parts.clock.advance(CRASH_MS - 1);
  t.same(io.exits, []);
  io.events.emit('uncaughtException', new Error('another'));
  await parts.clock.advance(1);
  t.same(io.exits, [70], 'the second defect gives no more time');
  await parts.clock.advance(CRASH_MS);
  t.same(io.exits, [70], 'nor an end of its own');
});

t.test('an error while it stops after a crash is logged too, and the code stays 70', async t => {
  const parts = new Parts(async (_config, world) => {
    await world.stopSignal;
    throw new Error('the flush failed');
  });
  const io = new MemoryIo();
  const ended = serve([], io, parts);
  await parts.clock.advance(0);
  io.events.emit('uncaughtException', new Error('a defect'));
  t.equal(await ended, 70);
  t.equal(parts.logger.messages('error').length, 2);
});

t.test('a log that nobody reads holds the end up no longer than it may', async t => {
  const parts = new Parts(async () => {});
  parts.logger.stuck = true;
  const ended = serve([], new MemoryIo(), parts);
  await parts.clock.advance(LOG_FLUSH_MS);
  t.equal(await ended, 0);
});
