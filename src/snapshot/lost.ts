/** What a repair could not keep, place by place, with a bound on how many it tells. */
import { LOST_PLACES_MAX } from '../limits.js';
import type { Revision } from '../model.js';

export interface LostPlace {
  readonly file: string;
  readonly reason: string;
  readonly offset?: number;
  readonly bytes?: number;
  /** The first and the last revision whose changes are not known, where that can be told. */
  readonly revisions?: readonly [Revision, Revision];
}

type Place = { -readonly [Name in keyof LostPlace]: LostPlace[Name] };

export class LostPlaces {
  readonly #places: Place[] = [];
  /** Those behind the last line that was read: the revisions that turn out to be missing stood there. */
  #open: Place[] = [];
  #more = 0;

  /** All of them, and those that are not told one by one. */
  get count(): number {
    return this.#places.length + this.#more;
  }

  get told(): readonly LostPlace[] {
    return this.#places;
  }

  /** Bytes side by side are one place. */
  add(place: LostPlace): void {
    const last = this.#open.at(-1);
    if (
      last?.file === place.file &&
      last.offset !== undefined &&
      last.offset + (last.bytes ?? 0) === place.offset
    ) {
      last.bytes = (last.bytes ?? 0) + (place.bytes ?? 0);
      return;
    }
    const kept = { ...place };
    this.#open.push(kept);
    if (this.#places.length < LOST_PLACES_MAX) this.#places.push(kept);
    else this.#more += 1;
  }

  /** These revisions are missing before the place that is read now. */
  miss(revisions: readonly [Revision, Revision], at: LostPlace): void {
    if (this.#open.length === 0) this.add(at);
    this.assign(revisions);
  }

  /** They stood in the last place and behind it. */
  assign(revisions: readonly [Revision, Revision]): void {
    const place = this.#open.at(-1);
    if (place !== undefined) place.revisions = revisions;
  }

  /** A right line was read: what was lost before it is settled. */
  settle(): void {
    this.#open = [];
  }

  /** Takes the place back that no right line stands behind, if it is in this file. */
  takeTail(file: string): LostPlace | null {
    const [first] = this.#open;
    if (first?.file !== file || !first.offset || this.#open.length > 1) return null;
    if (this.#places.at(-1) === first) this.#places.pop();
    else this.#more -= 1;
    this.settle();
    return first;
  }
}
