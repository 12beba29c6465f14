/**
 * The log, over pino: one JSON object a line (`time` ISO, `level` as a word, fields, `msg`), or short lines for
 * people. The only file that imports pino.
 *
 * Lines go out asynchronously, since a reader that stands still (a full disk under the container's log) must stop
 * the log and never the service: past `LOG_BUFFER_BYTES_MAX` lines are dropped, and a failed write ends the log. What is buffered is written when the
 * process exits; `flush` waits for it, so that the last lines come in their order.
 */
import { styleText } from 'node:util';
import { destination, pino, stdTimeFunctions } from 'pino';
import { CairnError } from '../errors.js';
import { LOG_BUFFER_BYTES_MAX } from '../limits.js';
import type { LogFields, Logger } from './logger.js';

export interface PinoLoggerOptions {
  readonly level: keyof Logger;
  readonly format: 'json' | 'text';
  /** Only with `text`. */
  readonly colours: boolean;
  /** The file descriptor that the lines go to. */
  readonly descriptor: number;
}

export interface ProcessLogger extends Logger {
  /** Resolves when everything that was logged is written, or cannot be. */
  flush(): Promise<void>;
}

export function createPinoLogger({ level, format, colours, descriptor }: PinoLoggerOptions): ProcessLogger {
  // A minLength under 1 would make sonic-boom's flush call back at once.
  const lines = destination({ dest: descriptor, sync: false, minLength: 1, maxLength: LOG_BUFFER_BYTES_MAX });
  lines.on('error', () => silence(lines));
  const sink =
    format === 'json' ? lines : { write: (line: string) => void lines.write(textLine(line, colours)) };
  const log = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      serializers: { err: describeError },
    },
    sink,
  );
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    flush: () => new Promise(resolve => lines.flush(() => resolve())),
  };
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

/** `12:03:04 info  ready url=http://127.0.0.1:3000 keys=3`, in the time of this machine. */
function textLine(json: string, colours: boolean): string {
  const { time, level, msg, ...fields }: Record<string, unknown> = JSON.parse(json);
  const clock = new Date(String(time)).toTimeString().slice(0, 8);
  const rest = Object.entries(fields).map(
    ([name, value]) => ` ${paint('dim', `${safe(name)}=`, colours)}${showField(value)}`,
  );
  return `${paint('dim', clock, colours)} ${showLevel(String(level), colours)} ${safe(String(msg ?? ''))}${rest.join('')}\n`;
}

const LEVEL_STYLES: Readonly<Record<string, 'dim' | 'green' | 'yellow' | 'red'>> = {
  debug: 'dim',
  info: 'green',
  warn: 'yellow',
  error: 'red',
};

function showLevel(level: string, colours: boolean): string {
  return paint(LEVEL_STYLES[level] ?? 'dim', level.padEnd(5), colours);
}

function paint(style: 'dim' | 'green' | 'yellow' | 'red', text: string, colours: boolean): string {
  return colours ? styleText(style, text, { validateStream: false }) : text;
}

function showField(value: unknown): string {
  if (typeof value !== 'string') return safe(JSON.stringify(value));
  return /^[^\s"=]+$/.test(value) ? safe(value) : safe(JSON.stringify(value));
}

/** What a client sent must not move the cursor or begin a line of its own. */
function safe(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
