/**
 * The fault sweep: the k-th file call of a process fails, for every k, in every way, once or from there on, on a new
 * directory, one that was stopped and one whose process was killed; the volume works again before the stop or not.
 * What must hold all the time is said in fixtures/crash-sweep.ts.
 *
 * One run in some is made, chosen by CAIRN_SEED; CAIRN_TORTURE=1 makes all. CAIRN_FAULT=name makes the one of that
 * name.
 */
import t from 'tap';
import { MUTANTS } from '../fixtures/crash-mutants.js';
import { callsOf, FAULT_KINDS, type Ground, grounds, type SweepRun, sweep } from '../fixtures/crash-sweep.js';
import { randomOf, seedOf } from '../fixtures/seeded-random.js';

const TORTURE = process.env['CAIRN_TORTURE'] === '1';
const SEED = seedOf();
const ONLY = process.env['CAIRN_FAULT'];
/** The share of all runs that is made: a few hundred. */
const SHARE = TORTURE || ONLY !== undefined ? 1 : 0.02;
const WRONG_MAX = 10;
/** What must be reached, or the sweep looks past its calls. */
const RUNS_MIN = TORTURE ? 5_000 : 100;

t.setTimeout(TORTURE ? 3_600_000 : 240_000);

interface NamedRun extends SweepRun {
  readonly name: string;
}

function* runsOn(ground: Ground, calls: number): Iterable<NamedRun> {
  for (const [number, kind] of FAULT_KINDS.entries()) {
    for (const lasting of [false, true]) {
      for (const heals of [true, false]) {
        for (let call = 0; call < calls; call++) {
          const name = [number, lasting ? 'lasting' : 'once', heals ? 'heals' : 'stays', call].join('-');
          yield { name, ground, kind, call, lasting, heals, seed: SEED };
        }
      }
    }
  }
}

/** What went wrong, by run. A run that does not come to its end went wrong. */
async function wrongIn(run: NamedRun): Promise<readonly string[] | null> {
  const wrong = await sweep(run).catch((error: unknown) => [String(error)]);
  return wrong?.map(text => `CAIRN_FAULT=${run.name} (${run.kind.name}): ${text}`) ?? null;
}

t.test(`no fault of the volume breaks a promise (CAIRN_SEED=${SEED})`, async t => {
  const began = performance.now();
  let total = 0;
  for (const ground of await grounds()) {
    await t.test(`on ${ground.name}`, async t => {
      const random = randomOf(SEED);
      const calls = await callsOf(ground);
      const wrong: string[] = [];
      let runs = 0;
      for (const run of runsOn(ground, calls)) {
        if (random() >= SHARE || (ONLY ?? run.name) !== run.name || wrong.length >= WRONG_MAX) continue;
        const found = await wrongIn(run);
        if (found !== null) runs += 1;
        wrong.push(...(found ?? []));
      }
      t.comment(`${calls} calls, ${runs} runs with a fault`);
      total += runs;
      t.strictSame(wrong, []);
    });
  }
  const seconds = Math.round((performance.now() - began) / 1000);
  t.comment(`${total} runs with a fault in ${FAULT_KINDS.length} ways, once and for ever, ${seconds} s`);
  if (ONLY === undefined) t.ok(total >= RUNS_MIN, `at least ${RUNS_MIN} runs`);
});

/** Mutants of the explorer that only a fault brings out, and the fault. */
for (const [name, kindName] of [
  ['a change is answered before its fsync', 'EIO'],
  ['an fsync that failed is tried again', 'EIO'],
  ['a log that failed is appended to', 'half a write, then ENOSPC'],
]) {
  t.test(`the sweep finds it when ${name}`, async t => {
    const mutant = MUTANTS.find(mutant => mutant.name === name);
    const [ground] = await grounds();
    if (ground === undefined || mutant === undefined) throw new TypeError('there is no such mutant');
    let wrong: readonly string[] = [];
    for (const run of runsOn(ground, 60)) {
      if (run.kind.name !== kindName || run.lasting || wrong.length > 0) continue;
      wrong = (await wrongIn({ ...run, mutant })) ?? [];
    }
    t.ok(wrong.length > 0, wrong[0] ?? 'nothing was found');
  });
}
