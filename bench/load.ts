/**
 * The load generator: keep-alive connections on raw sockets, each with at most `depth` requests in flight, that
 * send prepared bytes and check every answer, status and body. The first wrong answer, or a connection that
 * ends, fails the run: nobody is fast by being wrong. A 503 with Retry-After is no wrong answer: a volume that others
 * use too may be slow for seconds. The request is sent again then, and that is counted; many of them fail the run.
 *
 * It is to have a core of its own, and never sleeps while it waits: to wake a core that sleeps costs the one who
 * sends, some microseconds on a virtual machine. That would be counted as the server's work, and the slower the
 * server, the more often. How much of its time it waited is part of the result, since a generator that never
 * waits measures itself.
 */
import { connect, type Socket } from 'node:net';
import { type Answer, AnswerCutter } from './answers.js';
import type { Exchange, Script } from './dataset.js';

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  /** Requests in flight per connection; 1 is what HTTP clients do. */
  readonly depth: number;
  readonly signal: AbortSignal;
}

export interface Load {
  readonly seconds: number;
  /** Of each request, in milliseconds, from the write to the last byte of the answer. */
  readonly latenciesMs: Float64Array;
  /** The share of the time in which the generator did not only wait. */
  readonly generatorBusy: number;
  /** Answers that asked for the request once more. */
  readonly refused: number;
}

const READ_BUFFER_BYTES = 64 * 1024;
/** Of all requests: more than these may not be refused. One on each connection always may. */
const REFUSED_SHARE_MAX = 0.01;
const RETRY_AFTER = /^retry-after: (\d{1,2})\r?$/im;

/** Opens the connections, runs the script once over all of them together, and closes them. */
export async function runLoad(script: Script, options: LoadOptions): Promise<Load> {
  options.signal.throwIfAborted();
  const run = new Run(script);
  const abort = () => run.fail(options.signal.reason);
  options.signal.addEventListener('abort', abort);
  const connections = Array.from({ length: options.connections }, () => new Connection(options, run));
  try {
    await Promise.race([run.done, Promise.all(connections.map(connection => connection.opened))]);
    return await measured(run, connections);
  } finally {
    options.signal.removeEventListener('abort', abort);
    for (const connection of connections) connection.close();
  }
}

async function measured(run: Run, connections: readonly Connection[]): Promise<Load> {
  const wait = new BusyWait(run);
  const start = performance.now();
  for (const connection of connections) connection.begin();
  wait.begin();
  try {
    await run.done;
  } finally {
    wait.end();
  }
  const milliseconds = performance.now() - start;
  return {
    seconds: milliseconds / 1000,
    latenciesMs: run.latenciesMs,
    generatorBusy: 1 - wait.idleMs / milliseconds,
    refused: run.refused,
  };
}

/** Turns the event loop without a pause. A turn that brought no answer was idle. */
class BusyWait {
  idleMs = 0;
  readonly #run: Run;
  #on = false;
  #turnedAt = 0;
  #answered = 0;

  constructor(run: Run) {
    this.#run = run;
  }

  begin(): void {
    this.#on = true;
    this.#turnedAt = performance.now();
    setImmediate(this.#turn);
  }

  end(): void {
    this.#on = false;
  }

  readonly #turn = (): void => {
    if (!this.#on) return;
    const now = performance.now();
    const { answers } = this.#run;
    if (answers === this.#answered) this.idleMs += now - this.#turnedAt;
    this.#answered = answers;
    this.#turnedAt = now;
    setImmediate(this.#turn);
  };
}

/** What the connections of one run share: which request is next, how many are answered. */
class Run {
  readonly latenciesMs: Float64Array;
  readonly done: Promise<void>;
  readonly #script: Script;
  refused = 0;
  #next = 0;
  #answers = 0;
  #settle!: { resolve: () => void; reject: (reason: unknown) => void };

  constructor(script: Script) {
    this.#script = script;
    this.latenciesMs = new Float64Array(script.count);
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Where the connections cannot be opened nobody awaits it.
    this.done.catch(() => {});
    if (script.count === 0) this.#settle.resolve();
  }

  /** How many have come. */
  get answers(): number {
    return this.#answers;
  }

  take(): Exchange | null {
    return this.#next === this.#script.count ? null : this.#script.at(this.#next++);
  }

  answered(latencyMs: number): void {
    this.latenciesMs[this.#answers++] = latencyMs;
    if (this.#answers === this.#script.count) this.#settle.resolve();
  }

  /** False: there have been too many. */
  refuse(connections: number): boolean {
    this.refused += 1;
    return this.refused <= Math.max(connections, this.#script.count * REFUSED_SHARE_MAX);
  }

  fail(reason: unknown): void {
    this.#settle.reject(reason);
  }
}

interface Flight {
  readonly exchange: Exchange;
  readonly sentAt: number;
}

class Connection {
  readonly opened: Promise<void>;
  readonly #run: Run;
  readonly #options: LoadOptions;
  readonly #socket: Socket;
  readonly #cutter = new AnswerCutter(answer => this.#check(answer));
  readonly #flights: Flight[] = [];

  constructor(options: LoadOptions, run: Run) {
    const { port } = options;
    this.#run = run;
    this.#options = options;
    const buffer = Buffer.allocUnsafe(READ_BUFFER_BYTES);
    const callback = (count: number) => this.#read(buffer.subarray(0, count));
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, onread: { buffer, callback } });
    this.#socket.on('error', error => run.fail(error));
    this.#socket.on('close', () => run.fail(new Error(`A contestant on port ${port} closed a connection.`)));
    this.opened = new Promise(resolve => this.#socket.on('connect', resolve));
  }

  begin(): void {
    for (let free = this.#options.depth; free > 0; free--) this.#send();
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(): void {
    const exchange = this.#run.take();
    if (exchange === null) return;
    this.#fly({ exchange, sentAt: performance.now() });
  }

  #fly(flight: Flight): void {
    this.#flights.push(flight);
    this.#socket.write(flight.exchange.request);
  }

  /** False stops the reading: after a failure nothing that follows counts. */
  #read(chunk: Buffer): boolean {
    try {
      this.#cutter.push(chunk);
      return true;
    } catch (error) {
      this.#run.fail(error);
      return false;
    }
  }

  #check(answer: Answer): void {
    const flight = this.#flights.shift();
    if (flight === undefined) throw new Error(`An answer without a request: ${answer.head}`);
    const { status, body, request } = flight.exchange;
    const retryAfter =
      answer.status === 503 && status !== 503 ? RETRY_AFTER.exec(answer.head)?.[1] : undefined;
    if (retryAfter !== undefined && this.#run.refuse(this.#options.connections)) {
      setTimeout(() => this.#fly(flight), Number(retryAfter) * 1000);
      return;
    }
    if (answer.status !== status || !answer.body.equals(body)) throw wrongAnswer(request, answer);
    this.#run.answered(performance.now() - flight.sentAt);
    this.#send();
  }
}

function wrongAnswer(request: Buffer, answer: Answer): Error {
  const asked = request.toString('utf8', 0, request.indexOf('\r\n'));
  return new Error(`Wrong answer to ${asked}:\n${answer.head}\n\n${answer.body.toString()}`);
}

/** One request on a connection of its own, and its answer, whatever it is. */
export function ask(port: number, request: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(request));
    const cutter = new AnswerCutter(({ status, head, body }) => {
      resolve({ status, head, body: Buffer.from(body) });
      socket.destroy();
    });
    socket.on('data', chunk => {
      try {
        cutter.push(chunk);
      } catch (error) {
        socket.destroy();
        reject(error);
      }
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`Port ${port} closed the connection instead of an answer.`)));
  });
}
