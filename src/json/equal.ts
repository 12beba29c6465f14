/**
 * Whether two JSON texts mean the same value, as RFC 6902 §4.6 has it: objects whatever the order of their members,
 * strings by their characters, numbers by what they are worth. Numbers are compared as decimals and never become
 * doubles: `10`, `10.0` and `1e1` are one number, 9007199254740992 and 9007199254740993 are two. Each text is gone over
 * once, however deep it is.
 */
import type { JsonText } from '../model.js';
import { decodeLiteral } from './string.js';
import { type JsonTree, openAll } from './tree.js';

export function isEqual(a: JsonTree, b: JsonTree): boolean {
  return a === b || haveEqualParts(openAll(a), openAll(b));
}

/** Of trees that are taken apart to their scalars. */
function haveEqualParts(a: JsonTree, b: JsonTree): boolean {
  if (typeof a === 'string' || typeof b === 'string') {
    return typeof a === 'string' && typeof b === 'string' && isEqualScalar(a, b);
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && haveEqualElements(a, b);
  }
  return haveEqualMembers(a, b);
}

function haveEqualMembers(a: ReadonlyMap<string, JsonTree>, b: ReadonlyMap<string, JsonTree>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, value] of a) {
    const other = b.get(name);
    if (other === undefined || !haveEqualParts(value, other)) return false;
  }
  return true;
}

function haveEqualElements(a: readonly JsonTree[], b: readonly JsonTree[]): boolean {
  return a.length === b.length && a.every((element, i) => haveEqualParts(element, b[i] as JsonTree));
}

/** Of two texts that are no container. */
export function isEqualScalar(a: JsonText, b: JsonText): boolean {
  if (a === b) return true;
  if (a.startsWith('"') || b.startsWith('"')) {
    return a.startsWith('"') && b.startsWith('"') && decodeLiteral(a) === decodeLiteral(b);
  }
  // Equal decimals are equal as doubles, and most numbers differ there already.
  return Number(a) === Number(b) && isEqualDecimal(a, b);
}

function isEqualDecimal(a: JsonText, b: JsonText): boolean {
  const decimal = decimalOf(a);
  return decimal !== undefined && decimal === decimalOf(b);
}

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
/** Digits of an exponent that is calculated with; two numbers with longer ones are equal only as texts. */
const EXPONENT_DIGITS_MAX = 12;

/**
 * One text for all numbers of one worth: sign, digits without zeros at either end, power of ten. Zero is `0`. Undefined:
 * it is no number, or has an exponent too long to calculate with.
 */
export function decimalOf(text: JsonText): string | undefined {
  const [, sign = '', whole, fraction = '', exponent = '0'] = NUMBER.exec(text) ?? [];
  if (whole === undefined || exponent.length > EXPONENT_DIGITS_MAX) return undefined;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end--;
  if (end === 0) return '0';
  return `${sign}${digits.slice(0, end)}e${Number(exponent) - fraction.length + digits.length - end}`;
}
