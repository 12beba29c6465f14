/**
 * What the lines of a snapshot file say, written once: the writer and the reader both take it from here. In words,
 * with a worked example that a test parses: docs/snapshot-format.md. How a line is framed: line.ts.
 *
 *     log    first line, then batches; `mark` and `end` lines say that what stands before them is durable
 *     base   first line, then for each collection lines of entries and lines of their older versions, then the last
 *            line that counts and sums them
 *
 * Values stand last in a line, as the text in memory, and `lengths` tells how long each is: a reader parses only
 * what stands before them and cuts. A text with a newline in it (white space between members) would break the
 * line, so it stands as a JSON string of itself, and its length is negative.
 */
import type {
  BaseEntry,
  BaseRows,
  BaseVersion,
  ByteString,
  Change,
  DeleteReason,
  Epoch,
  JsonText,
  Key,
  Note,
  Revision,
} from '../model.js';
import { scanEntries } from './entry-rows.js';
import { type BaseFooter, FormatError, isCount, isRecord, parseJson } from './header.js';
import { frameLine, isByteString, jsonOf } from './line.js';
import { scanBatch } from './rows.js';

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
  | { readonly type: 'versions'; readonly collection: string; readonly versions: readonly BaseVersion[] }
  | ({ readonly type: 'footer' } & BaseFooter);

/** A line of entries whose entries were not made yet. */
export interface RowsLine {
  readonly type: 'rows';
  readonly collection: string;
  readonly rows: BaseRows;
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

/** One line of a base: versions of one collection, behind its entries, those of a key in their order. */
export function encodeVersions(collection: string, versions: readonly BaseVersion[]): Buffer {
  const rows = versions.map(
    ({ key, version, revision, epoch, time, deleted, by, comment }) =>
      `[${JSON.stringify(key)},${version},${revision},${epoch},${time},${deleted},${JSON.stringify(by)},${JSON.stringify(comment)}]`,
  );
  const values = versions.map(({ text }) => (text === null ? '' : withoutNewline(text)));
  const lengths = values.map((value, i) => (value === versions[i]?.text ? value.length : -value.length || 0));
  const texts = values.filter(value => value !== '');
  return frameLine(
    `{"collection":${JSON.stringify(collection)},"versions":[${rows.join(',')}],"lengths":[${lengths.join(',')}],"values":[${texts.join(',')}]}`,
  );
}

function encodeOperation(change: Change): ByteString {
  const { type, collection, key, version, time, note } = change;
  const last = type === 'delete' ? `"${change.reason}"` : change.deadline;
  const noted = note === undefined ? '' : `,${JSON.stringify(note.by)},${JSON.stringify(note.comment)}`;
  // JSON.stringify of a byte string is the UTF-8 of the JSON string: it leaves everything over 0x7f alone.
  return `["${type}",${JSON.stringify(collection)},${JSON.stringify(key)},${version},${time},${last}${noted}]`;
}

function withoutNewline(text: ByteString): ByteString {
  return text.includes('\n') ? JSON.stringify(text) : text;
}

// Reading

const VALUES = Buffer.from(',"values":[');

/** Reads a line of a log that is not its first. */
export function decodeLogLine(line: Buffer): LogLine {
  const batch = scanBatch(line);
  if (batch === null) return parseLogLine(line);
  return { type: 'batch', first: batch.first, count: batch.changes.length, changes: batch.changes };
}

/** Reads a line of a base that is not its first. */
export function decodeBaseLine(line: Buffer): BaseLine {
  return withEntries(decodeBaseRows(line));
}

/** The same, and leaves the entries in the line where it can. */
export function decodeBaseRows(line: Buffer): BaseLine | RowsLine {
  const scanned = scanEntries(line);
  return scanned === null ? parseBaseLine(line) : { type: 'rows', ...scanned };
}

export function withEntries(line: BaseLine | RowsLine): BaseLine {
  if (line.type !== 'rows') return line;
  return { type: 'entries', collection: line.collection, entries: [...line.rows] };
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
  const { collection, entries, versions, lines, checksum } = head;
  if (isCount(entries) && isCount(lines) && typeof checksum === 'string') {
    return { type: 'footer', entries, lines, checksum };
  }
  const rows = entries ?? versions;
  if (typeof collection !== 'string' || !Array.isArray(rows) || rows.length !== values.length) {
    throw new FormatError('this is no line of a base');
  }
  if (rows === versions) {
    return {
      type: 'versions',
      collection,
      versions: rows.map((row: unknown, i) => decodeVersion(row, values[i] ?? null)),
    };
  }
  return {
    type: 'entries',
    collection,
    entries: rows.map((row: unknown, i) => decodeEntry(row, valueAt(values, i))),
  };
}

/** The JSON of a line up to its values, parsed, and the values, cut by their lengths: null where that is 0. */
function cut(line: Buffer): { head: Record<string, unknown>; values: (JsonText | null)[] } {
  // Found at the right place: before the values a quote inside a string has a backslash before it.
  const mark = line.indexOf(VALUES);
  const end = line.length - 1;
  const head = parseJson(mark < 0 ? jsonOf(line) : `${jsonOf(line, mark)}}`);
  if (!isRecord(head)) throw new FormatError('a line is no object');
  if (mark < 0) return { head, values: [] };
  const { lengths } = head;
  if (!Array.isArray(lengths)) throw new FormatError('a line has values and no lengths');
  let from = mark + VALUES.length;
  const values = lengths.map((length: unknown): JsonText | null => {
    if (typeof length !== 'number' || !Number.isSafeInteger(length))
      throw new FormatError('a length is no number');
    if (length === 0) return null;
    const to = from + Math.abs(length);
    if (to > end) throw new FormatError('the lengths do not fit');
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
  const [type, collection, key, version, time, last, ...noted] = operation as unknown[];
  if (typeof collection !== 'string' || !isText(key) || !isCount(version) || !isCount(time)) {
    throw new FormatError('an operation lacks something');
  }
  const change = { collection, key: key as Key, version, time, revision, epoch, ...decodeNote(noted) };
  if (type === 'delete' && isReason(last)) return { type, ...change, reason: last };
  if (!isDeadline(last)) throw new FormatError('an operation has no deadline');
  if (type === 'touch') return { type, ...change, deadline: last };
  if (type === 'put') return { type, ...change, deadline: last, text: nextValue() };
  throw new FormatError('an operation is of no known type');
}

function decodeEntry(row: unknown, text: JsonText): BaseEntry {
  if (!Array.isArray(row)) throw new FormatError('an entry is no array');
  const [key, version, revision, epoch, time, deadline] = row as unknown[];
  if (!isText(key) || !isCount(version) || !isCount(revision) || !isCount(epoch) || !isCount(time)) {
    throw new FormatError('an entry lacks something');
  }
  if (!isDeadline(deadline)) throw new FormatError('an entry has no deadline');
  return { key: key as Key, text, version, revision, epoch, time, deadline };
}

function decodeVersion(row: unknown, text: JsonText | null): BaseVersion {
  if (!Array.isArray(row)) throw new FormatError('a version is no array');
  const [key, version, revision, epoch, time, deleted, ...noted] = row as unknown[];
  const { note } = decodeNote(noted);
  if (
    !isText(key) ||
    !isCount(version) ||
    !isCount(revision) ||
    !isCount(epoch) ||
    !isCount(time) ||
    typeof deleted !== 'boolean' ||
    note === undefined
  ) {
    throw new FormatError('a version lacks something');
  }
  if (deleted && text !== null) throw new FormatError('a deletion has a text');
  return { key: key as Key, version, revision, epoch, time, deleted, ...note, text };
}

/** What stands behind the last member that every row has: nothing, or who made it and why. */
function decodeNote(noted: readonly unknown[]): { note?: Note } {
  if (noted.length === 0) return {};
  const [by, comment] = noted;
  if (noted.length !== 2 || !isTextOrNull(by) || !isTextOrNull(comment))
    throw new FormatError('a note is not of who and why');
  return { note: { by, comment } };
}

function isTextOrNull(json: unknown): json is string | null {
  return json === null || typeof json === 'string';
}

function isReason(json: unknown): json is DeleteReason {
  return json === 'deleted' || json === 'expired' || json === 'evicted' || json === 'purged';
}

function valueAt(values: readonly (JsonText | null)[], index: number): JsonText {
  const value = values[index];
  if (value === null) throw new FormatError('a length is 0');
  if (value === undefined) throw new FormatError('there are fewer values than puts');
  return value;
}

function isText(json: unknown): json is ByteString {
  return typeof json === 'string' && isByteString(json);
}

function isDeadline(json: unknown): json is number | null {
  return json === null || isCount(json);
}

function fromString(json: ByteString): ByteString {
  const text = parseJson(json);
  if (!isText(text)) throw new FormatError('a value with a negative length is no string of bytes');
  return text;
}
