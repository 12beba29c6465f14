import { execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { LOG_BUFFER_BYTES_MAX } from '../../src/limits.js';
import { LogFile } from '../../src/platform/log-file.js';
import { needs } from '../fixtures/needs.js';

interface Opened {
  readonly path: string;
  readonly file: LogFile;
  readonly losses: number[];
  readonly content: (name?: string) => string;
  /** Writes a line and waits until it is written, or cannot be. */
  readonly put: (line: string) => Promise<void>;
}

function opened(t: Test, directory = t.testdir()): Opened {
  const path = join(directory, 'log');
  const losses: number[] = [];
  const file = LogFile.open(path, lines => losses.push(lines));
  const content = (name = 'log') => readFileSync(join(directory, name), 'utf8');
  const put = (line: string) => {
    file.write(line);
    return file.flush();
  };
  return { path, file, losses, content, put };
}

t.test('lines are appended in their order, behind what was there', async t => {
  const path = join(t.testdir(), 'log');
  appendFileSync(path, 'before\n');
  const file = LogFile.open(path, () => {});
  for (let i = 0; i < 1000; i++) file.write(`${i}\n`);
  await file.flush();
  t.equal(readFileSync(path, 'utf8'), `before\n${Array.from({ length: 1000 }, (_, i) => `${i}\n`).join('')}`);
});

t.test('the group may read it, the others not', async t => {
  const before = process.umask(0o022);
  const { path } = opened(t);
  process.umask(before);
  t.equal(statSync(path).mode & 0o777, 0o640);
});

t.test('once it was moved away, the next line begins a new file', async t => {
  const { path, content, put } = opened(t);
  await put('one\n');
  renameSync(path, `${path}.1`);
  await put('two\n');
  t.same([content('log.1'), content()], ['one\n', 'two\n']);
});

t.test('where another stands in its place, the lines go there', async t => {
  const { path, content, put } = opened(t);
  await put('one\n');
  renameSync(path, `${path}.1`);
  appendFileSync(path, 'made by logrotate\n');
  await put('two\n');
  t.same([content('log.1'), content()], ['one\n', 'made by logrotate\ntwo\n']);
});

t.test('one that was cut to nothing in its place is written on from its start', async t => {
  const { path, content, put } = opened(t);
  await put('one\n');
  truncateSync(path);
  await put('two\n');
  t.equal(content(), 'two\n');
});

t.test('where no new one can be made, the old one has the lines, until one can', async t => {
  const directory = join(t.testdir(), 'd');
  mkdirSync(directory);
  const { path, put } = opened(t, directory);
  await put('one\n');
  renameSync(directory, `${directory}.1`);
  await put('two\n');
  t.equal(readFileSync(join(`${directory}.1`, 'log'), 'utf8'), 'one\ntwo\n');
  mkdirSync(directory);
  await put('three\n');
  t.equal(readFileSync(path, 'utf8'), 'three\n');
});

/** The descriptor of the listing itself is gone when it is looked at. */
function attempt(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

t.test('rotating it again and again leaves no descriptor open', { skip: needs('linux') }, async t => {
  const { path, put } = opened(t);
  const fds = `/proc/${process.pid}/fd`;
  const targets = () => readdirSync(fds).map(name => attempt(() => readlinkSync(join(fds, name))));
  for (let i = 0; i < 20; i++) {
    await put('a line\n');
    renameSync(path, `${path}.1`);
  }
  await put('a line\n');
  t.same(
    targets().filter(target => target.startsWith(path)),
    [path],
  );
});

t.test('a path that cannot be opened is an error of the configuration, with the reason', async t => {
  const directory = t.testdir();
  for (const [path, reason] of [
    [directory, 'EISDIR'],
    [join(directory, 'none/log'), 'ENOENT'],
  ]) {
    t.throws(() => LogFile.open(`${path}`, () => {}), {
      code: 'configuration',
      message: `The log file ${path} cannot be opened: ${reason}.`,
      hint: /--log-file/,
    });
  }
});

t.test('a FIFO that nobody reads is refused and not waited for', { skip: needs('linux') }, async t => {
  const path = join(t.testdir(), 'fifo');
  execFileSync('mkfifo', [path]);
  t.throws(() => LogFile.open(path, () => {}), { message: /ENXIO/ });
});

/** A volume of 64 KiB, with a file on it that leaves no room. */
function smallVolume(t: Test): { directory: string; makeRoom: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'cairn-test-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory]);
  t.teardown(() => {
    execFileSync('umount', ['--lazy', directory]);
    rmdirSync(directory);
  });
  const filler = join(directory, 'filler');
  const makeRoom = () => rmSync(filler, { force: true });
  appendFileSync(filler, Buffer.alloc(48 * 1024));
  return { directory, makeRoom };
}

const LINE = `${'x'.repeat(1023)}\n`;

t.test('what a full volume did not take comes when there is room', { skip: needs('tmpfs') }, async t => {
  const { directory, makeRoom } = smallVolume(t);
  const { content, put, losses } = opened(t, directory);
  for (let i = 0; i < 30; i++) await put(`${i} ${LINE}`);
  t.ok(content().length < 20 * 1024, 'the volume was full');
  makeRoom();
  await put('the last\n');
  t.equal(content(), `${Array.from({ length: 30 }, (_, i) => `${i} ${LINE}`).join('')}the last\n`);
  t.same(losses, []);
});

t.test('past the bound of what waits, lines are dropped and counted', { skip: needs('tmpfs') }, async t => {
  const { directory, makeRoom } = smallVolume(t);
  const { path, file, losses, put } = opened(t, directory);
  const all = LOG_BUFFER_BYTES_MAX / LINE.length + 100;
  for (let i = 0; i < all; i++) file.write(LINE);
  await file.flush();
  t.same(losses, [], 'nothing is said while it cannot be written');
  execFileSync('mount', ['-o', 'remount,size=8m', directory]);
  makeRoom();
  await put('the last\n');
  const lines = readFileSync(path, 'utf8').split('\n').length - 1;
  t.equal(losses.length, 1);
  t.equal(lines + (losses[0] ?? 0), all + 1, 'each line is there or counted');
});

t.test('the bound is of what waits, and not of what was ever written', async t => {
  const { put, losses, path } = opened(t);
  const piece = `${'x'.repeat(LOG_BUFFER_BYTES_MAX / 4 - 1)}\n`;
  for (let i = 0; i < 6; i++) await put(piece);
  t.same(losses, []);
  t.equal(statSync(path).size, 6 * piece.length);
});

t.test('at an exit on a full volume it is given up, once', { skip: needs('tmpfs') }, async t => {
  const { directory } = smallVolume(t);
  const { file, put } = opened(t, directory);
  for (let i = 0; i < 30; i++) await put(LINE);
  file.writeAtExit();
  t.pass('it came back');
});

const CHILD = fileURLToPath(new URL('../fixtures/log-child.ts', import.meta.url));

for (const how of ['flush', 'exit', 'throw']) {
  t.test(`every line is in the file after the process ended by ${how}`, async t => {
    const path = join(t.testdir(), 'log');
    const child = spawn(process.execPath, [...process.execArgv, CHILD, '3000', 'json', how, path], {
      stdio: 'ignore',
    });
    await new Promise(resolve => child.on('close', resolve));
    const numbers = readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).number);
    t.same(
      [...numbers].sort((a, b) => a - b),
      Array.from({ length: 3000 }, (_, i) => i + 1),
    );
  });
}
