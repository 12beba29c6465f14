/**
 * Cuts a stream of bytes into HTTP/1.1 answers by their Content-Length, however the network split them. Only
 * what the contestants send is understood: an answer without Content-Length, or a chunked one, throws, for it
 * could not be checked to the byte.
 */

/** Valid only until the callback returns: `body` may lie in a buffer that the next read overwrites. */
export interface Answer {
  readonly status: number;
  /** Status line and headers, without the empty line. */
  readonly head: string;
  readonly body: Buffer;
}

const HEAD_END = Buffer.from('\r\n\r\n');
/** Bytes without an end of the head that no contestant sends. */
const HEAD_BYTES_MAX = 64 * 1024;

export class AnswerCutter {
  readonly #onAnswer: (answer: Answer) => void;
  #rest: Buffer | null = null;

  constructor(onAnswer: (answer: Answer) => void) {
    this.#onAnswer = onAnswer;
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    let offset = 0;
    while (offset < bytes.length) {
      const end = this.#cut(bytes, offset);
      if (end === null) break;
      offset = end;
    }
    // A copy: the chunk is the socket's read buffer, which is used again.
    this.#rest = offset === bytes.length ? null : Buffer.from(bytes.subarray(offset));
  }

  /** Hands out the answer that begins at `start`; where it ends, or null if it is not all there. */
  #cut(bytes: Buffer, start: number): number | null {
    const headEnd = bytes.indexOf(HEAD_END, start);
    if (headEnd === -1) {
      if (bytes.length - start > HEAD_BYTES_MAX) throw new Error('An answer whose headers do not end.');
      return null;
    }
    const head = bytes.toString('latin1', start, headEnd);
    const bodyStart = headEnd + HEAD_END.length;
    const bodyEnd = bodyStart + contentLength(head);
    if (bodyEnd > bytes.length) return null;
    this.#onAnswer({ status: statusOf(head), head, body: bytes.subarray(bodyStart, bodyEnd) });
    return bodyEnd;
  }
}

function contentLength(head: string): number {
  const match = /\r\ncontent-length: *(\d+)(?:\r\n|$)/i.exec(head);
  if (match === null) throw new Error(`An answer without Content-Length: ${head}`);
  return Number(match[1]);
}

function statusOf(head: string): number {
  if (!/^HTTP\/1\.1 \d{3}(?: |\r|$)/.test(head)) throw new Error(`Not the beginning of an answer: ${head}`);
  return Number(head.slice(9, 12));
}
