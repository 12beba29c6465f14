/**
 * The JSON Patch (RFC 6902) that leads from one text to another: what is equal is left alone, objects are compared
 * member by member, arrays by what stands between their common beginning and their common end. Short rather than
 * shortest: finding the least costs the square of the length.
 */
import type { JsonText } from '../model.js';
import { fromUnicode } from './bytes.js';
import { isEqual } from './equal.js';
import { encodeString } from './string.js';
import { type JsonTree, openArray, openObject, writeTree } from './tree.js';

/** An array of operations `add`, `remove` and `replace`, as a text. */
export function diffPatch(before: JsonText, after: JsonText): JsonText {
  const operations: string[] = [];
  compare(before, after, '', operations);
  return `[${operations.join(',')}]` as JsonText;
}

function compare(before: JsonTree, after: JsonTree, path: string, operations: string[]): void {
  if (before === after) return;
  const [membersBefore, membersAfter] = [openObject(before), openObject(after)];
  const [elementsBefore, elementsAfter] = [openArray(before), openArray(after)];
  if (membersBefore !== undefined && membersAfter !== undefined) {
    compareMembers(membersBefore, membersAfter, path, operations);
  } else if (elementsBefore !== undefined && elementsAfter !== undefined) {
    compareElements(elementsBefore, elementsAfter, path, operations);
  } else {
    // Of scalars the text is compared: another text of an equal number is a change, since the text is what comes back.
    operations.push(operation('replace', path, after));
  }
}

function compareMembers(
  before: ReadonlyMap<string, JsonTree>,
  after: ReadonlyMap<string, JsonTree>,
  path: string,
  operations: string[],
): void {
  for (const name of before.keys()) {
    if (!after.has(name)) operations.push(operation('remove', child(path, name)));
  }
  for (const [name, value] of after) {
    const old = before.get(name);
    if (old === undefined) operations.push(operation('add', child(path, name), value));
    else compare(old, value, child(path, name), operations);
  }
}

function compareElements(
  before: readonly JsonTree[],
  after: readonly JsonTree[],
  path: string,
  operations: string[],
): void {
  const shorter = Math.min(before.length, after.length);
  let from = 0;
  while (from < shorter && isEqualAt(before, from, after, from)) from++;
  let behind = 0;
  while (
    behind < shorter - from &&
    isEqualAt(before, before.length - 1 - behind, after, after.length - 1 - behind)
  )
    behind++;
  const [endBefore, endAfter] = [before.length - behind, after.length - behind];
  const both = (i: number, j: number): void =>
    compare(before[i] as JsonTree, after[j] as JsonTree, child(path, j), operations);
  for (let i = 0; i < Math.min(endBefore, endAfter); i++) both(i, i);
  // From behind, so that each index is still that of the array before.
  for (let i = endBefore - 1; i >= endAfter; i--) operations.push(operation('remove', child(path, i)));
  for (let i = endBefore; i < endAfter; i++) {
    operations.push(operation('add', child(path, i), after[i] as JsonTree));
  }
  for (let i = 0; i < behind; i++) both(endBefore + i, endAfter + i);
}

function isEqualAt(a: readonly JsonTree[], i: number, b: readonly JsonTree[], j: number): boolean {
  return isEqual(a[i] as JsonTree, b[j] as JsonTree);
}

function child(path: string, name: string | number): string {
  return `${path}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function operation(op: 'add' | 'remove' | 'replace', path: string, value?: JsonTree): string {
  const at = encodeString(fromUnicode(path));
  return `{"op":"${op}","path":${at}${value === undefined ? '' : `,"value":${writeTree(value)}`}}`;
}
