/**
 * What a bench puts on the machine, so that it can be taken away again: processes and a temporary directory.
 * Whatever ends the bench, its last line, an error, Ctrl-C or the limit of its time, `close` stops the
 * processes and removes the directory.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canPin, pinSelf } from './machine.js';
import { type Command, freePort, Server } from './server.js';

const SERVER_CORE = 0;
const GENERATOR_CORE = 1;

export class Workbench {
  /** Aborted when the bench is to end early. */
  readonly signal: AbortSignal;
  /** Whether servers have core 0 and this process core 1 for themselves. */
  readonly pinned = canPin();
  readonly #root = mkdtempSync(join(tmpdir(), 'cairn-bench-'));
  readonly #servers: Server[] = [];
  #names = 0;

  constructor(signal: AbortSignal) {
    this.signal = signal;
    if (this.pinned) pinSelf(GENERATOR_CORE);
  }

  /** A path that nobody has yet. */
  path(name: string): string {
    return join(this.#root, `${this.#names++}-${name}`);
  }

  directory(name: string): string {
    const path = this.path(name);
    mkdirSync(path);
    return path;
  }

  /** Starts a server on the servers' core and does not wait for it. */
  async start(commandOn: (port: number) => Command): Promise<Server> {
    this.signal.throwIfAborted();
    const port = await freePort();
    const server = new Server({
      port,
      command: this.#bound(commandOn(port)),
      home: this.#root,
      output: this.path('output'),
      signal: this.signal,
    });
    this.#servers.push(server);
    return server;
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map(server => server.kill()));
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** taskset(1) becomes the program, so the process id is that of the program. */
  #bound(command: Command): Command {
    return this.pinned ? ['taskset', '-c', String(SERVER_CORE), ...command] : command;
  }
}
