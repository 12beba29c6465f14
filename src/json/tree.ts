/**
 * A JSON value that is taken apart only where somebody looks into it: all else stays the text that came in. So what a
 * patch does not touch keeps every digit and every escape, which a value that went through JSON.parse has lost.
 *
 * A tree is changed in place, and never the text that it was made from. Where an object has a name twice, the last one
 * counts, as JSON.parse has it.
 */
import { VALUE_DEPTH_MAX } from '../limits.js';
import type { JsonText } from '../model.js';
import { flat, fromUnicode } from './bytes.js';
import { jsonSlice } from './scan.js';
import { Scanner } from './scanner.js';
import { decodeLiteral, encodeString, LONE_SURROGATE } from './string.js';

/** Of names as JavaScript has them, lone surrogates as they are. */
export type JsonObject = Map<string, JsonTree>;
export type JsonArray = JsonTree[];
/** A text is a value of any kind that nobody has looked into. */
export type JsonTree = JsonText | JsonObject | JsonArray;

/**
 * Nesting of what may come about on the way, before the result is checked: a value within a value. The scanner keeps it
 * in a list, so nothing overflows.
 */
const DEPTH_MAX = 4 * VALUE_DEPTH_MAX;

/** The members, ready to be changed; undefined: it is no object. `onPart` is called before each one, and may throw. */
export function openObject(tree: JsonTree, onPart: () => void = () => {}): JsonObject | undefined {
  if (typeof tree !== 'string') return tree instanceof Map ? tree : undefined;
  const scanner = new Scanner(tree);
  if (!scanner.atObject()) return undefined;
  const members: JsonObject = new Map();
  scanner.members((nameStart, nameEnd) => {
    onPart();
    const start = scanner.position;
    scanner.skipValue(DEPTH_MAX);
    members.set(decodeLiteral(tree.slice(nameStart, nameEnd)), jsonSlice(tree, start, scanner.position));
  });
  return members;
}

/** The elements, ready to be changed; undefined: it is no array. `onPart` is called before each one, and may throw. */
export function openArray(tree: JsonTree, onPart: () => void = () => {}): JsonArray | undefined {
  if (typeof tree !== 'string') return Array.isArray(tree) ? tree : undefined;
  const scanner = new Scanner(tree);
  if (!scanner.atArray()) return undefined;
  const elements: JsonArray = [];
  scanner.elements(() => {
    onPart();
    const start = scanner.position;
    scanner.skipValue(DEPTH_MAX);
    elements.push(jsonSlice(tree, start, scanner.position));
  });
  return elements;
}

/** All of it taken apart, in one pass. `onPart` is called before each value that the text holds, and may throw. */
export function openAll(tree: JsonTree, onPart: () => void = () => {}): JsonTree {
  return typeof tree === 'string' ? readAll({ text: tree, scanner: new Scanner(tree), onPart }, 0) : tree;
}

class TooManyParts extends Error {}

/** The same; undefined: the text holds more values than that. */
export function openWithin(tree: JsonTree, partsMax: number): JsonTree | undefined {
  let left = partsMax;
  try {
    return openAll(tree, () => {
      left -= 1;
      if (left < 0) throw new TooManyParts();
    });
  } catch (error) {
    if (error instanceof TooManyParts) return undefined;
    throw error;
  }
}

interface Taking {
  readonly text: JsonText;
  readonly scanner: Scanner;
  readonly onPart: () => void;
}

function readAll(taking: Taking, depth: number): JsonTree {
  const { text, scanner, onPart } = taking;
  onPart();
  if (depth > DEPTH_MAX) throw scanner.fail(`the value is nested more than ${DEPTH_MAX} deep`, 'too_deep');
  if (scanner.atObject()) {
    const members: JsonObject = new Map();
    scanner.members((nameStart, nameEnd) => {
      members.set(decodeLiteral(text.slice(nameStart, nameEnd)), readAll(taking, depth + 1));
    });
    return members;
  }
  if (scanner.atArray()) {
    const elements: JsonArray = [];
    scanner.elements(() => elements.push(readAll(taking, depth + 1)));
    return elements;
  }
  const start = scanner.position;
  scanner.skipValue(DEPTH_MAX);
  return text.slice(start, scanner.position) as JsonText;
}

/** The tree as one text, without white space where it was taken apart. */
export function writeTree(tree: JsonTree): JsonText {
  return flat(write(tree)) as JsonText;
}

/** Recurses only where the tree was taken apart. */
function write(tree: JsonTree): string {
  if (typeof tree === 'string') return tree;
  if (Array.isArray(tree)) return `[${tree.map(write).join(',')}]`;
  return `{${[...tree].map(([name, value]) => `${writeName(name)}:${write(value)}`).join(',')}}`;
}

/** A name with a lone surrogate has no UTF-8 and stays escaped, as JSON.stringify has it. */
export function writeName(name: string): JsonText {
  return LONE_SURROGATE.test(name) ? (JSON.stringify(name) as JsonText) : encodeString(fromUnicode(name));
}
