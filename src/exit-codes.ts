/**
 * The exit code of every end, after sysexits.h: what a script or an orchestrator can act on without reading.
 * docs/configuration.md has the same table.
 */
import { CairnError, type ErrorCode } from './errors.js';

export const exitCodes = {
  ok: 0,
  /** The answer is no: not ready, no token. */
  failed: 1,
  /** EX_USAGE: the command line. */
  usage: 64,
  /** EX_DATAERR: snapshots that are damaged or not ours. */
  damaged: 65,
  /** EX_UNAVAILABLE: the machine lacks something. */
  unavailable: 69,
  /** EX_SOFTWARE: a defect of Cairn. */
  internal: 70,
  /** EX_IOERR: the volume. */
  storage: 74,
  /** EX_TEMPFAIL: again later may do; another process has the directory or the port. */
  temporary: 75,
  /** EX_NOPERM. */
  denied: 77,
  /** EX_CONFIG: a variable, the configuration file, or a file that it names. */
  configuration: 78,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Errors that end a process. One that is not here is an answer to a request: if it ends a process, that is a defect. */
const byError: Readonly<Partial<Record<ErrorCode, ExitCode>>> = {
  token_missing: exitCodes.failed,
  unhealthy: exitCodes.failed,
  usage: exitCodes.usage,
  snapshot_damaged: exitCodes.damaged,
  snapshot_foreign: exitCodes.damaged,
  lock_unavailable: exitCodes.unavailable,
  storage_full: exitCodes.storage,
  storage_error: exitCodes.storage,
  snapshot_locked: exitCodes.temporary,
  address_in_use: exitCodes.temporary,
  snapshot_denied: exitCodes.denied,
  configuration: exitCodes.configuration,
};

export function exitCodeOf(error: unknown): ExitCode {
  const code = error instanceof CairnError ? byError[error.code] : undefined;
  return code ?? exitCodes.internal;
}
