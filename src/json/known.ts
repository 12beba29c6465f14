/**
 * Texts that are known to be one JSON value, as all that is stored is: gone over without a check, so ten times as fast as
 * the scanner does it. On any other text the answers mean nothing, but there is always one.
 */
import type { ByteString, JsonText } from '../model.js';
import { fromUnicode } from './bytes.js';
import { decodeLiteral, LONE_SURROGATE } from './string.js';

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const SPECIAL = /["\\]/g;
const SEARCH_AFTER_BYTES = 64;

/** Where the value ends that begins at `start`. */
export function valueEnd(text: ByteString, start: number): number {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return stringEnd(text, start);
  return first === OPEN_BRACE || first === OPEN_BRACKET ? containerEnd(text, start) : scalarEnd(text, start);
}

/**
 * A long stretch is passed by the engine's own search, which costs as much as some dozen bytes by themselves: so it is
 * asked again only behind as many.
 */
function stringEnd(text: ByteString, start: number): number {
  let searchAt = start + SEARCH_AFTER_BYTES;
  for (let at = start + 1; at < text.length; at++) {
    const byte = text.charCodeAt(at);
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at++;
    else if (at >= searchAt) {
      at = stretchEnd(text, at) - 1;
      searchAt = at + SEARCH_AFTER_BYTES;
    }
  }
  return text.length;
}

/** The next quote or backslash. */
function stretchEnd(text: ByteString, from: number): number {
  SPECIAL.lastIndex = from;
  return SPECIAL.test(text) ? SPECIAL.lastIndex - 1 : text.length;
}

/** Which bracket closes which is known to be right, so they are only counted. */
function containerEnd(text: ByteString, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const byte = text.charCodeAt(at);
    if (byte > QUOTE && byte < OPEN_BRACKET) continue;
    if (byte === QUOTE) at = stringEnd(text, at) - 1;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) return at + 1;
  }
  return text.length;
}

function scalarEnd(text: ByteString, start: number): number {
  for (let at = start; at < text.length; at++) {
    const byte = text.charCodeAt(at);
    if (byte <= SPACE || byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) return at;
  }
  return text.length;
}

/** A member's name, to be looked for where it stands in a text, most often without decoding what stands there. */
export class SoughtName {
  readonly name: string;
  /** As it stands there unless it is written with escapes; empty where it cannot be without. */
  readonly #literal: ByteString;

  constructor(name: string) {
    this.name = name;
    this.#literal = name.includes('\\') || LONE_SURROGATE.test(name) ? '' : fromUnicode(`"${name}"`);
  }

  /** Whether the literal from `start` up to `end`, quotes included, means this name. */
  isAt(text: JsonText, start: number, end: number): boolean {
    if (end - start === this.#literal.length && text.startsWith(this.#literal, start)) return true;
    for (let at = start; at < end; at++) {
      if (text.charCodeAt(at) === BACKSLASH) return decodeLiteral(text.slice(start, end)) === this.name;
    }
    return false;
  }
}
