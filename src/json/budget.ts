/**
 * What a patch may read and move. A patch of some lines could otherwise double a document thirty times, or go over it a
 * thousand times, and nothing else runs meanwhile. Bytes are not all of it: a MiB of small values takes a hundred times
 * as long to take apart as one of a single string.
 */
import { CairnError } from '../errors.js';
import { PATCH_BYTES_MAX, PATCH_PARTS_MAX } from '../limits.js';

export class PatchBudget {
  #bytes = PATCH_BYTES_MAX;
  #parts = PATCH_PARTS_MAX;

  /** @throws CairnError `patch_too_large` */
  spend(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes < 0) throw tooLarge(`reads and moves more than ${PATCH_BYTES_MAX} bytes`);
  }

  /** For a member or element that is taken apart; bound, to be handed on. @throws CairnError `patch_too_large` */
  readonly spendPart = (): void => {
    this.#parts -= 1;
    if (this.#parts < 0) throw tooLarge(`takes apart more than ${PATCH_PARTS_MAX} members and elements`);
  };
}

function tooLarge(reason: string): CairnError {
  return new CairnError('patch_too_large', `The patch ${reason}.`);
}
