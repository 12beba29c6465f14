/**
 * One document of one collection, a plain key included: read, create, put, patch, touch, delete. What comes in is
 * decoded already; what a document must be is said by rules.ts. A condition is part of the engine's operation, so nothing
 * comes between its check and the change.
 */
import { isAmong, mismatch } from '../condition.js';
import type { Commit, Engine, Origin, Outcome } from '../engine/engine.js';
import { CairnError } from '../errors.js';
import { toUnicode } from '../json/bytes.js';
import { keyFromUnicode } from '../json/key.js';
import { membersOf } from '../json/pointer.js';
import { decodeString } from '../json/string.js';
import type {
  ChangeId,
  Condition,
  Durability,
  Entry,
  JsonText,
  Key,
  Milliseconds,
  Note,
  Operation,
  Revision,
} from '../model.js';
import { withoutHidden } from './grant.js';
import type { DocumentPolicy, Rules } from './rules.js';

/** Where a key stands. */
export interface Place {
  readonly collection: string;
  readonly key: Key;
}

/** What was there, and the store's revision at that moment: a watch since it misses nothing. */
export interface Reading {
  readonly entry: Entry | undefined;
  readonly revision: Revision;
}

/** What must hold for a write. */
export interface WriteCondition extends Condition {
  /** In whole seconds since the Unix epoch: the last change must not be later. A key that is not there passes. */
  readonly unmodifiedSince?: number;
}

export interface WriteOptions {
  readonly condition?: WriteCondition | undefined;
  /** Absent: as the collection has it. */
  readonly durability?: Durability;
  /** Who, and why. */
  readonly note?: Note;
  readonly origin?: Origin;
}

export interface PutOptions extends WriteOptions {
  /** Absent: the collection's default, or none. */
  readonly ttl?: Milliseconds | 'none';
}

export interface PatchOptions extends WriteOptions {
  /** Absent: the deadline that the key has. */
  readonly ttl?: Milliseconds | 'none';
}

interface KeepingOptions extends WriteOptions {
  readonly ttl: Milliseconds | 'none' | 'keep';
  /** Whether the text that is there already is a version too. */
  readonly always?: boolean;
}

export interface DeleteOptions extends WriteOptions {
  /** The history goes too, also that of a key that is deleted already. */
  readonly purge?: boolean;
}

export interface Written {
  readonly created: boolean;
  readonly entry: Entry;
  /** Whether the fsync that covers it is done. */
  readonly durable: boolean;
}

export interface Deleted {
  /** Names the deletion. */
  readonly id: ChangeId;
  readonly durable: boolean;
}

export interface KeysOptions {
  /** Throws `loading` while there is none. */
  readonly engine: () => Engine;
  readonly rules: Rules;
  readonly newId: () => string;
}

export class Keys {
  readonly #options: KeysOptions;

  constructor(options: KeysOptions) {
    this.#options = options;
  }

  /** The time by which things expire. */
  now(): Milliseconds {
    return this.#options.engine().now();
  }

  policyOf(collection: string): DocumentPolicy {
    return this.#options.rules.policyOf(collection);
  }

  read({ collection, key }: Place): Reading {
    const engine = this.#options.engine();
    const entry = engine.get(collection, key);
    return { entry, revision: engine.revision };
  }

  /** @throws CairnError as `Rules.documentOf` does, and what `Engine.commit` throws. */
  async put(place: Place, document: JsonText, options: PutOptions | KeepingOptions = {}): Promise<Written> {
    const text = this.#checked(place, document, options);
    const { ttl } = options;
    const always = 'always' in options && options.always === true;
    const put = { ...place, type: 'put' as const, text, always, ...(ttl === undefined ? {} : { ttl }) };
    const { outcome, durable } = await this.#commit(put, options);
    if (!('entry' in outcome)) throw unexpected(outcome);
    return { created: outcome.type === 'created', entry: outcome.entry, durable };
  }

  /**
   * Where a new document goes: under the key that comes with it, its own id, or one that is made where it may.
   * @throws CairnError as `Rules.identified` does
   */
  place(collection: string, key: Key | null, document: JsonText): Place & { readonly text: JsonText } {
    const { rules, newId } = this.#options;
    return { collection, ...rules.identified(collection, key, document, () => keyFromUnicode(newId())) };
  }

  /** @throws CairnError `key_exists`, or `revision_mismatch` where the caller has a condition, and what `put` throws. */
  async create(place: Place, text: JsonText, options: PutOptions = {}): Promise<Written> {
    const { condition = {} } = options;
    const written = this.put(place, text, { ...options, condition: { ...condition, noneMatch: 'any' } });
    return written.catch((error: unknown) => {
      throw Object.keys(condition).length === 0 ? existing(error) : error;
    });
  }

  /**
   * Puts what `change` makes of the value that is there. Nothing comes between: the put is for this very value.
   * @throws CairnError `key_not_found` whatever the condition, what `change` throws, and what `put` throws.
   */
  async patch(
    place: Place,
    change: (text: JsonText) => JsonText,
    options: PatchOptions = {},
  ): Promise<Written> {
    const { entry, revision } = this.read(place);
    if (entry === undefined) throw keyNotFound(revision);
    refuseUnless(options.condition ?? {}, entry);
    const text = this.#options.rules.patchedOf(place, change(entry.text));
    return this.put(place, text, { ttl: 'keep', ...options, condition: { match: [entry] } });
  }

  /** Whether the condition holds for what was read just now. @throws CairnError `revision_mismatch` */
  refuseUnless(condition: WriteCondition | undefined, entry: Entry | undefined): void {
    if (condition !== undefined) refuseUnless(condition, entry);
  }

  /** Moves the deadline alone. @throws CairnError `key_not_found` whatever the condition, and as `Engine.commit`. */
  async touch(place: Place, ttl: Milliseconds | 'none', options: WriteOptions = {}): Promise<Written> {
    const { outcome, revision, durable } = await this.#commit({ ...place, type: 'touch', ttl }, options);
    if (outcome.type === 'absent') throw keyNotFound(revision);
    if (outcome.type !== 'touched') throw unexpected(outcome);
    return { created: false, entry: outcome.entry, durable };
  }

  /** @throws CairnError `key_not_found` whatever the condition, and what `Engine.commit` throws. */
  async delete(place: Place, options: DeleteOptions = {}): Promise<Deleted> {
    const operation = { ...place, type: 'delete' as const, purge: options.purge ?? false };
    const { outcome, revision, durable } = await this.#commit(operation, options);
    if (outcome.type === 'absent') throw keyNotFound(revision);
    if (outcome.type !== 'deleted') throw unexpected(outcome);
    return { id: outcome.id, durable };
  }

  /** Where the document itself may be wrong, what depends on others goes before it: 412 and 409 before 422. */
  #checked(place: Place, document: JsonText, { condition, origin }: WriteOptions): JsonText {
    const { rules } = this.#options;
    if (condition !== undefined && rules.looksInside(place.collection)) {
      refuseUnless(condition, this.read(place).entry);
    }
    try {
      return rules.documentOf(place, document);
    } catch (error) {
      const judged = error instanceof CairnError && error.code !== 'value_too_large';
      const duplicated = judged ? this.#duplicateOf(place, document) : null;
      throw duplicated === null ? error : withoutHidden(duplicated, place.collection, origin?.mayRead);
    }
  }

  /** What a document that is refused has in common with another. Of values that are no strings only the store knows. */
  #duplicateOf({ collection, key }: Place, document: JsonText): CairnError | null {
    const engine = this.#options.engine();
    const { unique = [] } = engine.collections().find(({ name }) => name === collection)?.policy ?? {};
    for (const [field, value] of membersOf(document, unique)) {
      const string = decodeString(value);
      const other = string === undefined ? undefined : engine.find(collection, field, string);
      if (other !== undefined && other !== key) return duplicate(field, toUnicode(other));
    }
    return null;
  }

  async #commit(operation: Operation, options: WriteOptions): Promise<Commit & { outcome: Outcome }> {
    const engine = this.#options.engine();
    const condition = settle(options.condition, () => engine.get(operation.collection, operation.key));
    const { durability, note, origin } = options;
    const noted = note === undefined ? operation : { ...operation, note };
    const operations = [condition === undefined ? noted : { ...noted, condition }];
    // Of before: a later one could lie behind a change that the caller has not seen.
    const { revision } = engine;
    const commit = await engine
      .commit(operations, durability === undefined ? { origin } : { durability, origin })
      .catch((error: unknown) => {
        throw ofOneKey(error, operation, revision);
      });
    const outcome = commit.outcomes[0];
    if (outcome === undefined) throw new Error('a commit of one operation has no outcome');
    return { ...commit, outcome };
  }
}

/** In the words of the store. */
function duplicate(field: string, key: string): CairnError {
  const message = `Another document has this ${JSON.stringify(field)} already: ${JSON.stringify(key)}.`;
  return new CairnError('duplicate_value', message, { field, key });
}

export function keyNotFound(revision: Revision): CairnError {
  return new CairnError('key_not_found', 'Key not found', { revision });
}

/**
 * The condition as an engine knows it. A date is compared here, with what is there now, and the engine is asked to
 * go on only if that is still there: a change in between fails the write instead of being overwritten.
 */
function settle(condition: WriteCondition | undefined, read: () => Entry | undefined): Condition | undefined {
  if (condition?.unmodifiedSince === undefined) return condition;
  const { unmodifiedSince, ...others } = condition;
  const entry = read();
  if (entry === undefined) return { ...others, noneMatch: 'any' };
  if (entry.time <= unmodifiedSince) return { ...others, match: [entry] };
  // No change id is in an empty list, so the engine refuses it, with the words that it has for this.
  return { ...others, match: [] };
}

/** @throws CairnError `revision_mismatch` */
function refuseUnless({ match, noneMatch, unmodifiedSince }: WriteCondition, entry: Entry | undefined): void {
  if (match !== undefined && !isAmong(match, entry)) throw mismatch(entry);
  if (entry === undefined) return;
  if (unmodifiedSince !== undefined && entry.time > unmodifiedSince) throw mismatch(entry);
  if (noneMatch !== undefined && isAmong(noneMatch, entry)) throw mismatch(entry);
}

/** An error of the only operation there is need not number it; and a key to delete or to touch has to be there first. */
function ofOneKey(error: unknown, { type }: Operation, revision: Revision): unknown {
  if (!(error instanceof CairnError)) return error;
  const { op: _, ...details } = error.details;
  if (type !== 'put' && error.code === 'revision_mismatch' && details.current === null) {
    return keyNotFound(revision);
  }
  return new CairnError(error.code, error.message, details);
}

/** Who did not ask for a condition is told of the key, and not of a condition. */
function existing(error: unknown): unknown {
  if (!(error instanceof CairnError) || error.code !== 'revision_mismatch') return error;
  return new CairnError('key_exists', 'The key is there already.', error.details);
}

function unexpected(outcome: Outcome): Error {
  return new Error(`the engine answered an operation with the outcome ${outcome.type}`);
}
