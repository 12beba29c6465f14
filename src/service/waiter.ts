/** One that waits for the next change of what it watches, whatever the change is, and is told once. */
import type { Interest } from './interest.js';
import type { WatchEvent } from './watch-event.js';

/** `unchanged`: the time is over, or the service stops. `gone`: nobody wants to know any more, or may. */
export type WaitOutcome = 'changed' | 'unchanged' | 'gone';

export interface WaiterOptions {
  readonly interest: Interest;
  /** With whom it has its heartbeat. */
  readonly group: number;
  /** False: the caller may not see this any more. */
  readonly isCurrent: () => boolean;
  /** Changes up to this one are known. */
  readonly revision: number;
  /** It has something to do. */
  readonly wake: () => void;
  readonly resolve: (outcome: WaitOutcome) => void;
}

export class Waiter {
  readonly interest: Interest;
  readonly group: number;
  /** Whether it is in the line of those that have something to do; kept by the host. */
  isWaiting = false;
  readonly #options: WaiterOptions;
  #outcome: WaitOutcome | null = null;

  constructor(options: WaiterOptions) {
    this.#options = options;
    this.interest = options.interest;
    this.group = options.group;
  }

  offer({ change }: WatchEvent): boolean {
    if (change.revision <= this.#options.revision || this.#outcome !== null) return false;
    this.#outcome = 'changed';
    return true;
  }

  /** The first outcome is the one that counts. */
  settle(outcome: WaitOutcome): void {
    if (this.#outcome !== null) return;
    this.#outcome = outcome;
    this.#options.wake();
  }

  /** Nothing is sent: a wait that may go on is silent. */
  beat(): void {
    if (!this.#options.isCurrent()) this.settle('gone');
  }

  serve(): boolean {
    if (this.#outcome !== null) this.#options.resolve(this.#outcome);
    return false;
  }
}
