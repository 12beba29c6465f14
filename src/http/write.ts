/** What every write may ask for. */
import { CairnError } from '../errors.js';
import type { Durability } from '../model.js';
import type { WriteOptions } from '../service/keys.js';
import { writeCondition } from './conditional.js';
import { noteOf } from './note.js';
import { flagOf } from './request-target.js';
import type { Call } from './route.js';

/** Of one key: from the conditional headers, `?sync=true|false` and `X-Comment`. */
export function writeOptions(call: Call): WriteOptions {
  const condition = writeCondition(call.headers);
  const note = noteOf(call);
  const origin = call.origin();
  const durability = durabilityOf(call);
  return durability === undefined ? { condition, note, origin } : { condition, note, origin, durability };
}

/** From `?sync=true|false`; undefined: as the collections have it. */
export function durabilityOf({ query }: Call): Durability | undefined {
  const sync = flagOf(query, 'sync');
  if (sync === undefined) return undefined;
  return sync ? 'sync' : 'periodic';
}

/** Of many keys: a condition that nobody looks at must not seem to hold. @throws CairnError `invalid_precondition` */
export function refuseConditions({ headers }: Call, hint: string): void {
  if (Object.keys(writeCondition(headers)).length === 0) return;
  throw new CairnError('invalid_precondition', 'A call for many keys takes no condition in its headers.', {
    hint,
  });
}
