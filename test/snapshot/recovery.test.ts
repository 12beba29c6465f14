import t from 'tap';
import type { Change } from '../../src/model.js';
import { encodeBatch, encodeGroup, encodeNote } from '../../src/snapshot/format.js';
import { encodeHeader, FORMAT } from '../../src/snapshot/header.js';
import { checksumOf, frameLine } from '../../src/snapshot/line.js';
import { CrashFiles, systemError } from '../fixtures/crash-files.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { DIRECTORY, MapState, openSnapshot, recoverState, STORE_ID } from '../fixtures/map-state.js';

const NOW = Date.UTC(2025, 5, 1);
const path = (name: string): string => `${DIRECTORY}/${name}`;
const first = path('00000001.log');
const second = path('00000002.log');

/** A directory with one log of one line for each call, `mark` and `end` as asked. */
async function directoryOf(
  steps: readonly ((state: MapState) => Change)[],
  last: 'batch' | 'mark' | 'end' = 'end',
): Promise<{ files: CrashFiles; state: MapState; dumps: ReturnType<MapState['dump']>[] }> {
  const files = new CrashFiles();
  const clock = new ManualClock(NOW);
  const { state, writer, add } = await openSnapshot({ files, clock });
  const dumps = [state.dump()];
  for (const step of steps) {
    add(step(state));
    await writer.durable(state.revision);
    dumps.push(state.dump());
  }
  if (last === 'mark') await clock.advance(1000);
  if (last === 'end') await writer.close();
  return { files, state, dumps };
}

const steps = [
  (s: MapState) => s.put('a', '1'),
  (s: MapState) => s.put('b', '{\n  "x": [1, 2]\n}', NOW + 5000),
  (s: MapState) => s.put('a', '"two"'),
  (s: MapState) => s.touch('b', null),
  (s: MapState) => s.delete('a'),
  (s: MapState) => s.put('c', '10.0'),
];

/** The bytes at which each line of a file ends. */
function lineEnds(bytes: Uint8Array): number[] {
  const ends: number[] = [];
  bytes.forEach((byte, i) => {
    if (byte === 0x0a) ends.push(i + 1);
  });
  return ends;
}

t.test('an empty directory is a new store at revision 0', async t => {
  const files = new CrashFiles();
  await files.makeDirectory(DIRECTORY);
  const { target, revision, successor, clean } = await recoverState(files, NOW);
  t.strictSame([target.dump(), revision, clean], [{}, 0, true]);
  t.strictSame(successor, {
    store: STORE_ID,
    epoch: NOW / 1000,
    number: 1,
    after: 0,
    prev: null,
    takeOver: [],
  });
});

t.test('after a clean stop everything is there and the epoch goes on', async t => {
  const { files, state } = await directoryOf(steps);
  const { target, revision, successor, clean } = await recoverState(files, NOW + 60_000);
  t.strictSame(target.dump(), state.dump());
  t.strictSame([revision, clean, successor.epoch], [6, true, NOW / 1000]);
  t.strictSame(successor.takeOver, [], 'an end line proves the last batch');
});

t.test('after a crash the epoch is a new and greater one, however the clock stands', async t => {
  const { files } = await directoryOf(steps, 'batch');
  t.equal((await recoverState(files, NOW + 60_000)).successor.epoch, NOW / 1000 + 60);
  t.equal((await recoverState(files, NOW)).successor.epoch, NOW / 1000 + 1);
  t.equal(
    (await recoverState(files, NOW - 9_000_000)).successor.epoch,
    NOW / 1000 + 1,
    'a clock that went back',
  );
});

t.test('the last line is taken over, with its epoch, and the old log sealed before it', async t => {
  const { files } = await directoryOf(steps, 'batch');
  const ends = lineEnds(files.read(first));
  const { successor } = await recoverState(files, NOW);
  t.match(successor.takeOver, [{ type: 'put', key: 'c', revision: 6, epoch: NOW / 1000 }]);
  t.equal(successor.after, 5);
  t.equal(successor.prev?.bytes, ends.at(-2));
});

t.test('a mark proves the last line: nothing is taken over', async t => {
  const { files } = await directoryOf(steps, 'mark');
  const { successor, clean } = await recoverState(files, NOW);
  t.strictSame([successor.takeOver, successor.after, clean], [[], 6, false]);
});

t.test('every truncation of the only log gives a prefix and a torn tail, twice the same', async t => {
  const { files, dumps } = await directoryOf(steps);
  const whole = files.read(first);
  const ends = lineEnds(whole);
  let wrong = 0;
  for (let length = ends[0] ?? 0; length < whole.length; length++) {
    files.write(first, whole.subarray(0, length));
    const once = await recoverState(files, NOW);
    const twice = await recoverState(files, NOW);
    const lines = ends.filter(end => end <= length).length;
    const expected = dumps[Math.min(lines - 1, 6)];
    const torn = length - (ends[lines - 1] ?? 0);
    const same =
      JSON.stringify(once.target.dump()) === JSON.stringify(expected) &&
      JSON.stringify(once) === JSON.stringify(twice) &&
      (once.torn?.bytes ?? 0) === torn;
    if (!same) wrong += 1;
  }
  t.equal(wrong, 0, `${whole.length - (ends[0] ?? 0)} lengths`);
});

t.test('every truncation within the first line of the only log is a log that was never born', async t => {
  const { files } = await directoryOf(steps);
  const whole = files.read(first);
  const [end = 0] = lineEnds(whole);
  for (let length = 0; length < end; length++) {
    files.write(first, whole.subarray(0, length));
    const { revision, warnings, successor } = await recoverState(files, NOW);
    if (revision !== 0 || warnings.length !== 1 || successor.number !== 2) t.fail(`length ${length}`);
  }
  t.pass(`${end} lengths`);
});

t.test('every flipped bit of a log that a mark covers is refused, with its place', async t => {
  const { files } = await directoryOf(steps, 'mark');
  const whole = files.read(first);
  const lastLine = lineEnds(whole).at(-2) ?? 0;
  for (let bit = 0; bit < lastLine * 8; bit++) {
    const flipped = Uint8Array.from(whole);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    files.write(first, flipped);
    const error = await recoverState(files, NOW).catch(error => error);
    if (error?.code !== 'snapshot_damaged' || error.details.file !== '00000001.log')
      t.fail(`bit ${bit}: ${error}`);
    if (error.details.offset > bit >> 3) t.fail(`bit ${bit}: behind the flip, at ${error.details.offset}`);
  }
  t.pass(`${lastLine * 8} flips`);
});

t.test('every flipped bit of the last line is a torn tail, and never a wrong value', async t => {
  const { files, dumps } = await directoryOf(steps, 'batch');
  const whole = files.read(first);
  const from = lineEnds(whole).at(-2) ?? 0;
  for (let bit = from * 8; bit < whole.length * 8; bit++) {
    const flipped = Uint8Array.from(whole);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    files.write(first, flipped);
    const { target, torn } = await recoverState(files, NOW);
    if (torn?.offset !== from || JSON.stringify(target.dump()) !== JSON.stringify(dumps[5]))
      t.fail(`bit ${bit}`);
  }
  t.pass(`${(whole.length - from) * 8} flips`);
});

t.test('a tail of NULs, as ext4 leaves it, is a torn tail of any length', async t => {
  const { files, state } = await directoryOf(steps, 'batch');
  const whole = files.read(first);
  for (const length of [1, 7, 511, 4095, 4096, 3_000_000]) {
    files.write(first, Buffer.concat([whole, Buffer.alloc(length)]));
    const { target, torn } = await recoverState(files, NOW);
    t.strictSame([target.dump(), torn?.bytes], [state.dump(), length]);
  }
});

t.test('garbage of newlines is a torn tail while no right line stands behind it', async t => {
  const { files, state } = await directoryOf(steps, 'batch');
  const whole = files.read(first);
  const garbage = Buffer.from('\n\nx\n00000000 {}\n');
  files.write(first, Buffer.concat([whole, garbage]));
  t.strictSame((await recoverState(files, NOW)).target.dump(), state.dump());
  files.write(first, Buffer.concat([whole, garbage, encodeNote('mark', 6)]));
  await t.rejects(recoverState(files, NOW), {
    code: 'snapshot_damaged',
    details: { offset: whole.length, revision: 6, follows: /a right line at byte/ },
  });
});

t.test('a segment longer than any line is passed over in bounded memory', async t => {
  const { files } = await directoryOf(steps, 'batch');
  const whole = files.read(first);
  files.write(
    first,
    Buffer.concat([whole, Buffer.alloc(20_000_000, 120), Buffer.from('\n'), encodeNote('mark', 6)]),
  );
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_damaged', details: { offset: whole.length } });
});

t.test('lines that are doubled, swapped or missing are damage', async t => {
  const { files } = await directoryOf(steps);
  const whole = files.read(first);
  const ends = [0, ...lineEnds(whole)];
  const lines = ends.slice(1).map((end, i) => whole.subarray(ends[i], end));
  const [a, b, c, d] = lines as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const rest = lines.slice(4);
  const damages = {
    doubled: [a, b, b, c, d, ...rest],
    swapped: [a, c, b, d, ...rest],
    missing: [a, b, d, ...rest],
  };
  for (const [name, damage] of Object.entries(damages)) {
    files.write(first, Buffer.concat(damage));
    await t.rejects(recoverState(files, NOW), { code: 'snapshot_damaged' }, name);
  }
  files.write(first, Buffer.concat([whole, encodeNote('mark', 6)]));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_damaged' }, 'something behind the end');
  files.write(first, Buffer.concat([whole, Buffer.from('x')]));
  const { clean, torn } = await recoverState(files, NOW);
  t.strictSame([clean, torn?.bytes], [false, 1], 'an end with a tail behind it was not clean');
});

t.test('a mark of another revision is damage', async t => {
  const { files } = await directoryOf(steps, 'batch');
  files.write(first, Buffer.concat([files.read(first), encodeNote('mark', 5)]));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_damaged', details: { revision: 6 } });
});

t.test('a change that does not fit the state is damage', async t => {
  const { files } = await directoryOf(steps, 'batch');
  const stray = {
    type: 'delete',
    collection: 'kv',
    key: 'zz',
    version: 1,
    time: 1,
    revision: 7,
    epoch: 1,
  } as Change;
  const line = encodeBatch([encodeGroup([{ ...stray, reason: 'deleted' } as Change])]);
  files.write(first, Buffer.concat([files.read(first), line]));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_damaged', details: { revision: 6 } });
});

/** Two processes, one after the other, on one directory; the first was killed. */
async function twoLogs(): Promise<{ files: CrashFiles; state: MapState }> {
  const killed = await directoryOf(steps, 'batch');
  const files = killed.files.clone();
  const { state, writer, add } = await openSnapshot({ files, clock: new ManualClock(NOW + 5000) });
  add(state.put('d', '4'));
  await writer.durable(7);
  await writer.close();
  return { files, state };
}

t.test('the next log goes on where its seal says, and keeps the change ids of what it took over', async t => {
  const { files, state } = await twoLogs();
  const { target, logs } = await recoverState(files, NOW + 9000);
  t.strictSame(target.dump(), state.dump());
  t.equal(target.rows.get('kv c')?.epoch, NOW / 1000, 'taken over');
  t.equal(target.rows.get('kv d')?.epoch, NOW / 1000 + 5, 'made in the new epoch');
  t.equal(logs.length, 2);
});

t.test('what stands behind the seal of a log counts for nothing', async t => {
  const { files, state } = await twoLogs();
  files.write(first, Buffer.concat([files.read(first), Buffer.from('anything at all')]));
  t.strictSame((await recoverState(files, NOW)).target.dump(), state.dump());
});

t.test('up to its seal every line of a log must be right', async t => {
  const { files } = await twoLogs();
  const whole = files.read(first);
  const seal = lineEnds(whole).at(-2) ?? 0;
  for (let length = 0; length < seal; length += 7) {
    files.write(first, whole.subarray(0, length));
    const error = await recoverState(files, NOW).catch(error => error);
    if (error?.code !== 'snapshot_damaged') t.fail(`length ${length}: ${error}`);
  }
  const flipped = Uint8Array.from(whole);
  flipped[seal - 5] = (flipped[seal - 5] ?? 0) ^ 1;
  files.write(first, flipped);
  await t.rejects(recoverState(files, NOW), {
    code: 'snapshot_damaged',
    details: { revision: 4, follows: /the log after it/ },
  });
});

t.test('a log that is missing on the way back is damage', async t => {
  const { files } = await twoLogs();
  await files.remove(first);
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_damaged', details: { file: '00000001.log' } });
});

t.test('another log of the same number is not taken for the one that was sealed', async t => {
  const { files } = await twoLogs();
  const { files: other } = await directoryOf([...steps, steps[0] as never]);
  const header = {
    cairn: 'log',
    format: FORMAT,
    store: STORE_ID,
    epoch: 5,
    number: 1,
    after: 0,
    prev: null,
  } as const;
  const [end = 0] = lineEnds(other.read(first));
  files.write(first, Buffer.concat([encodeHeader(header), other.read(first).subarray(end)]));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_foreign', details: { file: '00000001.log' } });
});

t.test('a file of another store, of another number, or of a newer format is refused', async t => {
  const { files } = await twoLogs();
  const header = {
    cairn: 'log',
    format: FORMAT,
    store: 'other',
    epoch: 5,
    number: 1,
    after: 0,
    prev: null,
  } as const;
  const whole = files.read(first);
  files.write(first, Buffer.concat([encodeHeader(header), whole]));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_foreign', message: /another store/ });
  files.write(second, encodeHeader({ ...header, number: 1 }));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_foreign', message: /another file/ });
  files.write(second, encodeHeader({ ...header, number: 2, format: 2 }));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_foreign', message: /format 2/ });
  files.write(second, frameLine('{"something":"else"}'));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_foreign' });
});

t.test('a log that does not begin where the state is, is damage', async t => {
  const { files } = await twoLogs();
  const whole = files.read(first);
  const ends = lineEnds(whole);
  const prev = { number: 1, checksum: Buffer.from(whole).toString('latin1', 0, 8), bytes: ends[2] ?? 0 };
  files.write(
    second,
    encodeHeader({ cairn: 'log', format: FORMAT, store: STORE_ID, epoch: 5, number: 2, after: 5, prev }),
  );
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_damaged', message: /begins after revision 5/ });
});

t.test(
  'a newest log that was cut off within its first line leaves the one before it as the newest',
  async t => {
    const { files, state } = await directoryOf(steps);
    files.write(second, Buffer.from('0123'));
    const { target, warnings, successor } = await recoverState(files, NOW);
    t.strictSame(target.dump(), state.dump());
    t.match(warnings, [/00000002.log was cut off/]);
    t.equal(successor.number, 3, 'no number is used twice');
  },
);

t.test('an older log that was cut off within its first line is damage', async t => {
  const { files } = await twoLogs();
  files.write(first, Buffer.from('0123'));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_damaged', details: { file: '00000001.log' } });
});

t.test('a read that fails is damage with the errno, and one that is not allowed says so', async t => {
  const { files } = await directoryOf(steps);
  files.fail(call => (call.op === 'read' ? systemError('EIO') : undefined));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_damaged', message: /EIO/ });
  files.fail(call => (call.op === 'openForReading' ? systemError('EACCES') : undefined));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_denied', message: /EACCES/ });
  files.fail(call => (call.op === 'openForReading' ? systemError('EPERM') : undefined));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_denied', message: /EPERM/ });
  files.fail(call => (call.op === 'read' ? new Error('a defect') : undefined));
  await t.rejects(recoverState(files, NOW), { message: 'a defect' });
});

t.test('a directory that cannot be listed is told like a file', async t => {
  const { files } = await directoryOf(steps);
  for (const [errno, code] of [
    ['EIO', 'snapshot_damaged'],
    ['EACCES', 'snapshot_denied'],
    ['ENOENT', 'snapshot_denied'],
  ] as const) {
    files.fail(call => (call.op === 'list' ? systemError(errno) : undefined));
    await t.rejects(recoverState(files, NOW), { code, details: { file: DIRECTORY } }, errno);
  }
});

t.test('strange names are left alone, and a number written longer is strange', async t => {
  const { files, state } = await directoryOf(steps);
  for (const name of ['notes.txt', '0000000001.log', '1.log', 'token', '00000009.log.bak']) {
    files.write(path(name), Buffer.from('x'));
  }
  t.strictSame((await recoverState(files, NOW)).target.dump(), state.dump());
});

/** Two bases and three logs: the state at each base, and now. */
async function twoBases(): Promise<{ files: CrashFiles; state: MapState; names: string[] }> {
  const files = new CrashFiles();
  const clock = new ManualClock(NOW);
  const { state, writer, add } = await openSnapshot({ files, clock, rotateBytesMin: 600 });
  for (let i = 0; i < 40; i++) {
    add(state.put(`key${i % 10}`, `"${'v'.repeat(i)}"`, i % 3 === 0 ? NOW + i : null));
    await writer.durable(state.revision);
    await clock.advance(0);
  }
  await writer.close();
  const names = files.paths().map(name => name.slice(DIRECTORY.length + 1));
  return { files, state, names };
}

t.test('the newest whole base and the logs from its number on are the state', async t => {
  const { files, state, names } = await twoBases();
  const bases = names.filter(name => name.endsWith('.base'));
  t.equal(bases.length, 2, 'two are kept');
  t.equal(names[0], bases[0], 'and nothing older than the older one');
  const { target, base, logs } = await recoverState(files, NOW);
  t.strictSame(target.dump(), state.dump());
  t.equal(base?.number, Number.parseInt(bases[1] ?? '', 10));
  t.equal(logs[0]?.number, base?.number);
});

t.test(
  'every flipped bit and every truncation of the newest base: the one before it gives the same state',
  async t => {
    const { files, state, names } = await twoBases();
    const [, name = ''] = names.filter(name => name.endsWith('.base'));
    const whole = files.read(path(name));
    const expected = JSON.stringify(state.dump());
    const check = async (what: string, bytes: Uint8Array): Promise<void> => {
      files.write(path(name), bytes);
      const { target, warnings } = await recoverState(files, NOW);
      if (JSON.stringify(target.dump()) !== expected || warnings.length !== 1) t.fail(what);
    };
    for (let bit = 0; bit < whole.length * 8; bit += 3) {
      const flipped = Uint8Array.from(whole);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await check(`bit ${bit}`, flipped);
    }
    for (let length = 0; length < whole.length; length++)
      await check(`length ${length}`, whole.subarray(0, length));
    const ends = lineEnds(whole);
    await check('a doubled line', Buffer.concat([whole.subarray(0, ends[1]), whole.subarray(ends[0] ?? 0)]));
    await check('more behind the end', Buffer.concat([whole, whole]));
    t.pass(`${whole.length} bytes`);
  },
);

t.test('a base whose every line is right and whose count is not is broken', async t => {
  const { files, state, names } = await twoBases();
  const [, name = ''] = names.filter(name => name.endsWith('.base'));
  const whole = files.read(path(name));
  const ends = lineEnds(whole);
  const body = whole.subarray(0, ends.at(-2));
  const footers = [
    encodeHeader({ entries: 9, lines: 2, checksum: '00000000' }),
    encodeHeader({ entries: 10, lines: 2, checksum: checksumOf(Buffer.alloc(0)) }),
    frameLine('{"neither":"entries"}'),
  ];
  for (const footer of footers) {
    files.write(path(name), Buffer.concat([body, footer]));
    t.strictSame((await recoverState(files, NOW)).target.dump(), state.dump());
  }
});

t.test('a base of another revision than its log is broken; of another store or number, foreign', async t => {
  const { files, state, names } = await twoBases();
  const [, name = ''] = names.filter(name => name.endsWith('.base'));
  const number = Number.parseInt(name, 10);
  const header = {
    cairn: 'base',
    format: FORMAT,
    store: STORE_ID,
    epoch: NOW / 1000,
    number,
    revision: 1,
  } as const;
  files.write(path(name), encodeHeader(header));
  t.strictSame((await recoverState(files, NOW)).target.dump(), state.dump());
  files.write(path(name), encodeHeader({ ...header, store: 'other' }));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_foreign' });
  files.write(path(name), encodeHeader({ ...header, number: 1 }));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_foreign' });
  files.write(path(name), encodeHeader({ ...header, format: 2 }));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_foreign', message: /format 2/ });
});

t.test('with both bases broken, and their logs not reaching back, the start is refused', async t => {
  const { files, names } = await twoBases();
  const bases = names.filter(name => name.endsWith('.base'));
  for (const name of bases) files.write(path(name), Buffer.from('x\n'));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_damaged', details: { file: bases[1] } });
  for (const name of bases) await files.remove(path(name));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_damaged', message: /missing/ });
});

t.test('a history that begins after revision 0 needs its base', async t => {
  const files = new CrashFiles();
  const header = {
    cairn: 'log',
    format: FORMAT,
    store: STORE_ID,
    epoch: 5,
    number: 1,
    after: 5,
    prev: null,
  } as const;
  files.write(first, encodeHeader(header));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_damaged', details: { file: '00000001.base' } });
});

t.test('an older log that cannot be read is damage', async t => {
  const { files } = await twoLogs();
  files.fail(call => (call.op === 'openForReading' && call.path === first ? systemError('EIO') : undefined));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_damaged', message: /EIO/ });
});

t.test('a base without its log is damage', async t => {
  const { files, names } = await twoBases();
  for (const name of names) if (name.endsWith('.log')) await files.remove(path(name));
  await t.rejects(recoverState(files, NOW), { code: 'snapshot_damaged', message: /no log/ });
});

t.test('progress goes up to the whole', async t => {
  const { files } = await twoBases();
  const seen: number[] = [];
  let total = 0;
  await (await import('../../src/snapshot/recovery.js')).recover({
    files,
    directory: DIRECTORY,
    newTarget: () => new MapState(),
    newStoreId: () => STORE_ID,
    now: NOW,
    onProgress: (bytes, of) => {
      seen.push(bytes);
      total = of;
    },
  });
  t.ok(seen.length >= 2 && seen.every((bytes, i) => bytes > (seen[i - 1] ?? 0) && bytes <= total));
});
