import t from 'tap';
import { MARK_AFTER_MS, RETRY_FIRST_MS, UNDURABLE_BYTES_MAX, UNDURABLE_MS_MAX } from '../../src/limits.js';
import { decodeLogLine } from '../../src/snapshot/format.js';
import { type Call, CrashFiles, systemError } from '../fixtures/crash-files.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { DIRECTORY, openSnapshot, recoverState, type Snapshot } from '../fixtures/map-state.js';

const NOW = Date.UTC(2025, 5, 1);

interface World extends Snapshot {
  readonly files: CrashFiles;
  readonly clock: ManualClock;
}

async function open(options: { files?: CrashFiles; rotateBytesMin?: number } = {}): Promise<World> {
  const files = options.files ?? new CrashFiles();
  const clock = new ManualClock(NOW);
  return { files, clock, ...(await openSnapshot({ ...options, files, clock })) };
}

/** The lines of a log but the first, read. */
function linesOf(files: CrashFiles, number: number): ReturnType<typeof decodeLogLine>[] {
  const text = Buffer.from(files.read(`${DIRECTORY}/${String(number).padStart(8, '0')}.log`)).toString(
    'latin1',
  );
  return text
    .split(/(?<=\n)/)
    .slice(1)
    .map(line => decodeLogLine(Buffer.from(line, 'latin1')));
}

const names = (files: CrashFiles): string[] => files.paths().map(path => path.slice(DIRECTORY.length + 1));
const isLog = (call: Call): boolean => call.path.endsWith('.log') || call.path.endsWith('.log.tmp');
const failing =
  (op: Call['op'], code: string) =>
  (call: Call): Error | undefined =>
    call.op === op && isLog(call) ? systemError(code) : undefined;

/** After a power cut at this moment, or a kill -9. */
async function after(crashed: CrashFiles): Promise<Record<string, unknown>> {
  return (await recoverState(crashed, NOW)).target.dump();
}

t.test('a periodic change is on disk after the interval, and not before', async t => {
  const { files, clock, state, writer, add } = await open();
  add(state.put('a', '1'));
  add(state.put('b', '2'));
  await clock.advance(999);
  t.strictSame(await after(files.crash()), {});
  t.equal(writer.durableRevision, 0);
  await clock.advance(1);
  t.strictSame(await after(files.crash()), state.dump());
  t.equal(writer.durableRevision, 2);
  t.equal(linesOf(files, 1).length, 1, 'in one line');
});

t.test(
  'a change that is waited for is on disk when the promise resolves, and so is all before it',
  async t => {
    const { files, state, writer, add } = await open();
    add(state.put('a', '1'));
    add(state.put('b', '2'));
    await writer.durable(2);
    t.strictSame(await after(files.crash()), state.dump());
  },
);

t.test('changes that come during an fsync share the next one', async t => {
  const { files, state, writer, add } = await open();
  let finish = (): void => undefined;
  files.hold(call => (call.op === 'sync' ? new Promise<void>(resolve => (finish = resolve)) : undefined));
  add(state.put('a', '1'));
  const first = writer.durable(1);
  const others = ['b', 'c', 'd'].map(key => {
    add(state.put(key, '2'));
    return writer.durable(state.revision);
  });
  await new Promise(resolve => setImmediate(resolve));
  files.hold(() => undefined);
  finish();
  await Promise.all([first, ...others]);
  t.match(linesOf(files, 1), [{ count: 1 }, { count: 3 }]);
});

t.test('a line is written only after the fsync of the one before it', async t => {
  const { files, state, writer, add } = await open();
  for (const key of ['a', 'b', 'c']) {
    add(state.put(key, '1'));
    void writer.durable(state.revision);
    await new Promise(resolve => setImmediate(resolve));
  }
  await writer.durable(3);
  const calls = files.calls.filter(
    call => call.path.endsWith('.log') && (call.op === 'append' || call.op === 'sync'),
  );
  t.notMatch(calls.map(call => call.op).join(' '), /append append|sync sync/);
});

t.test('a start makes the names that it found durable before it builds on them', async t => {
  const { files } = await open();
  const calls = files.calls.filter(({ op }) => op === 'syncDirectory' || op === 'create' || op === 'rename');
  t.strictSame(
    calls.map(({ op }) => op),
    ['syncDirectory', 'create', 'rename', 'syncDirectory'],
  );
});

t.test('a log appears whole: data, fsync, rename, fsync of the directory', async t => {
  const { files } = await open();
  const calls = files.calls.map(({ op, path }) => `${op} ${path.slice(DIRECTORY.length)}`);
  const from = calls.indexOf('create /00000001.log.tmp');
  t.strictSame(calls.slice(from), [
    'create /00000001.log.tmp',
    'append /00000001.log.tmp',
    'sync /00000001.log.tmp',
    'rename /00000001.log.tmp',
    'syncDirectory ',
    'space ',
  ]);
});

t.test('a second after the last batch a mark proves it durable', async t => {
  const { files, clock, state, writer, add } = await open();
  add(state.put('a', '1'));
  await writer.durable(1);
  await clock.advance(MARK_AFTER_MS);
  t.match(linesOf(files, 1), [{ type: 'batch' }, { type: 'mark', revision: 1 }]);
  await clock.advance(10 * MARK_AFTER_MS);
  t.equal(linesOf(files, 1).length, 2, 'and only one');
});

t.test('a clean stop writes what waits, and an end', async t => {
  const { files, state, writer, add, clock } = await open();
  add(state.put('a', '1'));
  await writer.close();
  t.match(linesOf(files, 1), [{ type: 'batch' }, { type: 'end', revision: 1 }]);
  t.throws(() => writer.admit(true), { code: 'draining' });
  t.equal(clock.pending, 0, 'no timer is left');
});

t.test('an end that cannot be written costs the epoch and nothing else', async t => {
  const { files, state, writer, add, logger } = await open();
  add(state.put('a', '1'));
  await writer.durable(1);
  files.fail(failing('append', 'EIO'));
  await writer.close();
  t.match(logger.messages('warn'), [/clean stop could not be noted/]);
  t.strictSame(await after(files.crash()), state.dump());
});

for (const [op, code, expected] of [
  ['append', 'ENOSPC', 'storage_full'],
  ['append', 'EDQUOT', 'storage_full'],
  ['append', 'EIO', 'storage_error'],
  ['append', 'EROFS', 'storage_error'],
  ['sync', 'ENOSPC', 'storage_full'],
  ['sync', 'EIO', 'storage_error'],
] as const) {
  t.test(
    `${op} failing with ${code}: writes are refused, nothing is lost, and a new log takes over`,
    async t => {
      const { files, clock, state, writer, add, logger } = await open();
      add(state.put('a', '1'));
      await writer.durable(1);
      add(state.put('b', '2'));
      files.fail(failing(op, code));
      await t.rejects(writer.durable(2), { code: expected, details: { outcome: 'unknown' } });
      t.throws(() => writer.admit(true), { code: expected, details: { outcome: 'not_applied' } });
      t.equal(writer.problem?.code, expected);
      await clock.advance(60_000);
      t.throws(() => writer.admit(true), { code: expected }, 'as long as it fails');
      files.heal();
      await clock.advance(10_000);
      t.doesNotThrow(() => writer.admit(true));
      t.equal(writer.durableRevision, 2);
      t.strictSame(await after(files.crash()), state.dump());
      t.strictSame(
        linesOf(files.crash(), 1).length,
        1,
        'the log that failed is cut back and never written again',
      );
      t.equal(logger.messages('error').length, 1, 'told once');
      add(state.put('c', '3'));
      await writer.durable(3);
      t.strictSame(await after(files.crash()), state.dump());
      await writer.close();
      t.strictSame(await after(files.clone()), state.dump());
      t.equal(state.frozen, 0, 'no frozen state is left');
    },
  );
}

t.test('an fsync that failed once and then pretends to succeed loses nothing', async t => {
  const { files, clock, state, writer, add } = await open();
  add(state.put('a', '1'));
  let failures = 0;
  files.fail(call =>
    call.op === 'sync' && isLog(call) && failures++ === 0 ? systemError('ENOSPC') : undefined,
  );
  await t.rejects(writer.durable(1), { code: 'storage_full' });
  await clock.advance(RETRY_FIRST_MS);
  t.equal(writer.durableRevision, 1);
  for (const tail of ['lost', 'nul', 'kept', 'torn'] as const) {
    t.strictSame(await after(files.crash({ tail })), state.dump(), tail);
  }
});

t.test('a short write is gone on with', async t => {
  const { files, state, writer, add } = await open();
  let short = 0;
  files.fail(call => (call.op === 'append' && short++ < 3 ? 'short' : undefined));
  add(state.put('a', '"some text of a length"'));
  await writer.durable(1);
  t.strictSame(await after(files.crash()), state.dump());
});

t.test('once the rename of a new log was tried, the old one is never written again', async t => {
  const { files, clock, state, writer, add } = await open();
  add(state.put('a', '1'));
  files.fail(failing('sync', 'EIO'));
  await writer.durable(1).catch(() => undefined);
  files.fail(call => (call.op === 'syncDirectory' ? systemError('EIO') : undefined));
  await clock.advance(RETRY_FIRST_MS * 3);
  files.heal();
  await clock.advance(20_000);
  t.equal(writer.durableRevision, 1);
  const { target, logs } = await recoverState(files.crash(), NOW);
  t.strictSame(target.dump(), state.dump());
  t.ok((logs.at(-1)?.number ?? 0) >= 3, 'a number that was tried is not used again');
});

t.test('attempts that fail after the rename leave no files behind', async t => {
  const { files, clock, state, writer, add } = await open();
  add(state.put('a', '1'));
  files.fail(call => (call.op === 'sync' || call.op === 'syncDirectory' ? systemError('EIO') : undefined));
  await writer.durable(1).catch(() => undefined);
  files.fail(call => (call.op === 'syncDirectory' ? systemError('EIO') : undefined));
  await clock.advance(600_000);
  t.strictSame(names(files), ['00000001.log']);
  files.heal();
  await clock.advance(20_000);
  t.strictSame(await after(files.crash()), state.dump());
});

t.test('a start on a volume that cannot be written serves reads, and writes when it can', async t => {
  const { files } = await (async () => {
    const world = await open();
    world.add(world.state.put('a', '1'));
    await world.writer.durable(1);
    return world;
  })();
  const killed = files.clone();
  killed.fail(call => (call.op === 'create' ? systemError('EROFS') : undefined));
  const { state, writer, clock, add } = await open({ files: killed });
  t.equal(state.rows.size, 1);
  t.throws(() => writer.admit(true), { code: 'storage_error' });
  killed.heal();
  await clock.advance(RETRY_FIRST_MS);
  writer.admit(true);
  add(state.put('b', '2'));
  await writer.durable(2);
  t.strictSame(await after(killed.crash()), state.dump());
});

t.test('a directory that this user may not write to is refused at the start', async t => {
  const files = new CrashFiles();
  await files.makeDirectory(DIRECTORY);
  files.fail(call => (call.op === 'create' ? systemError('EACCES') : undefined));
  const clock = new ManualClock(NOW);
  await t.rejects(openSnapshot({ files, clock }), { code: 'snapshot_denied', message: /EACCES/ });
  t.equal(clock.pending, 0);
});

t.test('a stop while the volume fails tries for some seconds, and then says so', async t => {
  const { files, clock, state, writer, add } = await open();
  add(state.put('a', '1'));
  files.fail(failing('sync', 'EIO'));
  await writer.durable(1).catch(() => undefined);
  const closing = t.rejects(writer.close(), { code: 'storage_error', details: { outcome: 'unknown' } });
  await clock.advance(10_000);
  await closing;
});

t.test('a stop during which the volume recovers loses nothing', async t => {
  const { files, clock, state, writer, add } = await open();
  add(state.put('a', '1'));
  files.fail(failing('sync', 'EIO'));
  await writer.durable(1).catch(() => undefined);
  const closing = writer.close();
  await clock.advance(RETRY_FIRST_MS);
  files.heal();
  await clock.advance(RETRY_FIRST_MS);
  await closing;
  t.strictSame(await after(files.crash()), state.dump());
});

t.test('too many bytes that are not durable are refused, and taken again when they are', async t => {
  const { files, state, writer, add } = await open();
  let finish = (): void => undefined;
  files.hold(call => (call.op === 'sync' ? new Promise<void>(resolve => (finish = resolve)) : undefined));
  const text = `"${'x'.repeat(1024 * 1024 - 2)}"`;
  let refused = 0;
  for (let i = 0; i < UNDURABLE_BYTES_MAX / text.length + 4; i++) {
    try {
      writer.admit(true);
      add(state.put(`k${i}`, text));
    } catch (error) {
      t.match(error, { code: 'overloaded', details: { outcome: 'not_applied', retryAfter: 1 } });
      refused += 1;
    }
  }
  t.ok(refused > 0);
  files.hold(() => undefined);
  finish();
  await writer.durable(state.revision);
  t.doesNotThrow(() => writer.admit(true));
  t.ok(
    linesOf(files, 1).length > 4,
    'a full queue does not wait for the interval, and goes out in several lines',
  );
});

t.test('an fsync that takes too long makes writes overloaded', async t => {
  const { files, clock, state, writer, add } = await open();
  files.hold(call => (call.op === 'sync' ? new Promise<void>(() => undefined) : undefined));
  add(state.put('a', '1'));
  await clock.advance(1000 + UNDURABLE_MS_MAX);
  t.doesNotThrow(() => writer.admit(true));
  await clock.advance(1);
  t.throws(() => writer.admit(true), { code: 'overloaded' });
});

/** Writes until a base was made. */
async function untilBase({ state, writer, add, clock, files }: World, count = 1): Promise<void> {
  for (let i = 0; i < 200 && names(files).filter(name => name.endsWith('.base')).length < count; i++) {
    add(state.put(`k${i % 7}`, `"${i}"`));
    await writer.durable(state.revision);
    await clock.advance(0);
  }
}

t.test(
  'a base follows its log, appears whole, and the older generation goes only after two are whole',
  async t => {
    const world = await open({ rotateBytesMin: 700 });
    const { files, state, writer } = world;
    await untilBase(world);
    const [base = ''] = names(files).filter(name => name.endsWith('.base'));
    t.ok(names(files).includes('00000001.log'), 'with one base all logs are kept');
    const number = base.slice(0, 8);
    const calls = files.calls.filter(call => call.path.includes(number) || call.op === 'syncDirectory');
    const logRename = calls.findIndex(call => call.op === 'rename' && call.path.endsWith('.log.tmp'));
    const created = calls.findIndex(call => call.op === 'create' && call.path.endsWith('.base.tmp'));
    const synced = calls.findIndex(call => call.op === 'sync' && call.path.endsWith('.base.tmp'));
    const renamed = calls.findIndex(call => call.op === 'rename' && call.path.endsWith('.base.tmp'));
    t.ok(0 <= logRename && logRename < created && created < synced && synced < renamed, 'in this order');
    t.equal(calls[renamed + 1]?.op, 'syncDirectory');
    await untilBase(world, 2);
    const bases = names(files).filter(name => name.endsWith('.base'));
    t.equal(bases.length, 2);
    t.equal(names(files)[0], bases[0], 'everything before the older base is gone');
    t.strictSame(await after(files.crash()), state.dump());
    t.equal(state.frozen, 0);
    await writer.close();
  },
);

/** Writes twelve keys until a base has begun, and holds it there until the result is called. */
async function whileBaseIsMade({ files, state, writer, add }: World): Promise<() => void> {
  let go = (): void => undefined;
  files.hold(call =>
    call.op === 'append' && call.path.endsWith('.base.tmp') ? new Promise<void>(r => (go = r)) : undefined,
  );
  for (let i = 0; i < 12; i++) {
    add(state.put(`k${i}`, '1'));
    await writer.durable(state.revision);
  }
  return () => {
    files.hold(() => undefined);
    go();
  };
}

t.test('a base is of one revision, though writes go on while it is made', async t => {
  const world = await open({ rotateBytesMin: 700 });
  const { files, state, writer, add } = world;
  const release = await whileBaseIsMade(world);
  for (let i = 0; i < 12; i++) add(i % 2 === 0 ? state.delete(`k${i}`) : state.put(`k${i}`, '2'));
  await writer.durable(state.revision);
  release();
  await world.clock.advance(0);
  await writer.close();
  const { target, base } = await recoverState(files.crash(), NOW);
  t.ok(base !== null, 'the base is whole');
  t.strictSame(target.dump(), state.dump());
});

t.test('a base that cannot be written leaves the logs, and is tried again later', async t => {
  const world = await open({ rotateBytesMin: 700 });
  const { files, state, clock, logger } = world;
  files.fail(call =>
    call.path.endsWith('.base.tmp') && call.op === 'append' ? systemError('ENOSPC') : undefined,
  );
  await untilBase(world);
  t.match(logger.messages('warn'), [/a base could not be made/]);
  t.notOk(names(files).some(name => name.includes('.base')));
  t.strictSame(await after(files.crash()), state.dump());
  files.heal();
  await clock.advance(60_000);
  await untilBase(world);
  t.ok(names(files).some(name => name.endsWith('.base')));
  t.equal(state.frozen, 0);
});

t.test('the base that a failure asks for is made, though the first attempt at it fails', async t => {
  const { files, clock, state, writer, add } = await open();
  add(state.put('a', '1'));
  files.fail(call => (call.op === 'sync' && isLog(call) ? systemError('EIO') : undefined));
  await writer.durable(1).catch(() => undefined);
  files.fail(call => (call.path.endsWith('.base.tmp') ? systemError('EIO') : undefined));
  await clock.advance(1000);
  t.equal(writer.problem, null);
  files.heal();
  await clock.advance(60_000);
  add(state.put('b', '2'));
  await writer.durable(2);
  await clock.advance(0);
  t.ok(names(files).some(name => name.endsWith('.base')));
});

t.test('on a full volume the generation that no start needs makes room', async t => {
  const world = await open({ rotateBytesMin: 700 });
  const { files, clock, state, writer, add } = world;
  await untilBase(world, 2);
  const [older = ''] = names(files);
  files.free = 0;
  files.fail(call =>
    call.op === 'append' && files.paths().some(path => path.endsWith(older))
      ? systemError('ENOSPC')
      : undefined,
  );
  add(state.put('z', '1'));
  await writer.durable(state.revision).catch(() => undefined);
  t.equal(writer.problem?.code, 'storage_full');
  files.free = Number.POSITIVE_INFINITY;
  await clock.advance(RETRY_FIRST_MS);
  t.notOk(names(files).includes(older));
  t.equal(writer.problem, null);
  t.strictSame(await after(files.crash()), state.dump());
});

t.test('a base that a rotation begins during the stop is not made behind it', async t => {
  const world = await open({ rotateBytesMin: 400 });
  const { files, state, writer, add } = world;
  let go = (): void => undefined;
  files.hold(call =>
    call.op === 'create' && call.path.endsWith('2.log.tmp') ? new Promise<void>(r => (go = r)) : undefined,
  );
  for (let i = 0; i < 3; i++) {
    add(state.put(`k${i}`, '1'));
    await writer.durable(state.revision);
  }
  const closing = writer.close();
  go();
  await closing;
  const calls = files.calls.length;
  await world.clock.advance(1000);
  t.equal(files.calls.length, calls, 'nothing touches the directory any more');
  t.notOk(names(files).some(name => name.includes('.base')));
  t.equal(state.frozen, 0);
});

t.test('a stop on a volume that fails is clean where nothing waits for it', async t => {
  const files = new CrashFiles();
  await files.makeDirectory(DIRECTORY);
  files.fail(call => (call.op === 'create' ? systemError('ENOSPC') : undefined));
  const { writer, clock } = await open({ files });
  await writer.close();
  t.equal(clock.pending, 0);
});

t.test('a new log that cannot begin for a base leaves the old one in use', async t => {
  const world = await open({ rotateBytesMin: 700 });
  const { files, state, logger, writer } = world;
  files.fail(call =>
    call.path.endsWith('.log.tmp') && call.op === 'create' ? systemError('EMFILE') : undefined,
  );
  await untilBase(world);
  t.match(logger.messages('warn'), [/a new log could not begin/]);
  t.equal(writer.problem, null);
  t.strictSame(await after(files.crash()), state.dump());
  t.equal(state.frozen, 0);
});

t.test('a new log whose rename fails for a base ends the old one', async t => {
  const world = await open({ rotateBytesMin: 700 });
  const { files, state, clock, writer } = world;
  files.fail(call =>
    call.op === 'rename' && call.path.endsWith('.log.tmp') ? systemError('EIO') : undefined,
  );
  await untilBase(world).catch(() => undefined);
  t.equal(writer.problem?.code, 'storage_error');
  files.heal();
  await clock.advance(10_000);
  t.equal(writer.problem, null);
  t.strictSame(await after(files.crash()), state.dump());
  t.equal(state.frozen, 0);
});

t.test('a stop gives up the base that is being made', async t => {
  const world = await open({ rotateBytesMin: 700 });
  const { files, state, writer } = world;
  const release = await whileBaseIsMade(world);
  const closing = writer.close();
  release();
  await closing;
  t.notOk(names(files).some(name => name.includes('.base')));
  t.strictSame(await after(files.crash()), state.dump());
});

t.test('seventeen restarts make a base', async t => {
  let files = new CrashFiles();
  for (let i = 0; i < 17; i++) {
    const { state, writer, add, clock } = await open({ files });
    add(state.put(`k${i}`, '1'));
    await writer.durable(state.revision);
    await clock.advance(0);
    if (i < 16) files = files.clone();
  }
  t.ok(names(files).some(name => name.endsWith('.base')));
  t.equal((await recoverState(files.crash(), NOW)).target.rows.size, 17);
});
