/**
 * The changes that no fsync covers yet, in the order of their revisions, and those who wait for one. They stay here
 * until they are durable, so that a new log can take them all over when the one before it failed.
 */
import { LINE_BYTES_MAX, UNDURABLE_BYTES_MAX } from '../limits.js';
import type { Revision } from '../model.js';
import { BATCH_BYTES, encodeBatch, type Group } from './format.js';

interface Waiter {
  readonly revision: Revision;
  resolve(): void;
  reject(error: Error): void;
}

interface Queued {
  readonly group: Group;
  /** Monotonic milliseconds at which it came. */
  readonly since: number;
}

/** A line that is ready to be written, and how many groups of the queue are in it. */
export interface NextLine {
  readonly line: Buffer;
  readonly groups: number;
}

export class UndurableQueue {
  #queued: Queued[] = [];
  #bytes = 0;
  #durable: Revision;
  /** By revision: commits come in that order. */
  #waiters: Waiter[] = [];

  constructor(durable: Revision) {
    this.#durable = durable;
  }

  /** Every change up to this one is on disk. */
  get durableRevision(): Revision {
    return this.#durable;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get empty(): boolean {
    return this.#queued.length === 0;
  }

  /** Monotonic milliseconds at which the oldest came; null: there is none. */
  get since(): number | null {
    return this.#queued[0]?.since ?? null;
  }

  /** Whether somebody waits for a change that stands here. */
  get awaited(): boolean {
    return this.#waiters.length > 0;
  }

  /** What is too much for a volume with so many bytes of room, for a person; null: nothing. Times are monotonic. */
  burden(now: number, lateMs: number, room: number): string | null {
    if (this.#bytes > Math.min(UNDURABLE_BYTES_MAX, room))
      return `${this.#bytes} bytes of changes wait for the volume.`;
    const since = this.#queued[0]?.since ?? now;
    return now - since <= lateMs ? null : `Changes have waited for the volume for over ${lateMs} ms.`;
  }

  push(group: Group, since: number): void {
    // A line that no reader takes would be damage at the next start.
    if (group.bytes + BATCH_BYTES > LINE_BYTES_MAX)
      throw new Error(`a group of ${group.bytes} bytes fits into no line`);
    this.#queued.push({ group, since });
    this.#bytes += group.bytes;
  }

  /** Resolves when the revision is durable; rejects when the log that should have made it so failed. */
  wait(revision: Revision): Promise<void> {
    if (revision <= this.#durable) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ revision, resolve, reject }));
  }

  /** A line of the oldest groups, up to `upTo`, of about `bytesTarget`, from the `skip`th on. Null: there are none. */
  nextLine(bytesTarget: number, upTo: Revision, skip = 0): NextLine | null {
    const groups: Group[] = [];
    let bytes = BATCH_BYTES;
    for (const { group } of this.#queued.slice(skip)) {
      const fits = groups.length === 0 || bytes + group.bytes <= Math.min(bytesTarget, LINE_BYTES_MAX);
      if (!fits || group.first > upTo || group.epoch !== (groups[0] ?? group).epoch) break;
      groups.push(group);
      bytes += group.bytes;
    }
    return groups.length === 0 ? null : { line: encodeBatch(groups), groups: groups.length };
  }

  /** All of it in lines, for a new log to begin with. */
  allLines(bytesTarget: number): Buffer[] {
    const lines: Buffer[] = [];
    let done = 0;
    for (;;) {
      const next = this.nextLine(bytesTarget, Number.POSITIVE_INFINITY, done);
      if (next === null) return lines;
      lines.push(next.line);
      done += next.groups;
    }
  }

  get length(): number {
    return this.#queued.length;
  }

  /** The oldest groups are on disk. */
  madeDurable(groups: number): void {
    const done = this.#queued.slice(0, groups);
    this.#queued = this.#queued.slice(groups);
    for (const { group } of done) this.#bytes -= group.bytes;
    const last = done.at(-1)?.group;
    if (last !== undefined) this.#durable = last.first + last.count - 1;
    const ready = this.#waiters.findIndex(waiter => waiter.revision > this.#durable);
    for (const waiter of this.#waiters.splice(0, ready < 0 ? this.#waiters.length : ready)) waiter.resolve();
  }

  /** Tells everybody who waits that it is unknown when, and whether, their change becomes durable. */
  failWaiters(error: Error): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }
}
