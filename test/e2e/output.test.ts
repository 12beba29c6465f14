/** Where the output of a verb goes: a device, a pipe, a volume that is full. */
import { spawnSync } from 'node:child_process';
import { cpSync, openSync, statSync } from 'node:fs';
import t from 'tap';
import { needs } from '../fixtures/needs.js';
import { MAIN, serviceDirectory } from '../fixtures/service-process.js';

const GOLDEN = 'test/golden/format-1/two-bases';

/** The exit code and the last line on stderr, with stdout on a volume that is full. */
function onFull(...argv: string[]): { status: number | null; code: unknown } {
  const full = openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(process.execPath, [MAIN, ...argv], {
    encoding: 'utf8',
    stdio: ['ignore', full, 'pipe'],
    timeout: 30_000,
  });
  return { status, code: JSON.parse(stderr.trim().split('\n').at(-1) ?? '{}').code };
}

t.test('what could not be printed is exit 74, and no success', { skip: needs('linux') }, async t => {
  const directory = `${serviceDirectory(t)}/d`;
  cpSync(GOLDEN, directory, { recursive: true });
  for (const argv of [['backup', directory], ['verify', directory], ['help'], ['version']])
    t.same(onFull(...argv), { status: 74, code: 'storage_error' }, argv.join(' '));
});

t.test('a backup replaces no device and no directory, --force or not', { skip: needs('linux') }, async t => {
  const directory = `${serviceDirectory(t)}/d`;
  cpSync(GOLDEN, directory, { recursive: true });
  for (const path of ['/dev/null', directory]) {
    const { status, stderr } = spawnSync(
      process.execPath,
      [MAIN, 'backup', directory, '--output', path, '--force'],
      { encoding: 'utf8', timeout: 30_000 },
    );
    t.same([status, JSON.parse(stderr.trim()).code], [64, 'usage'], path);
  }
  t.ok(statSync('/dev/null').isCharacterDevice());
});
