/**
 * The versions of one key, oldest first, the present one too. A History never changes: a new version makes a new one,
 * which shares the list of the one before, behind whose length it writes. So a frozen view costs nothing and a version
 * no copy, as long as none is cut off.
 */
import { HISTORY_OVERHEAD_BYTES, VERSION_OVERHEAD_BYTES } from '../limits.js';
import type { Key, VersionRecord } from '../model.js';
import type { ExpiryNode } from './expiry.js';

export class History {
  /** Only the first `length` are of this history. */
  readonly #list: VersionRecord[];
  readonly length: number;
  /** What it counts for, less the text of the entry that is there. */
  readonly bytes: number;
  /** Of a deleted key: when all of it goes. Null: it stays, or the key is there. */
  readonly grave: ExpiryNode | null;

  private constructor(list: VersionRecord[], bytes: number, grave: ExpiryNode | null) {
    this.#list = list;
    this.length = list.length;
    this.bytes = bytes;
    this.grave = grave;
  }

  static of(key: Key, first: VersionRecord, grave: ExpiryNode | null = null): History {
    return new History([first], key.length + HISTORY_OVERHEAD_BYTES + noteSize(first), grave);
  }

  /** It with one more, of which the last `depth` stay. The oldest go. */
  with(version: VersionRecord, depth: number, grave: ExpiryNode | null): History {
    const bytes = this.bytes + this.growth([version], depth);
    // Only the newest of those that share a list writes behind it.
    if (this.length < depth && this.length === this.#list.length) {
      this.#list.push(version);
      return new History(this.#list, bytes, grave);
    }
    const first = Math.max(0, this.length + 1 - depth);
    return new History([...this.#list.slice(first, this.length), version], bytes, grave);
  }

  /** What these, one after the other, add to `bytes`. */
  growth(more: readonly VersionRecord[], depth: number): number {
    const at = (i: number): VersionRecord => (i < this.length ? this.#list[i]! : more[i - this.length]!);
    const length = this.length + more.length;
    let growth = 0;
    for (let i = this.length; i < length; i++) growth += noteSize(at(i)) + textSize(at(i - 1), at(i));
    for (let i = 0; i < length - depth; i++) growth -= noteSize(at(i)) + textSize(at(i), at(i + 1));
    return growth;
  }

  get last(): VersionRecord {
    return this.#list[this.length - 1]!;
  }

  /** Oldest first. */
  versions(): readonly VersionRecord[] {
    return this.#list.slice(0, this.length);
  }
}

/** A text that the next version has too is one string in memory, and counted with that one. */
function textSize({ text }: VersionRecord, next: VersionRecord): number {
  return text === null || text === next.text ? 0 : text.length;
}

function noteSize({ by, comment }: VersionRecord): number {
  return VERSION_OVERHEAD_BYTES + (by?.length ?? 0) + (comment?.length ?? 0);
}
