/**
 * The text of the file of tokens, cut into its entries: JSON by the scanner, which takes a megabyte in some milliseconds,
 * and YAML entry by entry, others having their turn between two. The parser of YAML takes seconds for what is large and
 * minutes for what is made to take long, so it is given no more than `TOKEN_YAML_BYTES_MAX` at once, and nothing deep.
 *
 * An entry of YAML begins where `-` stands as far to the left as the first one: what an entry holds stands further to the
 * right, over however many lines it goes. So the parts mean what the whole means, but for anchors, which end with their
 * entry. What has no such lines is one part.
 */
import { parseText } from '../config/file.js';
import { quote } from '../config/sources.js';
import { CairnError } from '../errors.js';
import { fromUnicode, toUnicode } from '../json/bytes.js';
import { scanMembers, scanValue } from '../json/scan.js';
import { decodeString } from '../json/string.js';
import { openArray } from '../json/tree.js';
import { TOKEN_YAML_BYTES_MAX, TOKENS_BYTES_MAX, TOKENS_MAX, TOKENS_NESTING_MAX } from '../limits.js';
import type { JsonText } from '../model.js';

export interface TokenTextOptions {
  /** For messages. */
  readonly path: string;
  /** An entry, for hints. */
  readonly example: string;
  /** Resolves when others have had their turn. */
  readonly turn: () => Promise<void>;
}

/** JSON is known by how it begins; YAML may begin so too. */
const JSON_START = /^\s*[[{]/;
/** A dash, and what is to the left of it. A line begins behind \n alone: with the flag m it does behind U+2028 too. */
const ENTRY_START = /(?<![^\n])( *)-(?=[ \t\r\n]|$)/g;
/** What may stand before the first entry and say nothing of it. */
const PREAMBLE =
  /^\ufeff?(?:[ \t]*(?:#[^\n]*)?\r?\n)*(?:---[ \t]*(?:#[^\n]*)?\r?\n)?(?:[ \t]*(?:#[^\n]*)?\r?\n)*$/;
/** A directive, or the end of the document: that is said of the whole. */
const WHOLE = /(?<![^\n])(?:%|\.\.\.(?:[ \t\r\n]|$))/;

/** The elements of the list, each as the parser of YAML gives it, a turn each. @throws CairnError `configuration` */
export async function* readTokenItems(text: string, options: TokenTextOptions): AsyncGenerator<unknown> {
  const { path } = options;
  refuseLarge(text, path);
  const json = JSON_START.test(text) ? jsonOf(text, path) : undefined;
  if (json !== undefined) {
    yield* itemsOfJson(json, options);
    return;
  }
  for (const part of partsOf(text, path)) {
    yield* await itemsOfPart(part, options);
    await options.turn();
  }
}

function refuseLarge(text: string, path: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= TOKENS_BYTES_MAX) return;
  throw new CairnError('configuration', `${path} has ${bytes} bytes, and may have ${TOKENS_BYTES_MAX}.`, {
    hint: `That is room for ${TOKENS_MAX} tokens of ${Math.floor(TOKENS_BYTES_MAX / TOKENS_MAX)} bytes each.`,
  });
}

/**
 * Undefined: it is none, and short enough to be YAML. @throws CairnError `configuration`, with what is wrong with the JSON
 * where it is too long for anything else
 */
function jsonOf(text: string, path: string): JsonText | undefined {
  try {
    return scanValue(fromUnicode(text), TOKENS_NESTING_MAX);
  } catch (error) {
    if (!(error instanceof CairnError)) throw error;
    if (Buffer.byteLength(text) <= TOKEN_YAML_BYTES_MAX) return undefined;
    throw new CairnError('configuration', `${path} is no JSON: ${error.message}`, {
      hint: `It begins as JSON does. ${HOW_LONG}`,
      cause: error,
    });
  }
}

const HOW_LONG = `In YAML each token begins with "- " at the left, and has at most ${TOKEN_YAML_BYTES_MAX} bytes.`;

async function* itemsOfJson(json: JsonText, options: TokenTextOptions): AsyncGenerator<unknown> {
  const { path, turn } = options;
  const elements = openArray(json);
  if (elements === undefined) throw noList(options);
  if (elements.length > TOKENS_MAX) throw tooMany(path);
  for (const [at, element] of elements.entries()) {
    yield itemOfJson(element, `token ${at + 1} in ${path}`);
    await turn();
  }
}

/** What is no text has no meaning in this file, so it is null. */
function itemOfJson(element: unknown, place: string): unknown {
  if (!isObjectText(element)) return null;
  const item = new Map<string, unknown>();
  for (const { name, text } of scanMembers(element)) {
    if (item.has(name)) {
      throw new CairnError('configuration', `${upper(place)} has ${quote(name)} twice.`, {
        hint: 'Take one of them out.',
      });
    }
    item.set(name, openArray(text)?.map(textOf) ?? textOf(text));
  }
  return item;
}

function isObjectText(element: unknown): element is JsonText {
  return typeof element === 'string' && element.startsWith('{');
}

function textOf(element: unknown): string | null {
  const text = typeof element === 'string' ? decodeString(element as JsonText) : undefined;
  return text === undefined ? null : toUnicode(text);
}

interface TextPart {
  readonly text: string;
  readonly linesBefore: number;
}

/** @throws CairnError `configuration` */
function partsOf(text: string, path: string): readonly TextPart[] {
  const starts = WHOLE.test(text) ? [] : startsOf(text, path);
  const [first] = starts;
  if (first === undefined || !PREAMBLE.test(text.slice(0, first))) return [{ text, linesBefore: 0 }];
  let linesBefore = linesOf(text.slice(0, first));
  return starts.map((start, at) => {
    const part = { text: text.slice(start, starts[at + 1]), linesBefore };
    linesBefore += linesOf(part.text);
    return part;
  });
}

function startsOf(text: string, path: string): readonly number[] {
  const starts: number[] = [];
  let indentation: string | undefined;
  for (const match of text.matchAll(ENTRY_START)) {
    indentation ??= match[1];
    if (match[1] !== indentation) continue;
    starts.push(match.index);
    if (starts.length > TOKENS_MAX) throw tooMany(path);
  }
  return starts;
}

function linesOf(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

async function itemsOfPart(part: TextPart, options: TokenTextOptions): Promise<readonly unknown[]> {
  const { text, linesBefore } = part;
  const { path, example } = options;
  const bytes = Buffer.byteLength(text);
  if (bytes > TOKEN_YAML_BYTES_MAX) {
    throw new CairnError(
      'configuration',
      `${path} has ${bytes} bytes from line ${linesBefore + 1} on that are not cut into tokens.`,
      { hint: `${HOW_LONG} JSON has no such bound.` },
    );
  }
  const hint = `${example}; "*" stands in quotes.`;
  const content = await parseText(path, text, { hint, nestingMax: TOKENS_NESTING_MAX, linesBefore });
  if (Array.isArray(content)) return content;
  throw noList(options);
}

function noList({ path, example }: TokenTextOptions): CairnError {
  return new CairnError('configuration', `${path} must hold a list of tokens.`, {
    hint: `${example}; [] is none.`,
  });
}

function tooMany(path: string): CairnError {
  return new CairnError('configuration', `${path} has more than ${TOKENS_MAX} tokens.`, {
    hint: 'Give a token more prefixes, or let several users share one.',
  });
}

function upper(place: string): string {
  return `${place.charAt(0).toUpperCase()}${place.slice(1)}`;
}
