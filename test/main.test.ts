import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** The real process, with an environment of its own. */
function cairn(argv: readonly string[], env: Record<string, string> = {}) {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(CAIRN_|PORT$)/.test(name));
  return spawnSync(process.execPath, [...process.execArgv, main, ...argv], {
    env: { ...Object.fromEntries(inherited), ...env },
    encoding: 'utf8',
  });
}

t.test('a verb’s output is on stdout and its exit code is that of the process', async t => {
  const { status, stdout } = cairn(['version']);
  t.equal(status, 0);
  t.match(stdout, /^cairn \d/);
});

t.test('an error is on stderr, one JSON line, with its exit code', async t => {
  const { status, stdout, stderr } = cairn(['serve', '--prot=1']);
  t.equal(status, 64);
  t.equal(stdout, '');
  t.match(JSON.parse(stderr), { code: 'usage', hint: /--port/ });
  t.equal(cairn(['config'], { CAIRN_PROT: '1' }).status, 78);
});

t.test('a reader that has gone is no failure', async t => {
  const words = [process.execPath, ...process.execArgv, main, 'config'].map(word => `'${word}'`).join(' ');
  const { stderr } = spawnSync('sh', ['-c', `${words} | true`], { encoding: 'utf8' });
  t.equal(stderr, '');
});
