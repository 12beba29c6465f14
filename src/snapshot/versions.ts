/**
 * The versions of keys as the rows of a base, for what works on files alone and knows no policy: which changes are
 * versions stands in the log (`note`), and how many of them stay is decided by the next start.
 */
import type { BaseEntry, BaseVersion, Change, JsonText } from '../model.js';

/** The version that a change makes of what was there. `text`: of the entry that it leaves. */
export function versionOf(change: Change, text: JsonText | null): BaseVersion {
  const { key, version, revision, epoch, time, type, note } = change;
  const { by = null, comment = null } = note ?? {};
  const deleted = type === 'delete';
  return { key, version, revision, epoch, time, deleted, by, comment, text: deleted ? null : text };
}

/** The version that an entry is by itself. */
export function versionOfEntry({ key, version, revision, epoch, time, text }: BaseEntry): BaseVersion {
  return { key, version, revision, epoch, time, deleted: false, by: null, comment: null, text };
}

/** Whether nothing before it counts any more: a key begins anew, or its past is purged. */
export function forgets(change: Change): boolean {
  return change.type === 'delete'
    ? change.reason === 'purged'
    : change.type === 'put' && change.version === 1;
}

/** The text of the present version stands with its entry alone. */
export function beside(entry: BaseEntry | undefined, version: BaseVersion): BaseVersion {
  return entry?.revision === version.revision ? { ...version, text: null } : version;
}
