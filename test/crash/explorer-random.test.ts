/**
 * The crash-state explorer over lives at random, with faults, stops and kills wherever they fall: each life from a
 * seed of its own, looked at less closely than the planned ones. CAIRN_SEED=n begins with the life of that seed,
 * CAIRN_TORTURE=1 lives through many.
 */
import t from 'tap';
import { Explorer } from '../fixtures/crash-explorer.js';
import { liveAtRandom } from '../fixtures/crash-random.js';
import { ROTATE_BYTES } from '../fixtures/crash-workload.js';
import { World } from '../fixtures/crash-world.js';
import { randomOf, seedOf } from '../fixtures/seeded-random.js';

const TORTURE = process.env['CAIRN_TORTURE'] === '1';
const LIVES = TORTURE ? 300 : 8;
const STEPS = 60;
const FIRST = seedOf();

if (TORTURE) t.setTimeout(3_600_000);

t.test(`no life at random breaks a promise (CAIRN_SEED=${FIRST})`, async t => {
  const wrong: string[] = [];
  let distinct = 0;
  for (let seed = FIRST; seed < FIRST + LIVES; seed++) {
    const world = new World({ rotateBytesMin: ROTATE_BYTES });
    const tell = (text: string): unknown => wrong.push(`CAIRN_SEED=${seed} ${text}`);
    await liveAtRandom(world, randomOf(seed), STEPS).catch(tell);
    if (world.history.twice !== null) tell(`${world.history.twice} names two changes`);
    const depth = { exhaustive: 3, random: 4, telling: false, runEvery: 100, nestEvery: 30, momentEvery: 5 };
    const explorer = new Explorer({ ...depth, seed, problemsMax: 2 });
    await explorer.explore(world.moments);
    distinct += explorer.distinct;
    for (const { state, promise, text } of explorer.problems) tell(`${state} ${promise}: ${text}`);
  }
  t.comment(`${LIVES} lives, ${distinct} distinct states`);
  t.strictSame(wrong, []);
});
