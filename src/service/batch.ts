/**
 * Many puts and deletions at once, of any collections: all of them happen, at one moment and with consecutive
 * revisions, or none does. They are judged in their order, each as it would be alone, so the first that fails is the
 * one that is told, by its number; nothing comes between that and the commit. What a document is by itself, which may
 * take long for eight MiB of them, is looked at before, in slices between which others have their turn.
 */
import { checkCondition } from '../condition.js';
import type { Origin } from '../engine/engine.js';
import { CairnError } from '../errors.js';
import { BATCH_AT_ONCE_BYTES } from '../limits.js';
import type {
  Condition,
  Durability,
  JsonText,
  Milliseconds,
  Note,
  Operation,
  Outcome,
  Revision,
} from '../model.js';
import type { Place } from './keys.js';
import type { Rules } from './rules.js';
import type { ServicesEngine } from './services.js';
import type { Turns } from './turns.js';

interface BatchPut extends Place {
  readonly type: 'put';
  readonly text: JsonText;
  /** Absent: the collection's default, or none. */
  readonly ttl?: Milliseconds;
  readonly condition?: Condition;
}

interface BatchDelete extends Place {
  readonly type: 'delete';
  readonly condition?: Condition;
}

export type BatchOperation = BatchPut | BatchDelete;

export interface Batch {
  /** One for each operation. */
  readonly outcomes: readonly Outcome[];
  /** The store's after the last of them. */
  readonly revision: Revision;
  /** Whether the fsync that covers it is done. */
  readonly durable: boolean;
}

export interface BatchOptions {
  /** Absent: the strongest that the collections have. */
  readonly durability?: Durability | undefined;
  /** Who, and why. */
  readonly note?: Note;
  readonly origin?: Origin;
}

export interface BatchesOptions {
  /** Throws `loading` while there is none. */
  readonly engine: () => ServicesEngine;
  readonly rules: Rules;
  readonly turns: Turns;
}

/** The document of a put as it is stored, or what is wrong with it; undefined for a deletion. */
type Checked = JsonText | CairnError | undefined;

export class Batches {
  readonly #options: BatchesOptions;

  constructor(options: BatchesOptions) {
    this.#options = options;
  }

  /**
   * Each key once.
   * @throws CairnError with `op`: `not_found`, `revision_mismatch`, what `Rules.documentOf` throws, `quota_exceeded`;
   * without: `batch_too_large`, and what else `Engine.commit` throws
   */
  async commit(batch: readonly BatchOperation[], options: BatchOptions = {}): Promise<Batch> {
    const { durability, note, origin } = options;
    const checked = await this.#checked(batch);
    const engine = this.#options.engine();
    const operations = batch.map((operation, op) => {
      const judged = this.#judged(engine, operation, op, checked[op]);
      return note === undefined ? judged : { ...judged, note };
    });
    // A batch of nothing has nothing to wait for.
    const asked = batch.length === 0 ? 'periodic' : durability;
    return engine.commit(operations, asked === undefined ? { origin } : { durability: asked, origin });
  }

  /** Depends on nothing that could change meanwhile. */
  async #checked(batch: readonly BatchOperation[]): Promise<readonly Checked[]> {
    const bytes = batch.reduce((sum, operation) => sum + sizeOf(operation), 0);
    if (bytes <= BATCH_AT_ONCE_BYTES) return batch.map(operation => this.#check(operation));
    const slice = await this.#options.turns.begin();
    try {
      const checked: Checked[] = [];
      for (const operation of batch) {
        if (slice.isOver) await slice.next();
        checked.push(this.#check(operation));
      }
      return checked;
    } finally {
      slice.end();
    }
  }

  #check(operation: BatchOperation): Checked {
    if (operation.type === 'delete') return undefined;
    try {
      return this.#options.rules.documentOf(operation, operation.text);
    } catch (error) {
      if (error instanceof CairnError) return error;
      throw error;
    }
  }

  /** As it goes to the engine. The engine holds the condition once more: it may not be the one that was asked here. */
  #judged(engine: ServicesEngine, operation: BatchOperation, op: number, checked: Checked): Operation {
    const { rules } = this.#options;
    const { collection, key, condition } = operation;
    return numbered(op, () => {
      rules.refuseUnknown(collection);
      if (condition !== undefined) checkCondition(condition, engine.get(collection, key));
      engine.judge(operation);
      if (checked instanceof CairnError) throw checked;
      return checked === undefined || operation.type === 'delete'
        ? operation
        : { ...operation, text: checked };
    });
  }
}

function sizeOf(operation: BatchOperation): number {
  return operation.type === 'put' ? operation.text.length : 0;
}

/** An error of one operation says which one it was. */
export function numbered<T>(op: number, judge: () => T): T {
  try {
    return judge();
  } catch (error) {
    if (!(error instanceof CairnError)) throw error;
    throw new CairnError(error.code, error.message, { ...error.details, op });
  }
}
