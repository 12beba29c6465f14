/**
 * Where settings come from, before anything is said about their values: the command line, the environment, and what
 * file.ts reads. Each gives the texts it has by the name of the option, with their origin, and refuses names that
 * the table does not have.
 */
import { CairnError, type ErrorCode } from '../errors.js';
import { mayComeFrom, type Option, optionList, type Place, variableOf } from './options.js';
import { suggestion } from './suggest.js';

/** Where a value comes from. `name`: the flag, the variable, or the path of the file. */
export interface Origin {
  readonly place: Place | 'default';
  readonly name: string;
}

export interface RawValue {
  readonly text: string;
  readonly origin: Origin;
}

/** By the option's name. */
export type RawValues = ReadonlyMap<string, RawValue>;

type Environment = Readonly<Record<string, string | undefined>>;

const SHOWN_CHARS_MAX = 80;
const HELP = '`cairn help serve` lists all of them.';

/** The code of an error about this place: who reads exit codes tells a bad call from bad surroundings. */
export function codeOf(place: Origin['place']): ErrorCode {
  return place === 'flag' ? 'usage' : 'configuration';
}

/** How an error names the place of a setting. */
export function labelOf(origin: Origin, key: string): string {
  return origin.place === 'file' ? `${key} in ${origin.name}` : origin.name;
}

/** What every wrong value is answered with: the place, the value unless it is secret, the rule, an example. */
export function wrongValue(
  option: Pick<Option<unknown>, 'name' | 'kind' | 'secret'>,
  raw: RawValue,
): CairnError {
  const { text, origin } = raw;
  const value = option.secret ? 'not valid' : text === '' ? 'empty' : quote(text);
  return new CairnError(
    codeOf(origin.place),
    `${labelOf(origin, option.name)} is ${value}: it must be ${option.kind.rule}.`,
    { hint: `For example: ${exampleOf(option, origin.place)}` },
  );
}

/** Escapes what could play tricks on a terminal, and keeps the line short. */
export function quote(text: string): string {
  const shown = text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
  return JSON.stringify(shown);
}

function exampleOf(option: Pick<Option<unknown>, 'name' | 'kind'>, place: Origin['place']): string {
  const { example, placeholder } = option.kind;
  if (place === 'environment') return `${variableOf(option)}=${example}`;
  if (place === 'file') return `${option.name.split('.').at(-1)}: ${example}`;
  return placeholder === '' ? `--${option.name}` : `--${option.name}=${example}`;
}

/** `--name value`, `--name=value`; a truth by its name alone. Each at most once; no other words. */
export function readFlags(argv: readonly string[]): RawValues {
  const values = new Map<string, RawValue>();
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    const { option, text: attached } = flagOf(word);
    const name = `--${option.name}`;
    if (values.has(option.name)) throw new CairnError('usage', `${name} is given twice.`);
    const text =
      attached ?? (option.kind.placeholder === '' ? 'true' : valueAfter(name, argv[++index], option));
    values.set(option.name, { text, origin: { place: 'flag', name } });
  }
  return values;
}

function flagOf(word: string): { option: Option<unknown>; text: string | undefined } {
  if (!word.startsWith('-')) {
    throw new CairnError('usage', `${quote(word)} belongs to no flag.`, {
      hint: 'Write --name=value, and a flag that is a yes or no by its name alone.',
    });
  }
  const end = word.includes('=') ? word.indexOf('=') : word.length;
  const name = word.slice(0, end);
  const option = optionList.find(candidate => `--${candidate.name}` === name);
  if (option === undefined) throw unknownFlag(name);
  refuseElsewhere(option, 'flag', name);
  return { option, text: end === word.length ? undefined : word.slice(end + 1) };
}

function valueAfter(name: string, next: string | undefined, option: Option<unknown>): string {
  if (next !== undefined && !next.startsWith('--')) return next;
  throw new CairnError('usage', `${name} needs a value: ${option.kind.rule}.`, {
    hint: `For example: ${exampleOf(option, 'flag')}`,
  });
}

function unknownFlag(name: string): CairnError {
  const hint = suggestion(name.replace(/^-+/, ''), namesFor('flag'), HELP, found => `--${found}`);
  return new CairnError('usage', `There is no flag ${quote(name).slice(1, -1)}.`, { hint });
}

/** The variables that begin with `CAIRN_`, and those of other conventions that an option names. */
export function readEnvironment(env: Environment): RawValues {
  for (const name of Object.keys(env)) refuseUnknownVariable(name, env[name] ?? '');
  const values = new Map<string, RawValue>();
  for (const option of optionList) {
    const name = [variableOf(option), option.alsoVariable].find(
      candidate => candidate !== undefined && isGiven(candidate, env[candidate]),
    );
    if (name === undefined) continue;
    values.set(option.name, { text: env[name] ?? '', origin: { place: 'environment', name } });
  }
  return values;
}

function isGiven(name: string, value: string | undefined): boolean {
  return value !== undefined && !isInjected(name, value);
}

const INJECTED =
  /^CAIRN_(?:SERVICE_|PORT_|\w+_SERVICE_(?:HOST$|PORT(?:_|$))|\w+_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$)/;

/**
 * Kubernetes sets these in every pod for each Service of the namespace; for one named `cairn`, or `cairn-metrics`,
 * they begin as ours do. https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */
function isInjected(name: string, value: string): boolean {
  if (INJECTED.test(name)) return true;
  return /^CAIRN_(?:\w+_)?PORT$/.test(name) && /^(?:tcp|udp|sctp):\/\//i.test(value);
}

function refuseUnknownVariable(name: string, value: string): void {
  if (!name.startsWith('CAIRN_') || isInjected(name, value)) return;
  const option = optionList.find(candidate => variableOf(candidate) === name);
  if (option === undefined) throw unknownVariable(name);
  refuseElsewhere(option, 'environment', name);
}

function unknownVariable(name: string): CairnError {
  if (name === 'CAIRN_COLLECTIONS') {
    return new CairnError('configuration', 'Collections stand in the configuration file and nowhere else.', {
      hint: 'Name the file by --config or CAIRN_CONFIG.',
    });
  }
  const word = name.slice('CAIRN_'.length).toLowerCase().replaceAll('_', '-');
  const write = (found: string) => variableOf({ name: found });
  return new CairnError('configuration', `There is no variable ${name}.`, {
    hint: suggestion(word, namesFor('environment'), HELP, write),
  });
}

/** A name that is known, but may not stand here. Its value is not shown: it may be a secret. */
export function refuseElsewhere(option: Option<unknown>, place: Place, label: string): void {
  if (mayComeFrom(option, place)) return;
  const hint = option.secret
    ? `Set ${variableOf(option)}, or name a file by --${option.name}-file.`
    : `Use --${option.name} or ${variableOf(option)}.`;
  throw new CairnError(codeOf(place), `${label} cannot be set here: ${option.placesReason}.`, { hint });
}

export function namesFor(place: Place): string[] {
  return optionList.filter(option => mayComeFrom(option, place)).map(option => option.name);
}
