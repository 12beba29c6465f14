/**
 * JSON Pointer (RFC 6901) over a text, which is known to be JSON and is not parsed: what it points at comes out byte for
 * byte. One pass, whatever the pointer. Where an object has a name twice, the last one counts, as JSON.parse has it.
 */
import { CairnError } from '../errors.js';
import type { JsonText } from '../model.js';
import { SoughtName } from './known.js';
import { jsonSlice } from './scan.js';
import { Scanner } from './scanner.js';

const BAD_ESCAPE = /~(?![01])/;

/** Decimal, without leading zeros (RFC 6901 §4). `-`, the place behind the last element, holds nothing. */
export const ARRAY_INDEX = /^(?:0|[1-9][0-9]*)$/;

/** The part of the text that the pointer names; `''` is all of it. Undefined: there is nothing there. */
export function memberAt(text: JsonText, pointer: string): JsonText | undefined {
  return memberUnder(text, parsePointer(pointer));
}

/** The same for a pointer that was taken apart already. */
export function memberUnder(text: JsonText, tokens: readonly string[]): JsonText | undefined {
  return tokens.length === 0 ? text : new Search(text, tokens).run();
}

/** Those members of the object that the text is which have one of the names, in one pass; none of what is no object. */
export function membersOf(text: JsonText, names: readonly string[]): ReadonlyMap<string, JsonText> {
  const scanner = new Scanner(text);
  const spans = new Map<string, readonly [start: number, end: number]>();
  const sought = names.map(name => new SoughtName(name));
  if (sought.length > 0 && scanner.atObject()) {
    scanner.members((nameStart, nameEnd) => {
      const start = scanner.position;
      scanner.passValue();
      const found = sought.find(each => each.isAt(text, nameStart, nameEnd));
      if (found !== undefined) spans.set(found.name, [start, scanner.position]);
    });
  }
  return new Map([...spans].map(([name, [start, end]]) => [name, jsonSlice(text, start, end)]));
}

/** The names on the way, unescaped. */
export function parsePointer(pointer: string): readonly string[] {
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) throw malformed('does not begin with "/"');
  if (BAD_ESCAPE.test(pointer)) throw malformed('has a "~" that is not "~0" or "~1"');
  const tokens = pointer.slice(1).split('/');
  return tokens.map(token => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** A name as it stands in a pointer. */
export function escapeToken(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Recurses once for each token that matched, so never deeper than the text is nested. */
class Search {
  readonly #text: JsonText;
  readonly #tokens: readonly string[];
  readonly #scanner: Scanner;
  #found: JsonText | undefined;

  constructor(text: JsonText, tokens: readonly string[]) {
    this.#text = text;
    this.#tokens = tokens;
    this.#scanner = new Scanner(text);
  }

  run(): JsonText | undefined {
    this.#value(0);
    return this.#found;
  }

  /** Goes over a value to which the first `depth` tokens lead. */
  #value(depth: number): void {
    const token = this.#tokens[depth];
    if (token === undefined) this.#take();
    else if (this.#scanner.atObject()) this.#object(token, depth);
    else if (this.#scanner.atArray()) this.#array(token, depth);
    else this.#skip();
  }

  #object(token: string, depth: number): void {
    const sought = new SoughtName(token);
    this.#scanner.members((nameStart, nameEnd) => {
      if (sought.isAt(this.#text, nameStart, nameEnd)) this.#descend(depth);
      else this.#skip();
    });
  }

  #array(token: string, depth: number): void {
    const wanted = ARRAY_INDEX.test(token) ? Number(token) : -1;
    this.#scanner.elements(index => {
      if (index === wanted) this.#descend(depth);
      else this.#skip();
    });
  }

  /** What was found under an earlier member of the same name does not count any more. */
  #descend(depth: number): void {
    this.#found = undefined;
    this.#value(depth + 1);
  }

  #take(): void {
    const start = this.#scanner.position;
    this.#skip();
    this.#found = jsonSlice(this.#text, start, this.#scanner.position);
  }

  #skip(): void {
    this.#scanner.passValue();
  }
}

function malformed(reason: string): CairnError {
  const hint = 'Give a JSON Pointer (RFC 6901): /db/host, /list/0; "~1" for a "/" in a name, "~0" for a "~".';
  return new CairnError('invalid_parameter', `The JSON Pointer ${reason}.`, { hint });
}
