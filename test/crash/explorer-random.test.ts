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

/**
 * Lives that found something: a start on a name that was in the cache alone; a power cut that brings back what a
 * process could not take back before it was killed, under a process that could not begin a log.
 */
const TELLING = [802533, 935513];

/** Milliseconds after which no other life begins. */
const LIMIT_MS = 10 * 60_000;

t.setTimeout(TORTURE ? LIMIT_MS + 300_000 : 240_000);

t.test(`no life at random breaks a promise (CAIRN_SEED=${FIRST})`, async t => {
  const wrong: string[] = [];
  const seen = new Set<string>();
  const began = performance.now();
  let lives = 0;
  let states = 0;
  for (const seed of [...TELLING, ...Array.from({ length: LIVES }, (_, i) => FIRST + i)]) {
    if (performance.now() - began >= LIMIT_MS) break;
    lives += 1;
    const world = new World({ rotateBytesMin: ROTATE_BYTES });
    const tell = (text: string): unknown => wrong.push(`CAIRN_SEED=${seed} ${text}`);
    await liveAtRandom(world, randomOf(seed), STEPS).catch(tell);
    if (world.history.twice !== null) tell(`${world.history.twice} names two changes`);
    const depth = { exhaustive: 3, random: 4, telling: false, runEvery: 100, nestEvery: 30, momentEvery: 5 };
    const explorer = new Explorer({ ...depth, seed, seen, problemsMax: 2 });
    await explorer.explore(world.moments);
    states += explorer.states;
    for (const { state, promise, text } of explorer.problems) tell(`${state} ${promise}: ${text}`);
  }
  const seconds = Math.round((performance.now() - began) / 1000);
  t.comment(`${lives} lives, ${states} crash states, ${seen.size} distinct, ${seconds} s`);
  t.strictSame(wrong, []);
});
