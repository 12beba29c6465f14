/**
 * The entries of one collection, with what is kept beside them: their bytes, their places in the common expiry,
 * where the policy evicts, their order of use, and where it keeps them, their histories. Whoever changes an entry here
 * changes all of these; nothing is decided here.
 */
import { ENTRY_OVERHEAD_BYTES, LEAF_KEYS_MAX } from '../limits.js';
import type {
  BaseRows,
  BaseVersion,
  Change,
  ChangeId,
  DeleteChange,
  JsonText,
  Key,
  Milliseconds,
  Policy,
  PutChange,
  TouchChange,
} from '../model.js';
import { type EntrySource, entrySize, StoredEntry } from './entry.js';
import { OrderOfUse } from './eviction.js';
import type { Expiry, ExpiryNode } from './expiry.js';
import { Histories, recordOfChange } from './histories.js';
import { Leaves } from './leaves.js';
import { packing } from './packed.js';
import { RowPacker } from './row-packer.js';
import type { Claims, UniqueFields } from './unique.js';

/** What is kept for all collections together. */
export interface Deadlines {
  /** Of the entries. */
  readonly expiry: Expiry;
  /** Of the histories whose key is deleted. */
  readonly graves: Expiry;
}

export class Collection {
  readonly name: string;
  /** Null: it left the configuration and keeps its data. */
  readonly policy: Policy | null;
  readonly leaves: Leaves<StoredEntry>;
  /** Null: it does not evict. */
  readonly order: OrderOfUse | null;
  /** Null: it keeps none. */
  readonly histories: Histories | null;
  /** Null: it has no unique field, or the index is not made yet. */
  unique: UniqueFields | null = null;
  /** Names its last change, or that of the base it came from; 0-0: there was none. */
  lastChange: ChangeId = { epoch: 0, revision: 0 };
  /** Whether its last change was a version, or its base has one: all that tells whether it kept a history once it is out. */
  keptHistory = false;
  readonly #expiry: Expiry;
  #bytes = 0;
  /** Rows of a base that are not in the leaves yet; null: none is being loaded. */
  #packer: RowPacker | null = null;

  constructor(name: string, policy: Policy | null, { expiry, graves }: Deadlines) {
    this.name = name;
    this.policy = policy;
    this.order = policy?.full === 'evict' ? new OrderOfUse(policy) : null;
    this.#expiry = expiry;
    const { history: depth, historyTtl: ttl } = policy ?? {
      history: Number.POSITIVE_INFINITY,
      historyTtl: null,
    };
    this.histories = depth === 0 ? null : new Histories({ collection: name, depth, ttl, graves });
    // A text stands in the history too, and is one string with that of the entry.
    this.leaves = new Leaves(LEAF_KEYS_MAX, this.histories === null ? packing : null);
  }

  get entries(): number {
    return this.leaves.size;
  }

  /** Those of the histories and of the index too. */
  get bytes(): number {
    return this.#bytes + (this.histories?.bytes ?? 0) + (this.unique?.bytes ?? 0);
  }

  get isOver(): boolean {
    return this.bytes > (this.policy?.bytesMax ?? Number.POSITIVE_INFINITY);
  }

  /** What is there, expired or not. */
  get(key: Key): StoredEntry | undefined {
    return this.leaves.get(key);
  }

  /**
   * Makes or replaces an entry. `source`: the change, with the text that is there then; `claims`: what that claims, where
   * it is known already.
   */
  write(change: PutChange | TouchChange, source: EntrySource, claims?: Claims): StoredEntry {
    const { key, deadline } = change;
    const before = this.leaves.get(key);
    this.#remember(change, before, source.text);
    const entry = new StoredEntry(source, this.#expiryFor(key, before?.expiry ?? null, deadline));
    this.unique?.replace(key, before?.text, entry.text, claims);
    const size = entrySize(key, entry.text);
    this.leaves.set(key, entry);
    this.order?.put(key, size);
    this.#bytes += before === undefined ? size : size - entrySize(key, before.text);
    return entry;
  }

  /** Takes an entry of a base; false where the key is there already. */
  load(key: Key, source: EntrySource, deadline: Milliseconds | null): boolean {
    const entry = new StoredEntry(source, this.#expiryFor(key, null, deadline));
    if (!this.leaves.append(key, entry) && this.leaves.set(key, entry) !== undefined) return false;
    const size = entrySize(key, entry.text);
    this.order?.put(key, size);
    this.#bytes += size;
    return true;
  }

  /** Takes rows of a base; false where a key is there already. All are there when `loaded` was called. */
  loadRows(rows: BaseRows): boolean {
    for (let row = 0; row < rows.size; row++) if (!this.#loadRow(rows, row)) return false;
    return true;
  }

  /** The base, which is of this change, has no more rows. */
  loaded(id: ChangeId): void {
    this.#unpack();
    this.#packer = null;
    this.lastChange = id;
  }

  #loadRow(rows: BaseRows, row: number): boolean {
    this.#packer ??= new RowPacker();
    const packer = this.#packer;
    if (packer.isFull) this.#unpack();
    const deadline = rows.deadline(row);
    if (this.order === null && packer.takes(rows, row)) {
      if (packer.size > 0 || this.leaves.takesPacked(rows.entryAt(row).key)) {
        const node = deadline === null ? null : this.#expiryFor(rows.entryAt(row).key, null, deadline);
        packer.add(rows, row, node);
        return true;
      }
    }
    this.#unpack();
    const entry = rows.entryAt(row);
    return this.load(entry.key, entry, deadline);
  }

  /** Brings what the packer has into the leaves, which could take it when its first row came. */
  #unpack(): void {
    if (this.#packer === null || this.#packer.size === 0) return;
    const packed = this.#packer.take();
    this.leaves.appendPacked(packed);
    this.#bytes += packed.bytes + packed.size * ENTRY_OVERHEAD_BYTES;
  }

  /** Takes a version of a base, whose entries are there already; false where it is one of an entry that is not. */
  loadVersion(version: BaseVersion): boolean {
    this.#unpack();
    this.keptHistory = true;
    return this.histories === null || this.histories.load(version, this.leaves.get(version.key));
  }

  /** `known`: what is there, where it is known already. False: there was nothing to take away. */
  remove(change: DeleteChange, known?: StoredEntry): boolean {
    const entry = this.#take(change.key, known);
    if (change.reason === 'purged') {
      // It may be of a time when there was a history.
      this.histories?.forget(change.key);
      return true;
    }
    if (entry === undefined) return false;
    this.#remember(change, entry, null);
    return true;
  }

  /** A change without a note came while there was no history: it is none, and neither is what was before it. */
  #remember(change: Change, before: StoredEntry | undefined, text: JsonText | null): void {
    this.keptHistory = change.note !== undefined;
    if (change.note === undefined) this.histories?.forget(change.key);
    else if (change.type === 'touch') before && this.histories?.hold(change.key, before);
    else this.histories?.add(change.key, before, recordOfChange(change, text));
  }

  #take(key: Key, known?: StoredEntry): StoredEntry | undefined {
    const entry = this.leaves.delete(key, known);
    if (entry === undefined) return undefined;
    if (entry.expiry !== null) this.#expiry.remove(entry.expiry);
    this.unique?.replace(key, entry.text, undefined);
    this.order?.delete(key);
    this.#bytes -= entrySize(key, entry.text);
    return entry;
  }

  #expiryFor(key: Key, node: ExpiryNode | null, deadline: Milliseconds | null): ExpiryNode | null {
    if (node === null) return deadline === null ? null : this.#expiry.add(deadline, this.name, key);
    if (node.deadline === deadline) return node;
    if (deadline !== null) return this.#expiry.move(node, deadline);
    this.#expiry.remove(node);
    return null;
  }
}
