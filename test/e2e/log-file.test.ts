/** `--log-file` and `--log-format=syslog` of the built program. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { MAIN, serviceDirectory } from '../fixtures/service-process.js';

/** A start that cannot succeed, and so ends by itself. */
function failingStart(...argv: string[]): { status: number | null; stdout: string; code: unknown } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [MAIN, 'serve', '--port=0', '--snapshot-dir=/dev/null/none', ...argv],
    { encoding: 'utf8', timeout: 30_000 },
  );
  return { status, stdout, code: JSON.parse(stderr.trim().split('\n').at(-1) ?? '{}').code };
}

t.test('the log goes to the file, in the form that was asked for, and nothing to stdout', async t => {
  const path = `${serviceDirectory(t)}/cairn.log`;
  const { status, stdout } = failingStart('--log-file', path, '--log-format=syslog');
  t.equal(stdout, '');
  t.ok(status);
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  t.ok(lines.length > 0);
  for (const line of lines)
    t.match(line, /^<\d+>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ cairn \d+ - - [\x20-\x7e]+$/);
  t.match(lines.at(-1), /^<27>1 .* the service ends with an error err=\{/);
});

t.test('without a form of its own the log in a file is JSON', async t => {
  const path = `${serviceDirectory(t)}/cairn.log`;
  failingStart('--log-file', path);
  for (const line of readFileSync(path, 'utf8').trimEnd().split('\n')) t.ok(JSON.parse(line).msg);
});

t.test('a log file that cannot be opened refuses the start, with exit 78', async t => {
  const { status, code } = failingStart('--log-file', serviceDirectory(t));
  t.same([status, code], [78, 'configuration']);
});
