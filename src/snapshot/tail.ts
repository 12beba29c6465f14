/**
 * The last changes, read backwards from the logs that are kept, those before the base too: nobody needs them for the
 * state, only whoever comes back and asks what was missed. So nothing here is damage and nothing refuses a start: where
 * a file is gone or cannot be read, a line is wrong or does not fit, the tail ends. What it gives is right all the same:
 * each line by its checksum, up to the seal that the next log names, the revisions without a gap.
 *
 * It reads only as far as it is asked to, a chunk at a time. One chunk, or the longest line, is in memory. To keep the
 * last changes while all are replayed instead costs a start with a long log more than to read them again.
 */
import { CairnError } from '../errors.js';
import { LINE_BYTES_MAX } from '../limits.js';
import type { Change, ChangeId, Revision } from '../model.js';
import type { Files } from '../platform/files.js';
import { damaged } from './damage.js';
import { fileName } from './directory.js';
import { decodeLogLine } from './format.js';
import type { LogHeader } from './header.js';
import { FRAME_BYTES, isRightLine } from './line.js';
import type { KnownLog } from './log-finder.js';
import { decodeSegment, withFile } from './opening.js';
import type { Readable, Segment } from './reader.js';

/** A log, and how many of its bytes count. */
export interface SealedLog {
  readonly number: number;
  readonly bytes: number;
  /** The change that it begins after. */
  readonly begins: ChangeId;
}

export interface TailOptions {
  readonly files: Files;
  readonly directory: string;
  /** Oldest first. */
  readonly logs: readonly SealedLog[];
  /** What stands behind these logs begins after this change. */
  readonly begins: ChangeId;
}

export interface Tail {
  /** The change before the oldest that was taken. */
  readonly begins: ChangeId;
  /** Why it ended before the logs did; null: it did not, or no more was wanted. */
  readonly broken: CairnError | null;
}

/** The log that follows one. */
type Follower = Pick<LogHeader, 'epoch' | 'after' | 'prev'>;

const CHUNK_BYTES = 1024 * 1024;
/** A line, and the newline before it. */
const SEGMENT_BYTES_MAX = LINE_BYTES_MAX + FRAME_BYTES + 1;
const NEWLINE = 0x0a;

/** Gives the changes of a line at a time, the newest line first, until `take` says that no more are wanted. */
export async function readTail(
  { files, directory, logs, begins: end }: TailOptions,
  take: (changes: readonly Change[]) => boolean,
): Promise<Tail> {
  let begins = end;
  for (const log of logs.toReversed()) {
    const name = fileName(log.number, 'log');
    try {
      const wanted = await withFile(files, directory, name, begins.revision, async file => {
        for await (const segment of segmentsBackwards(file, log.bytes)) {
          const changes = segment.offset === 0 ? [] : changesOf(name, segment, begins.revision);
          if (changes[0] === undefined) continue;
          // If the one before was made earlier, in this epoch none has its revision.
          begins = { epoch: changes[0].epoch, revision: changes[0].revision - 1 };
          if (!take(changes)) return false;
        }
        return true;
      });
      if (!wanted) break;
      if (begins.revision !== log.begins.revision) throw gap(name, 0, begins.revision);
      begins = log.begins;
    } catch (error) {
      if (error instanceof CairnError) return { begins, broken: error };
      throw error;
    }
  }
  return { begins, broken: null };
}

/**
 * A chain of logs, oldest first, and where each begins. The revision of that is certain. The change was made in the
 * epoch that is named or in an earlier one, and no other change of that epoch has its revision.
 *
 * What a restore or a repair left has an epoch of what it took the place of, and not all of its changes. Nothing was
 * added to that log: the epoch is that of the process that went on from there, so no older id is taken for one of it.
 */
export function sealedLogs(chain: readonly KnownLog[], successor: Follower): SealedLog[] {
  return chain.map(({ number, header }, i) => {
    const next: Follower = chain[i + 1]?.header ?? successor;
    const isUntouched = header.prev === null && next.after === header.after;
    const { epoch } = header.after === 0 ? successor : isUntouched ? next : header;
    return { number, bytes: next.prev?.bytes ?? 0, begins: { epoch, revision: header.after } };
  });
}

/** None: it is a line without operations. `last`: the revision that it must end at. */
function changesOf(file: string, segment: Segment, last: Revision): readonly Change[] {
  const { offset } = segment;
  if (segment.state !== 'right') throw damaged('a line is wrong', { file, offset, revision: last });
  const line = decodeSegment(file, segment, decodeLogLine);
  const revision = line.type === 'batch' ? line.first + line.count - 1 : line.revision;
  if (revision !== last) throw gap(file, offset, last);
  return line.type === 'batch' ? line.changes : [];
}

function gap(file: string, offset: number, revision: Revision): CairnError {
  return damaged('a line does not lead to the one behind it', { file, offset, revision });
}

/**
 * The segments before byte `end`, which is the end of a line, from the last to the first. Where it cannot tell where one
 * begins (it is longer than any line, or the file ends before), that one is `cut`, and the last.
 */
async function* segmentsBackwards(file: Readable, end: number): AsyncGenerator<Segment, void, undefined> {
  let buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let wanted = CHUNK_BYTES;
  for (let to = end; to > 0; ) {
    const from = Math.max(0, to - wanted);
    if (wanted > buffer.length) buffer = Buffer.allocUnsafe(wanted);
    const bytes = buffer.subarray(0, to - from);
    const whole = await readAll(file, bytes, from);
    const starts = whole ? lineStarts(bytes, from === 0) : [];
    if (starts.length === 0 && whole && bytes.length < SEGMENT_BYTES_MAX) {
      wanted = Math.min(2 * wanted, SEGMENT_BYTES_MAX);
      continue;
    }
    if (starts.length === 0) yield { state: 'cut', offset: from, end: to, line: Buffer.alloc(0) };
    if (starts.length === 0) return;
    let lineEnd = bytes.length;
    for (const start of starts) {
      const line = bytes.subarray(start, lineEnd);
      const state = isRightLine(line) ? 'right' : 'wrong';
      yield { state, offset: from + start, end: from + lineEnd, line };
      lineEnd = start;
    }
    to = from + lineEnd;
    wanted = CHUNK_BYTES;
  }
}

/** Where the lines begin that stand whole in these bytes, the last first. */
function lineStarts(bytes: Buffer, isBeginning: boolean): number[] {
  const starts: number[] = [];
  for (let at = bytes.length - 1; at > 0; ) {
    at = bytes.lastIndexOf(NEWLINE, at - 1);
    if (at < 0) break;
    starts.push(at + 1);
  }
  if (isBeginning && bytes.length > 0) starts.push(0);
  return starts;
}

/** False: the file ends before. */
async function readAll(file: Readable, bytes: Buffer, position: number): Promise<boolean> {
  let filled = 0;
  while (filled < bytes.length) {
    const got = await file.read(bytes.subarray(filled), position + filled);
    if (got === 0) return false;
    filled += got;
  }
  return true;
}
