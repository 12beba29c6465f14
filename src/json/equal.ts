/**
 * Whether two JSON texts mean the same value, as RFC 6902 §4.6 has it: objects whatever the order of their members,
 * strings by their characters, numbers by what they are worth. Numbers are compared as decimals and never become
 * doubles: `10`, `10.0` and `1e1` are one number, 9007199254740992 and 9007199254740993 are two.
 */
import type { JsonText } from '../model.js';
import { decodeLiteral } from './string.js';
import { type JsonTree, openArray, openObject } from './tree.js';

export function isEqual(a: JsonTree, b: JsonTree): boolean {
  if (a === b) return true;
  const [membersA, membersB] = [openObject(a), openObject(b)];
  if (membersA !== undefined || membersB !== undefined) {
    return membersA !== undefined && membersB !== undefined && haveEqualMembers(membersA, membersB);
  }
  const [elementsA, elementsB] = [openArray(a), openArray(b)];
  if (elementsA !== undefined || elementsB !== undefined) {
    return elementsA !== undefined && elementsB !== undefined && haveEqualElements(elementsA, elementsB);
  }
  return isEqualScalar(a as JsonText, b as JsonText);
}

function haveEqualMembers(a: ReadonlyMap<string, JsonTree>, b: ReadonlyMap<string, JsonTree>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, value] of a) {
    const other = b.get(name);
    if (other === undefined || !isEqual(value, other)) return false;
  }
  return true;
}

function haveEqualElements(a: readonly JsonTree[], b: readonly JsonTree[]): boolean {
  return a.length === b.length && a.every((element, i) => isEqual(element, b[i] as JsonTree));
}

function isEqualScalar(a: JsonText, b: JsonText): boolean {
  if (a.startsWith('"') || b.startsWith('"')) {
    return a.startsWith('"') && b.startsWith('"') && decodeLiteral(a) === decodeLiteral(b);
  }
  const [numberA, numberB] = [decimalOf(a), decimalOf(b)];
  return numberA !== undefined && numberA === numberB;
}

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** One text for all numbers of one worth: sign, digits without zeros at either end, power of ten. Zero is `0`. */
export function decimalOf(text: JsonText): string | undefined {
  const [, sign = '', whole, fraction = '', exponent = '0'] = NUMBER.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  return `${sign}${significant}e${power}`;
}
