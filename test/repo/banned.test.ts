/** Calls and words that have no place in src/ or test/, each with what to do instead. */
import t from 'tap';
import { lineOf, sources, type TextFile } from '../fixtures/repository.js';

interface Rule {
  readonly banned: RegExp;
  readonly instead: string;
  readonly where: (path: string) => boolean;
  /** Comments may speak of it. */
  readonly codeOnly?: true;
  /** A line that the rule must find. */
  readonly example: string;
}

const inSource = (path: string): boolean => path.startsWith('src/');
const outsidePlatform = (path: string): boolean => inSource(path) && !path.startsWith('src/platform/');
/** The client runs without the platform, in browsers too, and has a clock of its own. */
const outsideClocks = (path: string): boolean => outsidePlatform(path) && path !== 'src/client/clock.ts';
const outsideMain = (path: string): boolean => inSource(path) && path !== 'src/main.ts';
/** This file and its neighbours have to name what they look for. */
const outsideRules = (path: string): boolean => !path.startsWith('test/repo/');
const inTests = (path: string): boolean => path.startsWith('test/') && outsideRules(path);

const rules: readonly Rule[] = [
  {
    banned: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/,
    instead: 'take a Clock by constructor, or the time as a value',
    where: outsideClocks,
    codeOnly: true,
    example: 'const at = Date.now();',
  },
  {
    banned: /\b(setTimeout|setInterval|setImmediate)\(|'(node:)?timers/,
    instead: 'use Clock.setTimer or Clock.turn',
    where: outsideClocks,
    codeOnly: true,
    example: 'setTimeout(retry, 10);',
  },
  {
    banned: /\bMath\.random\(/,
    instead: 'take the randomness by constructor',
    where: inSource,
    codeOnly: true,
    example: 'const id = Math.random();',
  },
  {
    banned: /\bconsole\./,
    instead: 'use the Logger, or the output that main.ts gives',
    where: inSource,
    codeOnly: true,
    example: "console.log('ready');",
  },
  {
    banned: /\bprocess\.(exit|exitCode|abort)\b/,
    instead: 'throw: main.ts ends the process',
    where: outsideMain,
    codeOnly: true,
    example: 'process.exit(1);',
  },
  {
    banned: /\bprocess\.(kill|stdout|stderr|argv|env|on|once)\b/,
    instead: 'take what you need as an argument: only main.ts and the platform know the process',
    where: path => outsidePlatform(path) && outsideMain(path),
    codeOnly: true,
    example: "const home = process.env['HOME'];",
  },
  {
    banned: /\bexport default\b/,
    instead: 'export names, so that a new name is seen by everybody',
    where: inSource,
    codeOnly: true,
    example: 'export default class Store {}',
  },
  {
    banned: /\bas any\b|\bas unknown as\b|@ts-(ignore|nocheck|expect-error)/,
    instead: 'say the type, or check the value',
    where: outsideRules,
    example: 'const entry = value as any;',
  },
  {
    banned: /\b(TODO|FIXME|XXX|HACK)\b/,
    instead: 'finish it, or take it out',
    where: outsideRules,
    example: '// TODO: handle the empty list',
  },
  {
    banned: /\b(t|test)\.only\(|\bonly: true\b|\btodo: (true|')/,
    instead: 'run every test',
    where: inTests,
    example: "t.only('reads', async t => {});",
  },
  {
    banned: /\bskip: (?!needs\()|\bt\.skip\(/,
    instead: 'skip by needs(…), which says why and fails in CI',
    where: inTests,
    example: "t.test('reads', { skip: true }, async t => {});",
  },
];

/** Comments, emptied but with their line ends. A `//` within a string is not worth a parser: none of the rules is. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, comment => comment.replace(/[^\n]/g, ' '));
}

function breaches(rule: Rule, { path, text }: TextFile): string[] {
  if (!rule.where(path)) return [];
  const searched = rule.codeOnly ? withoutComments(text) : text;
  return [...searched.matchAll(new RegExp(rule.banned, 'g'))].map(
    match => `${path}:${lineOf(searched, match.index)} ${match[0]}: ${rule.instead}`,
  );
}

t.test('nothing banned stands in src/ and test/', async t => {
  const files = sources('src', 'test');
  t.strictSame(
    rules.flatMap(rule => files.flatMap(file => breaches(rule, file))),
    [],
  );
});

t.test('each rule finds its example, on its line', async t => {
  for (const rule of rules) {
    const path = rule.where('src/store/store.ts') ? 'src/store/store.ts' : 'test/store/store.test.ts';
    const found = breaches(rule, { path, text: `/* a comment */\n${rule.example}\n` });
    t.match(found, [new RegExp(`^${path}:2 `)], rule.example);
  }
});

t.test('a comment may speak of a banned call', async t => {
  const text = '/**\n * Not Date.now().\n */\n// nor console.log\nconst a = 1; // nor setTimeout()\n';
  t.strictSame(
    rules.flatMap(rule => breaches(rule, { path: 'src/store/store.ts', text })),
    [],
  );
});

t.test('the exceptions of the rules are places', async t => {
  const text = 'Date.now(); setTimeout(f); process.env; process.exit(1);';
  const found = (path: string): string[] => rules.flatMap(rule => breaches(rule, { path, text }));
  t.match(found('src/platform/clock.ts'), [/process\.exit/], 'time and environment belong to the platform');
  t.match(found('src/main.ts'), [/Date\.now/, /setTimeout/], 'the process belongs to main.ts');
  t.equal(found('src/store/store.ts').length, 4);
  t.equal(found('test/store/store.test.ts').length, 0);
});
