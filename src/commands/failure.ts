/**
 * How an error ends a verb: words on a terminal, one JSON line for a program, both on stderr and with the same facts.
 * No stack, unless the log level is `debug`.
 */
import { CairnError } from '../errors.js';
import { type ExitCode, exitCodeOf } from '../exit-codes.js';
import type { Io } from './io.js';

interface Facts {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly file?: string | undefined;
  readonly offset?: number | undefined;
  readonly revision?: number | undefined;
  readonly follows?: string | undefined;
}

/** Prints it, and says what to exit with. */
export function printFailure(error: unknown, io: Io, options: { readonly stack: boolean }): ExitCode {
  const facts = factsOf(error);
  const stack = options.stack && error instanceof Error ? error.stack : undefined;
  io.stderr.write(
    io.stderr.isTTY ? inWords(facts, stack) : `${JSON.stringify({ level: 'error', ...facts, stack })}\n`,
  );
  return exitCodeOf(error);
}

function factsOf(error: unknown): Facts {
  if (!(error instanceof CairnError)) {
    const message = error instanceof Error ? error.message : String(error);
    return {
      code: 'internal',
      message,
      hint: 'This is a defect of Cairn. CAIRN_LOG_LEVEL=debug shows where it is.',
    };
  }
  const { file, offset, revision, follows } = error.details;
  return { code: error.code, message: error.message, hint: error.hint, file, offset, revision, follows };
}

function inWords({ code: _, message, hint, ...place }: Facts, stack: string | undefined): string {
  const lines = [`cairn: ${message}`];
  const parts = Object.entries(place).filter(([, value]) => value !== undefined);
  if (parts.length > 0) lines.push(`  at: ${parts.map(([name, value]) => `${name} ${value}`).join(', ')}`);
  lines.push(`  hint: ${hint}`);
  if (stack !== undefined) lines.push(stack);
  return `${lines.join('\n')}\n`;
}
