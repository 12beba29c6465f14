/**
 * What a verb has of the process that runs it. A verb is a function from its words and this to an exit code; it
 * never touches `process`, so a test runs it in its own process.
 */
import type { EventEmitter } from 'node:events';
import { CairnError, systemCode } from '../errors.js';

export interface Output {
  write(text: string): void;
  /** Resolves when the stream has taken them, so that whoever writes waits for whoever reads; EPIPE rejects here. */
  writeBytes(bytes: Uint8Array): Promise<void>;
  readonly isTTY: boolean;
}

export interface Input {
  chunks(): AsyncIterable<Uint8Array>;
  readonly isTTY: boolean;
}

/** Data goes to stdout, talk to stderr. */
export interface Io {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The signals, and the errors that nobody caught, under the names that `process` gives them. */
  readonly events: EventEmitter;
  /** Ends the process at once, whatever still runs. */
  exit(code: number): void;
}

/** `argv` is what stands behind the verb. Resolves with the exit code; throws a CairnError for main to print. */
export type Verb = (argv: readonly string[], io: Io) => Promise<number>;

/** An output over a stream of the process. */
export class StreamOutput implements Output {
  readonly #stream: NodeJS.WritableStream & { readonly isTTY?: boolean };
  #used = false;
  #failure: CairnError | null = null;

  /** From now on an error of the stream is none that nobody caught. */
  constructor(stream: NodeJS.WritableStream & { readonly isTTY?: boolean }) {
    this.#stream = stream;
    stream.on('error', cause => this.#fail(cause));
  }

  get isTTY(): boolean {
    return this.#stream.isTTY === true;
  }

  write(text: string): void {
    this.#used = true;
    this.#stream.write(text);
  }

  writeBytes(bytes: Uint8Array): Promise<void> {
    this.#used = true;
    return new Promise((resolve, reject) => {
      this.#stream.write(bytes, error => (error ? reject(error) : resolve()));
    });
  }

  /** When all that was written is out: what failed, or null. */
  async settled(): Promise<CairnError | null> {
    if (this.#used) await new Promise<void>(resolve => this.#stream.write('', () => resolve()));
    return this.#failure;
  }

  /** `cairn help | head -1` is no failure: whoever reads has what they wanted. */
  #fail(cause: unknown): void {
    const code = systemCode(cause);
    if (code === 'EPIPE' || !this.#used) return;
    this.#failure ??= new CairnError('storage_error', `What was printed could not be written (${code}).`, {
      hint: 'Look at the volume that the output goes to, and do it again.',
      cause,
    });
  }
}

/** Opened only when it is asked for: a service has no use for it, and may have been given a strange one. */
export function inputOf(open: () => NodeJS.ReadableStream & { readonly isTTY?: boolean }): Input {
  return {
    async *chunks() {
      for await (const chunk of open()) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    },
    get isTTY() {
      return open().isTTY === true;
    },
  };
}
