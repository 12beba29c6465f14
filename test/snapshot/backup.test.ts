import t from 'tap';
import { type BackupReport, writeBackup } from '../../src/snapshot/backup.js';
import { BackupFile } from '../../src/snapshot/backup-file.js';
import { encodeBatch, encodeGroup } from '../../src/snapshot/format.js';
import { checkBackup, restoreBackup } from '../../src/snapshot/restore.js';
import { verifySnapshots } from '../../src/snapshot/verify.js';
import { CrashFiles, systemError } from '../fixtures/crash-files.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { DIRECTORY, openSnapshot, recoverState } from '../fixtures/map-state.js';
import { key, openEngine, text } from '../fixtures/memory-engine.js';
import { damage, linesOf, NOW, namesIn, pastOf, pathOf } from '../fixtures/repair-past.js';
import { randomOf, seedOf } from '../fixtures/seeded-random.js';
import { allowTime, cyclesOf } from '../fixtures/torture.js';

const ROUNDS = cyclesOf(40, 5_000);
const OTHER = '/other';

async function backupOf(files: CrashFiles): Promise<{ bytes: Buffer; report: BackupReport }> {
  const lines: Uint8Array[] = [];
  const output = {
    append: async (bytes: Uint8Array) => {
      lines.push(bytes.slice());
      return bytes.length;
    },
  };
  const report = await writeBackup({ files, directory: DIRECTORY, output });
  return { bytes: Buffer.concat(lines), report };
}

/** Gives at most `most` bytes at a time. */
const inputOf = (bytes: Uint8Array, most = Number.POSITIVE_INFINITY) => ({
  async read(buffer: Uint8Array, position: number): Promise<number> {
    const found = bytes.subarray(position, position + Math.min(buffer.length, most));
    buffer.set(found);
    return found.length;
  },
});

const open = (bytes: Uint8Array, most?: number): Promise<BackupFile> =>
  BackupFile.open(inputOf(bytes, most), 'backup');

async function restored(bytes: Uint8Array, files = new CrashFiles(), force = false): Promise<CrashFiles> {
  await files.makeDirectory(OTHER);
  await restoreBackup({ files, directory: OTHER, backup: await open(bytes), force });
  return files;
}

t.test('a base that cannot be read a second time is told as that', async t => {
  const { files } = await pastOf(randomOf(4), { changes: 60, rotateBytesMin: 600 });
  t.ok(files.paths().some(path => path.endsWith('.base')));
  let opened = 0;
  files.fail(call => {
    if (!call.path.endsWith('.base')) return undefined;
    if (call.op === 'openForReading') opened += 1;
    return call.op === 'read' && opened === 2 ? systemError('EIO') : undefined;
  });
  await t.rejects(backupOf(files), { code: 'snapshot_damaged', message: /base: it cannot be read \(EIO\)/ });
});

t.test('a backup, restored, is the state that a start finds', async t => {
  allowTime(t);
  const seed = seedOf(21);
  t.comment(`CAIRN_SEED=${seed}`);
  const random = randomOf(seed);
  for (let i = 0; i < ROUNDS; i++) {
    const { files } = await pastOf(random, {
      changes: Math.floor(random() * 80),
      rotateBytesMin: 600 + 2000 * random(),
    });
    const before = files.paths().map(path => `${path} ${files.read(path).length}`);
    const { bytes, report } = await backupOf(files);
    const expected = await recoverState(files, NOW);
    const { target, revision } = await recoverState(await restored(bytes), NOW, OTHER);
    const same = JSON.stringify(target.dump()) === JSON.stringify(expected.target.dump());
    if (!same || revision !== expected.revision) t.fail(`round ${i}: revision ${revision}`);
    if (report.entries !== target.rows.size || report.bytes !== bytes.length)
      t.fail(`round ${i}: the report`);
    if (
      before.join() !==
      files
        .paths()
        .map(path => `${path} ${files.read(path).length}`)
        .join()
    )
      t.fail(`round ${i}`);
  }
  t.pass(`${ROUNDS} directories`);
});

t.test('a backup while it is served is of one instant, in every collection', async t => {
  const { engine, files, clock } = await openEngine({ rotateBytesMin: 400 });
  const put = (collection: string, name: string, n: number) => ({
    ...({ type: 'put', collection, key: key(name), text: text(String(n)) } as const),
  });
  const backups: Buffer[] = [];
  for (let n = 1; n <= 60; n++) {
    // Both in one batch: a backup that has one has the other.
    await engine.commit([put('kv', `k${n % 7}`, n), put('configs', 'last', n)], { durability: 'sync' });
    if (n % 9 === 0)
      await engine.commit([{ type: 'delete', collection: 'kv', key: key('k3') }], { durability: 'sync' });
    await clock.advance(0);
    if (n % 2 === 0) backups.push((await backupOf(files)).bytes);
  }
  for (const [i, bytes] of backups.entries()) {
    const { target } = await recoverState(await restored(bytes), NOW, OTHER);
    const n = Number(target.rows.get('configs last')?.text);
    t.equal(n, 2 * (i + 1));
    t.ok(target.rows.get(`kv k${n % 7}`)?.text === String(n) || n % 7 === 3);
  }
  await engine.close();
});

t.test('backups and checks beside a writer that rotates meanwhile find no damage', async t => {
  const { engine, files, clock } = await openEngine({ rotateBytesMin: 6000 });
  // A look takes many turns, and the writer goes on in each of them.
  files.hold(({ op }) =>
    ['list', 'openForReading', 'read'].includes(op)
      ? new Promise(resolve => setImmediate(resolve))
      : undefined,
  );
  let writing = true;
  const writer = (async () => {
    for (let n = 1; n <= 1500; n++) {
      const operations = ['kv', 'configs'].map(collection => ({
        ...({ type: 'put', collection, key: key('same'), text: text(String(n)) } as const),
      }));
      await engine.commit(operations, { durability: 'sync' });
      await clock.advance(0);
    }
    writing = false;
  })();
  let backups = 0;
  let before = 0;
  while (writing) {
    const { sound, findings } = await verifySnapshots({ files, directory: DIRECTORY });
    if (!sound) t.fail(findings.join(' '));
    const { bytes, report } = await backupOf(files);
    const { target } = await recoverState(await restored(bytes), NOW, OTHER);
    const texts = ['kv', 'configs'].map(name => target.rows.get(`${name} same`)?.text);
    if (texts[0] !== texts[1]) t.fail(`two instants: ${texts}`);
    if (report.revision < before) t.fail(`revision ${report.revision} after ${before}`);
    before = report.revision;
    backups += 1;
  }
  await writer;
  t.ok(backups > 5, `${backups} backups`);
  await engine.close();
});

t.test('files that go away while it reads are a reason to look again', async t => {
  const { files } = await pastOf(randomOf(4));
  const { bytes } = await backupOf(files);
  let gone = 0;
  files.fail(call => (call.op === 'openForReading' && gone++ < 3 ? systemError('ENOENT') : undefined));
  t.strictSame((await backupOf(files)).bytes, bytes);
});

t.test('damage refuses as a start does, and an output that was begun is no backup', async t => {
  const random = randomOf(8);
  let refused = 0;
  for (let i = 0; i < 60; i++) {
    const { files } = await pastOf(random, { changes: 30 });
    await damage(files, random);
    const start = await recoverState(files, NOW).catch((error: unknown) => error as Error);
    const made = await backupOf(files).catch((error: unknown) => error as Error);
    if (start instanceof Error !== made instanceof Error) t.fail(`${start instanceof Error} ${made}`);
    if (made instanceof Error) refused += 1;
  }
  t.ok(refused > 5, `${refused} refusals`);
  const empty = new CrashFiles();
  await empty.makeDirectory(DIRECTORY);
  await t.rejects(backupOf(empty), { code: 'snapshot_damaged', message: /no snapshot/ });
});

t.test('a change whose key the base does not have is damage, and the backup is not ended', async t => {
  const { files } = await pastOf(randomOf(3), { changes: 40, killEvery: 1000 });
  const newest = namesIn(files, '.log').at(-1) ?? '';
  const { revision } = await recoverState(files, NOW);
  for (const type of ['touch', 'delete'] as const) {
    const copy = files.clone();
    const change = {
      collection: 'kv',
      key: key('nobody'),
      version: 2,
      time: 5,
      revision: revision + 1,
      epoch: 5,
    };
    const line = encodeBatch([
      encodeGroup([
        type === 'touch' ? { type, ...change, deadline: null } : { type, ...change, reason: 'deleted' },
      ]),
    ]);
    copy.write(pathOf(newest), Buffer.concat([copy.read(pathOf(newest)), line]));
    await t.rejects(recoverState(copy, NOW), { code: 'snapshot_damaged' });
    await t.rejects(backupOf(copy), {
      code: 'snapshot_damaged',
      message: /no entry for a change/,
      hint: /repair/,
    });
  }
});

t.test('every truncation and every flipped bit of a backup is refused, and changes nothing', async t => {
  const { files } = await pastOf(randomOf(2), { changes: 25 });
  const { bytes } = await backupOf(files);
  t.equal((await checkBackup(await open(bytes, 7))).bytes, bytes.length);
  let refused = 0;
  const refuse = async (what: string, wrong: Uint8Array): Promise<void> => {
    const target = new CrashFiles();
    const error = await restored(wrong, target).catch((error: unknown) => error);
    if (!(error instanceof Error) || target.paths().length > 0) t.fail(`${what}: ${target.paths()}`);
    refused += 1;
  };
  for (let length = 0; length < bytes.length; length += 3)
    await refuse(`length ${length}`, bytes.subarray(0, length));
  for (let bit = 0; bit < bytes.length * 8; bit += 11) {
    const wrong = Uint8Array.from(bytes);
    wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await refuse(`bit ${bit}`, wrong);
  }
  const [, second = 0, third = 0] = linesOf(bytes);
  await refuse('a line twice', Buffer.concat([bytes.subarray(0, third), bytes.subarray(second)]));
  await refuse('more behind the end', Buffer.concat([bytes, bytes.subarray(second, third)]));
  await t.rejects(open(files.read(pathOf(namesIn(files, '.log')[0] ?? ''))), {
    code: 'snapshot_foreign',
    message: /a log/,
  });
  t.ok(refused > 500, `${refused} refusals`);
});

t.test('a base out of a directory is a backup too', async t => {
  const { files, dumps } = await pastOf(randomOf(6));
  const { target, revision } = await recoverState(
    await restored(files.read(pathOf(namesIn(files, '.base')[0] ?? ''))),
    NOW,
    OTHER,
  );
  t.strictSame(target.dump(), dumps[revision]);
});

t.test('a directory with snapshots is refused, unless forced: then its files are moved aside', async t => {
  const { files } = await pastOf(randomOf(6));
  const { bytes } = await backupOf(files);
  const target = await restored(bytes);
  await t.rejects(restored(bytes, target), { code: 'usage', message: /holds snapshots/, hint: /--force/ });
  const before = target.paths();
  await restored(bytes, target, true);
  t.strictSame(target.paths(), [
    `${OTHER}/00000002.base`,
    `${OTHER}/00000002.log`,
    ...before.map(path => path.replace(OTHER, `${OTHER}/replaced-00000002`)),
  ]);
  t.equal((await recoverState(target, NOW, OTHER)).revision, (await recoverState(files, NOW)).revision);
});

t.test('the epoch after a restore is greater than that of the backup and that of the directory', async t => {
  const { files } = await pastOf(randomOf(6));
  const { bytes } = await backupOf(files);
  const target = new CrashFiles();
  const late = await openSnapshot({ files: target, clock: new ManualClock(NOW * 2), directory: OTHER });
  await late.writer.close();
  await restored(bytes, target, true);
  t.ok((await recoverState(target, NOW, OTHER)).successor.epoch > late.state.epoch);
  t.ok(
    (await recoverState(await restored(bytes), 0, OTHER)).successor.epoch >
      (await recoverState(files, 0)).epoch,
  );
});

t.test('what a restore left that was cut short is no obstacle', async t => {
  const { files } = await pastOf(randomOf(6));
  const { bytes } = await backupOf(files);
  const target = await restored(bytes);
  await target.remove(`${OTHER}/00000001.log`);
  target.write(`${OTHER}/00000005.base.tmp`, Buffer.from('x'));
  await restored(bytes, target);
  t.equal((await recoverState(target, NOW, OTHER)).revision, (await recoverState(files, NOW)).revision);
});
