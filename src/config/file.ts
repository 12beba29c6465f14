/**
 * The configuration file: one mapping, in YAML or in JSON, which is YAML too. It is read once, at the start. The
 * parser is loaded only when a file is named.
 */
import { CairnError, systemCode } from '../errors.js';
import { optionList } from './options.js';
import { namesFor, quote, type RawValue, type RawValues, refuseElsewhere } from './sources.js';
import { suggestion } from './suggest.js';

export interface ConfigFile {
  readonly values: RawValues;
  /** What stands under `collections`, not looked at yet. */
  readonly collections: unknown;
}

/** Reads a small file of UTF-8; rejects with the system's error. */
export type ReadText = (path: string) => Promise<string>;

export async function readConfigFile(path: string, readText: ReadText): Promise<ConfigFile> {
  const text = await readSmallFile(path, namedByOption, readText);
  const members = mappingOf(await parseText(path, text), path);
  const values = new Map<string, RawValue>();
  for (const [key, value] of members) {
    if (key === 'collections') continue;
    refuseUnknownKey(key, path);
    values.set(key, { text: textOf(value, `${key} in ${path}`), origin: { place: 'file', name: path } });
  }
  return { values, collections: members.get('collections') };
}

/** What a file is for, and what to look at where it cannot be read. */
export interface FileUse {
  readonly what: string;
  readonly hint: string;
}

const namedByOption: FileUse = {
  what: 'configuration',
  hint: 'Check the path that --config or CAIRN_CONFIG names, and who may read it.',
};

/** @throws CairnError `configuration` */
export async function readSmallFile(
  path: string,
  { what, hint }: FileUse,
  readText: ReadText,
): Promise<string> {
  try {
    return await readText(path);
  } catch (cause) {
    const message = `The ${what} file ${path} cannot be read: ${reasonOf(cause)}.`;
    throw new CairnError('configuration', message, { hint, cause });
  }
}

/** A system error by its code: its text repeats the path. */
export function reasonOf(error: unknown): string {
  return systemCode(error) ?? (error instanceof Error ? error.message : String(error));
}

/** YAML or JSON, its mappings as Maps. @throws CairnError `configuration` */
export async function parseText(path: string, text: string, hint = EXAMPLE): Promise<unknown> {
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text, { uniqueKeys: true, stringKeys: true });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) throw notUnderstood(path, problem, hint);
  try {
    // Maps, since a plain object would give `__proto__` a meaning.
    return document.toJS({ mapAsMap: true });
  } catch (cause) {
    throw notUnderstood(path, cause, hint);
  }
}

const EXAMPLE = 'For example: a line `port: 3000`, or {"port": 3000}.';

function notUnderstood(path: string, cause: unknown, hint: string): CairnError {
  // The parser's further lines show the place in the file; the first one names it.
  const line = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0] ?? '';
  return new CairnError('configuration', `${path} is neither YAML nor JSON: ${line.replace(/[:.]?$/, '')}.`, {
    hint,
    cause,
  });
}

function mappingOf(content: unknown, path: string): ReadonlyMap<string, unknown> {
  const mapping = stringMap(content);
  if (mapping !== undefined) return mapping;
  throw new CairnError('configuration', `${path} must hold settings by their names.`, {
    hint: 'For example: a line `port: 3000`, or {"port": 3000}.',
  });
}

/** A mapping by name, an empty one for nothing at all, undefined for anything else. */
export function stringMap(content: unknown): ReadonlyMap<string, unknown> | undefined {
  if (content === null || content === undefined) return new Map();
  if (!(content instanceof Map)) return undefined;
  return new Map([...content].map(([key, value]) => [String(key), value]));
}

function refuseUnknownKey(key: string, path: string): void {
  const option = optionList.find(candidate => candidate.name === key);
  if (option === undefined) throw unknownKey(key, path);
  refuseElsewhere(option, 'file', `${key} in ${path}`);
}

function unknownKey(key: string, path: string): CairnError {
  return new CairnError('configuration', `There is no setting ${quote(key)} (in ${path}).`, {
    hint: suggestion(key, [...namesFor('file'), 'collections'], '`cairn config` prints all of them.'),
  });
}

/** The scalar as it would stand in a variable, so that one parser does for all. */
export function textOf(value: unknown, label: string): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return String(value);
  throw new CairnError('configuration', `${label} must be one value, not a list or a mapping.`, {
    hint: '`cairn config` prints every setting in the form that a file has.',
  });
}
