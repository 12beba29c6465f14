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

/** The same error, with the commands that repair this directory. */
export function withRepairHint(error: unknown, directory: string): unknown {
  if (!(error instanceof CairnError) || error.code !== 'snapshot_damaged') return error;
  return new CairnError(error.code, error.message, { ...error.details, hint: repairHint(directory) });
}

/** What to do about damage, in the order in which to try it. */
function repairHint(directory: string): string {
  const dir = shellWord(directory);
  return (
    `Copy the directory first. Then \`cairn restore BACKUP ${dir} --force\` puts a backup in its place, ` +
    `\`cairn repair ${dir} --prefix\` keeps all up to the damage and nothing behind it, and ` +
    `\`cairn repair ${dir} --salvage\` keeps all that can be read; add --dry-run to see what each would lose.`
  );
}

/** As a shell takes it for one word. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

export function damaged(message: string, place: Place): CairnError {
  return new CairnError('snapshot_damaged', `${place.file}: ${message}.`, place);
}

/** For a file that is whole, but not ours to read. */
export function foreign(message: string, file: string, place: Omit<Place, 'file'> = {}): CairnError {
  return new CairnError('snapshot_foreign', `${file}: ${message}.`, { file, ...place });
}

/** The process or the machine lacks something just now; the file has nothing to do with it. */
const PASSING: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** For what the system does not let us read: not ours to read, not just now, or as good as damaged. */
export function unreadableFile(file: string, code: string, cause: unknown, revision?: Revision): CairnError {
  if (code === 'EACCES' || code === 'EPERM') {
    return new CairnError('snapshot_denied', `${file} cannot be read (${code}).`, { file, cause });
  }
  if (PASSING.has(code)) {
    const hint =
      'Raise the limit (ulimit -n) or free memory, and start it again; the files are not the reason.';
    return new CairnError('storage_error', `${file} cannot be read just now (${code}).`, { hint, cause });
  }
  const odd = code === 'EFTYPE' || code === 'EISDIR';
  return damaged(odd ? 'it is no regular file' : `it cannot be read (${code})`, {
    file,
    cause,
    ...(revision === undefined ? {} : { revision }),
  });
}
