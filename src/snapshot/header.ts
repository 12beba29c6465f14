/**
 * The first line of a file, which says what it is, and the last of a base, which counts what stands before it; and how
 * any line is read that is not what it should be.
 */
import type { Epoch, Revision } from '../model.js';
import { frameLine, jsonOf } from './line.js';

/** The version of the format. A reader refuses a higher one. */
export const FORMAT = 1;

/** What a log says of the log before it: how many of its bytes count, and which file is meant. */
export interface Seal {
  readonly number: number;
  /** Of its first line, so that another file of the same number is not taken for it. */
  readonly checksum: string;
  readonly bytes: number;
}

export interface LogHeader {
  readonly cairn: 'log';
  readonly format: number;
  /** A UUID, made with the first file; files of two stores never mix. */
  readonly store: string;
  readonly epoch: Epoch;
  readonly number: number;
  /** The revision after which its changes begin. */
  readonly after: Revision;
  /** Null where a history begins. */
  readonly prev: Seal | null;
}

export interface BaseHeader {
  readonly cairn: 'base';
  readonly format: number;
  readonly store: string;
  readonly epoch: Epoch;
  readonly number: number;
  /** The revision whose state this is. */
  readonly revision: Revision;
}

/** The last line of a base. `checksum` is the CRC-32 over the checksums of all lines before it, as they stand. */
export interface BaseFooter {
  readonly entries: number;
  readonly lines: number;
  readonly checksum: string;
}

/** A right line whose JSON is not what the format allows: written by something else than this version of Cairn. */
export class FormatError extends Error {
  override readonly name: string = 'FormatError';
}

/** A file of a later version, of which nothing more than that can be said. */
export class NewerFormatError extends FormatError {
  override readonly name = 'NewerFormatError';

  constructor(format: number) {
    super(`it is of format ${format}; this version reads up to ${FORMAT}`);
  }
}

/** The first line of a file, or the last of a base. */
export function encodeHeader(header: LogHeader | BaseHeader | BaseFooter): Buffer {
  return frameLine(JSON.stringify(header));
}

/** Reads the first line of a log or a base. */
export function decodeHeader(line: Buffer): LogHeader | BaseHeader {
  const json = parseJson(jsonOf(line));
  if (!isRecord(json) || (json['cairn'] !== 'log' && json['cairn'] !== 'base')) {
    throw new FormatError('this is no file of Cairn');
  }
  if (!isCount(json['format'])) throw new FormatError('the format has no number');
  // A newer format may have changed all the rest: nothing more is read of it.
  if (json['format'] > FORMAT) throw new NewerFormatError(json['format']);
  if (isLogHeader(json) || isBaseHeader(json)) return json;
  throw new FormatError('the first line lacks something');
}

function isLogHeader(json: object): json is LogHeader {
  const { cairn, after, prev } = json as Partial<LogHeader>;
  return cairn === 'log' && isFileHeader(json) && isCount(after) && (prev === null || isSeal(prev));
}

function isBaseHeader(json: object): json is BaseHeader {
  const { cairn, revision } = json as Partial<BaseHeader>;
  return cairn === 'base' && isFileHeader(json) && isCount(revision);
}

function isFileHeader(json: object): boolean {
  const { store, epoch, number } = json as Partial<LogHeader>;
  return typeof store === 'string' && isCount(epoch) && isCount(number);
}

function isSeal(json: unknown): boolean {
  return (
    isRecord(json) &&
    isCount(json['number']) &&
    isCount(json['bytes']) &&
    typeof json['checksum'] === 'string'
  );
}

export function isRecord(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

export function isCount(json: unknown): json is number {
  return typeof json === 'number' && Number.isSafeInteger(json) && json >= 0;
}

export function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new FormatError('a line is no JSON', { cause });
  }
}
