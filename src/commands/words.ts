/**
 * The words of a verb that works on a directory: its own flags, the files and directories that it names, and the
 * flags of `serve`. Where the directory is named nothing is read from the configuration: it may be just what keeps the
 * service from starting.
 */
import { optionList } from '../config/options.js';
import { quote } from '../config/sources.js';
import { CairnError } from '../errors.js';
import type { Io } from './io.js';
import { readConfigHere } from './reading.js';

export interface Words {
  /** What stands without a flag, in its order; `-` too. */
  readonly names: readonly string[];
  /** Own flags that are a yes by their name. */
  readonly flags: ReadonlySet<string>;
  /** Own flags with a value. */
  readonly values: ReadonlyMap<string, string>;
  /** Own flags with a value that may be given several times. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** The rest, for the configuration. */
  readonly settings: readonly string[];
}

export interface OwnFlags {
  readonly flags?: readonly string[];
  readonly values?: readonly string[];
  readonly lists?: readonly string[];
}

/** @throws CairnError `usage` where an own flag stands twice or lacks its value. */
export function readWords(argv: readonly string[], own: OwnFlags = {}): Words {
  const names: string[] = [];
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const lists = new Map<string, readonly string[]>();
  const settings: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    const [name = '', attached] = splitFlag(word);
    if (word === '-' || !word.startsWith('-')) names.push(word);
    else if (own.flags?.includes(word)) once(flags, word);
    else if (own.values?.includes(name))
      values.set(once(values, name), attached ?? argumentOf(name, argv[++index]));
    else if (own.lists?.includes(name))
      lists.set(name, [...(lists.get(name) ?? []), attached ?? argumentOf(name, argv[++index])]);
    else {
      settings.push(word);
      if (attached === undefined && takesValue(name)) settings.push(argv[++index] ?? '');
    }
  }
  return { names, flags, values, lists, settings };
}

export interface Place {
  readonly directory: string;
  readonly lock: boolean;
}

/** The directory that is named, or the snapshot-dir in force. */
export async function placeOf(name: string | undefined, { settings }: Words, io: Io): Promise<Place> {
  if (name === undefined) {
    const { config } = await readConfigHere(settings, io);
    return { directory: config.snapshotDir, lock: config.lock };
  }
  const other = settings.find(setting => setting !== '--no-lock');
  if (other === undefined) return { directory: name, lock: settings.length === 0 };
  throw new CairnError('usage', `${quote(other)} says nothing where the directory is named.`, {
    hint: 'Name the directory, or give the flags of the service that it belongs to.',
  });
}

function splitFlag(word: string): readonly [string, string | undefined] {
  const end = word.indexOf('=');
  return end < 0 ? [word, undefined] : [word.slice(0, end), word.slice(end + 1)];
}

function once(known: Set<string> | Map<string, string>, name: string): string {
  if (known.has(name)) throw new CairnError('usage', `${name} is given twice.`);
  if (known instanceof Set) known.add(name);
  return name;
}

function argumentOf(name: string, next: string | undefined): string {
  if (next !== undefined && !next.startsWith('--')) return next;
  throw new CairnError('usage', `${name} needs a value.`);
}

function takesValue(name: string): boolean {
  const option = optionList.find(candidate => `--${candidate.name}` === name);
  return option !== undefined && option.kind.placeholder !== '';
}
