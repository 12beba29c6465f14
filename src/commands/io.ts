/**
 * What a verb has of the process that runs it. A verb is a function from its words and this to an exit code; it
 * never touches `process`, so a test runs it in its own process.
 */
import type { EventEmitter } from 'node:events';
import { systemCode } from '../errors.js';

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

export function outputOf(stream: NodeJS.WritableStream & { readonly isTTY?: boolean }): Output {
  return {
    write: text => void stream.write(text),
    writeBytes: bytes =>
      new Promise((resolve, reject) => {
        stream.write(bytes, error => (error ? reject(error) : resolve()));
      }),
    isTTY: stream.isTTY === true,
  };
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

/** `cairn help | head -1` is no failure: whoever reads has what they wanted. */
export function ignoreBrokenPipe(stream: EventEmitter): void {
  stream.on('error', (error: unknown) => {
    if (systemCode(error) !== 'EPIPE') throw error;
  });
}
