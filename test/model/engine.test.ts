/**
 * Model-based: lives of the memory engine made at random, each step compared with the model of its contract. Commits
 * of every kind, time, a disk that is held in the middle of a call, clean restarts, kills and power cuts, and bases all
 * along, since the logs are small.
 *
 * CAIRN_SEED=n is fast-check's seed. A failure prints it with the path of the smallest life that fails and the
 * replayPath of its commands: CAIRN_PATH and CAIRN_REPLAY_PATH take them back. CAIRN_TORTURE=1 lives 2,000 lives.
 */
import fc from 'fast-check';
import t from 'tap';
import { type EngineCommand, engineCommands, type Stage } from '../fixtures/engine-commands.js';
import { EnginePair } from '../fixtures/engine-pair.js';
import { randomOf, seedOf } from '../fixtures/seeded-random.js';

const TORTURE = process.env['CAIRN_TORTURE'] === '1';
const RUNS = TORTURE ? 2_000 : 60;
const COMMANDS_MAX = 100;
/** No life begins later than this, in milliseconds. */
const TIME_MAX = TORTURE ? 1_500_000 : 60_000;
const SEED = seedOf();
const PATH = process.env['CAIRN_PATH'];
const REPLAY_PATH = process.env['CAIRN_REPLAY_PATH'];

t.setTimeout(TIME_MAX + 60_000);

t.test(`${RUNS} lives of the engine are those of its model (CAIRN_SEED=${SEED})`, async t => {
  const total = { lives: 0, commands: 0, lost: 0, bases: 0 };
  const lives = fc.commands(engineCommands, {
    maxCommands: COMMANDS_MAX,
    size: 'max',
    ...(REPLAY_PATH === undefined ? {} : { replayPath: REPLAY_PATH }),
  });
  const property = fc.asyncProperty(lives, fc.nat(), async (commands, seed) => {
    const pair = await EnginePair.open(randomOf(seed));
    const stage: Stage = { held: false, operations: 0 };
    await fc.asyncModelRun(() => ({ model: stage, real: pair }), counted(commands, total));
    await pair.restart();
    total.lives++;
    total.lost += pair.lost;
    total.bases += pair.bases;
  });
  const details = await fc.check(property, {
    numRuns: RUNS,
    seed: SEED,
    interruptAfterTimeLimit: TIME_MAX,
    markInterruptAsFailure: true,
    ...(PATH === undefined ? {} : { path: PATH }),
  });
  t.equal(details.failed, false, fc.defaultReportMessage(details) ?? 'every life is that of the model');
  if (details.failed) t.comment(details.errorInstance);
  const { lives: done, commands, lost, bases } = total;
  t.comment(
    `${done} lives, ${commands} commands, ${lost} changes taken back by crashes, ${bases} bases at the ends`,
  );
});

function* counted(
  commands: Iterable<EngineCommand>,
  total: { commands: number },
): Generator<EngineCommand, void> {
  for (const command of commands) {
    total.commands++;
    yield command;
  }
}
