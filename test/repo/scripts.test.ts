/** Shell scripts are checked as the compiler checks the rest: by shellcheck, without a warning. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { needs } from '../fixtures/needs.js';
import { filesUnder, root, type TextFile } from '../fixtures/repository.js';

const SHELL = /^#!\/(usr\/)?bin\/(env )?(sh|bash)\b/;

const scripts = filesUnder().filter(file => SHELL.test(file.text));

/** What shellcheck has to say, one line each; the shell is that of the first line. */
function findings(script: Pick<TextFile, 'text'>): string {
  return spawnSync('shellcheck', ['--format=gcc', '-'], { input: script.text, encoding: 'utf8' }).stdout;
}

t.test('every shell script is found by its first line', async t => {
  t.ok(scripts.some(script => script.path === 'scripts/verify-api.sh'));
  t.ok(scripts.some(script => script.path === '.ci/run'));
});

t.test('shellcheck has nothing to say', { skip: needs('shellcheck') }, async t => {
  for (const script of scripts) t.equal(findings(script), '', script.path);
});

t.test('shellcheck would find what POSIX sh does not have', { skip: needs('shellcheck') }, async t => {
  t.match(findings({ text: '#!/bin/sh\n[[ -n $1 ]] && echo "$1"\n' }), /SC3010/);
});

t.test('dash and busybox can read what is for sh', { skip: needs('dash', 'busybox') }, async t => {
  for (const { path } of scripts.filter(script => script.text.startsWith('#!/bin/sh'))) {
    for (const [shell, ...args] of [['dash'], ['busybox', 'sh']] as const) {
      t.equal(spawnSync(shell, [...args, '-n', join(root, path)]).status, 0, `${shell} ${path}`);
    }
  }
});
