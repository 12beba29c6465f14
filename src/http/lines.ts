/**
 * A body cut into its lines as it comes. Of a line that is not whole no more is kept than a line may have, and one
 * that the body broke off in is none. The lines are known to be UTF-8; blank ones are left out, and counted.
 */
import { isUtf8 } from 'node:buffer';
import { CairnError } from '../errors.js';
import { IMPORT_LINE_BYTES_MAX } from '../limits.js';
import type { Line } from '../service/transfer.js';
import { Pieces } from './pieces.js';

const NEWLINE = 0x0a;
/** White space of JSON; so a line that ends in CRLF is what it is without. */
const BLANK = /^[ \t\r]*$/;

/** @throws CairnError `body_too_large`, `invalid_utf8`, with the line; and what the chunks throw */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly Line[]> {
  const cutter = new Cutter();
  for await (const chunk of chunks) yield* cutter.cut(chunk);
  yield* cutter.end();
}

class Cutter {
  /** Of the line that is not whole yet. */
  readonly #pieces = new Pieces();
  #number = 0;

  *cut(chunk: Buffer): Generator<readonly Line[]> {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      this.#pieces.add(chunk.subarray(0, end));
      yield* this.#lines();
    }
    this.#pieces.add(chunk.subarray(end));
    // A newline may yet come for what is a line too long already.
    const { bytes } = this.#pieces;
    if (end === 0 || bytes > 0) this.#refuseLong(this.#number + 1, bytes);
  }

  /** The last line may lack its newline. */
  *end(): Generator<readonly Line[]> {
    if (this.#pieces.bytes > 0) yield* this.#lines();
  }

  /** All that was kept, in whole lines. Those before a wrong one are given out first. */
  *#lines(): Generator<readonly Line[]> {
    const whole = this.#pieces.take();
    const known = isUtf8(whole);
    const lines: Line[] = [];
    for (let start = 0; start < whole.length; ) {
      const newline = whole.indexOf(NEWLINE, start);
      const end = newline === -1 ? whole.length : newline;
      const number = ++this.#number;
      const wrong = end - start > IMPORT_LINE_BYTES_MAX || !(known || isUtf8(whole.subarray(start, end)));
      if (wrong) {
        yield lines;
        this.#refuseLong(number, end - start);
        throw new CairnError('invalid_utf8', `Line ${number} is not UTF-8.`, { line: number });
      }
      const bytes = whole.toString('latin1', start, end);
      if (!BLANK.test(bytes)) lines.push({ number, bytes });
      start = end + 1;
    }
    yield lines;
  }

  #refuseLong(line: number, bytes: number): void {
    if (bytes <= IMPORT_LINE_BYTES_MAX) return;
    const message = `Line ${line} has more than ${IMPORT_LINE_BYTES_MAX} bytes.`;
    throw new CairnError('body_too_large', message, {
      line,
      hint: 'One key and its value stand in one line.',
    });
  }
}
