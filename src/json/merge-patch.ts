/**
 * JSON Merge Patch (RFC 7396) over texts: what the patch does not name stays byte for byte what it was, and what it
 * brings comes as it was sent, less its nulls.
 */
import type { JsonText } from '../model.js';
import { PatchBudget } from './budget.js';
import { type JsonTree, openObject, writeTree } from './tree.js';
import { refuseUnsafeNames } from './unsafe.js';

/** @throws CairnError `unsafe_member`, `patch_too_large`: the patch may not be applied to anything. */
export function checkMergePatch(patch: JsonText): void {
  refuseUnsafeNames(patch);
}

/** Both are known to be right, and not nested deeper than a value may be. @throws CairnError `patch_too_large` */
export function mergePatch(target: JsonText, patch: JsonText): JsonText {
  return writeTree(merge(target, patch, new PatchBudget()));
}

function merge(target: JsonTree | undefined, patch: JsonTree, budget: PatchBudget): JsonTree {
  budget.spend(sizeOf(patch) + sizeOf(target));
  const changes = openObject(patch, budget.spendPart);
  if (changes === undefined) return patch;
  const members =
    (target === undefined ? undefined : openObject(target, budget.spendPart)) ?? new Map<string, JsonTree>();
  for (const [name, value] of changes) {
    if (value === 'null') members.delete(name);
    else members.set(name, merge(members.get(name), value, budget));
  }
  return members;
}

/** Of what has to be gone over to be taken apart. */
function sizeOf(tree: JsonTree | undefined): number {
  return typeof tree === 'string' && tree.startsWith('{') ? tree.length : 0;
}
