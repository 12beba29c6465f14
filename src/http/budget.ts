/**
 * Bytes that are on their way at the same time, of all connections together. Each bound of one request alone is held
 * elsewhere: a thousand that keep to it are too much all the same.
 */
import { getHeapStatistics } from 'node:v8';

/** A share of what V8 lets the heap grow to, and no less than this. */
export function ofHeap(share: number, bytesMin: number): number {
  return Math.max(bytesMin, Math.floor(getHeapStatistics().heap_size_limit * share));
}

export class ByteBudget {
  readonly #bytesMax: number;
  readonly #bytesFree: number;
  #bytes = 0;

  /** `bytesFree`: who takes no more than this has it in any case. */
  constructor(bytesMax: number, bytesFree = 0) {
    this.#bytesMax = bytesMax;
    this.#bytesFree = bytesFree;
  }

  /** Taken and not given back. */
  get bytes(): number {
    return this.#bytes;
  }

  share(): Share {
    return new Share(this);
  }

  /** Whether somebody who is to have `bytes`, `more` than now, would get them. */
  has(bytes: number, more: number): boolean {
    return more <= 0 || bytes <= this.#bytesFree || this.#bytes + more <= this.#bytesMax;
  }

  take(more: number): void {
    this.#bytes += more;
  }
}

/** What one request has of a budget. */
export class Share {
  readonly #budget: ByteBudget;
  #bytes = 0;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether there is room for so many just now. */
  fits(bytes: number): boolean {
    return this.#budget.has(bytes, bytes - this.#bytes);
  }

  /** From now on it is so many. False: there is no room, and nothing has changed. */
  resize(bytes: number): boolean {
    if (!this.fits(bytes)) return false;
    this.#budget.take(bytes - this.#bytes);
    this.#bytes = bytes;
    return true;
  }

  /** Gives back all of it; a second time does nothing. */
  end(): void {
    this.resize(0);
  }
}
