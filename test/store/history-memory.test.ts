/**
 * What histories cost in heap beside what they count for (`HISTORY_OVERHEAD_BYTES`, `VERSION_OVERHEAD_BYTES`): the same
 * keys go into one store with all their versions, and into another with the first, which needs no history; the difference
 * is what they cost.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import type { Change, JsonText, Key } from '../../src/model.js';
import { decodeLogLine, encodeBatch, encodeGroup } from '../../src/snapshot/format.js';
import type { Store } from '../../src/store/store.js';
import { cyclesOf } from '../fixtures/torture.js';
import { EPOCH, newStore, plain } from './words.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Of 1,000 keys, how many of those that the constants were measured with. */
const SHARE = cyclesOf(50, 1_000) / 1_000;
/** What else a process does with its heap meanwhile, which shows beside little. */
const NOISE = SHARE < 1 ? 1.3 : 1.03;

interface Kind {
  readonly keys: number;
  readonly versions: number;
  readonly text: number;
  readonly by: string | null;
  readonly comment: string | null;
}

function heap(): number {
  for (let i = 0; i < 3; i++) collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** As a start reads it: nothing is shared that a log does not share. */
function changeOf({ by, comment, text }: Kind, k: number, version: number, revision: number): Change {
  const value = JSON.stringify(String(version * 7 + k).padStart(text - 2, 'x')) as JsonText;
  const place = { collection: 'kv', key: `key/${k}` as Key, version, revision, epoch: EPOCH, time: EPOCH };
  const put: Change = { type: 'put', ...place, deadline: null, text: value, note: { by, comment } };
  const line = decodeLogLine(encodeBatch([encodeGroup([put])]));
  if (line.type !== 'batch' || line.changes[0] === undefined) throw new TypeError('this is no batch');
  return line.changes[0];
}

/** All changes are made, and those up to this version replayed: the first has no note, and so no history. */
function filled(kind: Kind, upTo: number): { store: Store; heap: number } {
  const before = heap();
  const { store } = newStore({ kv: { ...plain, history: Number.POSITIVE_INFINITY } });
  let revision = 0;
  for (let version = 1; version <= kind.versions; version++) {
    const { by, comment } = upTo === 1 ? nobody : kind;
    for (let k = 0; k < kind.keys; k++) {
      const change = changeOf({ ...kind, by, comment }, k, version, revision + 1);
      if (version > upTo) continue;
      store.replay(change);
      revision += 1;
    }
  }
  return { store, heap: heap() - before };
}

const nobody = { text: 10, by: null, comment: null };
const short = { text: 4, by: 'al', comment: 'new' };
const usual = { text: 10, by: 'alice', comment: 'changed by the nightly job' };
const kinds: readonly Kind[] = [
  { keys: 100_000, versions: 2, ...nobody },
  { keys: 100_000, versions: 2, ...short },
  { keys: 100_000, versions: 2, ...usual },
  { keys: 5_000, versions: 20, ...short },
  { keys: 5_000, versions: 100, ...nobody },
  { keys: 5_000, versions: 100, ...usual },
];

t.test('a history costs no more heap than it counts for', async t => {
  filled({ ...usual, keys: 2_000, versions: 3 }, 3); // what is compiled and shaped on the way is none of it
  for (const kind of kinds) {
    const part = { ...kind, keys: Math.ceil(kind.keys * SHARE) };
    const kept = filled(part, part.versions);
    const bare = filled(part, 1);
    const [cost, counts] = [kept.heap - bare.heap, kept.store.bytes - bare.store.bytes].map(
      bytes => bytes / part.keys,
    ) as [number, number];
    const told = `${kind.versions} versions by ${kind.by}: ${Math.round(cost)} bytes a key, counted ${counts}`;
    t.ok(cost <= counts * NOISE && cost > counts / 3, told);
  }
});
