import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { repair } from '../../src/commands/repair.js';
import { verify } from '../../src/commands/verify.js';
import { nodeLocks } from '../../src/platform/node-locks.js';
import { encodeNote } from '../../src/snapshot/format.js';
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
const damaged = Buffer.concat([header, Buffer.from('00000000 {}\n'), encodeNote('mark', 0)]);

async function run(
  ...argv: string[]
): Promise<{ code: number; facts: Record<string, unknown>; io: MemoryIo }> {
  const io = new MemoryIo();
  const code = await repair(argv, io);
  return { code, facts: JSON.parse(io.stdout.text.trimEnd().split('\n').at(-1) ?? ''), io };
}

const directoryOf = (t: Test, log: Buffer): string => t.testdir({ '00000001.log': log });

t.test('one of the two ways must be chosen, and both are explained', async t => {
  const directory = directoryOf(t, damaged);
  for (const argv of [[directory], [directory, '--prefix', '--salvage']]) {
    await t.rejects(repair(argv, new MemoryIo()), {
      code: 'usage',
      hint: /--prefix keeps .* --salvage keeps/,
    });
  }
  await t.rejects(repair(['a', 'b', '--prefix'], new MemoryIo()), { code: 'usage' });
});

t.test('a repair says what it did, in words and as JSON, and the directory is sound', async t => {
  const directory = directoryOf(t, damaged);
  const dry = await run(directory, '--salvage', '--dry-run');
  t.match(dry.facts, { repaired: false, needed: true, dryRun: true, lostPlaces: 1 });
  t.strictSame(readdirSync(directory), ['00000001.log']);
  const { code, facts, io } = await run(directory, '--salvage');
  t.equal(code, 0);
  t.match(facts, { repaired: true, mode: 'salvage', directory, lost: [{ file: '00000001.log', bytes: 12 }] });
  t.match(io.stdout.text, /00000001.log at byte \d+ \(12 bytes\): a line is wrong/);
  t.equal(await verify([directory], new MemoryIo()), 0);
  t.match((await run(directory, '--prefix')).facts, { repaired: false, needed: false });
});

t.test('a directory that is served is refused, unless --no-lock takes the word of whoever calls', async t => {
  const directory = directoryOf(t, damaged);
  const lock = await nodeLocks.tryLock(directory);
  t.teardown(() => lock?.release());
  await t.rejects(run(directory, '--prefix'), { code: 'snapshot_locked', message: /waited 2 s/ });
  t.match((await run(directory, '--prefix', '--dry-run')).facts, { needed: true });
  t.match((await run(directory, '--prefix', '--no-lock')).facts, { repaired: true });
});

t.test('what cannot be repaired, and a directory that is not there, are errors', async t => {
  await t.rejects(run(t.testdir(), '--salvage'), { code: 'snapshot_damaged', message: /no snapshot/ });
  await t.rejects(run(join(t.testdir(), 'missing'), '--salvage'), { code: 'snapshot_denied' });
});

t.test('the old file is kept as it was', async t => {
  const directory = directoryOf(t, damaged);
  await run(directory, '--prefix');
  t.strictSame(readFileSync(join(directory, 'before-repair-00000002', '00000001.log')), damaged);
  writeFileSync(join(directory, '00000002.base'), 'x');
  t.equal(await verify([directory], new MemoryIo()), 65);
});
