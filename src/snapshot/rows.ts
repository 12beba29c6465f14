/**
 * Reads the rows of a line of a log straight from its bytes, in exactly the form in which format.ts writes them: to parse
 * a million rows into arrays first took over a quarter of the time of a start, and the memory of the arrays.
 *
 * It is never the judge. What it takes it takes as JSON.parse would; at anything else (an escape in a key, a number
 * of more than 15 digits, white space, damage) it gives null, and format.ts reads the line with JSON.parse, which
 * decides. So there is one rule for what a line means, and a test holds the two against each other. Nothing that it
 * gives keeps the line alive: keys and values are copies.
 */
import type { ByteString, Change, Epoch, JsonText, Key, Revision } from '../model.js';
import {
  BRACKET,
  COMMA,
  Cursor,
  JSON_FROM,
  MINUS,
  NONE,
  NULL,
  ROW_END,
  ROWS_END,
  unquoted,
  VALUES,
} from './cursor.js';

/** What stands around keys and numbers. */
const FIRST = Buffer.from('{"first":');
const COUNT = Buffer.from(',"count":');
const EPOCH = Buffer.from(',"epoch":');
const OPERATIONS = Buffer.from(',"operations":[');
const PUT = Buffer.from('["put",');
const TOUCH = Buffer.from('["touch",');
const DELETE = Buffer.from('["delete",');
const REASONS = (['deleted', 'expired', 'evicted', 'purged'] as const).map(reason => ({
  reason,
  text: Buffer.from(`"${reason}"`),
}));

/** The values of a line, one behind the other, each as long as the list of lengths says. */
class Values {
  readonly #line: Buffer;
  readonly #lengthsFrom: number;
  readonly #lengths: Cursor;
  /** Behind the lengths. */
  readonly #mark: number;
  /** Of the next value. */
  #from: number;
  #count = 0;

  constructor(line: Buffer, mark: number) {
    this.#line = line;
    this.#mark = mark;
    this.#lengthsFrom = line.lastIndexOf(BRACKET, mark - 1) + 1;
    this.#lengths = new Cursor(line, this.#lengthsFrom);
    this.#from = mark + VALUES.length;
  }

  /** The next value, or null. */
  next(): JsonText | null {
    if (this.#count > 0 && !this.#lengths.skipByte(COMMA)) return null;
    const quoted = this.#lengths.skipByte(MINUS);
    const length = this.#lengths.whole();
    const to = this.#from + length;
    if (length <= 0 || to >= this.#line.length) return null;
    const value = this.#line.latin1Slice(this.#from, to);
    const text = quoted ? unquoted(value) : value;
    this.#from = to + 1;
    this.#count += 1;
    return text as JsonText | null;
  }

  /** Whether they begin right behind these rows, were all taken, and fill the line. */
  follow(rows: Cursor): boolean {
    const end = this.#count === 0 ? this.#from : this.#from - 1;
    const between = rows.skip(ROWS_END) && rows.at === this.#lengthsFrom;
    return between && this.#lengths.at === this.#mark - 1 && end === this.#line.length - 3;
  }
}

function valuesOf(line: Buffer, from: number): Values | null {
  const mark = line.indexOf(VALUES, from);
  return mark < 0 ? null : new Values(line, mark);
}

/** The changes of a batch line. Null: the line is not of this form, or no batch. */
export function scanBatch(line: Buffer): { first: Revision; changes: Change[] } | null {
  const rows = new Cursor(line, JSON_FROM);
  const first = rows.skip(FIRST) ? rows.whole() : NONE;
  const count = rows.skip(COUNT) ? rows.whole() : NONE;
  const epoch = rows.skip(EPOCH) ? rows.whole() : NONE;
  if (first < 0 || count < 1 || epoch < 0 || !rows.skip(OPERATIONS)) return null;
  const values = valuesOf(line, rows.at);
  if (values === null) return null;
  const collections = new Collections();
  const changes: Change[] = [];
  for (let i = 0; i < count; i++) {
    if (i > 0 && !rows.skipByte(COMMA)) return null;
    const change = scanChange(rows, values, collections, first + i, epoch);
    if (change === null) return null;
    changes.push(change);
  }
  return values.follow(rows) ? { first, changes } : null;
}

function scanChange(
  rows: Cursor,
  values: Values,
  collections: Collections,
  revision: Revision,
  epoch: Epoch,
): Change | null {
  const type = rows.skip(PUT) ? 'put' : rows.skip(DELETE) ? 'delete' : rows.skip(TOUCH) ? 'touch' : null;
  const collection = collections.read(rows);
  const key = rows.skipByte(COMMA) ? (rows.string() as Key | null) : null;
  const version = rows.nextWhole();
  const time = rows.nextWhole();
  if (type === null || collection === null || key === null || version < 0 || time < 0) return null;
  if (!rows.skipByte(COMMA)) return null;
  if (type === 'delete') {
    const reason = REASONS.find(({ text }) => rows.skip(text))?.reason;
    if (reason === undefined) return null;
    return noted({ type, collection, key, version, time, revision, epoch, reason }, rows);
  }
  const deadline = rows.skip(NULL) ? null : rows.whole();
  if (deadline === NONE) return null;
  if (type === 'touch')
    return noted({ type, collection, key, version, time, revision, epoch, deadline }, rows);
  const text = values.next();
  if (text === null) return null;
  return noted({ type, collection, key, version, time, revision, epoch, deadline, text }, rows);
}

/** The change with what stands behind the last member that every row has: nothing, or who made it and why. */
function noted(change: Change, rows: Cursor): Change | null {
  if (rows.skipByte(ROW_END)) return change;
  const by = scanTextOrNull(rows);
  const comment = scanTextOrNull(rows);
  if (by === undefined || comment === undefined || !rows.skipByte(ROW_END)) return null;
  return { ...change, note: { by, comment } };
}

/** Undefined: neither stands here. */
function scanTextOrNull(rows: Cursor): ByteString | null | undefined {
  if (!rows.skipByte(COMMA)) return undefined;
  return rows.skip(NULL) ? null : (rows.string() ?? undefined);
}

/** Names of collections: mostly that of the row before, which is then the same string and not made again. */
class Collections {
  #last: ByteString | null = null;
  #written: Uint8Array = NULL;

  read(rows: Cursor): ByteString | null {
    if (this.#last !== null && rows.skip(this.#written)) return this.#last;
    this.#last = rows.string();
    this.#written = Buffer.from(`"${this.#last}"`, 'latin1');
    return this.#last;
  }
}
