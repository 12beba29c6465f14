/**
 * Whether the crash-state explorer can fail: for every rule of the design the rule broken (fixtures/crash-mutants.ts),
 * and the promise that it must then find broken. CAIRN_MUTANT=name tries the one of that name.
 */
import t, { type Test } from 'tap';
import type { Files } from '../../src/platform/files.js';
import { Explorer } from '../fixtures/crash-explorer.js';
import type { Call } from '../fixtures/crash-file.js';
import { systemError } from '../fixtures/crash-file.js';
import { LateClose } from '../fixtures/crash-mutant-files.js';
import { MUTANTS } from '../fixtures/crash-mutants.js';
import { liveThrough, ROTATE_BYTES, work } from '../fixtures/crash-workload.js';
import { type Mutant, World } from '../fixtures/crash-world.js';
import type { CallFault, EffectFiles } from '../fixtures/effect-files.js';

const ONLY = process.env['CAIRN_MUTANT'];

t.setTimeout(240_000);

const depth = { exhaustive: 7, random: 20, nestEvery: 20, problemsMax: 1, seed: 1 };

/** Of how many states the next process is run: only it can break these two. */
function runEvery({ breaks }: Mutant): number {
  return breaks === 'goes-on' || breaks === 'epoch' ? 4 : Number.MAX_SAFE_INTEGER;
}

for (const mutant of MUTANTS) {
  if ((ONLY ?? mutant.name) !== mutant.name) continue;
  t.test(`the explorer finds it when ${mutant.name}`, async t => {
    const world = new World({ rotateBytesMin: ROTATE_BYTES, mutant });
    // What a broken rule makes impossible ends the life.
    await world.live(liveThrough(world)).catch(() => undefined);
    const explorer = new Explorer({ ...depth, runEvery: runEvery(mutant), mutant, only: mutant.breaks });
    await explorer.explore(world.moments);
    const [problem] = explorer.problems;
    t.equal(problem?.promise, mutant.breaks, `${mutant.rule}: ${problem?.state}: ${problem?.text}`);
  });
}

/** The order of the calls that make a base: no power cut tells whether the file was closed in time. */
async function callsOfBases(files?: (files: EffectFiles) => Files, fault?: CallFault): Promise<string[]> {
  const mutant: Mutant = { rule: '', name: '', breaks: 'whole', ...(files === undefined ? {} : { files }) };
  const world = new World({ rotateBytesMin: ROTATE_BYTES, record: false, mutant });
  const calls: string[] = [];
  const note = (call: Call, number: number): ReturnType<CallFault> => {
    if (call.path.includes('.base') && ['close', 'rename'].includes(call.op)) calls.push(call.op);
    return fault?.(call, number);
  };
  world.files.fault = note;
  await world.start();
  await work(world);
  await world.stop();
  return calls;
}

t.test('a base is closed before it gets its name, and gets none where that fails', async (t: Test) => {
  const calls = await callsOfBases();
  t.ok(calls.length >= 2);
  t.ok(
    calls.every((call, i) => call === (i % 2 === 0 ? 'close' : 'rename')),
    calls.join(' '),
  );
  t.equal((await callsOfBases(files => new LateClose(files)))[0], 'rename', 'the test can fail');
  const failed = await callsOfBases(undefined, call =>
    call.op === 'close' && call.path.includes('.base') ? { error: systemError('EIO', call) } : undefined,
  );
  t.ok(failed.length > 0 && !failed.includes('rename'), failed.join(' '));
});
