/**
 * A connection and the requests on it. They are handled one after the other, in the order they came: a pipelined
 * read sees the write before it (RFC 9112 §9.3.2 lets only reads run side by side). What is no request takes its
 * place in the same row: an answer to bytes that cannot be parsed comes after the answers before it, and ends the
 * connection.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { CairnError } from '../errors.js';
import type { ByteString } from '../model.js';
import type { Clock, Timer } from '../platform/clock.js';
import type { Answers } from './answers.js';
import type { ByteBudget } from './budget.js';

/** Calls back when the next may run. */
type Job = (done: () => void) => void;

/** Called when a request has been answered. `isLast`: the connection ends with that. */
export type Done = (isLast: boolean) => void;

export interface ConnectionOptions {
  readonly socket: Duplex;
  readonly clock: Clock;
  readonly lingerMs: number;
  readonly unansweredMax: number;
  /** It came when there were as many as there may be: only probes are answered on it. */
  readonly surplus: boolean;
  /** Of all connections together: bodies that have come, and long answers that go. */
  readonly bodies: ByteBudget;
  readonly answers: Answers;
}

export class Connection {
  readonly surplus: boolean;
  readonly bodies: ByteBudget;
  readonly answers: Answers;
  /** The request that is being handled may take as long as it likes to arrive. */
  patient = false;
  /** Whether the request that is being handled was answered for its handler, so that nobody reads what that says. */
  answeredFor = false;
  /** The answer that goes out has no end of its own, as that of a watch. */
  endless = false;
  readonly #options: ConnectionOptions;
  readonly #waiting: Job[] = [];
  #running = false;
  #newest: IncomingMessage | null = null;
  #newestResponse: ServerResponse | null = null;
  /** Of the request that is being handled. */
  #response: ServerResponse | null = null;
  #ended = false;
  #linger: Timer | null = null;
  /** Null: nobody asked yet. */
  #interruption: AbortController | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.surplus = options.surplus;
    this.bodies = options.bodies;
    this.answers = options.answers;
  }

  /** `overflow` is the answer if this is one too many that wait. */
  take(
    req: IncomingMessage,
    res: ServerResponse,
    handle: (done: Done) => void,
    overflow: () => ByteString,
  ): void {
    if (this.#ended) return;
    this.#newest = req;
    this.#newestResponse = res;
    if (this.#waiting.length + 1 >= this.#options.unansweredMax) {
      this.#endBehind(overflow);
      return;
    }
    this.#enqueue(done => {
      this.#response = res;
      this.endless = false;
      handle(isLast => {
        if (isLast) this.#forget();
        done();
      });
    });
  }

  /** Node has given the socket up, as for CONNECT. The answer that goes out is told of room in it all the same. */
  release(): void {
    this.#options.socket.on('drain', () => this.#response?.emit('drain'));
  }

  /** Ends the bodies that are read as they come; its reason is a CairnError. */
  get interruption(): AbortSignal {
    this.#interruption ??= new AbortController();
    return this.#interruption.signal;
  }

  interrupt(reason: CairnError): void {
    this.#interruption ??= new AbortController();
    this.#interruption.abort(reason);
  }

  /** Ends the connection with an answer to what came last: a request that is not whole yet, or none at all. */
  refuse(error: CairnError, answer: () => ByteString): void {
    if (this.#ended) return;
    const isWhole = this.#newest === null || this.#newest.complete;
    if (isWhole || this.#waiting.pop() !== undefined) {
      this.#endBehind(answer);
      return;
    }
    if (this.patient) {
      // Its handler knows how much of the body it has used, and answers that.
      this.interrupt(error);
      this.#endBehind(() => '');
      return;
    }
    this.#ended = true;
    // It is being handled, and its handler waits for a body that does not come any more.
    this.answeredFor = true;
    this.#hangUp(this.#newestResponse?.headersSent ? '' : answer());
  }

  /** The socket is gone. */
  close(): void {
    this.#ended = true;
    this.#waiting.length = 0;
    this.#linger?.cancel();
  }

  #endBehind(answer: () => ByteString): void {
    this.#ended = true;
    if (!this.endless) {
      this.#enqueue(() => this.#hangUp(answer()));
      return;
    }
    // Nobody would ever be told, nor would it be seen that the caller is gone. One that watches comes back.
    this.#waiting.length = 0;
    this.#hangUp('');
  }

  /**
   * What stands behind an answer that ends the connection is not done (RFC 9112 §9.6): nobody would be told, and behind a
   * malformed request it may be somebody's body.
   */
  #forget(): void {
    this.#ended = true;
    this.#waiting.length = 0;
  }

  #enqueue(job: Job): void {
    if (this.#running) this.#waiting.push(job);
    else this.#run(job);
  }

  /** What is done at once does not begin the next within itself: a thousand may wait. */
  #run(first: Job): void {
    let isInside = true;
    const done = (): void => {
      this.#running = false;
      const next = isInside ? undefined : this.#waiting.shift();
      if (next !== undefined) this.#run(next);
    };
    for (let next: Job | undefined = first; next !== undefined; ) {
      this.#running = true;
      next(done);
      next = this.#running ? undefined : this.#waiting.shift();
    }
    isInside = false;
  }

  /** The caller has time to read the answer before the socket goes, and with it what nobody will read. */
  #hangUp(answer: ByteString): void {
    const { socket, clock, lingerMs } = this.#options;
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    const close = () => socket.destroy();
    this.#linger = clock.setTimer(lingerMs, close);
    socket.once('end', close);
    socket.end(answer, 'latin1', () => {
      if (socket.readableEnded) close();
    });
    socket.resume();
  }
}

/** The connection ends with this answer: a header says so, or the caller, or Node has to. */
export function isLast(res: ServerResponse): boolean {
  return !res.shouldKeepAlive || res.getHeader('Connection') === 'close';
}
