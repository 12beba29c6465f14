/** Where events go. One injected sink; nothing below main.ts writes to a stream of its own. */

export type LogFields = Readonly<Record<string, unknown>>;

/** Fields first, then one sentence, as pino has it. Values and tokens never go into a log. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}
