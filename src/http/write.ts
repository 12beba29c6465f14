/** What every write of one key may ask for. */
import type { WriteOptions } from '../service/keys.js';
import { writeCondition } from './conditional.js';
import { flagOf } from './request-target.js';
import type { Call } from './route.js';

/** From the conditional headers and `?sync=true|false`. */
export function writeOptions({ query, headers }: Call): WriteOptions {
  const condition = writeCondition(headers);
  const sync = flagOf(query, 'sync');
  if (sync === undefined) return { condition };
  return { condition, durability: sync ? 'sync' : 'periodic' };
}
