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

/** Whether no version before it counts any more: a key begins anew, its past is purged, or there is no history. */
export function forgets(change: Change): boolean {
  if (change.note === undefined) return true;
  return change.type === 'delete'
    ? change.reason === 'purged'
    : change.type === 'put' && change.version === 1;
}

/** Whether it is a version itself: no moved deadline, and no purge. */
export function isVersion(change: Change): boolean {
  if (change.type === 'touch') return false;
  return change.note !== undefined && !(change.type === 'delete' && change.reason === 'purged');
}

/** Whether it gives the entry of a version another revision, so that the version must stand by itself. */
export function holds(change: Change): boolean {
  return change.type === 'touch' && change.note !== undefined;
}

/** Whether the only version of a key says no more than its entry does. */
export function isPlain({ by, comment, deleted }: BaseVersion): boolean {
  return by === null && comment === null && !deleted;
}

/**
 * Versions of one key, oldest first, without the texts that stand elsewhere: with its entry, or with the version before.
 * `before`: the one before the first of them.
 */
export function* sparing(
  versions: Iterable<BaseVersion>,
  entry: Pick<BaseEntry, 'revision'> | undefined,
  before?: BaseVersion,
): Generator<BaseVersion, void, undefined> {
  let last = before;
  for (const version of versions) {
    const follows = last?.version === version.version - 1 && last.text === version.text;
    yield follows || version.revision === entry?.revision ? { ...version, text: null } : version;
    last = version;
  }
}
