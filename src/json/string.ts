/** JSON string literals and the bytes that they mean. */
import type { ByteString, JsonText } from '../model.js';
import { flat, flatSlice, fromUnicode, toUnicode } from './bytes.js';

/** What RFC 8259 §7 does not let stand in a literal as it is. */
const MUST_ESCAPE = /["\\\0-\x1f]/;
const MUST_ESCAPE_ALL = /["\\\0-\x1f]/g;

export const LONE_SURROGATE = /\p{Surrogate}/u;

const shortEscapes: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/** The bytes, which must be UTF-8, as a JSON string literal; the same as JSON.stringify would write it. */
export function encodeString(bytes: ByteString): JsonText {
  const inner = MUST_ESCAPE.test(bytes) ? bytes.replace(MUST_ESCAPE_ALL, escapeOf) : bytes;
  return flat(`"${inner}"`) as JsonText;
}

/**
 * The UTF-8 bytes of the string that a JSON text is. Undefined where there are none: the value is no string, or
 * it escapes a lone surrogate, which a value may and UTF-8 cannot. `?raw` shows the JSON text then; a key is
 * refused (`keyFromJson`).
 */
export function decodeString(text: JsonText): ByteString | undefined {
  if (!text.startsWith('"')) return undefined;
  if (!text.includes('\\')) return flatSlice(text, 1, text.length - 1);
  const decoded = decodeLiteral(text);
  return LONE_SURROGATE.test(decoded) ? undefined : flat(fromUnicode(decoded));
}

/** The text that a valid JSON string literal means, lone surrogates as they are. */
export function decodeLiteral(literal: ByteString): string {
  const unicode = toUnicode(literal);
  if (!unicode.includes('\\')) return unicode.slice(1, -1);
  // JSON.parse takes nothing from a string, unlike from a number; and a literal has no depth.
  const decoded: unknown = JSON.parse(unicode);
  return String(decoded);
}

function escapeOf(character: string): string {
  return shortEscapes.get(character) ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
