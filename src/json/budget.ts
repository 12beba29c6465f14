/**
 * The bytes that a patch may read and move. A patch of some lines could otherwise double a document thirty times, or go
 * over it a thousand times, and nothing else runs meanwhile.
 */
import { CairnError } from '../errors.js';
import { PATCH_BYTES_MAX } from '../limits.js';

export class PatchBudget {
  #left = PATCH_BYTES_MAX;

  /** @throws CairnError `patch_too_large` */
  spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left >= 0) return;
    throw new CairnError('patch_too_large', `The patch reads and moves more than ${PATCH_BYTES_MAX} bytes.`);
  }
}
