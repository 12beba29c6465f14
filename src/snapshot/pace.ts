/**
 * When a line is due: an interval after the first change that no line has taken, or at once when it is hurried; and a
 * second after the last line its mark.
 */
import { MARK_AFTER_MS } from '../limits.js';
import type { Milliseconds } from '../model.js';
import type { Clock, Timer } from '../platform/clock.js';

export class Pace {
  readonly #clock: Clock;
  readonly #intervalMs: Milliseconds;
  /** Called when a time is over. */
  readonly #onDue: () => void;
  #interval: Timer | null = null;
  #mark: Timer | null = null;
  #lineDue = false;
  #markDue = false;
  #stopped = false;

  constructor(clock: Clock, intervalMs: Milliseconds, onDue: () => void) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#onDue = onDue;
  }

  get lineDue(): boolean {
    return this.#lineDue;
  }

  get markDue(): boolean {
    return this.#markDue;
  }

  /** There is a change that no line has taken. */
  changed(): void {
    if (this.#lineDue) return;
    this.#interval ??= this.#clock.setTimer(this.#intervalMs, () => {
      this.#lineDue = true;
      this.#onDue();
    });
  }

  /** A line is due now, without a call. */
  hurry(): void {
    this.#lineDue = true;
  }

  /** A line takes what waits. What does not fit into it (`rest`) has waited as long. */
  lineTakes(rest: boolean): void {
    this.#interval?.cancel();
    this.#interval = null;
    this.#mark?.cancel();
    this.#markDue = false;
    this.#lineDue = rest;
  }

  /** The line is on the volume, and nothing proves it yet. */
  lineWritten(): void {
    if (this.#stopped) return;
    this.#mark = this.#clock.setTimer(MARK_AFTER_MS, () => {
      this.#markDue = true;
      this.#onDue();
    });
  }

  marked(): void {
    this.#markDue = false;
  }

  /** No time runs any more. */
  stop(): void {
    this.#stopped = true;
    this.#interval?.cancel();
    this.#mark?.cancel();
  }
}
