/**
 * Reading a directory that is served meanwhile: it moves on, and what is not needed any more goes away. So a look that
 * failed while files went away is taken again, some times.
 */
import { CairnError, systemCode } from '../errors.js';
import type { Files } from '../platform/files.js';
import { listDirectory } from './directory.js';
import { namesOf } from './installation.js';

const LOOKS_MAX = 5;

export async function lookSteadily<Result>(
  files: Files,
  directory: string,
  look: () => Promise<Result>,
): Promise<Result> {
  for (let looks = 1; ; looks++) {
    const before = await listDirectory(files, directory);
    try {
      return await look();
    } catch (error) {
      if (looks === LOOKS_MAX || !(error instanceof CairnError) || error.code === 'snapshot_denied')
        throw error;
      const missing = systemCode(error.details.cause) === 'ENOENT';
      if (!missing && !isGone(namesOf(before), namesOf(await listDirectory(files, directory)))) throw error;
    }
  }
}

function isGone(before: readonly string[], after: readonly string[]): boolean {
  return before.some(name => !after.includes(name));
}
