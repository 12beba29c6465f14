/**
 * `cairn help`, and `--help` of every verb. `cairn help --markdown` prints docs/configuration.md, and `cairn help errors
 * --markdown` docs/errors.md: `npm run docs` puts them there, and tests say when a file is stale.
 */
import { optionHelp } from '../config/help.js';
import { configurationPage } from '../config/page.js';
import { exitCodes } from '../exit-codes.js';
import { unknownVerb } from './command-line.js';
import type { Io } from './io.js';
import { type VerbEntry, verbs } from './verbs.js';

const USAGE_COLUMN = 28;

export async function help(argv: readonly string[], io: Io): Promise<number> {
  const name = argv.join(' ');
  if (name === '--markdown') {
    io.stdout.write(configurationPage());
    return exitCodes.ok;
  }
  if (name === 'errors --markdown') {
    io.stdout.write((await import('./errors-page.js')).errorsPage());
    return exitCodes.ok;
  }
  const lines = name === '' ? overview() : about(named(name));
  io.stdout.write(`${lines.join('\n')}\n`);
  return exitCodes.ok;
}

function named(name: string): VerbEntry {
  const verb = verbs.find(candidate => candidate.name === name);
  if (verb === undefined) throw unknownVerb(name);
  return verb;
}

function overview(): string[] {
  return [
    'Cairn, an in-memory key-value and configuration service.',
    '',
    ...verbs.map(({ usage, summary }) => `  ${usage.padEnd(USAGE_COLUMN)}  ${summary}`),
    '',
    'Start it:   cairn serve',
    'Try it:     curl -d \'{"key":"a","value":1}\' http://127.0.0.1:3000/set',
    'Settings:   cairn help serve',
  ];
}

function about({ name, usage, summary, details = [], configured }: VerbEntry): string[] {
  const lines = [`Usage: ${usage}`, '', summary, ...details];
  if (!configured) return lines;
  return [
    ...lines,
    '',
    ...(name === 'serve' ? optionHelp() : ['It takes the flags of `cairn serve`: see `cairn help serve`.']),
  ];
}
