/**
 * What the lines of a snapshot file say, written once: the writer and the reader both take it from here. In words,
 * with a worked example that a test parses: docs/snapshot-format.md. How a line is framed: line.ts.
 *
 *     log    first line, then batches; `mark` and `end` lines say that what stands before them is durable
 *     base   first line, then lines of entries, then the last line that counts and sums them
 *
 * Values stand last in a line, as the text in memory, and `lengths` tells how long each is: a reader parses only
 * what stands before them and cuts. A text with a newline in it (white space between members) would break the
 * line, so it stands as a JSON string of itself, and its length is negative.
 */
import type { BaseEntry, ByteString, Change, Epoch, JsonText, Key, Revision } from '../model.js';
import { frameLine, jsonOf } from './line.js';
import { scanBatch, scanEntries } from './rows.js';

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

/** A line of a log behind its first. */
export type LogLine =
  | {
      readonly type: 'batch';
      readonly first: Revision;
      readonly count: number;
      readonly changes: readonly Change[];
    }
  | { readonly type: 'mark' | 'end'; readonly revision: Revision };

/** A line of a base behind its first. */
export type BaseLine =
  | { readonly type: 'entries'; readonly collection: string; readonly entries: readonly BaseEntry[] }
  | ({ readonly type: 'footer' } & BaseFooter);

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

// Writing

/** The changes of one commit, encoded once: kept until they are durable, whatever log takes them. */
export interface Group {
  readonly first: Revision;
  readonly count: number;
  readonly epoch: Epoch;
  /** The items of the three arrays of a batch line, joined by commas. */
  readonly operations: ByteString;
  readonly lengths: ByteString;
  readonly values: readonly ByteString[];
  /** What it adds to a line, not more than some bytes too many. */
  readonly bytes: number;
}

/** Encodes consecutive changes of one epoch, at least one. */
export function encodeGroup(changes: readonly Change[]): Group {
  let operations = '';
  let lengths = '';
  let bytes = 0;
  const values: ByteString[] = [];
  for (const change of changes) {
    operations += `${operations === '' ? '' : ','}${encodeOperation(change)}`;
    if (change.type !== 'put') continue;
    const value = withoutNewline(change.text);
    lengths += `${lengths === '' ? '' : ','}${value === change.text ? value.length : -value.length}`;
    values.push(value);
    bytes += value.length + 1;
  }
  const { revision: first, epoch } = changes[0] as Change;
  bytes += operations.length + lengths.length + 2;
  return { first, count: changes.length, epoch, operations, lengths, values, bytes };
}

/** One line of a log out of groups of one epoch, in their order. */
export function encodeBatch(groups: readonly Group[]): Buffer {
  const { first, epoch } = groups[0] as Group;
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  const operations = groups.map(group => group.operations).join(',');
  const lengths = groups.flatMap(group => (group.lengths === '' ? [] : [group.lengths])).join(',');
  const values = groups.flatMap(group => group.values).join(',');
  return frameLine(
    `{"first":${first},"count":${count},"epoch":${epoch},"operations":[${operations}],"lengths":[${lengths}],"values":[${values}]}`,
  );
}

/** What a batch line has beside its groups, at most. */
export const BATCH_BYTES = 128;

/** A line without operations. */
export function encodeNote(type: 'mark' | 'end', revision: Revision): Buffer {
  return frameLine(`{"${type}":${revision}}`);
}

/** The first line of a file, or the last of a base. */
export function encodeHeader(header: LogHeader | BaseHeader | BaseFooter): Buffer {
  return frameLine(JSON.stringify(header));
}

/** One line of a base: entries of one collection, in key order. */
export function encodeEntries(collection: string, entries: readonly BaseEntry[]): Buffer {
  const values = entries.map(entry => withoutNewline(entry.text));
  const rows = entries.map(
    ({ key, version, revision, epoch, time, deadline }) =>
      `[${JSON.stringify(key)},${version},${revision},${epoch},${time},${deadline}]`,
  );
  const lengths = values.map((value, i) => (value === entries[i]?.text ? value.length : -value.length));
  return frameLine(
    `{"collection":${JSON.stringify(collection)},"entries":[${rows.join(',')}],"lengths":[${lengths.join(',')}],"values":[${values.join(',')}]}`,
  );
}

function encodeOperation(change: Change): ByteString {
  const last = change.type === 'delete' ? `"${change.reason}"` : change.deadline;
  // JSON.stringify of a byte string is the UTF-8 of the JSON string: it leaves everything over 0x7f alone.
  return `["${change.type}",${JSON.stringify(change.collection)},${JSON.stringify(change.key)},${change.version},${change.time},${last}]`;
}

function withoutNewline(text: ByteString): ByteString {
  return text.includes('\n') ? JSON.stringify(text) : text;
}

// Reading

const VALUES = Buffer.from(',"values":[');

/** Reads the first line of a log or a base. */
export function decodeHeader(line: Buffer): LogHeader | BaseHeader {
  const json = parse(jsonOf(line));
  if (!isRecord(json) || (json['cairn'] !== 'log' && json['cairn'] !== 'base')) {
    throw new FormatError('this is no file of Cairn');
  }
  if (!isCount(json['format'])) throw new FormatError('the format has no number');
  // A newer format may have changed all the rest: nothing more is read of it.
  if (json['format'] > FORMAT) throw new NewerFormatError(json['format']);
  if (isLogHeader(json) || isBaseHeader(json)) return json;
  throw new FormatError('the first line lacks something');
}

/** Reads a line of a log that is not its first. */
export function decodeLogLine(line: Buffer): LogLine {
  const batch = scanBatch(line);
  if (batch === null) return parseLogLine(line);
  return { type: 'batch', first: batch.first, count: batch.changes.length, changes: batch.changes };
}

/** Reads a line of a base that is not its first. */
export function decodeBaseLine(line: Buffer): BaseLine {
  const scanned = scanEntries(line);
  return scanned === null ? parseBaseLine(line) : { type: 'entries', ...scanned };
}

/** What a line of a log means, in any form of JSON. */
export function parseLogLine(line: Buffer): LogLine {
  const { head, values } = cut(line);
  if (isCount(head['mark'])) return { type: 'mark', revision: head['mark'] };
  if (isCount(head['end'])) return { type: 'end', revision: head['end'] };
  const { first, count, epoch, operations } = head;
  if (!isCount(first) || !isCount(count) || !isCount(epoch) || !Array.isArray(operations)) {
    throw new FormatError('this is no line of a log');
  }
  if (operations.length !== count || count === 0) throw new FormatError('the count does not match');
  let used = 0;
  const nextValue = (): JsonText => valueAt(values, used++);
  const changes = operations.map((operation: unknown, i) =>
    decodeOperation(operation, first + i, epoch, nextValue),
  );
  if (used !== values.length) throw new FormatError('there are more values than puts');
  return { type: 'batch', first, count, changes };
}

/** What a line of a base means, in any form of JSON. */
export function parseBaseLine(line: Buffer): BaseLine {
  const { head, values } = cut(line);
  const { collection, entries, lines, checksum } = head;
  if (isCount(entries) && isCount(lines) && typeof checksum === 'string') {
    return { type: 'footer', entries, lines, checksum };
  }
  if (typeof collection !== 'string' || !Array.isArray(entries) || entries.length !== values.length) {
    throw new FormatError('this is no line of a base');
  }
  return {
    type: 'entries',
    collection,
    entries: entries.map((row: unknown, i) => decodeEntry(row, valueAt(values, i))),
  };
}

/** The JSON of a line up to its values, parsed, and the values, cut by their lengths. */
function cut(line: Buffer): { head: Record<string, unknown>; values: JsonText[] } {
  // Found at the right place: before the values a quote inside a string has a backslash before it.
  const mark = line.indexOf(VALUES);
  const end = line.length - 1;
  const head = parse(mark < 0 ? jsonOf(line) : `${jsonOf(line, mark)}}`);
  if (!isRecord(head)) throw new FormatError('a line is no object');
  if (mark < 0) return { head, values: [] };
  const { lengths } = head;
  if (!Array.isArray(lengths)) throw new FormatError('a line has values and no lengths');
  let from = mark + VALUES.length;
  const values = lengths.map((length: unknown): JsonText => {
    if (typeof length !== 'number' || !Number.isSafeInteger(length))
      throw new FormatError('a length is no number');
    const to = from + Math.abs(length);
    if (length === 0 || to > end) throw new FormatError('the lengths do not fit');
    const value = line.toString('latin1', from, to);
    from = to + 1;
    return (length < 0 ? fromString(value) : value) as JsonText;
  });
  if (Math.max(from - 1, mark + VALUES.length) !== end - 2)
    throw new FormatError('the lengths do not fill the line');
  return { head, values };
}

function decodeOperation(
  operation: unknown,
  revision: Revision,
  epoch: Epoch,
  nextValue: () => JsonText,
): Change {
  if (!Array.isArray(operation)) throw new FormatError('an operation is no array');
  const [type, collection, key, version, time, last] = operation as unknown[];
  if (typeof collection !== 'string' || typeof key !== 'string' || !isCount(version) || !isCount(time)) {
    throw new FormatError('an operation lacks something');
  }
  const change = { collection, key: key as Key, version, time, revision, epoch };
  if (type === 'delete' && (last === 'deleted' || last === 'expired' || last === 'evicted')) {
    return { type, ...change, reason: last };
  }
  if (!isDeadline(last)) throw new FormatError('an operation has no deadline');
  if (type === 'touch') return { type, ...change, deadline: last };
  if (type === 'put') return { type, ...change, deadline: last, text: nextValue() };
  throw new FormatError('an operation is of no known type');
}

function decodeEntry(row: unknown, text: JsonText): BaseEntry {
  if (!Array.isArray(row)) throw new FormatError('an entry is no array');
  const [key, version, revision, epoch, time, deadline] = row as unknown[];
  if (
    typeof key !== 'string' ||
    !isCount(version) ||
    !isCount(revision) ||
    !isCount(epoch) ||
    !isCount(time)
  ) {
    throw new FormatError('an entry lacks something');
  }
  if (!isDeadline(deadline)) throw new FormatError('an entry has no deadline');
  return { key: key as Key, text, version, revision, epoch, time, deadline };
}

function valueAt(values: readonly JsonText[], index: number): JsonText {
  const value = values[index];
  if (value === undefined) throw new FormatError('there are fewer values than puts');
  return value;
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

function isRecord(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function isCount(json: unknown): json is number {
  return typeof json === 'number' && Number.isSafeInteger(json) && json >= 0;
}

function isDeadline(json: unknown): json is number | null {
  return json === null || isCount(json);
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new FormatError('a line is no JSON', { cause });
  }
}

function fromString(json: ByteString): ByteString {
  const text = parse(json);
  if (typeof text !== 'string') throw new FormatError('a value with a negative length is no string');
  return text;
}
