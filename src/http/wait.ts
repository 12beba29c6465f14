/**
 * `?wait=30s&since=…`: an answer that waits for a change, on a key and on a list. It comes at once if something changed
 * since then or nobody can know, else with the next change, else with what is there when the time is over.
 */

import { parseDuration } from '../duration.js';
import { CairnError } from '../errors.js';
import { WAIT_MS_MAX } from '../limits.js';
import type { ChangeId, Milliseconds, Revision } from '../model.js';
import type { Interest } from '../service/interest.js';
import type { Watches } from '../service/watches.js';
import { refuseStale } from './access.js';
import { changeIdOf } from './conditional.js';
import type { Call, Reply } from './route.js';

export const waitQuery = ['wait', 'since'] as const;

export interface Wait {
  readonly ms: Milliseconds;
  /** Null: from now on. */
  readonly since: ChangeId | Revision | null;
}

/** An id as an event or an ETag has it, with the quotes or without; or the revision alone. */
const REVISION = /^\d{1,15}$/;
const QUOTED = /^(?:W\/)?"(.*)"$/;

/** Null: the call does not ask for it. @throws CairnError `invalid_parameter` */
export function waitOf(query: Call['query']): Wait | null {
  const [wait, since] = [query.get('wait'), query.get('since')];
  if (wait === undefined && since === undefined) return null;
  if (wait === undefined) throw invalid('"since" in the query goes with "wait"');
  const ms = parseDuration(wait);
  if (ms === null || ms > WAIT_MS_MAX) throw invalid('"wait" in the query is no duration up to 10 minutes');
  return { ms, since: since === undefined ? null : sinceOf(since, '"since" in the query') };
}

/** @throws CairnError `invalid_parameter` */
export function sinceOf(text: string, name: string): ChangeId | Revision {
  if (REVISION.test(text)) return Number(text);
  const id = changeIdOf(QUOTED.exec(text)?.[1] ?? text);
  if (id !== undefined) return id;
  throw invalid(`${name} is neither a revision nor a change id`);
}

/** Null: something changed, or nobody can know. Else the revision up to which nothing did. */
export async function unchangedUntil(
  wait: Wait,
  interest: Interest,
  watches: Watches,
  { onGone, caller }: Call,
): Promise<Revision | null> {
  const { present } = watches;
  if (onGone === undefined) throw new Error('a route waits that does not say so');
  const outcome = await watches.wait({ ...wait, interest, onGone, isCurrent: () => caller.isCurrent() });
  refuseStale(caller);
  if (outcome === 'changed') return null;
  return typeof wait.since === 'number' ? wait.since : (wait.since ?? present).revision;
}

/** What may be there one day. All else that is wrong with a call is told before it waits. */
const ABSENCES: ReadonlySet<string> = new Set(['key_not_found', 'member_not_found', 'version_not_found']);

/** @throws CairnError that no change would make good */
export function refuseHopeless(read: () => Reply): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof CairnError) || !ABSENCES.has(error.code)) throw error;
  }
}

/** The answer where nothing changed: a revision of the whole store stays as well, though others changed. */
export function unmoved(read: () => Reply, revision: Revision): Reply {
  try {
    const reply = read();
    return 'ETag' in reply.headers
      ? reply
      : { ...reply, headers: { ...reply.headers, 'X-Revision': String(revision) } };
  } catch (error) {
    if (!(error instanceof CairnError) || !ABSENCES.has(error.code)) throw error;
    throw new CairnError(error.code, error.message, { ...error.details, revision });
  }
}

function invalid(reason: string): CairnError {
  return new CairnError('invalid_parameter', `${reason}.`, {
    hint: 'For example ?wait=30s&since=17, the X-Revision of an earlier answer, or the id of its ETag.',
  });
}
