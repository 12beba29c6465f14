import t from 'tap';
import { verifySnapshots } from '../../src/snapshot/verify.js';
import { CrashFiles, systemError } from '../fixtures/crash-files.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { DIRECTORY, openSnapshot, STORE_ID } from '../fixtures/map-state.js';

const NOW = Date.UTC(2025, 5, 1);

/** Two bases and their logs, and a last line that nothing proves. */
async function served(): Promise<CrashFiles> {
  const files = new CrashFiles();
  const clock = new ManualClock(NOW);
  const { state, writer, add } = await openSnapshot({ files, clock, rotateBytesMin: 700 });
  for (let i = 0; i < 40; i++) {
    add(i % 9 === 8 ? state.delete('k1') : state.put(`k${i % 9}`, `"${i}"`));
    await writer.durable(state.revision);
    await clock.advance(0);
  }
  return files;
}

const bases = (files: CrashFiles): string[] => files.paths().filter(path => path.endsWith('.base'));
const verify = (files: CrashFiles) => verifySnapshots({ files, directory: DIRECTORY });

t.test('a sound directory is said to be sound, with its facts, and nothing in it is changed', async t => {
  const files = await served();
  const before = files.paths().map(path => [path, Buffer.from(files.read(path)).toString()]);
  const { sound, findings, facts } = await verify(files);
  t.strictSame([sound, findings], [true, []]);
  t.match(facts, {
    store: STORE_ID,
    revision: 40,
    entries: 8,
    collections: { kv: 8 },
    clean: false,
    tornBytes: 0,
  });
  t.strictSame(
    files.paths().map(path => [path, Buffer.from(files.read(path)).toString()]),
    before,
  );
});

t.test('a directory without a snapshot is not sound: it may be the wrong one', async t => {
  const files = new CrashFiles();
  await files.makeDirectory(DIRECTORY);
  t.match(await verify(files), {
    sound: false,
    findings: [/no snapshot/],
    facts: { entries: 0, revision: 0 },
  });
});

t.test('a directory that is not there, or may not be read, is an error of the call', async t => {
  const files = new CrashFiles();
  await t.rejects(verify(files), { code: 'snapshot_denied', message: /ENOENT/ });
  await files.makeDirectory(DIRECTORY);
  files.fail(call => (call.op === 'list' ? systemError('EACCES') : undefined));
  await t.rejects(verify(files), { code: 'snapshot_denied', message: /EACCES/ });
});

t.test('a torn tail and unfinished files are remarked on, and sound', async t => {
  const files = await served();
  const log =
    files
      .paths()
      .filter(path => path.endsWith('.log'))
      .at(-1) ?? '';
  files.write(log, Buffer.concat([files.read(log), Buffer.from('12345678 {"fir')]));
  files.write(`${DIRECTORY}/00000099.base.tmp`, Buffer.from('x'));
  const { sound, findings, facts } = await verify(files);
  t.equal(sound, true);
  t.match(findings, [/00000099.base.tmp is unfinished/, /ends in 14 bytes of an unfinished line/]);
  t.equal(facts['tornBytes'], 14);
});

t.test('damage is told with its place', async t => {
  const files = await served();
  const log =
    files
      .paths()
      .filter(path => path.endsWith('.log'))
      .at(-1) ?? '';
  const bytes = Uint8Array.from(files.read(log));
  bytes[bytes.indexOf(0x0a) + 20] = 0;
  files.write(log, bytes);
  const { sound, findings, facts } = await verify(files);
  t.equal(sound, false);
  t.match(findings, [/a line is wrong/]);
  t.match(facts, {
    code: 'snapshot_damaged',
    file: log.slice(DIRECTORY.length + 1),
    offset: bytes.indexOf(0x0a) + 1,
  });
});

t.test('a broken base is damage, the newest and the one before it', async t => {
  for (const which of [0, 1]) {
    const files = await served();
    const base = bases(files)[which] ?? '';
    files.write(base, files.read(base).subarray(0, -3));
    const { sound, findings } = await verify(files);
    t.equal(sound, false);
    t.equal(findings.length, 1);
    t.match(findings[0], base.slice(DIRECTORY.length + 1));
  }
});

t.test('a file that goes away while it is read is a reason to look again', async t => {
  const files = await served();
  let gone = 0;
  files.fail(call => (call.op === 'openForReading' && gone++ < 3 ? systemError('ENOENT') : undefined));
  t.equal((await verify(files)).sound, true);
  files.fail(call => (call.op === 'openForReading' ? systemError('ENOENT') : undefined));
  t.equal((await verify(files)).sound, false, 'but not for ever');
});

t.test('a change that meets no key is damage', async t => {
  const files = new CrashFiles();
  const clock = new ManualClock(NOW);
  const { state, writer, add } = await openSnapshot({ files, clock });
  add(state.put('a', '1'));
  await writer.durable(1);
  const stray = state.put('b', '1');
  state.rows.delete('kv b');
  add({ ...state.put('b', '1'), revision: stray.revision, type: 'touch', deadline: null } as never);
  await writer.durable(2);
  t.equal((await verify(files)).sound, false);
});

t.test('what is no regular file is damage, with a word that says so', async t => {
  for (const code of ['EFTYPE', 'EISDIR']) {
    const files = await served();
    files.fail(call => (call.op === 'openForReading' ? systemError(code) : undefined));
    t.match((await verify(files)).findings, [/no regular file/], code);
  }
});

t.test('damage names the commands that repair this directory', async t => {
  const files = await served();
  for (const path of bases(files)) files.write(path, Buffer.from('x'));
  const { facts } = await verify(files);
  for (const words of [
    'cairn repair /snapshots --prefix',
    'cairn repair /snapshots --salvage',
    'cairn restore BACKUP',
  ]) {
    t.match(facts['hint'], words);
  }
});
