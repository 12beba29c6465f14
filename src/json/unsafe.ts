/**
 * The one name that a patch may not have. It is harmless here, where members stand in a Map, and not in many a program
 * that reads the document: a PATCH that smuggles it in is an attack on those (prototype pollution, CWE-1321).
 */
import { CairnError } from '../errors.js';
import type { JsonText } from '../model.js';
import { PatchBudget } from './budget.js';
import { type JsonTree, openAll } from './tree.js';

/** How the name may stand in a text: as it is, or with a letter of it escaped. */
const MAY_NAME = /__proto__|\\u/;

/** Looks at every name of a text that is known to be right. @throws CairnError `unsafe_member`, `patch_too_large` */
export function refuseUnsafeNames(patch: JsonText): void {
  if (MAY_NAME.test(patch)) refuseIn(openAll(patch, new PatchBudget().spendPart));
}

function refuseIn(tree: JsonTree): void {
  if (typeof tree === 'string') return;
  if (Array.isArray(tree)) {
    for (const element of tree) refuseIn(element);
    return;
  }
  for (const [name, value] of tree) {
    refuseUnsafeName(name);
    refuseIn(value);
  }
}

export function refuseUnsafeName(name: string): void {
  if (name !== '__proto__') return;
  throw new CairnError('unsafe_member', 'A patch may not name the member "__proto__".');
}
