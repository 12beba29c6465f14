/**
 * The last changes, for whoever comes back and asks what was missed: so many of them and so many bytes, the oldest go
 * first. A ring whose places follow from the revisions, so to append one, and to find one, costs the same however many
 * there are, and nothing ever grows. Texts are the strings that the store was given.
 *
 * Revisions follow each other without a gap. The floor is the change before the oldest that is kept: who saw that one
 * has missed nothing that is not here. Before revision 0 nothing was, in any epoch, so there its epoch does not matter.
 */
import { WINDOW_BYTES_MAX, WINDOW_CHANGES_MAX } from '../limits.js';
import type { Change, ChangeId, Revision } from '../model.js';

export interface WindowBounds {
  readonly changesMax: number;
  /** Bytes of keys, texts and notes. */
  readonly bytesMax: number;
}

const BOUNDS: WindowBounds = { changesMax: WINDOW_CHANGES_MAX, bytesMax: WINDOW_BYTES_MAX };

export class ChangeWindow {
  readonly #bounds: WindowBounds;
  /** Of revision r at place r modulo its length; undefined where none is. */
  readonly #ring: (Change | undefined)[];
  #floor: ChangeId;
  #last: ChangeId;
  #bytes = 0;

  /** Without a change yet; those that come follow this one. */
  constructor(floor: ChangeId, bounds: WindowBounds = BOUNDS) {
    this.#bounds = bounds;
    this.#ring = new Array<Change | undefined>(bounds.changesMax).fill(undefined);
    this.#floor = idOf(floor);
    this.#last = this.#floor;
  }

  /** The change before the oldest that is kept. */
  get floor(): ChangeId {
    return this.#floor;
  }

  /** The last change, or the floor where there is none. */
  get present(): ChangeId {
    return idOf(this.#last);
  }

  get size(): number {
    return this.#last.revision - this.#floor.revision;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(change: Change): void {
    if (change.revision !== this.#last.revision + 1) {
      throw new Error(`Change ${change.revision} cannot follow change ${this.#last.revision} in the window.`);
    }
    if (this.size === this.#bounds.changesMax) this.#dropOldest();
    this.#ring[change.revision % this.#ring.length] = change;
    this.#last = change;
    this.#bytes += changeSize(change);
    while (this.#bytes > this.#bounds.bytesMax) this.#dropOldest();
  }

  /**
   * The changes after this one, oldest first, at most `limit`. Null: they are not all here any more, or there never was
   * such a change. A revision without an epoch is taken at its word.
   */
  after(since: ChangeId | Revision, limit: number): readonly Change[] | null {
    const from = typeof since === 'number' ? since : since.revision;
    if (!this.#reaches(from) || (typeof since !== 'number' && !this.#knows(since))) return null;
    const to = Math.min(this.#last.revision, from + limit);
    const changes: Change[] = [];
    for (let revision = from + 1; revision <= to; revision++) changes.push(this.#at(revision));
    return changes;
  }

  /** Those that follow the floor, all of them. */
  all(): readonly Change[] {
    return this.after(this.#floor.revision, this.size) ?? [];
  }

  #reaches(revision: Revision): boolean {
    const { revision: floor } = this.#floor;
    return Number.isSafeInteger(revision) && revision >= floor && revision <= this.#last.revision;
  }

  #knows({ epoch, revision }: ChangeId): boolean {
    if (revision === 0) return true;
    const own = revision === this.#floor.revision ? this.#floor : this.#at(revision);
    return own.epoch === epoch;
  }

  #at(revision: Revision): Change {
    const change = this.#ring[revision % this.#ring.length];
    if (change?.revision !== revision) throw new Error(`The window lost change ${revision}.`);
    return change;
  }

  #dropOldest(): void {
    const oldest = this.#at(this.#floor.revision + 1);
    this.#ring[oldest.revision % this.#ring.length] = undefined;
    this.#bytes -= changeSize(oldest);
    this.#floor = idOf(oldest);
  }
}

/** Nothing else of a change may be kept for the sake of its id. */
function idOf({ epoch, revision }: ChangeId): ChangeId {
  return { epoch, revision };
}

/** Bytes that a change counts for. */
export function changeSize(change: Change): number {
  const { key, note } = change;
  const text = change.type === 'put' ? change.text.length : 0;
  return key.length + text + (note?.by?.length ?? 0) + (note?.comment?.length ?? 0);
}
