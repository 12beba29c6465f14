/**
 * What a document may come to in another form than its own. It is taken apart and put together in one go, while nothing
 * else runs, and a form repeats what the text says once: names in front of each variable, indentation in each line.
 */
import { CairnError } from '../errors.js';
import { VIEW_BYTES_MAX, VIEW_PARTS_MAX } from '../limits.js';
import type { JsonText } from '../model.js';
import { type JsonTree, openAll } from './tree.js';

export class ViewBudget {
  readonly #form: string;
  #parts = VIEW_PARTS_MAX;
  #bytes = VIEW_BYTES_MAX;

  /** `form`: what the document is shown as, for messages. */
  constructor(form: string) {
    this.#form = form;
  }

  /** The whole document, taken apart. @throws CairnError `not_representable` */
  open(text: JsonText): JsonTree {
    return openAll(text, () => {
      this.#parts -= 1;
      if (this.#parts < 0) throw this.refused(`It holds more than ${VIEW_PARTS_MAX} values.`);
    });
  }

  /** @throws CairnError `not_representable` */
  spend(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes < 0) throw this.refused(`It would be more than ${VIEW_BYTES_MAX} bytes.`);
  }

  refused(reason: string): CairnError {
    return notRepresentable(this.#form, reason);
  }
}

export function notRepresentable(form: string, reason: string): CairnError {
  return new CairnError('not_representable', `The document cannot be shown as ${form}. ${reason}`, {
    hint: 'Take a part of it with ?path=/…, or read it as JSON.',
  });
}
