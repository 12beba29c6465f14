import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { backup } from '../../src/commands/backup.js';
import { restore } from '../../src/commands/restore.js';
import { verify } from '../../src/commands/verify.js';
import { nodeLocks } from '../../src/platform/node-locks.js';
import { encodeHeader, FORMAT } from '../../src/snapshot/header.js';
import { MemoryIo } from '../fixtures/memory-io.js';

const header = encodeHeader({
  cairn: 'log',
  format: FORMAT,
  store: 's',
  epoch: 1,
  number: 1,
  after: 0,
  prev: null,
});

const directoryOf = (t: Test): string => t.testdir({ data: { '00000001.log': header }, empty: {} });

async function made(root: string): Promise<Buffer> {
  const io = new MemoryIo();
  t.equal(await backup([join(root, 'data')], io), 0);
  t.match(JSON.parse(io.stderr.text), { backup: '-', store: 's', entries: 0, revision: 0, warnings: [] });
  return Buffer.from(io.stdout.text, 'latin1');
}

t.test('a backup goes to stdout, the facts to stderr; it is restored from a file and from stdin', async t => {
  const root = directoryOf(t);
  const bytes = await made(root);
  writeFileSync(join(root, 'a.base'), bytes);
  for (const [from, to] of [
    [join(root, 'a.base'), join(root, 'one')],
    ['-', join(root, 'two')],
  ] as const) {
    const io = new MemoryIo();
    io.stdin.bytes = bytes;
    t.equal(await restore([from, to], io), 0);
    t.match(JSON.parse(io.stdout.text), {
      restored: true,
      from,
      directory: to,
      store: 's',
      bytes: bytes.length,
    });
    t.equal(await verify([to], new MemoryIo()), 0);
  }
});

t.test('no backup goes to a terminal or comes from one', async t => {
  const root = directoryOf(t);
  await t.rejects(backup([join(root, 'data')], new MemoryIo({}, { isTTY: true })), {
    code: 'usage',
    hint: /--output/,
  });
  await t.rejects(restore(['-', join(root, 'x')], new MemoryIo({}, { isTTY: true })), { code: 'usage' });
});

t.test('a backup in a file appears whole or not at all, and replaces another only by force', async t => {
  const root = directoryOf(t);
  const file = join(root, 'a.base');
  const io = new MemoryIo({}, { isTTY: true });
  t.equal(await backup([join(root, 'data'), '--output', file], io), 0);
  t.match(io.stderr.text, /0 entries of revision 0 in \d+ bytes/);
  t.strictSame(readFileSync(file), await made(root));
  await t.rejects(backup([join(root, 'data'), `--output=${file}`], new MemoryIo()), {
    code: 'usage',
    hint: /--force/,
  });
  t.equal(await backup([join(root, 'data'), `--output=${file}`, '--force'], new MemoryIo()), 0);
  writeFileSync(join(root, 'data', '00000002.log'), 'no line of ours\n');
  await t.rejects(backup([join(root, 'data'), '--output', join(root, 'b.base')], new MemoryIo()), {
    code: 'snapshot_damaged',
    hint: /cairn repair .* --prefix/,
  });
  t.strictSame(readdirSync(root).sort(), ['a.base', 'data', 'empty'], 'and nothing unfinished stays');
});

t.test('a reader that goes away is a failure, and so is a directory that cannot be written', async t => {
  const root = directoryOf(t);
  const io = new MemoryIo();
  io.stdout.writeBytes = async () => {
    throw Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
  };
  await t.rejects(backup([join(root, 'data')], io), {
    code: 'storage_error',
    message: /EPIPE.*no whole backup/,
  });
  await t.rejects(backup([join(root, 'data'), '--output', join(root, 'no', 'a.base')], new MemoryIo()), {
    code: 'storage_error',
    message: /ENOENT/,
  });
});

t.test('a restore refuses what is no backup before it makes anything', async t => {
  const root = directoryOf(t);
  const to = join(root, 'new');
  const wrong = join(root, 'wrong.base');
  writeFileSync(wrong, 'no line of ours\n');
  await t.rejects(restore([wrong, to], new MemoryIo()), { code: 'snapshot_damaged', hint: /another backup/ });
  await t.rejects(restore([join(root, 'missing'), to], new MemoryIo()), { code: 'usage', message: /ENOENT/ });
  await t.rejects(restore([join(root, 'data'), to], new MemoryIo()), { code: 'usage', message: /EISDIR/ });
  await t.rejects(restore([join(root, 'data', '00000001.log'), to], new MemoryIo()), {
    code: 'snapshot_foreign',
  });
  await t.rejects(restore([], new MemoryIo()), { code: 'usage' });
  await t.rejects(restore(['a', 'b', 'c'], new MemoryIo()), { code: 'usage' });
  t.notOk(existsSync(to));
});

t.test('a dry run reads all of it and writes nothing', async t => {
  const root = directoryOf(t);
  const bytes = await made(root);
  const io = new MemoryIo();
  io.stdin.bytes = bytes;
  t.equal(await restore(['-', join(root, 'new'), '--dry-run'], io), 0);
  t.match(JSON.parse(io.stdout.text), { restored: false, dryRun: true, store: 's', revision: 0, entries: 0 });
  t.notOk(existsSync(join(root, 'new')));
  const cut = new MemoryIo();
  cut.stdin.bytes = bytes.subarray(0, -1);
  await t.rejects(restore(['-', '--dry-run'], cut), { code: 'snapshot_damaged' });
});

t.test('a directory that is served, or holds snapshots, is refused', async t => {
  const root = directoryOf(t);
  const file = join(root, 'a.base');
  writeFileSync(file, await made(root));
  await t.rejects(restore([file, join(root, 'data')], new MemoryIo()), {
    code: 'usage',
    message: /holds snapshots/,
  });
  const lock = await nodeLocks.tryLock(join(root, 'empty'));
  await t.rejects(restore([file, join(root, 'empty')], new MemoryIo()), { code: 'snapshot_locked' });
  await lock?.release();
  t.equal(await restore([file, join(root, 'empty')], new MemoryIo()), 0);
  t.equal(await restore([file, '--force'], new MemoryIo({ CAIRN_SNAPSHOT_DIR: join(root, 'data') })), 0);
  t.ok(existsSync(join(root, 'data', 'replaced-00000002', '00000001.log')));
  await t.rejects(restore([file, join(file, 'x')], new MemoryIo()), { code: 'snapshot_denied' });
});
