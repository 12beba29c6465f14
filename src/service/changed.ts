/** Whether something has changed since a caller looked; where that cannot be known it counts as changed. */
import type { Engine } from '../engine/engine.js';
import { WATCH_CHANGES } from '../limits.js';
import type { ChangeId, Entry, Revision } from '../model.js';
import type { Interest } from './interest.js';

/** A moved deadline is a change too: the ETag of the document is another one. */
export function hasChanged(engine: Engine, interest: Interest, since: ChangeId | Revision): boolean {
  const revision = typeof since === 'number' ? since : since.revision;
  if (revision > engine.revision) return true;
  const entry = onlyEntry(engine, interest);
  if (entry !== undefined) {
    if (typeof since !== 'number' && entry.epoch === since.epoch && entry.revision === revision) return false;
    return entry.revision > revision || !isOfThisLine(engine, since);
  }
  if (isUntouched(engine, interest, revision) && isOfThisLine(engine, since)) return false;
  return isInWindow(engine, interest, since);
}

/** The document, where there is one and nothing else is asked for. Whatever came before it shows in its revision. */
function onlyEntry(engine: Engine, { parts }: Interest): Entry | undefined {
  const [part, another] = parts;
  if (part === undefined || another !== undefined || !part.alone) return undefined;
  const [found] = engine.page(part.collection, { prefix: part.prefix, limit: 1 }).entries;
  return found !== undefined && found[0].length === part.prefix.length ? found[1] : undefined;
}

/** Whether the caller has seen the past that we have: another epoch may have had another change of this number. */
function isOfThisLine(engine: Engine, since: ChangeId | Revision): boolean {
  return typeof since === 'number' || since.epoch === engine.epoch || engine.changesAfter(since, 1) !== null;
}

function isUntouched(engine: Engine, { parts }: Interest, revision: Revision): boolean {
  const names = new Set(parts.map(({ collection }) => collection));
  return engine
    .collections()
    .every(({ name, lastChange }) => !names.has(name) || lastChange.revision <= revision);
}

function isInWindow(engine: Engine, interest: Interest, since: ChangeId | Revision): boolean {
  for (let from = since; ; ) {
    const changes = engine.changesAfter(from, WATCH_CHANGES);
    if (changes === null || changes.some(({ collection, key }) => interest.sees(collection, key)))
      return true;
    const last = changes.at(-1);
    if (last === undefined || changes.length < WATCH_CHANGES) return false;
    from = { epoch: last.epoch, revision: last.revision };
  }
}
