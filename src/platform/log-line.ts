/**
 * A line of the log in its other forms, made of the JSON line that pino wrote: short text for people, and syslog as
 * RFC 5424 has it. Either is one line whatever is in it: what a client sent can neither begin a line of its own nor
 * move a cursor.
 */
import { styleText } from 'node:util';

/** `12:03:04 info  ready url=http://127.0.0.1:3000 keys=3`, in the time of this machine. */
export function textLine(json: string, colours: boolean): string {
  const { time, level, msg, fields } = read(json);
  const clock = new Date(time).toTimeString().slice(0, 8);
  const rest = fields.map(
    ([name, value]) => ` ${paint('dim', `${safe(name)}=`, colours)}${showField(value)}`,
  );
  return `${paint('dim', clock, colours)} ${showLevel(level, colours)} ${safe(msg)}${rest.join('')}\n`;
}

/** Who a syslog line is from. */
export interface SyslogOrigin {
  readonly host: string;
  readonly pid: number;
}

/** The facility `daemon`; RFC 5424, 6.2.1. */
const FACILITY = 3;
const SEVERITIES: Readonly<Record<string, number>> = { debug: 7, info: 6, warn: 4, error: 3 };
/** RFC 5424, 6: HOSTNAME is at most so many visible ASCII characters. */
const HOST_CHARS_MAX = 255;

/**
 * `<30>1 2026-11-21T12:03:04.123Z host cairn 17 - - ready url=http://127.0.0.1:3000 keys=3`. There is no MSGID, and no
 * structured data, whose names would need a number that IANA gave us: the fields are part of the message. That is
 * ASCII, since anything else would have to begin with a byte order mark.
 */
export function syslogLine(json: string, { host, pid }: SyslogOrigin): string {
  const { time, level, msg, fields } = read(json);
  const priority = FACILITY * 8 + (SEVERITIES[level] ?? 6);
  const name = host.replace(/[^\x21-\x7e]/g, '').slice(0, HOST_CHARS_MAX) || '-';
  const message = `${safe(msg)}${fields.map(([key, value]) => ` ${safe(key)}=${showField(value)}`).join('')}`;
  return `<${priority}>1 ${time} ${name} cairn ${pid} - - ${ascii(message)}\n`;
}

interface Line {
  readonly time: string;
  readonly level: string;
  readonly msg: string;
  readonly fields: readonly (readonly [string, unknown])[];
}

function read(json: string): Line {
  const { time, level, msg, ...fields }: Record<string, unknown> = JSON.parse(json);
  return { time: String(time), level: String(level), msg: String(msg ?? ''), fields: Object.entries(fields) };
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

function safe(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, escaped);
}

function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, escaped);
}

/** By UTF-16 units, as JSON writes them. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
