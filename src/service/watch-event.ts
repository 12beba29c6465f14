/**
 * What a watcher is told, and how it is written. The words come from the edge; here they are only bytes.
 */
import type { Change, ChangeId, DeleteChange, PutChange } from '../model.js';
import type { Found } from './state-walk.js';

/** A change that is shown. A moved deadline is none: the value stays. Whoever comes back is not held up by it. */
export type ShownChange = PutChange | DeleteChange;

export interface WatchWords {
  /** `named`: with its id, from which a watcher may go on. */
  change(change: ShownChange, named: boolean): Buffer;
  /** A document of the state, as a put without an id. */
  document(found: Found): Buffer;
  /** The past is gone: what is told from here on follows this change. `forget`: there is no id to go on from yet. */
  reset(present: ChangeId, forget: boolean): Buffer;
  /** The state is whole, as of this change. */
  synced(present: ChangeId): Buffer;
  /** All up to this change is told; null: it cannot be said. */
  heartbeat(passed: ChangeId | null): Buffer;
  /** The service stops. */
  farewell(): Buffer;
}

/** A change on its way to all that watch it, worded once, when the first of them wants it. */
export class WatchEvent {
  readonly change: Change;
  readonly #words: WatchWords;
  #bytes: Buffer | null = null;

  constructor(change: Change, words: WatchWords) {
    this.change = change;
    this.#words = words;
  }

  /** Null: it is not shown. */
  get bytes(): Buffer | null {
    if (isShown(this.change)) this.#bytes ??= this.#words.change(this.change, true);
    return this.#bytes;
  }
}

export function isShown(change: Change): change is ShownChange {
  return change.type !== 'touch';
}
