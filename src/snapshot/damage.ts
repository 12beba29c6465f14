/** How the snapshot says that a file is not what was written. Never a guess: the place, and up to where all is well. */
import { CairnError } from '../errors.js';
import type { Revision } from '../model.js';

export interface Place {
  readonly file: string;
  /** In bytes from the beginning of the file. */
  readonly offset?: number;
  /** Up to which all is well. */
  readonly revision?: Revision;
  /** What stands behind the damage. */
  readonly follows?: string;
  readonly cause?: unknown;
}

export function damaged(message: string, place: Place): CairnError {
  return new CairnError('snapshot_damaged', `${place.file}: ${message}.`, place);
}

/** For a file that is whole, but not ours to read. */
export function foreign(message: string, file: string, place: Omit<Place, 'file'> = {}): CairnError {
  return new CairnError('snapshot_foreign', `${file}: ${message}.`, { file, ...place });
}

/** For what the system does not let us read: not ours to read, or as good as damaged. */
export function unreadableFile(file: string, code: string, cause: unknown, revision?: Revision): CairnError {
  if (code === 'EACCES' || code === 'EPERM') {
    return new CairnError('snapshot_denied', `${file} cannot be read (${code}).`, { file, cause });
  }
  return damaged(`it cannot be read (${code})`, {
    file,
    cause,
    ...(revision === undefined ? {} : { revision }),
  });
}
