/**
 * Who changed what: a line of the log, `audit`, for each change that a caller makes, by whatever way in. A change is told
 * in the turn in which it happens, so that one whose fsync fails later is in the log as it is in memory. Nothing is told
 * of what was refused, of what expired, and of what had to make room. Never a value; of keys that are secrets themselves,
 * such as those of sessions, the beginning of their SHA-256.
 *
 * Of a commit with more changes than a batch may have, which is a slice of an import or of a deletion by prefix, there
 * is one line for all that was done alike in a collection, with its keys: lines that nobody can take in are dropped.
 */
import { createHash } from 'node:crypto';
import type { Origin } from '../engine/engine.js';
import { toUnicode } from '../json/bytes.js';
import { AUDIT_LINES_MAX } from '../limits.js';
import type { Change, Key, Revision } from '../model.js';
import type { Logger } from '../platform/logger.js';

/** `switch`: a service was enabled or disabled. */
type Action = 'put' | 'touch' | 'delete' | 'purge' | 'switch';

export interface AuditedChange {
  readonly collection: string;
  readonly key: Key;
  readonly action: Action;
  readonly revision: Revision;
}

export interface AuditOptions {
  readonly logger: Logger;
  /** Whether its keys may not stand in a log. */
  readonly isSecret: (collection: string) => boolean;
}

const DIGEST_CHARS = 16;

export class Audit {
  readonly #options: AuditOptions;
  #origin: Origin | null = null;

  constructor(options: AuditOptions) {
    this.#options = options;
  }

  /** Whether what is told now is anybody's doing. */
  get isListening(): boolean {
    return this.#origin !== null;
  }

  /** What is told until `commit` gives its turn of the event loop away was done by this one. */
  during<T>(origin: Origin, commit: () => T): T {
    this.#origin = origin;
    try {
      return commit();
    } finally {
      this.#origin = null;
    }
  }

  tell(changes: readonly AuditedChange[]): void {
    if (this.#origin === null) return;
    const { caller, peer, method, route, id, trace } = this.#origin;
    const who = { caller, peer, method, route, id, ...trace };
    for (const what of changes.length > AUDIT_LINES_MAX ? this.#groups(changes) : this.#lines(changes)) {
      this.#options.logger.info({ ...who, ...what }, 'audit');
    }
  }

  #lines(changes: readonly AuditedChange[]): object[] {
    return changes.map(({ collection, key, action, revision }) => {
      return { collection, key: this.#shown(collection, key), action, revision };
    });
  }

  #groups(changes: readonly AuditedChange[]): object[] {
    const groups = new Map<string, AuditedChange[]>();
    for (const change of changes) {
      const name = `${change.collection} ${change.action}`;
      const group = groups.get(name);
      if (group === undefined) groups.set(name, [change]);
      else group.push(change);
    }
    return [...groups.values()].map(group => this.#together(group));
  }

  #together(group: readonly AuditedChange[]): object {
    const [first, last] = [group[0]!, group.at(-1)!];
    const { collection, action } = first;
    const keys = group.map(({ key }) => this.#shown(collection, key));
    return { collection, keys, action, revision: last.revision, fromRevision: first.revision };
  }

  #shown(collection: string, key: Key): string {
    if (!this.#options.isSecret(collection)) return toUnicode(key);
    return `sha256:${createHash('sha256').update(key, 'latin1').digest('hex').slice(0, DIGEST_CHARS)}`;
  }
}

/** Undefined: nobody did it. */
export function actionOf(change: Change): Action | undefined {
  if (change.type !== 'delete') return change.type;
  if (change.reason === 'purged') return 'purge';
  return change.reason === 'deleted' ? 'delete' : undefined;
}
