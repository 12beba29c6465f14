/**
 * The grammar of RFC 8259 over a byte string that is already known to be UTF-8: a cursor that goes over one
 * production at a time and throws at the first byte that does not fit. It builds nothing, so texts stay what they
 * are, and JSON.parse, which rounds numbers and recurses, is not asked.
 *
 * Every byte is looked at once. Depth is bounded before it costs anything: nesting is kept in a list, not on the
 * call stack. Errors name the place, never the content.
 */
import { CairnError, type ErrorCode } from '../errors.js';
import type { ByteString } from '../model.js';
import { valueEnd } from './known.js';

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const LARGE_E = 0x45;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const SMALL_E = 0x65;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** What is read behind the last byte; no byte is this. */
const END = -1;

const SHORT_ESCAPES: ReadonlySet<number> = new Set([...'"\\/bfnrt'].map(letter => letter.charCodeAt(0)));
const UNICODE_ESCAPE = /\\u[0-9a-fA-F]{4}/y;
const LITERAL = /true|false|null/y;

/** Every number below 10 to this power is finite as a double. */
const FINITE_POWER = 308;

export class Scanner {
  readonly #bytes: ByteString;
  #at: number;

  constructor(bytes: ByteString) {
    this.#bytes = bytes;
    this.#at = 0;
  }

  /** Where the cursor stands: the number of bytes before it. */
  get position(): number {
    return this.#at;
  }

  atObject(): boolean {
    return this.#peek() === OPEN_BRACE;
  }

  atArray(): boolean {
    return this.#peek() === OPEN_BRACKET;
  }

  atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  skipSpace(): void {
    const bytes = this.#bytes;
    let at = this.#at;
    while (at < bytes.length && isSpace(bytes.charCodeAt(at))) at++;
    this.#at = at;
  }

  /**
   * Goes over the value that begins here; more containers than `depthMax` around each other are refused, and one that
   * goes on behind `endMax`, as soon as that is seen.
   */
  skipValue(depthMax: number, endMax: number = Number.POSITIVE_INFINITY): void {
    const closers: number[] = [];
    do {
      if (this.#skipLeaf(closers, depthMax)) this.#skipToNext(closers);
      if (this.#at > endMax) throw new CairnError('value_too_large', 'A value is longer than it may be.');
    } while (closers.length > 0);
  }

  /** Goes over the value that begins here, in a text that is known to be JSON: nothing is checked. */
  passValue(): void {
    this.#at = valueEnd(this.#bytes, this.#at);
  }

  /**
   * Goes over the object that begins here. `visit` gets the place of each name, quotes included, with the cursor
   * at the value, and must go over that.
   */
  members(visit: (nameStart: number, nameEnd: number) => void): void {
    if (!this.#enter(CLOSE_BRACE)) return;
    do {
      const start = this.#at;
      visit(start, this.#skipName());
    } while (this.#goesOn(CLOSE_BRACE));
  }

  /** Goes over the array that begins here. `visit` is called with the cursor at each element and must go over it. */
  elements(visit: (index: number) => void): void {
    if (!this.#enter(CLOSE_BRACKET)) return;
    let index = 0;
    do visit(index++);
    while (this.#goesOn(CLOSE_BRACKET));
  }

  /** As `members`, one at a time, so that others may have a turn before whoever takes them goes on. */
  *eachMember(): Generator<readonly [nameStart: number, nameEnd: number]> {
    if (!this.#enter(CLOSE_BRACE)) return;
    do {
      const start = this.#at;
      yield [start, this.#skipName()];
    } while (this.#goesOn(CLOSE_BRACE));
  }

  /** As `elements`, one at a time. */
  *eachElement(): Generator<number> {
    if (!this.#enter(CLOSE_BRACKET)) return;
    let index = 0;
    do yield index++;
    while (this.#goesOn(CLOSE_BRACKET));
  }

  /** An error that names the cursor's place. */
  fail(reason: string, code: ErrorCode = 'invalid_json'): CairnError {
    const { line, column } = placeOf(this.#bytes, this.#at);
    const end = this.atEnd() ? ', but the text ends here' : '';
    return new CairnError(code, `Line ${line}, column ${column}: ${reason}${end}.`);
  }

  /** Into the container that begins here, up to what is first in it. False: it was empty, and is behind us. */
  #enter(closer: number): boolean {
    this.#at++;
    this.skipSpace();
    return !this.#take(closer);
  }

  /** Behind one thing of a container: up to the next. False: it was the last, and the container is behind us. */
  #goesOn(closer: number): boolean {
    this.skipSpace();
    if (this.#take(COMMA)) {
      this.skipSpace();
      return true;
    }
    if (!this.#take(closer)) throw this.fail(`"," or "${String.fromCharCode(closer)}" is expected`);
    return false;
  }

  /**
   * A value begins here. True: it was a scalar or an empty container, and is behind us. False: it is a container,
   * and its first value begins here.
   */
  #skipLeaf(closers: number[], depthMax: number): boolean {
    const closer = closerOf(this.#peek());
    if (closer === END) {
      this.#skipScalar();
      return true;
    }
    if (closers.length === depthMax)
      throw this.fail(`the value is nested more than ${depthMax} deep`, 'too_deep');
    this.#at++;
    this.skipSpace();
    if (this.#take(closer)) return true;
    closers.push(closer);
    if (closer === CLOSE_BRACE) this.#skipName();
    return false;
  }

  /** A value ended here: leaves every container that ends too, up to the next value, if there is one. */
  #skipToNext(closers: number[]): void {
    for (let closer = closers.at(-1); closer !== undefined; closer = closers.at(-1)) {
      if (this.#goesOn(closer)) {
        if (closer === CLOSE_BRACE) this.#skipName();
        return;
      }
      closers.pop();
    }
  }

  /** Goes over `"name":` and the white space in it; gives the end of the name. */
  #skipName(): number {
    if (this.#peek() !== QUOTE) throw this.fail('a member name in double quotes is expected');
    this.#skipString();
    const end = this.#at;
    this.skipSpace();
    if (!this.#take(COLON)) throw this.fail('":" is expected');
    this.skipSpace();
    return end;
  }

  #skipScalar(): void {
    const first = this.#peek();
    if (first === QUOTE) this.#skipString();
    else if (first === MINUS || isDigit(first)) this.#skipNumber();
    else if (!this.#skipMatch(LITERAL)) throw this.fail('a JSON value is expected');
  }

  #skipString(): void {
    const bytes = this.#bytes;
    let at = this.#at + 1;
    while (at < bytes.length) {
      const byte = bytes.charCodeAt(at);
      if (byte === QUOTE) {
        this.#at = at + 1;
        return;
      }
      if (byte === BACKSLASH) at = this.#escapeEnd(at);
      else if (byte >= SPACE) at++;
      else break;
    }
    this.#at = at;
    throw this.fail(this.atEnd() ? 'a closing quote is expected' : 'a control character must be escaped');
  }

  /** The end of the escape at `at`. */
  #escapeEnd(at: number): number {
    const escaped = this.#bytes.charCodeAt(at + 1);
    if (isShortEscape(escaped)) return at + 2;
    this.#at = at;
    if (!this.#skipMatch(UNICODE_ESCAPE)) throw this.fail('this escape is none that JSON knows');
    return this.#at;
  }

  #skipNumber(): void {
    const start = this.#at;
    this.#take(MINUS);
    const wholeDigits = this.#take(ZERO) ? 1 : this.#skipDigits();
    if (this.#take(DOT)) this.#skipDigits();
    const exponentDigits = this.#skipExponent();
    if (isSurelyFinite(wholeDigits, exponentDigits)) return;
    if (Number.isFinite(Number(this.#bytes.slice(start, this.#at)))) return;
    this.#at = start;
    throw this.fail('the number is larger than a double can be', 'number_out_of_range');
  }

  #skipExponent(): number {
    if (!this.#take(SMALL_E) && !this.#take(LARGE_E)) return 0;
    if (!this.#take(MINUS)) this.#take(PLUS);
    return this.#skipDigits();
  }

  /** At least one; gives how many. */
  #skipDigits(): number {
    const start = this.#at;
    while (isDigit(this.#peek())) this.#at++;
    if (this.#at === start) throw this.fail('a digit is expected');
    return this.#at - start;
  }

  #skipMatch(sticky: RegExp): boolean {
    sticky.lastIndex = this.#at;
    if (!sticky.test(this.#bytes)) return false;
    this.#at = sticky.lastIndex;
    return true;
  }

  #take(byte: number): boolean {
    if (this.#peek() !== byte) return false;
    this.#at++;
    return true;
  }

  #peek(): number {
    return this.#at < this.#bytes.length ? this.#bytes.charCodeAt(this.#at) : END;
  }
}

function closerOf(opener: number): number {
  if (opener === OPEN_BRACE) return CLOSE_BRACE;
  return opener === OPEN_BRACKET ? CLOSE_BRACKET : END;
}

function isSpace(byte: number): boolean {
  return byte === SPACE || byte === NEWLINE || byte === RETURN || byte === TAB;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

/** One of `"\/bfnrt`. */
function isShortEscape(byte: number): boolean {
  return SHORT_ESCAPES.has(byte);
}

/** Below 10 to the power of `wholeDigits + 10 ** exponentDigits - 1`, so most numbers need no conversion. */
function isSurelyFinite(wholeDigits: number, exponentDigits: number): boolean {
  return wholeDigits + 10 ** exponentDigits - 1 <= FINITE_POWER;
}

/** From 1; a character is a byte that does not continue one (RFC 3629 §3). */
function placeOf(bytes: ByteString, at: number): { line: number; column: number } {
  let line = 1;
  let column = 1;
  for (let index = 0; index < at; index++) {
    const byte = bytes.charCodeAt(index);
    if (byte === NEWLINE) {
      line++;
      column = 1;
    } else if ((byte & 0xc0) !== 0x80) {
      column++;
    }
  }
  return { line, column };
}
