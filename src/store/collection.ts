/**
 * The entries of one collection, with what is kept beside them: their bytes, their places in the common expiry
 * and, where the policy evicts, their order of use. Whoever changes an entry here changes all of these; nothing
 * is decided here.
 */
import type { ChangeId, Key, Milliseconds, Policy } from '../model.js';
import { type EntrySource, entrySize, StoredEntry } from './entry.js';
import { OrderOfUse } from './eviction.js';
import type { Expiry, ExpiryNode } from './expiry.js';
import { Leaves } from './leaves.js';

export class Collection {
  readonly name: string;
  /** Null: it left the configuration and keeps its data. */
  readonly policy: Policy | null;
  readonly leaves = new Leaves<StoredEntry>();
  /** Null: it does not evict. */
  readonly order: OrderOfUse | null;
  /** Names its last change, or that of the base it came from; 0-0: there was none. */
  lastChange: ChangeId = { epoch: 0, revision: 0 };
  readonly #expiry: Expiry;
  #bytes = 0;

  constructor(name: string, policy: Policy | null, expiry: Expiry) {
    this.name = name;
    this.policy = policy;
    this.order = policy?.full === 'evict' ? new OrderOfUse(policy) : null;
    this.#expiry = expiry;
  }

  get entries(): number {
    return this.leaves.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What is there, expired or not. */
  get(key: Key): StoredEntry | undefined {
    return this.leaves.get(key);
  }

  /** Makes or replaces an entry. */
  write(key: Key, source: EntrySource, deadline: Milliseconds | null): StoredEntry {
    const before = this.leaves.get(key);
    const entry = new StoredEntry(source, this.#expiryFor(key, before?.expiry ?? null, deadline));
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

  /** Gives the entry that went. */
  remove(key: Key): StoredEntry | undefined {
    const entry = this.leaves.delete(key);
    if (entry === undefined) return undefined;
    if (entry.expiry !== null) this.#expiry.remove(entry.expiry);
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
