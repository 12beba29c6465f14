/**
 * Every command of the README, the guide and the recipes, in its order, against a running service: what stands below a `$` line is what the
 * command prints. A line of output that differs from day to day is not shown in the README; a command shown without
 * output must succeed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import t from 'tap';
import { needs } from '../fixtures/needs.js';
import { ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';

interface Command {
  readonly line: string;
  readonly output: string;
}

const readme = readFileSync('README.md', 'utf8');
const guide = readFileSync('docs/guide.md', 'utf8');
const recipes = readFileSync('docs/recipes.md', 'utf8');

/** The `console` blocks: one shell each, since a variable of one line is used by the next. */
const blocks = [...`${readme}\n${guide}\n${recipes}`.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(
  ([, block = '']) =>
    block.split(/^\$ /m).flatMap((text): Command[] => {
      const [line = '', ...output] = text.split('\n');
      return line === '' ? [] : [{ line, output: output.join('\n').trimEnd() }];
    }),
);

t.test(
  'every command of the README and the guide prints what they show',
  { skip: needs('curl') },
  async t => {
    const directory = serviceDirectory(t);
    for (const name of ['dist', 'scripts', 'node_modules', 'package.json']) {
      symlinkSync(resolve(name), `${directory}/${name}`);
    }
    const service = await ServiceProcess.start(t, ['--snapshot-dir', `${directory}/snapshots`]);
    const base = service.url.replace('http://', '');
    t.ok(blocks.flat().length > 15, `${blocks.flat().length} commands`);
    for (const block of blocks) {
      const end = '\u0004'; // stands between the outputs
      const script = block.map(({ line }) => `${line}\nprintf '%s' '${end}'`).join('\n');
      const { stdout, status } = spawnSync('sh', ['-e', '-c', script.replaceAll('localhost:3000', base)], {
        cwd: directory,
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], HOME: directory },
        timeout: 60_000,
      });
      t.equal(status, 0, block.at(-1)?.line ?? '');
      const printed = stdout.split(end);
      for (const [i, { line, output }] of block.entries()) {
        if (output !== '') t.equal(printed[i]?.trimEnd(), output, line);
      }
    }
  },
);

t.test('every file that the README names is there', async t => {
  const links = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link);
  const paths = [...readme.matchAll(/`((?:src|docs|scripts|test|bench)\/[^`\s]*)`/g)].map(
    ([, path = '']) => path,
  );
  for (const path of [...links, ...paths]) t.ok(existsSync(path), path);
});

t.test('the README is short', async t => {
  t.ok(readme.split('\n').length <= 200);
});
