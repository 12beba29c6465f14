/**
 * JSON Merge Patch (RFC 7396) over texts: what the patch does not name stays byte for byte what it was, and what it
 * brings comes as it was sent, less its nulls.
 */
import type { JsonText } from '../model.js';
import { type JsonTree, openObject, writeTree } from './tree.js';
import { refuseUnsafeName } from './unsafe.js';

/** @throws CairnError `unsafe_member`: the patch may not be applied to anything. */
export function checkMergePatch(patch: JsonTree): void {
  for (const [name, value] of openObject(patch) ?? []) {
    refuseUnsafeName(name);
    checkMergePatch(value);
  }
}

/** Both are known to be right, and not nested deeper than a value may be. */
export function mergePatch(target: JsonText, patch: JsonText): JsonText {
  return writeTree(merge(target, patch));
}

function merge(target: JsonTree | undefined, patch: JsonTree): JsonTree {
  const changes = openObject(patch);
  if (changes === undefined) return patch;
  const members = (target === undefined ? undefined : openObject(target)) ?? new Map<string, JsonTree>();
  for (const [name, value] of changes) {
    if (value === 'null') members.delete(name);
    else members.set(name, merge(members.get(name), value));
  }
  return members;
}
