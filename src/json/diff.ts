/**
 * The JSON Patch (RFC 6902) that leads from one text to another: what is equal is left alone, objects are compared
 * member by member, arrays by their places, but for what stands behind the place where one is longer. Short rather than
 * shortest: finding the least costs the square of the length. Where so much was compared that others would wait, the
 * rest is replaced as it stands, which is a right patch too.
 */
import { DIFF_PARTS_MAX } from '../limits.js';
import type { JsonText } from '../model.js';
import { type JsonArray, type JsonObject, type JsonTree, openAll, writeName, writeTree } from './tree.js';

/** An array of operations `add`, `remove` and `replace`, as a text. */
export function diffPatch(before: JsonText, after: JsonText): JsonText {
  return new Diff().of(openAll(before), openAll(after));
}

class Diff {
  readonly #operations: string[] = [];
  #partsLeft = DIFF_PARTS_MAX;

  of(before: JsonTree, after: JsonTree): JsonText {
    this.#compare(before, after, '');
    return `[${this.#operations.join(',')}]` as JsonText;
  }

  #compare(before: JsonTree, after: JsonTree, path: string): void {
    this.#partsLeft -= 1;
    if (before === after) return;
    if (this.#partsLeft > 0 && before instanceof Map && after instanceof Map) {
      this.#members(before, after, path);
    } else if (this.#partsLeft > 0 && Array.isArray(before) && Array.isArray(after)) {
      this.#elements(before, after, path);
    } else {
      // Another text of an equal number is a change, since the text is what comes back.
      this.#add('replace', path, after);
    }
  }

  #members(before: JsonObject, after: JsonObject, path: string): void {
    for (const name of before.keys()) if (!after.has(name)) this.#add('remove', child(path, name));
    for (const [name, value] of after) {
      const old = before.get(name);
      if (old === undefined) this.#add('add', child(path, name), value);
      else this.#compare(old, value, child(path, name));
    }
  }

  #elements(before: JsonArray, after: JsonArray, path: string): void {
    const shorter = Math.min(before.length, after.length);
    const behind = before.length === after.length ? 0 : this.#equalBehind(before, after, shorter);
    const [endBefore, endAfter] = [before.length - behind, after.length - behind];
    for (let i = 0; i < Math.min(endBefore, endAfter); i++)
      this.#compare(before[i]!, after[i]!, child(path, i));
    // From behind, so that each index is still that of the array before.
    for (let i = endBefore - 1; i >= endAfter; i--) this.#add('remove', child(path, i));
    for (let i = endBefore; i < endAfter; i++) this.#add('add', child(path, i), after[i]!);
  }

  /** How many elements at the end are the same. */
  #equalBehind(before: JsonArray, after: JsonArray, most: number): number {
    let count = 0;
    while (count < most && this.#isSame(before.at(-1 - count)!, after.at(-1 - count)!)) count++;
    return count;
  }

  /** By their texts. */
  #isSame(a: JsonTree, b: JsonTree | undefined): boolean {
    this.#partsLeft -= 1;
    if (this.#partsLeft <= 0 || b === undefined) return false;
    if (typeof a === 'string' || typeof b === 'string') return a === b;
    if (Array.isArray(a) || Array.isArray(b)) {
      const both = Array.isArray(a) && Array.isArray(b) && a.length === b.length;
      return both && a.every((element, i) => this.#isSame(element, b[i]!));
    }
    return a.size === b.size && [...a].every(([name, value]) => this.#isSame(value, b.get(name)));
  }

  #add(op: 'add' | 'remove' | 'replace', path: string, value?: JsonTree): void {
    const at = writeName(path);
    const rest = value === undefined ? '' : `,"value":${writeTree(value)}`;
    this.#operations.push(`{"op":"${op}","path":${at}${rest}}`);
  }
}

function child(path: string, name: string | number): string {
  return `${path}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
