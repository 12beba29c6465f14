/**
 * The words of Cairn as types. This file imports nothing and does nothing but say what the words mean.
 *
 * Byte strings. Keys and JSON texts live in memory as strings that hold one UTF-8 byte per UTF-16 unit
 * ("latin1"). So a value costs one byte a character, `.length` is its size in bytes and its Content-Length,
 * `<` orders keys by their bytes, and nothing is transcoded between the socket, the Map and the disk:
 * `buffer.toString('latin1')` on the way in, `'latin1'` on the way out. Only what JavaScript itself has to
 * understand (a message to a person, a JSON Pointer) is decoded, by `toUnicode`.
 */

declare module 'node:buffer' {
  /** What `toString` and `write` call after they have looked at their arguments, which costs as much again. */
  interface Buffer {
    latin1Slice(start: number, end: number): string;
    latin1Write(text: string, start: number): number;
  }
}

declare const keyBrand: unique symbol;
declare const jsonBrand: unique symbol;

/** A string of bytes, each unit 0 to 255. */
export type ByteString = string;

/** A valid key (see `keyFromBytes` in json/key.ts for the rules) as a byte string of 1 to 512 bytes. */
export type Key = ByteString & { readonly [keyBrand]: true };

/** One valid JSON value, exactly as it was sent less the white space around it, as a byte string. */
export type JsonText = ByteString & { readonly [jsonBrand]: true };

/** The store's counter of changes: 0 in an empty store, one more with every change. */
export type Revision = number;

/** The same per key, from 1. Where there is a history it counts what stands there: a moved deadline is none of it. */
export type Version = number;

/** The Unix second at which a line of history began. */
export type Epoch = number;

/** Milliseconds since the Unix epoch. */
export type Milliseconds = number;

/** Names one change for ever. Written `<epoch>-<revision>`; in quotes it is the ETag. */
export interface ChangeId {
  readonly epoch: Epoch;
  readonly revision: Revision;
}

/** What the store holds under a key. Never changed in place: a change makes a new entry. */
export interface Entry extends ChangeId {
  readonly text: JsonText;
  readonly version: Version;
  /** Of the last change, in whole seconds since the Unix epoch. */
  readonly time: number;
  /** When it expires, or null. A method, since the store keeps deadlines in the expiry structure. */
  deadline(): Milliseconds | null;
}

/** Who made a version, and why; null: not known. */
export interface Note {
  readonly by: ByteString | null;
  readonly comment: ByteString | null;
}

/** One version of a key in its history. */
export interface VersionRecord extends ChangeId, Note {
  readonly version: Version;
  /** In whole seconds since the Unix epoch. */
  readonly time: number;
  /** Null: it is the deletion of the key. */
  readonly text: JsonText | null;
}

/** Why an entry went away. `purged`: with its history. */
export type DeleteReason = 'deleted' | 'expired' | 'evicted' | 'purged';

interface ChangeOf extends ChangeId {
  readonly collection: string;
  readonly key: Key;
  readonly version: Version;
  /** In whole seconds since the Unix epoch. */
  readonly time: number;
  /** Present where the collection keeps its history. */
  readonly note?: Note;
}

/** A new value. */
export interface PutChange extends ChangeOf {
  readonly type: 'put';
  readonly text: JsonText;
  readonly deadline: Milliseconds | null;
}

/** A moved deadline; the value stays, and where there is a history the version too. */
export interface TouchChange extends ChangeOf {
  readonly type: 'touch';
  readonly deadline: Milliseconds | null;
}

/**
 * An entry taken away. `version` is the one that went; with a history the deletion is a version itself, and it is that.
 * A purge may come when the entry has gone already: then it takes the history.
 */
export interface DeleteChange extends ChangeOf {
  readonly type: 'delete';
  readonly reason: DeleteReason;
}

/**
 * One operation as its result: everything a replay needs, nothing left to decide. This is what the store
 * gives to the snapshot and to the watchers, and what recovery gives back to the store.
 */
export type Change = PutChange | TouchChange | DeleteChange;

/** One entry of a base snapshot: an `Entry` with its place. */
export interface BaseEntry extends ChangeId {
  readonly key: Key;
  readonly text: JsonText;
  readonly version: Version;
  readonly time: number;
  readonly deadline: Milliseconds | null;
}

/** One version of a base snapshot: they stand behind the entries of their collection, those of a key in their order. */
export interface BaseVersion extends ChangeId, Note {
  readonly key: Key;
  readonly version: Version;
  readonly time: number;
  readonly deleted: boolean;
  /** Null: that of the key's entry, where it has this revision, else that of the version before; a deletion has none. */
  readonly text: JsonText | null;
}

/** What tells of the last change of an entry. */
export type EntryNumbers = Pick<BaseEntry, 'epoch' | 'revision' | 'version' | 'time'>;

/**
 * Entries of one line of a base, still as they stand in its bytes: a store can take them from there without making an
 * object or a string of any. They are in the order of the line. Good until the next line is read.
 */
export interface BaseRows extends Iterable<BaseEntry> {
  readonly size: number;
  /** The line. */
  readonly bytes: Buffer;
  /** Makes the entry of a row. */
  entryAt(row: number): BaseEntry;
  /** Where its key stands in the bytes, and where its text does. */
  keyStart(row: number): number;
  keyEnd(row: number): number;
  textStart(row: number): number;
  textEnd(row: number): number;
  /** Whether its text stands there as the JSON string of itself, so that it must be read by `entryAt`. */
  isQuoted(row: number): boolean;
  numbersAt(row: number): EntryNumbers;
  deadline(row: number): Milliseconds | null;
}

/** `periodic`: answered at once, on disk within the interval. `sync`: answered after the fsync. */
export type Durability = 'periodic' | 'sync';

/** A JSON Schema, parsed. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a collection is told to do. Bounds: `null` is none of its own (the store's total still holds). */
export interface Policy {
  readonly durability: Durability;
  /** The time to live of a put that names none; null: for ever. */
  readonly defaultTtl: Milliseconds | null;
  readonly entriesMax: number | null;
  /** Keys, values and the store's own cost per entry (`ENTRY_OVERHEAD_BYTES`), together. */
  readonly bytesMax: number | null;
  /** What happens at a bound: the least recently used goes, or growth is refused. */
  readonly full: 'evict' | 'refuse';
  /** The member of a document whose string is its key; null: the key stands beside the value. */
  readonly idField: string | null;
  /** Whether a document that is created without an id gets a random one. */
  readonly generatedId: boolean;
  /** What a document must be like; null: anything. */
  readonly schema: JsonSchema | null;
  /** Members of a document that must be there, as strings that are not empty. */
  readonly required: readonly string[];
  /** Members that must be email addresses where they are there. */
  readonly emails: readonly string[];
  /** Members of which no two documents have the same value, whatever its ASCII case. */
  readonly unique: readonly string[];
  /** How many versions of a key are kept, the present one too. 0: no history; Infinity: every one. */
  readonly history: number;
  /** How long the history of a deleted key is kept; null: for ever. */
  readonly historyTtl: Milliseconds | null;
}

/** Every collection there is, by name. */
export type Policies = Readonly<Record<string, Policy>>;

/** What must hold for an operation, as RFC 9110 §13.1 has it: `match` first, then `noneMatch`. */
export interface Condition {
  /** `any`: the key must be there. A list: its change id must be one of these. */
  readonly match?: readonly ChangeId[] | 'any';
  /** `any`: the key must not be there. A list: its change id must be none of these. */
  readonly noneMatch?: readonly ChangeId[] | 'any';
}

interface OperationOn {
  readonly collection: string;
  readonly key: Key;
  readonly condition?: Condition;
  /** Of the version that this makes, where there is a history. */
  readonly note?: Note;
}

export interface PutOperation extends OperationOn {
  readonly type: 'put';
  readonly text: JsonText;
  /** Absent: the collection's default, or none. `none`: no deadline. `keep`: the deadline that the entry has. */
  readonly ttl?: Milliseconds | 'none' | 'keep';
  /** Where there is a history, the text that is there already makes no version unless this is true. */
  readonly always?: boolean;
}

/** Moves the deadline of a key, and nothing else. A key that is not there gives the outcome `absent`. */
export interface TouchOperation extends OperationOn {
  readonly type: 'touch';
  readonly ttl: Milliseconds | 'none';
}

/** A key that is not there gives the outcome `absent`. */
export interface DeleteOperation extends OperationOn {
  readonly type: 'delete';
  /** The history goes too, also that of a key that is deleted already. */
  readonly purge?: boolean;
}

export type Operation = PutOperation | TouchOperation | DeleteOperation;

/** What became of one operation. `id` names its change; `unchanged`: the last one, since there was none to make. */
export type Outcome =
  | {
      readonly type: 'created' | 'replaced' | 'touched' | 'unchanged';
      readonly id: ChangeId;
      readonly entry: Entry;
    }
  | { readonly type: 'deleted'; readonly id: ChangeId }
  | { readonly type: 'absent' };

export interface Range {
  /** Only keys that begin with these bytes. */
  readonly prefix?: string;
  /** Only keys after this one. */
  readonly after?: Key;
  readonly limit: number;
}

export interface Page {
  /** In key order. */
  readonly entries: readonly (readonly [Key, Entry])[];
  /** Whether there may be more behind the last. */
  readonly more: boolean;
}

/** Deleted keys that have a history, in key order. */
export interface Buried {
  readonly keys: readonly Key[];
  /** Whether there may be more behind the last. */
  readonly more: boolean;
}

export interface CollectionStatus {
  readonly name: string;
  readonly policy: Policy;
  readonly entries: number;
  readonly bytes: number;
  /** Another one after each change, and perhaps after a start. */
  readonly lastChange: ChangeId;
}

/** Whether it can only be made of a key that is there. */
export function needsEntry(change: Change): boolean {
  return change.type === 'touch' || (change.type === 'delete' && change.reason !== 'purged');
}

export function formatChangeId(id: ChangeId): string {
  return `${id.epoch}-${id.revision}`;
}
