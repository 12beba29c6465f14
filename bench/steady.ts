/**
 * Traffic at a steady pace, for questions about waiting: each client has one keep-alive connection and sends a
 * request at every beat, whether the server is in a hurry or not. A latency counts from the beat, not from the
 * sending: a request that had to wait for the one before it has waited too ("coordinated omission", Tene 2013).
 */
import { connect, type Socket } from 'node:net';
import { type Answer, AnswerCutter } from './answers.js';

export interface SteadyOptions {
  readonly port: number;
  /** Milliseconds from one request to the next. */
  readonly beatMs: number;
  /** The request of each beat. */
  readonly next: () => Buffer;
}

export class SteadyClient {
  readonly #options: SteadyOptions;
  readonly #socket: Socket;
  readonly #opened: Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #latenciesMs: number[] = [];
  /** The beats whose requests are not answered, or not even sent, oldest first. */
  readonly #beats: number[] = [];
  #sent = false;
  #paused = false;
  #nextBeat: number;
  #failure: Error | null = null;

  constructor(options: SteadyOptions) {
    this.#options = options;
    this.#socket = connect({ host: '127.0.0.1', port: options.port, noDelay: true });
    const cutter = new AnswerCutter(answer => this.#answered(answer));
    this.#socket.on('data', chunk => cutter.push(chunk));
    this.#socket.on('error', error => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('The server closed a connection.')));
    this.#opened = new Promise(resolve => this.#socket.on('connect', resolve));
    this.#nextBeat = performance.now() + options.beatMs;
    this.#timer = setInterval(() => this.#tick(), 1);
  }

  opened(): Promise<void> {
    return this.#opened;
  }

  /** Until `resume` no beat comes; what is on its way is still answered. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#nextBeat = performance.now() + this.#options.beatMs;
    this.#paused = false;
  }

  /** Of all that was answered since the last call. Throws where an answer was no success. */
  take(): Float64Array {
    if (this.#failure !== null) throw this.#failure;
    const taken = Float64Array.from(this.#latenciesMs);
    this.#latenciesMs = [];
    return taken;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }

  #tick(): void {
    if (this.#paused) return;
    const now = performance.now();
    for (; this.#nextBeat <= now; this.#nextBeat += this.#options.beatMs) this.#beats.push(this.#nextBeat);
    this.#send();
  }

  #send(): void {
    if (this.#sent || this.#beats.length === 0) return;
    this.#sent = true;
    this.#socket.write(this.#options.next());
  }

  #answered({ status, body }: Answer): void {
    if (status !== 200) this.#fail(new Error(`An answer ${status}: ${body.toString()}`));
    this.#latenciesMs.push(performance.now() - this.#beats.shift()!);
    this.#sent = false;
    this.#send();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    clearInterval(this.#timer);
  }
}
