/**
 * The files of a snapshot directory by their names. Numbers only grow and none is used twice; names that are not
 * ours are never touched.
 *
 *     00000007.log    the changes after the revision that its first line names
 *     00000007.base   the whole state at that revision
 *     00000007.log.tmp, 00000007.base.tmp    unfinished; removed by the next start
 */
import { join } from 'node:path';
import type { Files } from '../platform/files.js';

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

export async function listDirectory(files: Files, directory: string): Promise<Listing> {
  const logs: number[] = [];
  const bases: number[] = [];
  const unfinished: string[] = [];
  for (const name of await files.list(directory)) {
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
