/** What must not be in any file of the repository, and how long a source file may be. */
import t from 'tap';
import { filesUnder, lineOf, sources, type TextFile } from '../fixtures/repository.js';

const LINES_MAX = 400;

/** A folder that only one machine has: what names it works nowhere else. */
const machinePath = /(?<![\w.)\]}>/*$-])\/(work|root|home\/\w+|Users\/\w+)(?![\w-])/;
/** The lock file and the scripts must hold wherever the packages come from. */
const registryHost = /\b(registry|deb|security|snapshot)\.(npmjs|yarnpkg|debian)\.(org|com)\b/;

function matches(pattern: RegExp, { path, text }: TextFile): string[] {
  return [...text.matchAll(new RegExp(pattern, 'g'))].map(
    match => `${path}:${lineOf(text, match.index)} ${match[0]}`,
  );
}

function tooLong({ path, text }: TextFile): string[] {
  const lines = text.split('\n').length - 1;
  return lines > LINES_MAX ? [`${path} has ${lines} lines, more than ${LINES_MAX}: is it one thing?`] : [];
}

/** In halves, so that this file does not hold what it forbids. */
const example = (...parts: readonly string[]): TextFile => ({
  path: 'a.md',
  text: `first\n${parts.join('')}\n`,
});

t.test('no file names a folder of one machine', async t => {
  t.strictSame(
    filesUnder().flatMap(file => matches(machinePath, file)),
    [],
  );
});

t.test('the folder of a machine is found', async t => {
  for (const path of ['/wo|rk/main', '/ro|ot/.npmrc', '/ho|me/ada/cairn', '/Us|ers/ada']) {
    t.equal(matches(machinePath, example('see "', ...path.split('|'), '"')).length, 1, path);
  }
  t.strictSame(matches(machinePath, example('/worker, a/work, src/root, /home, ./root')), []);
});

t.test('no file names the host of a registry', async t => {
  t.strictSame(
    filesUnder().flatMap(file => matches(registryHost, file)),
    [],
  );
});

t.test('the host of a registry is found', async t => {
  t.strictSame(matches(registryHost, example('https://registry.', 'npmjs.org/koa')), [
    `a.md:2 registry.${'npmjs'}.org`,
  ]);
});

t.test('no source file is too long', async t => {
  t.strictSame(sources('src').flatMap(tooLong), []);
});

t.test('a source file that is too long is found', async t => {
  t.strictSame(tooLong({ path: 'src/a.ts', text: '\n'.repeat(LINES_MAX) }), []);
  t.equal(tooLong({ path: 'src/a.ts', text: '\n'.repeat(LINES_MAX + 1) }).length, 1);
});
