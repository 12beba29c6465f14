/** How far a verb has come: one line of a terminal, rewritten; nothing where it is over within `PROGRESS_MS`. */
import { PROGRESS_MS } from '../limits.js';
import type { Clock } from '../platform/clock.js';
import type { Io } from './io.js';

export class Progress {
  readonly #io: Pick<Io, 'stderr'>;
  readonly #clock: Clock;
  #next: number;
  #shown = false;

  constructor(io: Pick<Io, 'stderr'>, clock: Clock) {
    this.#io = io;
    this.#clock = clock;
    this.#next = clock.monotonic() + PROGRESS_MS;
  }

  /** `total` 0: nobody knows. */
  show(done: number, total: number): void {
    if (!this.#io.stderr.isTTY || this.#clock.monotonic() < this.#next) return;
    this.#next = this.#clock.monotonic() + PROGRESS_MS;
    this.#shown = true;
    const words = total > 0 ? `${Math.floor((100 * done) / total)} % of ${total} bytes` : `${done} bytes`;
    this.#io.stderr.write(`\r${words}`);
  }

  end(): void {
    if (this.#shown) this.#io.stderr.write('\n');
    this.#shown = false;
  }
}
