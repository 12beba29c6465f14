/**
 * From the words of the command line to a verb and its exit code. No words: the help. Flags first: `serve`. `--help`
 * anywhere before `--`: the help of the verb, which then does nothing else.
 */
import { nearest } from '../config/suggest.js';
import { CairnError } from '../errors.js';
import { printFailure } from './failure.js';
import type { Io } from './io.js';
import { type VerbEntry, verbs } from './verbs.js';

/** Never rejects: an error is printed and becomes its exit code. */
export async function runCommandLine(argv: readonly string[], io: Io): Promise<number> {
  try {
    const { verb, rest } = chooseVerb(argv);
    const run = await verb.load();
    return await run(rest, io);
  } catch (error) {
    return printFailure(error, io, { stack: wantsStack(argv, io) });
  }
}

interface Choice {
  readonly verb: VerbEntry;
  readonly rest: readonly string[];
}

function chooseVerb(argv: readonly string[]): Choice {
  const first = argv[0];
  if (first === undefined) return { verb: named('help'), rest: [] };
  if (first === '--version' || first === '-V') return { verb: named('version'), rest: argv.slice(1) };
  const choice = first.startsWith('-') ? { verb: named('serve'), rest: argv } : namedBy(argv);
  if (!argv.some(isHelpFlag)) return choice;
  return { verb: named('help'), rest: first.startsWith('-') ? [] : choice.verb.name.split(' ') };
}

function isHelpFlag(word: string): boolean {
  return word === '--help' || word === '-h';
}

function named(name: string): VerbEntry {
  const verb = verbs.find(candidate => candidate.name === name);
  if (verb === undefined) throw unknownVerb(name);
  return verb;
}

/** The verb of one word or two that the words begin with. */
function namedBy(words: readonly string[]): Choice {
  for (const verb of verbs) {
    const length = verb.name.split(' ').length;
    if (words.slice(0, length).join(' ') === verb.name) return { verb, rest: words.slice(length) };
  }
  throw unknownVerb(words.slice(0, 2).join(' '));
}

/** Two words are given, since a verb may have two; the second one may also be an argument. */
export function unknownVerb(words: string): CairnError {
  const names = verbs.map(verb => verb.name);
  const first = words.split(' ')[0] ?? '';
  const meant = nearest(words, names) ?? nearest(first, names);
  const wanted = meant === undefined ? names.filter(name => name.startsWith(`${first} `)) : [meant];
  const hint = '`cairn help` lists all of them.';
  const shown = wanted.map(name => `\`cairn ${name}\``).join(' or ');
  return new CairnError('usage', `There is no verb ${JSON.stringify(first)}.`, {
    hint: wanted.length === 0 ? hint : `Did you mean ${shown}? ${hint}`,
  });
}

/** The setting itself may be what is wrong, so this looks for the word and no more. */
function wantsStack(argv: readonly string[], io: Io): boolean {
  const flag = argv.indexOf('--log-level');
  if (flag >= 0) return argv[flag + 1] === 'debug';
  return argv.includes('--log-level=debug') || io.env['CAIRN_LOG_LEVEL'] === 'debug';
}
