/**
 * Counts what is done with keys, from the start of the process on. Plain numbers: it stands in the way of every read
 * and every write. What was refused is no operation: that is told by the codes of the errors.
 */
import type { Change, Operation, Outcome } from '../model.js';

/** How often an operation came to a result. */
export interface Tallied {
  readonly op: Operation['type'] | 'get';
  readonly result: Outcome['type'] | 'found';
  readonly count: number;
}

export class Tally {
  #found = 0;
  #missing = 0;
  readonly #puts = { created: 0, replaced: 0, touched: 0, unchanged: 0, deleted: 0, absent: 0 };
  readonly #touches = { ...this.#puts };
  readonly #deletes = { ...this.#puts };
  #expired = 0;
  #evicted = 0;

  /** Keys that were asked for, and there; and those that were not. */
  get found(): number {
    return this.#found;
  }

  get missing(): number {
    return this.#missing;
  }

  /** Keys that went away by themselves. */
  get expired(): number {
    return this.#expired;
  }

  get evicted(): number {
    return this.#evicted;
  }

  asked(isThere: boolean): void {
    if (isThere) this.#found += 1;
    else this.#missing += 1;
  }

  /** Operations with what became of them, one for each; there may be more outcomes than operations. */
  applied(operations: readonly Operation[], outcomes: readonly Outcome[]): void {
    for (let i = 0; i < operations.length; i++) {
      const type = operations[i]?.type;
      const counts = type === 'put' ? this.#puts : type === 'delete' ? this.#deletes : this.#touches;
      const outcome = outcomes[i];
      if (outcome !== undefined) counts[outcome.type] += 1;
    }
  }

  changed(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.type !== 'delete') continue;
      if (change.reason === 'expired') this.#expired += 1;
      else if (change.reason === 'evicted') this.#evicted += 1;
    }
  }

  /** All that can be, also what has not been yet. */
  operations(): readonly Tallied[] {
    const { created, replaced, unchanged } = this.#puts;
    return [
      { op: 'get', result: 'found', count: this.#found },
      { op: 'get', result: 'absent', count: this.#missing },
      { op: 'put', result: 'created', count: created },
      { op: 'put', result: 'replaced', count: replaced },
      { op: 'put', result: 'unchanged', count: unchanged },
      { op: 'touch', result: 'touched', count: this.#touches.touched },
      { op: 'touch', result: 'absent', count: this.#touches.absent },
      { op: 'delete', result: 'deleted', count: this.#deletes.deleted },
      { op: 'delete', result: 'absent', count: this.#deletes.absent },
    ];
  }
}
