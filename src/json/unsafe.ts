/**
 * The one name that a patch may not have. It is harmless here, where members stand in a Map, and not in many a program
 * that reads the document: a PATCH that smuggles it in is an attack on those (prototype pollution, CWE-1321).
 */
import { CairnError } from '../errors.js';
import type { JsonTree } from './tree.js';

/** Looks at every name in a tree that is taken apart. @throws CairnError `unsafe_member` */
export function refuseUnsafeNames(tree: JsonTree): void {
  if (typeof tree === 'string') return;
  if (Array.isArray(tree)) {
    for (const element of tree) refuseUnsafeNames(element);
    return;
  }
  for (const [name, value] of tree) {
    refuseUnsafeName(name);
    refuseUnsafeNames(value);
  }
}

export function refuseUnsafeName(name: string): void {
  if (name !== '__proto__') return;
  throw new CairnError('unsafe_member', 'A patch may not name the member "__proto__".');
}
