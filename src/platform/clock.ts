/** Time, as small as Cairn needs it, so that tests own it. */

/** A timer that has not fired. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** The wall clock: milliseconds since the Unix epoch. May jump either way. For deadlines and dates. */
  now(): number;
  /** Milliseconds since some moment; never goes back. For durations and time-outs. */
  monotonic(): number;
  /**
   * Calls back once, after `delayMs` of monotonic time, or after 24.8 days where that is sooner. Keeps the process
   * alive until then.
   */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Resolves after the event loop has had a turn for everything that waits. */
  turn(): Promise<void>;
}

/** Node counts timer delays in 31 bits and fires at once above them. */
const DELAY_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), DELAY_MAX));
    return { cancel: () => clearTimeout(timer) };
  },
  turn: () => new Promise(resolve => setImmediate(resolve)),
};
