/**
 * The crash-state explorer: three lives of the memory engine, and at each of their file calls what a power cut may
 * leave: for few pending effects every subset of them, for many the telling and some random ones. From each distinct
 * state recovery must keep its promises (fixtures/crash-promises.ts).
 *
 * CAIRN_TORTURE=1 looks at many more, CAIRN_SEED replays the random ones, and CAIRN_STATE=name at the one of that
 * name, in the lives of CAIRN_EXTRA if they are not those of the default.
 */
import t from 'tap';
import { Explorer } from '../fixtures/crash-explorer.js';
import { MUTANTS } from '../fixtures/crash-mutants.js';
import { liveThrough, ROTATE_BYTES } from '../fixtures/crash-workload.js';
import { type Mutant, World } from '../fixtures/crash-world.js';
import { seedOf } from '../fixtures/seeded-random.js';

const TORTURE = process.env['CAIRN_TORTURE'] === '1';
const SEED = seedOf();
const STATE = process.env['CAIRN_STATE'];

/** Bytes by which some values are longer: they move every line behind them against the sectors. */
const EXTRAS = TORTURE ? [0, 5, 17, 40, 77, 101, 130, 171, 200, 233] : [0, 101];
if (TORTURE) t.setTimeout(3_600_000);
const extras = process.env['CAIRN_EXTRA'] === undefined ? EXTRAS : [Number(process.env['CAIRN_EXTRA'])];

const depth = TORTURE
  ? { exhaustive: 12, random: 400, runEvery: 8, nestEvery: 8 }
  : { exhaustive: 9, random: 80, runEvery: 12, nestEvery: 12 };

/** All moments of the lives. What a broken rule makes impossible ends them. */
async function lives(extra: number, mutant?: Mutant): Promise<World> {
  const world = new World({ rotateBytesMin: ROTATE_BYTES, mutant });
  const living = liveThrough(world, extra);
  await (mutant === undefined ? living : living.catch(() => undefined));
  return world;
}

for (const extra of extras) {
  t.test(`no power cut breaks a promise (CAIRN_EXTRA=${extra} CAIRN_SEED=${SEED})`, async t => {
    const { moments, loggers } = await lives(extra);
    const told = (level: 'info' | 'error'): number =>
      loggers.flatMap(logger => logger.messages(level)).length;
    t.ok(told('info') >= 4, 'the lives made bases');
    t.equal(told('error'), 3, 'and had three failures');
    const explorer = new Explorer({ ...depth, seed: SEED, problemsMax: 5, state: STATE });
    await explorer.explore(moments);
    const { states, distinct, runs, nested, problems } = explorer;
    t.comment(`${moments.length} calls, ${states} states, ${distinct} of them distinct`);
    t.comment(`${runs} next processes, ${nested} distinct states of those that were cut off too`);
    t.strictSame(
      problems.map(({ state, promise, text }) => `CAIRN_STATE=${state} ${promise}: ${text}`),
      [],
    );
  });
}

for (const mutant of STATE === undefined ? MUTANTS : []) {
  t.test(`the explorer finds it when ${mutant.name}`, async t => {
    const { moments } = await lives(0, mutant);
    const options = { exhaustive: 7, random: 20, runEvery: 6, nestEvery: 20, problemsMax: 1 };
    const explorer = new Explorer({ ...options, seed: 1, mutant, only: mutant.breaks });
    await explorer.explore(moments);
    const [problem] = explorer.problems;
    t.equal(problem?.promise, mutant.breaks, `${problem?.state}: ${problem?.text}`);
  });
}
