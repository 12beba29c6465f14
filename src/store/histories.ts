/**
 * The histories of one collection. A key gets one with its second version, with the first that has a note, or when its
 * deadline is moved: until then its entry says all there is to say. The history of a deleted key stays for the policy's time, in a grave, and goes
 * without a change of its own: a start finds it again, and lets it go again.
 *
 * Whatever changes here follows from the changes that are in the log, so that a replay makes the same.
 */
import type {
  BaseVersion,
  Buried,
  Change,
  Entry,
  JsonText,
  Key,
  Milliseconds,
  Note,
  VersionRecord,
} from '../model.js';
import type { Expiry } from './expiry.js';
import { History } from './history.js';
import { type FrozenLeaves, Leaves } from './leaves.js';

export interface HistoriesOptions {
  readonly collection: string;
  /** How many versions of a key stay. */
  readonly depth: number;
  /** How long the history of a deleted key stays; null: for ever. */
  readonly ttl: Milliseconds | null;
  /** Of the deleted keys of all collections. */
  readonly graves: Expiry;
}

export class Histories {
  readonly #options: HistoriesOptions;
  readonly #keys = new Leaves<History>();
  #bytes = 0;
  #versions = 0;
  /** Deleted keys, those deleted first before the others; of a base in its order. */
  readonly #buried = new Set<Key>();
  #buriedBytes = 0;

  constructor(options: HistoriesOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Of all keys that have a history. */
  get versions(): number {
    return this.#versions;
  }

  /** A history in its grave is not there when its time is over. */
  get(key: Key, now: Milliseconds): History | undefined {
    const history = this.#keys.get(key);
    return history?.grave && history.grave.deadline <= now ? undefined : history;
  }

  /** Whether a key has one, also in a grave. */
  has(key: Key): boolean {
    return this.#keys.get(key) !== undefined;
  }

  /** What the versions, at least one, add to `bytes`; `before`: what is there now. */
  growth(
    key: Key,
    before: Entry | undefined,
    versions: readonly [VersionRecord, ...VersionRecord[]],
    now: Milliseconds,
  ): number {
    const { depth } = this.#options;
    const history = this.get(key, now);
    if (history !== undefined) return history.growth(versions, depth);
    const gone = this.#keys.get(key)?.bytes ?? 0;
    const [only, ...others] = before === undefined ? versions : [recordOf(before), ...versions];
    if (others.length === 0 && !hasNote(only)) return -gone;
    const first = History.of(key, only);
    return first.bytes + first.growth(others, depth) - gone;
  }

  /** Adds the version that a change makes; `before`: what was there. */
  add(key: Key, before: Entry | undefined, version: VersionRecord): void {
    if (version.version === 1 && before === undefined) this.forget(key);
    const known = this.#keys.get(key) ?? (before && History.of(key, recordOf(before)));
    if (known === undefined && !hasNote(version) && version.text !== null) return;
    this.#put(key, known, version);
  }

  /**
   * Lets the present version stand by itself, since its entry is about to get another revision and time. No version is
   * added: so no number of moved deadlines pushes a past out.
   */
  hold(key: Key, before: Entry): void {
    if (!this.has(key)) this.#put(key, undefined, recordOf(before));
  }

  /** What that adds to `bytes`. */
  growthOfHold(key: Key, before: Entry): number {
    return this.has(key) ? 0 : History.of(key, recordOf(before)).bytes;
  }

  /** Takes a version of a base. `entry`: what the base has under the key. False: it does not fit what came before. */
  load(row: BaseVersion, entry: Entry | undefined): boolean {
    const { key, version, revision, epoch, time, by, comment } = row;
    const known = this.#keys.get(key);
    const follows = known === undefined || (version > known.last.version && revision > known.last.revision);
    const text = textOf(row, entry, known?.last);
    if (!follows || text === undefined || (entry !== undefined && revision > entry.revision)) return false;
    const record = { version, revision, epoch, time, text, by, comment };
    if (known !== undefined || hasNote(record) || revision !== entry?.revision) this.#put(key, known, record);
    return true;
  }

  /** Takes a history away, if there is one. */
  forget(key: Key): boolean {
    const history = this.#keys.delete(key);
    if (history === undefined) return false;
    if (history.grave !== null) this.#options.graves.remove(history.grave);
    this.#bury(key, history, undefined);
    this.#bytes -= history.bytes;
    this.#versions -= history.length;
    return true;
  }

  /** Deleted keys, in key order. */
  buried(prefix: string, after: Key | undefined, limit: number, now: Milliseconds): Buried {
    const isBuried = ({ last, grave }: History): boolean =>
      last.text === null && (grave === null || grave.deadline > now);
    const { entries, more } = this.#keys.page(prefix, after, limit, isBuried);
    return { keys: entries.map(([key]) => key), more };
  }

  /** Of the deleted keys: what can be had back where the room is needed. */
  get buriedBytes(): number {
    return this.#buriedBytes;
  }

  /** The same of one key; 0: it is not deleted, or has none. */
  buriedBytesOf(key: Key): number {
    return this.#buried.has(key) ? (this.#keys.get(key)?.bytes ?? 0) : 0;
  }

  /** The histories of the keys that were deleted first go before their time, as long as it is so. */
  forgetWhile(isOver: () => boolean): void {
    for (const oldest of this.#buried) {
      if (!isOver()) return;
      this.forget(oldest);
    }
  }

  #bury(key: Key, before: History | undefined, after: History | undefined): void {
    if (before?.last.text === null) {
      this.#buried.delete(key);
      this.#buriedBytes -= before.bytes;
    }
    if (after?.last.text !== null || after === undefined) return;
    this.#buried.add(key);
    this.#buriedBytes += after.bytes;
  }

  freeze(): FrozenLeaves<History> {
    return this.#keys.freeze();
  }

  #put(key: Key, known: History | undefined, version: VersionRecord): void {
    const { collection, depth, ttl, graves } = this.#options;
    if (known?.grave) graves.remove(known.grave);
    const buried = version.text === null && ttl !== null;
    const grave = buried ? graves.add(version.time * 1000 + ttl, collection, key) : null;
    const history = known?.with(sharing(version, known), depth, grave) ?? History.of(key, version, grave);
    const before = this.#keys.set(key, history);
    this.#bury(key, before, history);
    this.#bytes += history.bytes - (before?.bytes ?? 0);
    this.#versions += history.length - (before?.length ?? 0);
  }
}

/** The text of a row of a base; undefined: it stands nowhere. A text that the entry has too is the entry's string. */
function textOf(
  { text, deleted, version, revision }: BaseVersion,
  entry: Entry | undefined,
  before: VersionRecord | undefined,
): JsonText | null | undefined {
  if (deleted) return null;
  const present = entry?.revision === revision;
  if (text !== null) return text === entry?.text ? entry.text : present ? undefined : text;
  if (present) return entry.text;
  return before?.version === version - 1 ? (before.text ?? undefined) : undefined;
}

/** The same text is the same string: it is counted once. */
function sharing(version: VersionRecord, { last }: History): VersionRecord {
  return version.text === last.text ? { ...version, text: last.text } : version;
}

/** A key that never had a note needs no more than its entry. */
function hasNote({ by, comment }: Note): boolean {
  return by !== null || comment !== null;
}

/** What an entry says of its own version: who made it is not known. */
export function recordOf({ version, revision, epoch, time, text }: Entry): VersionRecord {
  return { version, revision, epoch, time, text, by: null, comment: null };
}

/** The version that a change makes. `text`: of the entry that it leaves. */
export function recordOfChange(change: Change, text: VersionRecord['text']): VersionRecord {
  const { version, revision, epoch, time, note } = change;
  return { version, revision, epoch, time, text, by: note?.by ?? null, comment: note?.comment ?? null };
}

/**
 * The versions as a base has them, in key order. A text stands once: not with the present version, which has that of
 * its entry, nor with one that has that of the version before it.
 */
export function* rowsOf(
  histories: FrozenLeaves<History>,
  entries: FrozenLeaves<Entry>,
): Generator<BaseVersion, void, undefined> {
  for (const [key, history] of histories) {
    const present = entries.get(key)?.revision;
    let before: VersionRecord | undefined;
    for (const record of history.versions()) {
      const { text, version } = record;
      const stands = record.revision === present || (before?.text === text && before.version === version - 1);
      yield { key, ...record, deleted: text === null, text: stands ? null : text };
      before = record;
    }
  }
}
