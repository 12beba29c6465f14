/** Opening a snapshot file and reading its lines, with every failure turned into one that names the place. */
import { join } from 'node:path';
import { CairnError, systemCode } from '../errors.js';
import type { Revision } from '../model.js';
import type { File, Files } from '../platform/files.js';
import { damaged, foreign, unreadableFile } from './damage.js';
import { type BaseHeader, decodeHeader, FormatError, type LogHeader, NewerFormatError } from './header.js';
import type { Segment } from './reader.js';

/** A file that cannot be read is damage: its content may be what tells that another is not the newest. */
export async function withFile<Result>(
  files: Files,
  directory: string,
  name: string,
  revision: Revision,
  use: (file: File) => Promise<Result>,
): Promise<Result> {
  let file: File | undefined;
  try {
    file = await files.openForReading(join(directory, name));
    return await use(file);
  } catch (cause) {
    const code = systemCode(cause);
    if (code === undefined || cause instanceof CairnError) throw cause;
    throw unreadableFile(name, code, cause, revision);
  } finally {
    await file?.close().catch(() => undefined);
  }
}

/** What a right line says. One that cannot be understood was written by something else than this version. */
export function decodeSegment<Line>(
  file: string,
  { line, offset }: Segment,
  decode: (line: Buffer) => Line,
): Line {
  try {
    return decode(line);
  } catch (cause) {
    throw foreign(unreadable(cause), file, { offset, cause });
  }
}

/** Why a right line cannot be read. What is thrown for another reason is a defect of ours, and goes on. */
export function unreadable(cause: unknown): string {
  if (!(cause instanceof FormatError)) throw cause;
  if (cause instanceof NewerFormatError) return cause.message;
  return `a line with the right checksum cannot be read: ${cause.message}`;
}

/** The first line of a file, if it is right and of a format that this version reads. */
export function decodeFirst(file: string, segment: Segment): LogHeader | BaseHeader {
  if (segment.state !== 'right') throw damaged('its first line is wrong', { file, offset: 0 });
  return decodeSegment(file, segment, decodeHeader);
}
