import t from 'tap';
import { CairnError } from '../src/errors.js';
import { exitCodeOf } from '../src/exit-codes.js';

for (const [code, exit] of [
  ['usage', 64],
  ['configuration', 78],
  ['snapshot_damaged', 65],
  ['snapshot_foreign', 65],
  ['snapshot_locked', 75],
  ['address_in_use', 75],
  ['snapshot_denied', 77],
  ['lock_unavailable', 69],
  ['storage_full', 74],
  ['storage_error', 74],
  ['token_missing', 1],
  ['unhealthy', 1],
  ['internal', 70],
  ['key_not_found', 70],
] as const) {
  t.equal(exitCodeOf(new CairnError(code, 'x')), exit, `${code} ends with ${exit}`);
}

t.equal(exitCodeOf(new TypeError('x')), 70, 'what is no error of ours is a defect');
