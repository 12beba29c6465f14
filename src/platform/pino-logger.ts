/**
 * The log, over pino: one JSON object a line (`time` ISO, `level` as a word, fields, `msg`), or another form of it
 * (log-line.ts). The only file that imports pino.
 *
 * Lines go out asynchronously, since a reader that stands still (a full disk under the container's log) must stop
 * the log and never the service: past `LOG_BUFFER_BYTES_MAX` lines are dropped. A failed write to a descriptor ends the
 * log; a file by its path is tried again (log-file.ts). What is buffered is written when the process exits; `flush`
 * waits for it, so that the last lines come in their order.
 */
import { hostname } from 'node:os';
import { destination, pino, stdTimeFunctions } from 'pino';
import { CairnError } from '../errors.js';
import { LOG_BUFFER_BYTES_MAX } from '../limits.js';
import { LogFile } from './log-file.js';
import { syslogLine, textLine } from './log-line.js';
import type { LogFields, Logger } from './logger.js';

export interface PinoLoggerOptions {
  readonly level: keyof Logger;
  readonly format: 'json' | 'text' | 'syslog';
  /** Only with `text`. */
  readonly colours: boolean;
  /** Where the lines go: a file descriptor, or the path of a file. */
  readonly to: number | string;
}

export interface ProcessLogger extends Logger {
  /** Resolves when everything that was logged is written, or cannot be. */
  flush(): Promise<void>;
}

/** @throws CairnError `configuration` for a file that cannot be opened */
export function createPinoLogger({ level, format, colours, to }: PinoLoggerOptions): ProcessLogger {
  const onLoss = (lines: number): void =>
    log.warn({ lines }, 'lines of this log are missing here: its file could not be written');
  const sink = typeof to === 'number' ? descriptorSink(to) : fileSink(to, onLoss);
  const form = formOf(format, colours);
  const log = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      serializers: { err: describeError },
    },
    form === null ? sink : { write: line => sink.write(form(line)) },
  );
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    flush: () => sink.flush(),
  };
}

interface Sink {
  write(line: string): void;
  flush(): Promise<void>;
}

function descriptorSink(descriptor: number): Sink {
  // A minLength under 1 would make sonic-boom's flush call back at once.
  const lines = destination({ dest: descriptor, sync: false, minLength: 1, maxLength: LOG_BUFFER_BYTES_MAX });
  lines.on('error', () => silence(lines));
  return {
    write: line => void lines.write(line),
    flush: () => new Promise(resolve => lines.flush(() => resolve())),
  };
}

function fileSink(path: string, onLoss: (lines: number) => void): Sink {
  const file = LogFile.open(path, onLoss);
  process.on('exit', () => file.writeAtExit());
  return file;
}

/** Null: as pino writes it. */
function formOf(format: PinoLoggerOptions['format'], colours: boolean): ((json: string) => string) | null {
  if (format === 'json') return null;
  if (format === 'text') return json => textLine(json, colours);
  const origin = { host: hostname(), pid: process.pid };
  return json => syslogLine(json, origin);
}

/**
 * A descriptor that cannot be written (a full disk, a pipe without a reader) ends the log: sonic-boom would throw
 * where nobody catches, and its flush at exit would wait for ever for the space.
 */
function silence(lines: ReturnType<typeof destination>): void {
  const nothing = (): void => {};
  Object.assign(lines, {
    write: () => true,
    flush: (done: () => void = nothing) => done(),
    flushSync: nothing,
    end: nothing,
    destroy: nothing,
  });
}

/** An error that Cairn knows needs no stack; of any other the stack is all that there is to go by. */
function describeError(error: unknown): unknown {
  if (error instanceof CairnError) {
    const { cause, ...details } = error.details;
    return { code: error.code, message: error.message, ...details, hint: error.hint, ...causeOf(cause) };
  }
  if (!(error instanceof Error)) return error;
  const { name, message, stack, cause } = error;
  return { ...('code' in error ? { code: error.code } : {}), type: name, message, stack, ...causeOf(cause) };
}

function causeOf(cause: unknown): LogFields {
  if (cause === undefined) return {};
  return { cause: cause instanceof Error ? cause.message : String(cause) };
}
