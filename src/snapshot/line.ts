/**
 * A line of a snapshot file, whatever it says: a checksum in front of one JSON text.
 *
 *     be141097 {"mark":21}\n
 *     └──────┘ └─────────┘
 *     CRC-32   JSON in UTF-8, without a raw newline
 *
 * A line is right when its checksum, in lower-case hex, one space, its JSON and the newline are all there. CRC-32
 * finds every flip of one or two bits and every burst of up to 32 in lines of our size.
 */
import { crc32 } from 'node:zlib';
import { LINES_WITHIN_MAX } from '../limits.js';
import type { ByteString } from '../model.js';

/** Bytes that stand around the JSON of a line: checksum, space, newline. */
export const FRAME_BYTES = 10;

const CHECKSUM_BYTES = 8;
const BYTES = /^[\0-\xff]*$/;
const SPACE = 0x20;
const NEWLINE = 0x0a;

/** The checksum of some bytes as it stands in a file: 8 digits of lower-case hex. */
export function checksumOf(bytes: Uint8Array): string {
  return hex(crc32(bytes));
}

function hex(crc: number): string {
  return crc.toString(16).padStart(CHECKSUM_BYTES, '0');
}

/** A whole line around the JSON, ready to be appended. */
export function frameLine(json: ByteString): Buffer {
  const line = Buffer.allocUnsafe(json.length + FRAME_BYTES);
  line.write(json, CHECKSUM_BYTES + 1, 'latin1');
  line[CHECKSUM_BYTES] = SPACE;
  line[line.length - 1] = NEWLINE;
  line.write(checksumOf(line.subarray(CHECKSUM_BYTES + 1, line.length - 1)), 0, 'latin1');
  return line;
}

/** The checksum that a framed line begins with. */
export function lineChecksum(line: Buffer): string {
  return line.toString('latin1', 0, CHECKSUM_BYTES);
}

/** Whether these bytes, newline included, are one right line. */
export function isRightLine(line: Buffer): boolean {
  if (line.length <= FRAME_BYTES || line[CHECKSUM_BYTES] !== SPACE || line[line.length - 1] !== NEWLINE)
    return false;
  // Compared as text: hex read leniently would let a flipped case bit pass.
  return checksumOf(line.subarray(CHECKSUM_BYTES + 1, line.length - 1)) === lineChecksum(line);
}

/**
 * Whether a wrong line is two right ones whose newline between them was changed. Without this look a flipped newline
 * before the last line of a log would read as a torn tail, though that last line proves the one before it durable.
 */
export function hidesRightLine(segment: Buffer): boolean {
  const wanted = lineChecksum(segment);
  let crc = 0;
  let summed = CHECKSUM_BYTES + 1;
  for (let at = segment.indexOf(' {', summed); at >= 0; at = segment.indexOf(' {', at + 1)) {
    const newline = at - CHECKSUM_BYTES - 1;
    if (newline <= summed) continue;
    crc = crc32(segment.subarray(summed, newline), crc);
    summed = newline;
    if (hex(crc) === wanted && isRightLine(segment.subarray(newline + 1))) return true;
  }
  return false;
}

/** The right lines that a wrong one holds, where the newlines between them were changed. */
export function rightLinesWithin(segment: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  const starts = lineStarts(segment);
  for (let i = 0; i < starts.length; i++) {
    const from = starts[i] ?? 0;
    const to = [...starts.slice(i + 1), segment.length].find(end => isLineBut(segment.subarray(from, end)));
    if (to !== undefined) lines.push(Buffer.concat([segment.subarray(from, to - 1), Buffer.of(NEWLINE)]));
  }
  return lines;
}

/** Where something stands that looks like the checksum of a line. */
function lineStarts(segment: Buffer): number[] {
  const starts: number[] = [];
  for (let at = segment.indexOf(' {'); at >= 0; at = segment.indexOf(' {', at + 1)) {
    const from = at - CHECKSUM_BYTES;
    if (from >= 0 && /^[0-9a-f]{8}$/.test(segment.toString('latin1', from, at))) starts.push(from);
    if (starts.length === LINES_WITHIN_MAX) break;
  }
  return starts;
}

/** Whether these bytes are one right line, whatever stands for its newline. */
function isLineBut(bytes: Buffer): boolean {
  if (bytes.length <= FRAME_BYTES) return false;
  return checksumOf(bytes.subarray(CHECKSUM_BYTES + 1, bytes.length - 1)) === lineChecksum(bytes);
}

/** Whether every unit of a string is a byte: an escape in JSON can say more, and then it is none of ours. */
export function isByteString(text: string): text is ByteString {
  return BYTES.test(text);
}

/** The JSON of a right line, up to byte `end` of the line or to its newline. */
export function jsonOf(line: Buffer, end = line.length - 1): ByteString {
  return line.toString('latin1', CHECKSUM_BYTES + 1, end);
}
