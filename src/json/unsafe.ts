/**
 * The one name that a patch may not have. It is harmless here, where members stand in a Map, and not in many a program
 * that reads the document: a PATCH that smuggles it in is an attack on those (prototype pollution, CWE-1321).
 */
import { CairnError } from '../errors.js';

export function refuseUnsafeName(name: string): void {
  if (name !== '__proto__') return;
  throw new CairnError('unsafe_member', 'A patch may not name the member "__proto__".');
}
