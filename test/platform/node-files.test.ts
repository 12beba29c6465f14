import { execFile } from 'node:child_process';
import { chmod, lstat, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { nodeFiles } from '../../src/platform/node-files.js';
import { filesContract } from '../fixtures/files-contract.js';
import { needs } from '../fixtures/needs.js';

const run = promisify(execFile);

async function modeOf(path: string): Promise<string> {
  return ((await lstat(path)).mode & 0o777).toString(8);
}

/** Both makings in one test: the umask belongs to the whole process. */
async function modesUnder(t: Test, umask: number): Promise<string[]> {
  const root = t.testdir();
  const before = process.umask(umask);
  t.teardown(() => process.umask(before));
  await nodeFiles.makeDirectory(`${root}/a/b`);
  await (await nodeFiles.create(`${root}/a/b/file`)).close();
  process.umask(before);
  return Promise.all([modeOf(`${root}/a`), modeOf(`${root}/a/b`), modeOf(`${root}/a/b/file`)]);
}

t.test('keeps the contract of Files', t =>
  filesContract(t, async t => ({ files: nodeFiles, root: t.testdir({}) })),
);

t.test('directories are 0750 and files 0640, however wide the umask', async t => {
  t.strictSame(await modesUnder(t, 0), ['750', '750', '640']);
});

t.test('a narrow umask takes the group out', async t => {
  t.strictSame(await modesUnder(t, 0o077), ['700', '700', '600']);
});

t.test('a directory that is there keeps its mode', async t => {
  const root = t.testdir({ a: {} });
  await chmod(`${root}/a`, 0o777);
  await nodeFiles.makeDirectory(`${root}/a`);
  t.equal(await modeOf(`${root}/a`), '777');
});

t.test('makes a directory whose path has dots', async t => {
  const root = t.testdir({});
  await nodeFiles.makeDirectory(`${root}/a/../b//./c`);
  t.strictSame(await nodeFiles.list(`${root}/b`), ['c']);
  t.strictSame(await nodeFiles.list(root), ['b']);
});

t.test('a FIFO is not waited for: it is no file to read', { skip: needs('linux') }, async t => {
  const root = t.testdir({ directory: {} });
  await run('mkfifo', [`${root}/fifo`]);
  await t.rejects(nodeFiles.openForReading(`${root}/fifo`), { code: 'EFTYPE' });
  await t.rejects(nodeFiles.openForReading(`${root}/directory`), { code: 'EISDIR' });
});

t.test('a file system without fsync of directories passes', { skip: needs('linux') }, async t => {
  await t.resolves(nodeFiles.syncDirectory('/proc/self'), 'proc says EINVAL');
});

/** Runs disk-child.ts under strace; its output, and the calls that strace wrote down. */
async function traced(root: string, ...options: string[]): Promise<{ output: string; calls: string[] }> {
  const log = `${root}/strace`;
  const child = fileURLToPath(new URL('../fixtures/disk-child.ts', import.meta.url));
  const node = [process.execPath, ...process.execArgv, child, root];
  const { stdout } = await run('strace', ['-f', '-qq', '-y', '-o', log, ...options, '--', ...node]);
  const calls = (await readFile(log, 'utf8')).split('\n');
  return { output: stdout.trim(), calls: calls.filter(call => call.includes(root)) };
}

t.test('as the kernel sees it', { skip: needs('linux', 'strace') }, async t => {
  await t.test('the parents of new directories are synced, and what was appended', async t => {
    const root = t.testdir({});
    const { output, calls } = await traced(root, '-e', 'trace=fsync,fdatasync');
    t.equal(output, 'closed');
    t.strictSame(
      calls.map(call =>
        call
          .replace(root, '')
          .match(/f\w*sync\(\d+<.*>/)?.[0]
          .replace(/\d+/, ''),
      ),
      ['fsync(</a>', 'fsync(<>', 'fdatasync(</a/b/file>'],
    );
  });

  await t.test('an error of close comes out', async t => {
    const root = t.testdir({});
    const options = ['-P', `${root}/a/b/file`, '-e', 'trace=close', '-e', 'inject=close:error=EIO'];
    t.equal((await traced(root, ...options)).output, 'EIO');
  });
});
