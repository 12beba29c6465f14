/**
 * Long answers that are on their way, of all connections together. What a reader has not taken yet is kept for it, and may
 * have left the store meanwhile, so a thousand readers that stand still are much memory. Past the bound, who has taken
 * nothing for some seconds is cut off, the one that stands still longest before the others; as long as that is not enough,
 * no other long answer to a read begins. Within the bound a reader may stand still for minutes.
 */
import type { ServerResponse } from 'node:http';
import { CairnError } from '../errors.js';
import { ANSWER_PARTS_A_TURN, ANSWER_STALLED_MS, READER_PAUSE_MS } from '../limits.js';
import type { Clock, Timer } from '../platform/clock.js';

export interface AnswersOptions {
  readonly clock: Clock;
  readonly bytesMax: number;
}

/** One of them. */
export interface LongAnswer {
  /** A part of so many bytes is there for the reader. */
  waits(bytes: number): void;
  /** The reader has taken it. */
  moved(): void;
  /** It is over, whether it was read to its end or not. */
  end(): void;
}

interface Waiting {
  readonly bytes: number;
  readonly since: number;
  readonly late: Timer;
}

export class Answers {
  readonly #options: AnswersOptions;
  /** What each keeps all the time. */
  readonly #open = new Map<ServerResponse, number>();
  /** Those that wait for their reader: who stands still longest comes first. */
  readonly #waiting = new Map<ServerResponse, Waiting>();
  /** Who waits to make the next part. */
  readonly #next: (() => void)[] = [];
  #bytes = 0;
  #timer: Timer | null = null;

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  /** Kept for readers. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws CairnError `overloaded` */
  refuseFull(): void {
    if (this.#bytes < this.#options.bytesMax) return;
    throw new CairnError('overloaded', 'As much waits for slow readers as there may be.');
  }

  /** Resolves when the next part may be made: of all answers together there are so many in a turn of the event loop. */
  turn(): Promise<void> {
    return new Promise(resolve => {
      this.#next.push(resolve);
      if (this.#next.length === 1) void this.#giveTurns();
    });
  }

  async #giveTurns(): Promise<void> {
    while (this.#next.length > 0) {
      await this.#options.clock.turn();
      for (const next of this.#next.slice(0, ANSWER_PARTS_A_TURN)) next();
      this.#next.splice(0, ANSWER_PARTS_A_TURN);
    }
  }

  /** `bytes`: what is kept until it ends, beside the part that the reader is given. */
  begin(res: ServerResponse, bytes: number): LongAnswer {
    const { clock } = this.#options;
    this.#open.set(res, bytes);
    this.#bytes += bytes;
    this.#relieve();
    return {
      waits: part => {
        if (!this.#open.has(res)) return;
        const late = clock.setTimer(READER_PAUSE_MS, () => this.#cut(res));
        this.#waiting.set(res, { bytes: part, since: clock.monotonic(), late });
        this.#bytes += part;
        this.#relieve();
      },
      moved: () => this.#move(res),
      end: () => this.#end(res),
    };
  }

  #move(res: ServerResponse): void {
    const waiting = this.#waiting.get(res);
    if (waiting === undefined) return;
    waiting.late.cancel();
    this.#waiting.delete(res);
    this.#bytes -= waiting.bytes;
  }

  #end(res: ServerResponse): void {
    this.#move(res);
    this.#bytes -= this.#open.get(res) ?? 0;
    this.#open.delete(res);
    if (this.#bytes <= this.#options.bytesMax) this.#stopTimer();
  }

  /** As far as there are readers that stand still. */
  #relieve(): void {
    const { clock, bytesMax } = this.#options;
    this.#stopTimer();
    for (const [res, { since }] of this.#waiting) {
      if (this.#bytes <= bytesMax) return;
      const patience = since + ANSWER_STALLED_MS - clock.monotonic();
      if (patience > 0) {
        this.#timer = clock.setTimer(patience, () => this.#relieve());
        return;
      }
      this.#cut(res);
    }
  }

  #cut(res: ServerResponse): void {
    this.#end(res);
    res.destroy();
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
