/** The Dockerfile: without a word of the linter, with what a cluster asks of an image, and with a small context. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ValidationSeverity, type ValidatorSettings, validate } from 'dockerfile-utils';
import t from 'tap';
import { filesUnder, root } from '../fixtures/repository.js';

interface Instruction {
  readonly word: string;
  readonly rest: string;
}

const text = readFileSync(join(root, 'Dockerfile'), 'utf8');
const instructions = instructionsOf(text);

/** Of each instruction its word, and what follows on all of its lines. */
function instructionsOf(dockerfile: string): Instruction[] {
  const joined = dockerfile.replace(/^\s*#.*\n/gm, '').replace(/\\\n/g, ' ');
  return joined.split('\n').flatMap(line => {
    const [, word, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    return word === undefined ? [] : [{ word, rest: (rest ?? '').trim() }];
  });
}

/** Everything that it may say is said. */
const strict: ValidatorSettings = {
  deprecatedMaintainer: ValidationSeverity.ERROR,
  directiveCasing: ValidationSeverity.ERROR,
  emptyContinuationLine: ValidationSeverity.ERROR,
  instructionCasing: ValidationSeverity.ERROR,
  instructionCmdMultiple: ValidationSeverity.ERROR,
  instructionEntrypointMultiple: ValidationSeverity.ERROR,
  instructionHealthcheckMultiple: ValidationSeverity.ERROR,
  instructionJSONInSingleQuotes: ValidationSeverity.ERROR,
  instructionWorkdirRelative: ValidationSeverity.ERROR,
};

function findings(dockerfile: string): string[] {
  return validate(dockerfile, strict).map(({ range, message }) => `${range.start.line + 1}: ${message}`);
}

/** What the linter has no rule for. */
function breaches(all: readonly Instruction[]): string[] {
  const of = (word: string): string[] => all.filter(it => it.word === word).map(it => it.rest);
  const final = all.slice(all.findLastIndex(({ word }) => word === 'FROM'));
  const user = final.findLast(({ word }) => word === 'USER')?.rest ?? '';
  return [
    ...of('FROM').filter(image => !/^[a-z./-]+:\d[\w.-]*( AS \w+)?$/.test(image)),
    ...(/^[1-9]\d*(:\d+)?$/.test(user) ? [] : [`USER ${user} is no number, which runAsNonRoot needs`]),
    ...[...of('ENTRYPOINT'), ...of('CMD')].filter(argv => !argv.startsWith('[')),
    ...of('ADD').map(rest => `ADD ${rest}: COPY does not unpack or fetch`),
    ...of('RUN').filter(command => /\b(curl|wget|sudo)\b|apt-get/.test(command)),
    ...[...of('ARG'), ...of('ENV')].filter(name => /TOKEN|SECRET|PASSWORD|NPM_/.test(name)),
    ...final
      .slice(final.findIndex(({ word, rest }) => word === 'ARG' && rest.startsWith('REVISION')))
      .filter(({ word }) => !['ARG', 'LABEL'].includes(word))
      .map(({ word }) => `${word} is built anew with each commit`),
  ];
}

t.test('the linter has nothing to say', async t => {
  t.strictSame(findings(text), []);
});

t.test('the linter would find what does not build, or warns', async t => {
  t.match(findings('FROM a:1\nEXPOSE port\n'), [/^2: /]);
  t.match(findings('FROM a:1\nHEALTHCHECK --intervall=1s CMD true\n'), [/^2: /]);
  t.match(findings('FROM a:1\nCMD a\nCMD b\n'), [/^2: .*only be one CMD/]);
});

t.test('it holds to our own rules', async t => {
  t.strictSame(breaches(instructions), []);
});

t.test('a breach of each of our rules is found', async t => {
  const broken = (from: string, to: string): string[] => breaches(instructionsOf(text.replaceAll(from, to)));
  const changes: readonly (readonly [string, string])[] = [
    ['24-bookworm-slim', 'latest'],
    ['USER 10001:0', 'USER node'],
    ['CMD ["serve"]', 'CMD serve'],
    ['COPY tsconfig.json ./', 'ADD tsconfig.json ./'],
    ['RUN npm run build', 'RUN curl -sSf x | sh'],
    ['ARG VERSION=0.0.0', 'ARG NPM_TOKEN'],
    ['LABEL ', 'RUN true\nLABEL '],
  ];
  for (const [from, to] of changes) t.equal(broken(from, to).length > 0, true, to);
});

t.test('what is copied from the context is let in by .dockerignore, and nothing else', async t => {
  const [none, ...allowed] = readFileSync(join(root, '.dockerignore'), 'utf8')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'));
  t.equal(none, '*');
  const copied = instructions
    .filter(({ word, rest }) => word === 'COPY' && !rest.startsWith('--from'))
    .flatMap(({ rest }) => rest.split(/\s+/).slice(0, -1));
  t.strictSame(allowed.map(line => line.replace(/^!/, '')).sort(), [...new Set(copied)].sort());
  for (const path of copied) t.ok(existsSync(join(root, path)), path);
  const bytes = filesUnder()
    .filter(({ path }) => copied.some(name => path === name || path.startsWith(`${name}/`)))
    .reduce((sum, file) => sum + file.text.length, 0);
  t.comment(`${bytes} characters in the context`);
  t.ok(bytes < 4 * 2 ** 20);
});
