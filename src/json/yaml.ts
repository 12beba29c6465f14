/**
 * JSON as YAML 1.2, in blocks, for people and for `kubectl`. A number keeps its text. A string stands without quotes
 * only where no reader of any YAML can take it for something else (`no`, `1:30`, `2024-01-01`, `~`); with them it is
 * a JSON string, which YAML reads too.
 */
import type { ByteString, JsonText } from '../model.js';
import { fromUnicode } from './bytes.js';
import { decodeLiteral, LONE_SURROGATE } from './string.js';
import type { JsonTree } from './tree.js';
import { notRepresentable, ViewBudget } from './view-budget.js';

/** Begins with a letter or a slash, so it is no number, date or indicator; a colon or a space has a word behind it. */
const PLAIN = /^[A-Za-z/](?:[\w./@+-]|[: ](?=[\w/@+]))*$/;
/** Characters of a string without quotes: longer ones are no names. */
const PLAIN_MAX = 200;
/** What the readers of YAML 1.1 and 1.2 make something else of. */
const WORDS = /^(?:true|false|yes|no|on|off|y|n|null|nan|inf)$/i;
/** What YAML has only escapes for, and what some readers take for the end of a line. */
const UNPRINTABLE = /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g;
/** What may stand in a block of lines: neither of these, nor a control character, nor a tab. */
const LINES = /^[^\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]*$/;
/** A beginning, an end or a line within a block that readers do not agree about. */
const DOUBTFUL = /^[ \n]|\n +(?:\n|$)|\n\n$/;
/** Characters of a key before its colon; YAML takes 1,024, and a longer one is marked by `? `. */
const KEY_MAX = 1_000;
const STEP = '  ';
/** For messages. */
const FORM = 'YAML';

type Container = Exclude<JsonTree, string>;

/** @throws CairnError `not_representable` */
export function yamlOf(text: JsonText): ByteString {
  return new Yaml().of(text);
}

/** A string as it stands behind `name: ` in a mapping that is indented by so much. */
export function yamlString(text: string, indent: string): string {
  return text.includes('\n') && isBlock(text) ? block(text, `${indent}${STEP}`) : yamlLine(text);
}

class Yaml {
  readonly #budget = new ViewBudget(FORM);
  readonly #pieces: string[] = [];

  of(text: JsonText): ByteString {
    const tree = this.#budget.open(text);
    const inner = filled(tree);
    if (inner === undefined) this.#write(`${leaf(tree, '')}\n`);
    else this.#container(inner, '', '');
    return fromUnicode(this.#pieces.join(''));
  }

  /** `first` stands before its first line, which an element of a list shares with its dash; `indent` before the others. */
  #container(tree: Container, indent: string, first: string): void {
    if (Array.isArray(tree)) this.#list(tree, indent, first);
    else this.#mapping(tree, indent, first);
  }

  #mapping(members: ReadonlyMap<string, JsonTree>, indent: string, first: string): void {
    let start = first;
    for (const [name, value] of members) {
      const key = yamlLine(name);
      const head = key.length <= KEY_MAX ? `${start}${key}:` : `${start}? ${key}\n${indent}:`;
      start = indent;
      const inner = filled(value);
      if (inner === undefined) {
        this.#write(`${head} ${leaf(value, indent)}\n`);
      } else {
        this.#write(`${head}\n`);
        this.#container(inner, `${indent}${STEP}`, `${indent}${STEP}`);
      }
    }
  }

  #list(elements: readonly JsonTree[], indent: string, first: string): void {
    let start = first;
    for (const element of elements) {
      const inner = filled(element);
      if (inner === undefined) this.#write(`${start}- ${leaf(element, indent)}\n`);
      else this.#container(inner, `${indent}${STEP}`, `${start}- `);
      start = indent;
    }
  }

  #write(piece: string): void {
    this.#budget.spend(piece.length);
    this.#pieces.push(piece);
  }
}

/** What has lines of its own. */
function filled(tree: JsonTree): Container | undefined {
  if (typeof tree === 'string') return undefined;
  return (Array.isArray(tree) ? tree.length : tree.size) === 0 ? undefined : tree;
}

/** What stands behind its key or dash: a scalar, or a container with nothing in it. */
function leaf(tree: JsonTree, indent: string): string {
  if (typeof tree !== 'string') return Array.isArray(tree) ? '[]' : '{}';
  return tree.startsWith('"') ? yamlString(decodeLiteral(tree), indent) : tree;
}

function yamlLine(text: string): string {
  if (text.length <= PLAIN_MAX && PLAIN.test(text) && !WORDS.test(text)) return text;
  if (LONE_SURROGATE.test(text)) throw notRepresentable(FORM, 'It has a lone surrogate.');
  return JSON.stringify(text).replace(UNPRINTABLE, escapeOf);
}

function isBlock(text: string): boolean {
  return LINES.test(text) && !DOUBTFUL.test(text) && !LONE_SURROGATE.test(text);
}

/** Lines as they are, which is what a person wants of a certificate; `|-` says that no newline ends them. */
function block(text: string, indent: string): string {
  const ends = text.endsWith('\n');
  const lines = (ends ? text.slice(0, -1) : text).split('\n');
  return `${ends ? '|' : '|-'}\n${lines.map(line => (line === '' ? '' : `${indent}${line}`)).join('\n')}`;
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
