/**
 * The files of a snapshot directory by their names. Numbers only grow and none is used twice; names that are not
 * ours are never touched.
 *
 *     00000007.log    the changes after the revision that its first line names
 *     00000007.base   the whole state at that revision
 *     00000007.log.tmp, 00000007.base.tmp    unfinished; removed by the next start
 */
import { join } from 'node:path';
import { CairnError, systemCode } from '../errors.js';
import type { Files } from '../platform/files.js';
import { unreadableFile } from './damage.js';

export type FileKind = 'log' | 'base';

export interface Listing {
  /** Numbers, ascending. */
  readonly logs: readonly number[];
  readonly bases: readonly number[];
  /** Names of unfinished files. */
  readonly unfinished: readonly string[];
}

const NAME = /^(\d{8,15})\.(log|base)(\.tmp)?$/;

export function fileName(number: number, kind: FileKind): string {
  return `${String(number).padStart(8, '0')}.${kind}`;
}

/** @throws CairnError `snapshot_denied`, or `snapshot_damaged` where the directory cannot be read for another reason */
export async function listDirectory(files: Files, directory: string): Promise<Listing> {
  const logs: number[] = [];
  const bases: number[] = [];
  const unfinished: string[] = [];
  for (const name of await namesIn(files, directory)) {
    const [, digits, kind, temporary] = NAME.exec(name) ?? [];
    // A name with more zeros than ours ("0000000007.log") would be a second file of one number.
    if (digits === undefined || fileName(Number(digits), kind as FileKind) !== name.replace(/\.tmp$/, ''))
      continue;
    if (temporary !== undefined) unfinished.push(name);
    else (kind === 'log' ? logs : bases).push(Number(digits));
  }
  const ascending = (a: number, b: number): number => a - b;
  return { logs: logs.sort(ascending), bases: bases.sort(ascending), unfinished };
}

async function namesIn(files: Files, directory: string): Promise<string[]> {
  try {
    return await files.list(directory);
  } catch (cause) {
    const code = systemCode(cause);
    if (code === undefined) throw cause;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new CairnError('snapshot_denied', `${directory} is no directory (${code}).`, {
        file: directory,
        cause,
      });
    }
    throw unreadableFile(directory, code, cause);
  }
}

/** The greatest number that any file has, unfinished ones included; 0 where there is none. */
export function greatestNumber(listing: Listing): number {
  const unfinished = listing.unfinished.map(name => Number.parseInt(name, 10));
  return Math.max(0, ...listing.logs, ...listing.bases, ...unfinished);
}

/** Removes what an earlier process left unfinished. A directory that cannot be written is no reason to stop. */
export async function removeUnfinished(files: Files, directory: string, listing: Listing): Promise<void> {
  for (const name of listing.unfinished) {
    await files.remove(join(directory, name)).catch(() => undefined);
  }
}
