/**
 * A contestant as a process of its own: started with a bare environment, so that no variable of the caller
 * changes what is measured, and with its output in a file, which is shown if it dies.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { getRequest } from './dataset.js';
import { ask } from './load.js';
import { systemCode } from './machine.js';

/** The program and its arguments. */
export type Command = readonly [string, ...string[]];

/** `silent`: nobody listens. `busy`: it answers that it cannot serve yet. */
export type Readiness = 'ready' | 'busy' | 'silent';

export interface ServerOptions {
  readonly port: number;
  readonly command: Command;
  readonly home: string;
  /** The file for what it prints. */
  readonly output: string;
  readonly signal: AbortSignal;
}

/** Milliseconds until a port that nobody listens on is tried again: that costs the process nothing. */
const SILENT_POLL_MS = 1;
/** Milliseconds until one that is busy is asked again: seldom, since each answer takes time from its work. */
const BUSY_POLL_MS = 10;
/** Milliseconds to end in after SIGTERM; a full store writes its last changes then. */
const STOP_MS = 30_000;
const OUTPUT_CHARACTERS_SHOWN = 2_000;

export class Server {
  readonly port: number;
  readonly pid: number;
  /** On the clock of `performance.now()`. */
  readonly startedAt: number;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #options: ServerOptions;

  constructor(options: ServerOptions) {
    const [program, ...args] = options.command;
    const file = openSync(options.output, 'w');
    const env = { PATH: process.env['PATH'], HOME: options.home, NODE_ENV: 'production' };
    this.startedAt = performance.now();
    this.#child = spawn(program, args, { cwd: options.home, stdio: ['ignore', file, file], env });
    closeSync(file);
    this.#exited = once(this.#child, 'exit').catch(() => {});
    if (this.#child.pid === undefined) throw new Error(`Cannot start ${program}.`);
    this.pid = this.#child.pid;
    this.port = options.port;
    this.#options = options;
  }

  /** Resolves once it is ready, with the milliseconds that it took from its start. */
  async ready(probe: (port: number) => Promise<Readiness>): Promise<number> {
    for (;;) {
      const readiness = await probe(this.port);
      if (readiness === 'ready') return performance.now() - this.startedAt;
      this.#options.signal.throwIfAborted();
      if (this.#gone) throw this.#failure('ended before it was ready');
      await delay(readiness === 'busy' ? BUSY_POLL_MS : SILENT_POLL_MS);
    }
  }

  /** Ends it by SIGTERM, as Kubernetes does, and waits until it is gone. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const limit = new AbortController();
    const late = delay(STOP_MS, 'late', { signal: limit.signal });
    if ((await Promise.race([this.#exited, late])) === 'late') throw this.#failure('did not end in time');
    limit.abort();
    late.catch(() => {});
  }

  /** Ends it whatever it does. Does nothing to one that is gone. */
  async kill(): Promise<void> {
    if (this.#gone) return;
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  get #gone(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #failure(what: string): Error {
    const output = readFileSync(this.#options.output, 'utf8').slice(-OUTPUT_CHARACTERS_SHOWN);
    return new Error(`${this.#options.command.join(' ')} ${what}.\n${output}`);
  }
}

/** A loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('No port.');
  return address.port;
}

const READY_REQUEST = getRequest('/readyz');

export async function httpReadiness(port: number): Promise<Readiness> {
  try {
    const { status } = await ask(port, READY_REQUEST);
    return status === 200 ? 'ready' : 'busy';
  } catch (error) {
    if (systemCode(error) === 'ECONNREFUSED') return 'silent';
    throw error;
  }
}
