import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { SMALL_FILE_BYTES_MAX } from '../../src/limits.js';
import { nodeSmallFiles } from '../../src/platform/node-secrets.js';

const directory = await mkdtemp(join(tmpdir(), 'cairn-secrets-'));
t.teardown(() => rm(directory, { recursive: true }));
const at = (name: string) => join(directory, name);

t.test('a file is read whole, as UTF-8, without a byte order mark', async t => {
  await writeFile(at('text'), '\ufeffäöü\n');
  t.equal(await nodeSmallFiles.read(at('text')), 'äöü\n');
  await writeFile(at('empty'), '');
  t.equal(await nodeSmallFiles.read(at('empty')), '');
});

t.test('a link is followed, as Kubernetes mounts its secrets', async t => {
  await symlink('text', at('link'));
  t.equal(await nodeSmallFiles.read(at('link')), 'äöü\n');
});

t.test('a pipe is read to its end', async t => {
  execFileSync('mkfifo', [at('pipe')]);
  const read = nodeSmallFiles.read(at('pipe'));
  await writeFile(at('pipe'), 'from a pipe');
  t.equal(await read, 'from a pipe');
});

t.test(
  'what is looked at again and again is a file or a link to one, and a pipe keeps nobody waiting',
  async t => {
    await writeFile(at('again'), 'text');
    await symlink('again', at('again-link'));
    t.equal(await nodeSmallFiles.readRegular(at('again-link')), 'text');
    execFileSync('mkfifo', [at('empty-pipe')]);
    await t.rejects(nodeSmallFiles.readRegular(at('empty-pipe')), { code: 'EINVAL' });
    await t.rejects(nodeSmallFiles.readRegular(directory), { code: 'EINVAL' });
  },
);

t.test('what is larger than the limit is refused', async t => {
  await writeFile(at('largest'), 'x'.repeat(SMALL_FILE_BYTES_MAX));
  t.equal((await nodeSmallFiles.read(at('largest'))).length, SMALL_FILE_BYTES_MAX);
  await writeFile(at('larger'), 'x'.repeat(SMALL_FILE_BYTES_MAX + 1));
  await t.rejects(nodeSmallFiles.read(at('larger')), { code: 'EFBIG' });
});

t.test('what is not UTF-8, or not a file, or not there, is refused', async t => {
  await writeFile(at('latin1'), Buffer.from([0x61, 0xff]));
  await t.rejects(nodeSmallFiles.read(at('latin1')), TypeError);
  await t.rejects(nodeSmallFiles.read(directory), { code: 'EISDIR' });
  await t.rejects(nodeSmallFiles.read(at('missing')), { code: 'ENOENT' });
});

t.test('a secret takes the place of what was there, for its owner alone', async t => {
  await writeFile(at('secret'), 'old', { mode: 0o644 });
  await writeFile(at('secret.tmp'), 'left by a crash', { mode: 0o644 });
  await nodeSmallFiles.writeSecret(at('secret'), 'new\n');
  t.equal(await readFile(at('secret'), 'utf8'), 'new\n');
  t.equal((await stat(at('secret'))).mode & 0o777, 0o640);
  t.notOk((await readdir(directory)).includes('secret.tmp'), 'nothing unfinished stays');
});

t.test('a link in the place of the unfinished file is not followed', async t => {
  await symlink('text', at('other.tmp'));
  await nodeSmallFiles.writeSecret(at('other'), 'secret');
  t.equal(await readFile(at('text'), 'utf8'), '\ufeffäöü\n');
});
