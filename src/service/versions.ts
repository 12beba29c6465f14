/**
 * The past of one key: its versions, one of them, what lies between two, and the way back to one. Where a collection
 * keeps no history all of these are refused, so that nobody takes a short past for a whole one.
 */
import type { Engine } from '../engine/engine.js';
import { CairnError } from '../errors.js';
import { diffPatch } from '../json/diff.js';
import type { Entry, JsonText, Milliseconds, Revision, Version, VersionRecord } from '../model.js';
import { type Keys, keyNotFound, type Place, type Reading, type WriteOptions, type Written } from './keys.js';
import type { Rules } from './rules.js';

export interface Past {
  /** Newest first; at least one. */
  readonly versions: readonly VersionRecord[];
  /** The store's. */
  readonly revision: Revision;
}

/** The same as the engine has it. */
interface History {
  /** Oldest first; at least one. */
  readonly history: readonly VersionRecord[];
  readonly revision: Revision;
}

export interface RollbackOptions extends WriteOptions {
  readonly ttl: Milliseconds | 'none' | 'keep';
}

export interface VersionsOptions {
  /** Throws `loading` while there is none. */
  readonly engine: () => Engine;
  readonly rules: Rules;
  readonly keys: Keys;
}

export class Versions {
  readonly #options: VersionsOptions;

  constructor(options: VersionsOptions) {
    this.#options = options;
  }

  /** @throws CairnError `history_off` */
  refuseWithout(collection: string): void {
    if (this.#options.rules.policyOf(collection).history > 0) return;
    throw new CairnError('history_off', `The collection "${collection}" keeps no versions.`);
  }

  /** Of a deleted key too. @throws CairnError `history_off`, `key_not_found` */
  past(place: Place): Past {
    const { history, revision } = this.#history(place);
    return { versions: history.toReversed(), revision };
  }

  /** One version as an entry; without one where it was cut off, or is the deletion. @throws CairnError as `past` */
  read(place: Place, version: Version): Reading {
    const { history, revision } = this.#history(place);
    const record = history.find(each => each.version === version);
    return { entry: record === undefined ? undefined : entryOf(record), revision };
  }

  /**
   * The JSON Patch that leads from one version to another; `to` absent: to what is there now.
   * @throws CairnError as `past`, `version_not_found`
   */
  diff(place: Place, from: Version, to?: Version): { readonly patch: JsonText; readonly revision: Revision } {
    const past = this.#history(place);
    const { history, revision } = past;
    const [before, after] = [textOf(past, from), textOf(past, to ?? history.at(-1)!.version)];
    return { patch: diffPatch(before, after), revision };
  }

  /**
   * Makes the text of a version a new one, also of a deleted key.
   * @throws CairnError as `past`, `version_not_found`, and what `Keys.put` throws
   */
  rollback(place: Place, version: Version, options: RollbackOptions): Promise<Written> {
    const text = textOf(this.#history(place), version);
    return this.#options.keys.put(place, text, { ...options, always: true });
  }

  #history({ collection, key }: Place): History {
    this.refuseWithout(collection);
    const engine = this.#options.engine();
    const { revision } = engine;
    const history = engine.history(collection, key);
    if (history.length === 0) throw keyNotFound(revision);
    return { history, revision };
  }
}

export function versionNotFound(version: Version, revision: Revision): CairnError {
  return new CairnError('version_not_found', `Version ${version} is not kept, or is a deletion.`, {
    revision,
  });
}

function textOf({ history, revision }: History, version: Version): JsonText {
  const text = history.find(each => each.version === version)?.text;
  if (text === undefined || text === null) throw versionNotFound(version, revision);
  return text;
}

/** What was has no deadline any more. */
export function entryOf({ version, revision, epoch, time, text }: VersionRecord): Entry | undefined {
  return text === null ? undefined : { version, revision, epoch, time, text, deadline: () => null };
}
