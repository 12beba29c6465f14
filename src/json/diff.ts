/**
 * The JSON Patch (RFC 6902) that leads from one text to another: what stands in both in the same way is left alone,
 * objects are compared member by member, arrays by their places, but for what stands behind the place where one is
 * longer. Short rather than shortest: finding the least costs the square of the length.
 *
 * Nothing else runs meanwhile, so little is compared: where it would be much, or the patch longer than the text that it
 * leads to or than a PATCH takes, the document is replaced, which is a right patch too.
 */
import { DIFF_BYTES_MAX, DIFF_PARTS_MAX, DIFF_SPARE_BYTES, PATCH_OPERATIONS_MAX } from '../limits.js';
import type { JsonText } from '../model.js';
import {
  type JsonArray,
  type JsonObject,
  type JsonTree,
  openArray,
  openObject,
  writeName,
  writeTree,
} from './tree.js';

/** An array of operations `add`, `remove` and `replace`, as a text. Both are known to be right. */
export function diffPatch(before: JsonText, after: JsonText): JsonText {
  try {
    return new Diff(after.length + DIFF_SPARE_BYTES).of(before, after);
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    return `[${operation('replace', '', after)}]` as JsonText;
  }
}

class TooMuch extends Error {}

class Diff {
  readonly #operations: string[] = [];
  #roomLeft: number;
  #partsLeft = DIFF_PARTS_MAX;
  #bytesLeft = DIFF_BYTES_MAX;

  constructor(bytesMax: number) {
    this.#roomLeft = bytesMax;
  }

  of(before: JsonText, after: JsonText): JsonText {
    this.#compare(before, after, '');
    return `[${this.#operations.join(',')}]` as JsonText;
  }

  #compare(before: JsonTree, after: JsonTree, path: string): void {
    if (before === after) return;
    const [was, is] = this.#opened(before, after);
    if (was instanceof Map && is instanceof Map) this.#members(was, is, path);
    else if (Array.isArray(was) && Array.isArray(is)) this.#elements(was, is, path);
    // Another text of an equal number is a change, since the text is what comes back.
    else this.#add('replace', path, after);
  }

  /** One level of both, where they are containers of one kind, and not too large. */
  #opened(before: JsonTree, after: JsonTree): readonly [JsonTree, JsonTree] {
    if (typeof before !== 'string' || typeof after !== 'string') return [before, after];
    const bytes = before.length + after.length;
    if (!/^[[{]/.test(before) || before[0] !== after[0] || bytes > this.#bytesLeft) return [before, after];
    this.#bytesLeft -= bytes;
    return [this.#open(before), this.#open(after)];
  }

  #open(tree: JsonTree): JsonTree {
    return openObject(tree, this.#onPart) ?? openArray(tree, this.#onPart) ?? tree;
  }

  readonly #onPart = (): void => {
    this.#partsLeft -= 1;
    if (this.#partsLeft < 0) throw new TooMuch();
  };

  #members(before: JsonObject, after: JsonObject, path: string): void {
    for (const name of before.keys()) if (!after.has(name)) this.#add('remove', child(path, name));
    for (const [name, value] of after) {
      const old = before.get(name);
      if (old === undefined) this.#add('add', child(path, name), value);
      else this.#compare(old, value, child(path, name));
    }
  }

  #elements(before: JsonArray, after: JsonArray, path: string): void {
    const behind = before.length === after.length ? 0 : equalBehind(before, after);
    const [endBefore, endAfter] = [before.length - behind, after.length - behind];
    for (let i = 0; i < Math.min(endBefore, endAfter); i++)
      this.#compare(before[i]!, after[i]!, child(path, i));
    // From behind, so that each index is still that of the array before.
    for (let i = endBefore - 1; i >= endAfter; i--) this.#add('remove', child(path, i));
    for (let i = endBefore; i < endAfter; i++) this.#add('add', child(path, i), after[i]!);
  }

  #add(op: 'add' | 'remove' | 'replace', path: string, value?: JsonTree): void {
    if (this.#operations.length === PATCH_OPERATIONS_MAX) throw new TooMuch();
    const text = operation(op, path, value === undefined ? undefined : writeTree(value));
    // A name may be long, and stands in the path of each member under it.
    this.#roomLeft -= text.length;
    if (this.#roomLeft < 0) throw new TooMuch();
    this.#operations.push(text);
  }
}

/** How many elements at the end are the same. */
function equalBehind(before: JsonArray, after: JsonArray): number {
  const most = Math.min(before.length, after.length);
  let count = 0;
  while (count < most && before.at(-1 - count) === after.at(-1 - count)) count++;
  return count;
}

function operation(op: 'add' | 'remove' | 'replace', path: string, value: JsonText | undefined): string {
  return `{"op":"${op}","path":${writeName(path)}${value === undefined ? '' : `,"value":${value}`}}`;
}

function child(path: string, name: string | number): string {
  return `${path}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
