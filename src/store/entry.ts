/**
 * An entry as the store holds it. Small and of one shape, since there are millions: six fields, and no number
 * that V8 would box (above 2^31), so the deadline stands in the node of the expiry alone.
 */
import { ENTRY_OVERHEAD_BYTES } from '../limits.js';
import type {
  ByteString,
  ChangeId,
  Entry,
  Epoch,
  JsonText,
  Milliseconds,
  Outcome,
  Revision,
  Version,
} from '../model.js';
import type { ExpiryNode } from './expiry.js';

/** What an entry is made of, beside its deadline: a put, a base entry and another entry have it. */
export interface EntrySource {
  readonly text: JsonText;
  readonly epoch: Epoch;
  readonly revision: Revision;
  readonly version: Version;
  readonly time: number;
}

export class StoredEntry implements Entry {
  readonly text: JsonText;
  readonly epoch: Epoch;
  readonly revision: Revision;
  readonly version: Version;
  readonly time: number;
  /** Null: it does not expire. */
  readonly expiry: ExpiryNode | null;

  constructor(source: EntrySource, expiry: ExpiryNode | null) {
    this.text = source.text;
    this.epoch = source.epoch;
    this.revision = source.revision;
    this.version = source.version;
    this.time = source.time;
    this.expiry = expiry;
  }

  deadline(): Milliseconds | null {
    return this.expiry === null ? null : this.expiry.deadline;
  }

  /** Whether its time is over, so that it is not there for a reader. */
  isOver(now: Milliseconds): boolean {
    return this.expiry !== null && this.expiry.deadline <= now;
  }
}

/** Bytes that an entry counts for. */
export function entrySize(key: ByteString, text: ByteString): number {
  return key.length + text.length + ENTRY_OVERHEAD_BYTES;
}

/** Of a put of what is there already. */
export function unchanged(entry: StoredEntry | undefined): Outcome {
  if (entry === undefined) throw new Error('A put of the same text met no entry.');
  return { type: 'unchanged', id: idOf(entry), entry };
}

export function idOf({ epoch, revision }: ChangeId): ChangeId {
  return { epoch, revision };
}
