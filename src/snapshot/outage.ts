/**
 * The time in which the volume cannot be written: why, and when the next attempt is due. The pauses between the
 * attempts double, so that a volume in trouble is not worn by them.
 */
import { systemCode } from '../errors.js';
import { RETRY_FIRST_MS, RETRY_LAST_MS } from '../limits.js';
import type { Milliseconds } from '../model.js';
import type { Clock, Timer } from '../platform/clock.js';

/** Why writes are refused. */
export interface StorageProblem {
  readonly code: 'storage_full' | 'storage_error';
  /** For a person. */
  readonly message: string;
}

export class Outage {
  readonly #clock: Clock;
  /** Called when the next attempt is due. */
  readonly #onDue: () => void;
  #problem: StorageProblem | null = null;
  #timer: Timer | null = null;
  #pauseMs = RETRY_FIRST_MS;
  #due = false;

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Null: the volume takes writes. */
  get problem(): StorageProblem | null {
    return this.#problem;
  }

  /** Whether the next attempt is due. */
  get due(): boolean {
    return this.#due;
  }

  /** Until the next attempt, about. */
  get pauseMs(): Milliseconds {
    return this.#pauseMs;
  }

  /** Begins, or goes on after an attempt that failed too. */
  fail(error: unknown): StorageProblem {
    this.#problem = problemOf(error);
    this.#due = false;
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(this.#pauseMs, () => {
      this.#due = true;
      this.#onDue();
    });
    this.#pauseMs = Math.min(this.#pauseMs * 2, RETRY_LAST_MS);
    return this.#problem;
  }

  /** The next attempt is due now, without a call. */
  hurry(): void {
    this.#timer?.cancel();
    this.#due = this.#problem !== null;
  }

  end(): void {
    this.#timer?.cancel();
    this.#problem = null;
    this.#due = false;
    this.#pauseMs = RETRY_FIRST_MS;
  }

  /** No attempt comes any more. */
  cancel(): void {
    this.#timer?.cancel();
  }
}

function problemOf(error: unknown): StorageProblem {
  const code = systemCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return { code: 'storage_full', message: `The volume of the snapshots is full (${code}).` };
  const reason = code ?? (error instanceof Error ? error.message : String(error));
  return { code: 'storage_error', message: `The volume of the snapshots failed (${reason}).` };
}
