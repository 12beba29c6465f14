/**
 * Reads a snapshot file as segments: what stands between two newlines, right or not. Whether a wrong segment is a
 * torn tail or damage is for recovery to say; the reader only tells what it saw, and where.
 *
 * One buffer is read into while the lines of the other are worked on, so the disk and the CPU are busy at once.
 * Memory is bounded: by two buffers of a mebibyte, or of the longest line, and a segment longer than any line
 * may be is not kept.
 */
import { LINE_BYTES_MAX } from '../limits.js';
import type { File } from '../platform/files.js';
import { FRAME_BYTES, isRightLine } from './line.js';

/** Read from its beginning to its end, each byte once. */
export type Readable = Pick<File, 'read'>;

/** `right`: a whole line with the right checksum. `wrong`: it has its newline, and no more. `cut`: not even that. */
export type SegmentState = 'right' | 'wrong' | 'cut';

export interface Segment {
  readonly state: SegmentState;
  /** Of its first byte in the file. */
  readonly offset: number;
  /** Of the byte behind its last. */
  readonly end: number;
  /**
   * The bytes, newline included, until the next segments are asked for. Empty where the segment is cut, or longer
   * than any line.
   */
  readonly line: Buffer;
}

const CHUNK_BYTES = 1024 * 1024;
const SEGMENT_BYTES_MAX = LINE_BYTES_MAX + FRAME_BYTES;
const NEWLINE = 0x0a;
const NOTHING = Buffer.alloc(0);

/**
 * The segments from the beginning of the file to byte `end` (its size, if that is less), some at a time, in order.
 * Rejects with the system's error when a read fails.
 */
export async function* readSegments(
  file: Readable,
  end: number,
  chunkBytes = CHUNK_BYTES,
): AsyncGenerator<readonly Segment[], void, undefined> {
  let buffer = Buffer.allocUnsafe(chunkBytes);
  let other = Buffer.allocUnsafe(chunkBytes);
  let start = 0; // of the segment that has not ended, in the file
  let held = 0; // how many of its bytes stand at the front of the buffer
  let position = 0; // of the next byte to read, in the file
  let reading = readSome(file, buffer, held, position, end);
  for (;;) {
    const got = await reading;
    if (got === 0) break;
    const filled = held + got;
    const segments = split(buffer.subarray(0, filled), position - held, start);
    position += got;
    start = segments.at(-1)?.end ?? start;
    held = Math.min(position - start, filled);
    if (position - start > SEGMENT_BYTES_MAX) held = 0; // longer than any line: only its end is looked for
    if (held * 2 > other.length) other = Buffer.allocUnsafe(held * 2);
    buffer.copy(other, 0, filled - held, filled);
    reading = readSome(file, other, held, position, end);
    reading.catch(() => undefined); // it is awaited in the next round; a failure is not unhandled until then
    if (segments.length > 0) yield segments;
    [buffer, other] = [other, buffer];
  }
  if (position > start) yield [{ state: 'cut', offset: start, end: position, line: NOTHING }];
}

/** The right first line of a file and whether there is one; `cut` also for an empty file. */
export async function readFirstLine(file: Readable): Promise<Segment> {
  for await (const [first] of readSegments(file, Number.POSITIVE_INFINITY, 4096)) {
    if (first !== undefined) return first;
  }
  return { state: 'cut', offset: 0, end: 0, line: NOTHING };
}

function readSome(
  file: Readable,
  buffer: Buffer,
  from: number,
  position: number,
  end: number,
): Promise<number> {
  const room = Math.min(buffer.length - from, end - position);
  return room <= 0 ? Promise.resolve(0) : file.read(buffer.subarray(from, from + room), position);
}

/** The segments that end in these bytes, which begin at `base` of the file; the first of them began at `start`. */
function split(bytes: Buffer, base: number, start: number): Segment[] {
  const segments: Segment[] = [];
  let from = 0;
  let offset = start;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, from)) {
    const line = bytes.subarray(from, at + 1);
    from = at + 1;
    const end = base + from;
    const whole = line.length === end - offset;
    const state = whole && isRightLine(line) ? 'right' : 'wrong';
    segments.push({ state, offset, end, line: whole ? line : NOTHING });
    offset = end;
  }
  return segments;
}
