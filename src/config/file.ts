/**
 * The configuration file: one mapping, in YAML or in JSON, which is YAML too. It is read once, at the start. The
 * parser is loaded only when a file is named.
 */
import { CairnError, systemCode } from '../errors.js';
import { YAML_NESTING_MAX } from '../limits.js';
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

export interface ParseOptions {
  /** What to do where it is neither YAML nor JSON. */
  readonly hint?: string;
  /** Lists and mappings within each other. */
  readonly nestingMax?: number;
  /** Of the file, before the text: where it is a part of one. */
  readonly linesBefore?: number;
}

/**
 * YAML or JSON, its mappings as Maps. The parser takes time that grows faster than the text does, in one turn of the
 * event loop: who reads while others wait gives it little.
 * @throws CairnError `configuration`
 */
export async function parseText(path: string, text: string, options: ParseOptions = {}): Promise<unknown> {
  const { hint = EXAMPLE, nestingMax = YAML_NESTING_MAX, linesBefore = 0 } = options;
  const yaml = await import('yaml');
  try {
    const document = documentOf(yaml, text, nestingMax);
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem !== undefined) throw problem;
    // Maps, since a plain object would give `__proto__` a meaning.
    return document.toJS({ mapAsMap: true });
  } catch (cause) {
    const place = cause instanceof yaml.YAMLError ? placeOf(cause.pos[0], text, linesBefore) : '';
    throw notUnderstood(path, cause, place, hint);
  }
}

type Yaml = typeof import('yaml');

/**
 * As `parseDocument` of the package does it, but for the nesting, which is counted while it grows: the parser itself fails
 * at some hundred levels, after seconds. Errors have no excerpt: to find one for each of them takes longer than the rest.
 */
function documentOf({ Composer, Lexer, Parser, YAMLParseError }: Yaml, text: string, nestingMax: number) {
  const parser = new Parser();
  function* tokens() {
    for (const lexeme of new Lexer().lex(text)) {
      yield* parser.next(lexeme);
      // The document itself, and a scalar that is just read, stand in it too.
      if (parser.stack.length <= nestingMax + 2) continue;
      const { offset } = parser;
      throw new YAMLParseError(
        [offset, offset],
        'BAD_COLLECTION_TYPE',
        `More than ${nestingMax} levels deep`,
      );
    }
    yield* parser.end();
  }
  const composer = new Composer({ uniqueKeys: true, stringKeys: true, prettyErrors: false });
  const [document, second] = composer.compose(tokens(), true, text.length);
  if (document === undefined) throw new Error('the parser gave no document');
  if (second === undefined) return document;
  throw new YAMLParseError([second.range[0], second.range[1]], 'MULTIPLE_DOCS', 'There is a second document');
}

const EXAMPLE = 'For example: a line `port: 3000`, or {"port": 3000}.';

function placeOf(position: number, text: string, linesBefore: number): string {
  const lines = text.slice(0, position).split('\n');
  return ` at line ${linesBefore + lines.length}, column ${(lines.at(-1) ?? '').length + 1}`;
}

function notUnderstood(path: string, cause: unknown, place: string, hint: string): CairnError {
  const line = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0] ?? '';
  const reason = `${line.replace(/[:.]?$/, '')}${place}`;
  return new CairnError('configuration', `${path} is neither YAML nor JSON: ${reason}.`, { hint, cause });
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
