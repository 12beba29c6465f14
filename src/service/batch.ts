/**
 * Many puts and deletions at once, of any collections: all of them happen, at one moment and with consecutive
 * revisions, or none does. They are judged in their order, each as it would be alone, so the first that fails is the
 * one that is told, by its number; nothing comes between that and the commit.
 */
import { checkCondition } from '../condition.js';
import { CairnError } from '../errors.js';
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
}

export interface BatchesOptions {
  /** Throws `loading` while there is none. */
  readonly engine: () => ServicesEngine;
  readonly rules: Rules;
}

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
  async commit(batch: readonly BatchOperation[], { durability, note }: BatchOptions = {}): Promise<Batch> {
    const engine = this.#options.engine();
    const operations = batch.map((operation, op) => {
      const judged = this.#judged(engine, operation, op);
      return note === undefined ? judged : { ...judged, note };
    });
    return engine.commit(operations, durability === undefined ? {} : { durability });
  }

  /** As it goes to the engine. The engine holds the condition once more: it may not be the one that was asked here. */
  #judged(engine: ServicesEngine, operation: BatchOperation, op: number): Operation {
    const { rules } = this.#options;
    const { collection, key, condition } = operation;
    return numbered(op, () => {
      rules.refuseUnknown(collection);
      if (condition !== undefined) checkCondition(condition, engine.get(collection, key));
      engine.judge(operation);
      if (operation.type === 'delete') return operation;
      return { ...operation, text: rules.documentOf(operation, operation.text) };
    });
  }
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
