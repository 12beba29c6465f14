/**
 * Model-based, over HTTP: lives of the whole service made at random, each answer compared with that of a plain model of
 * documents. Every verb with its conditions, versions, services, batches, imports and lists, time, clean restarts, kills
 * and power cuts.
 *
 * CAIRN_SEED=n is the seed of the first life, those after it have the next ones: a failure names the seed of its own, and
 * CAIRN_SEED=<that> CAIRN_CYCLES=1 lives it alone. There are 40, or as many as the time allows; with CAIRN_TORTURE=1 2,000.
 */
import t from 'tap';
import type { Stage } from '../fixtures/documents/calls.js';
import { Chance } from '../fixtures/documents/chance.js';
import { anyCommand, readAll } from '../fixtures/documents/commands.js';
import { World } from '../fixtures/documents/world.js';
import { randomOf, seedOf } from '../fixtures/seeded-random.js';
import { cyclesOf, TORTURE } from '../fixtures/torture.js';

const LIVES = cyclesOf(40, 2_000);
const COMMANDS = 200;
/** Commands after which everything is read. */
const READ_EVERY = 10;
/** No life begins later than this, in milliseconds. */
const TIME_MAX = TORTURE ? 1_500_000 : 60_000;
const SEED = seedOf();

t.setTimeout(TIME_MAX + 60_000);

t.test(`lives of the service are those of its documents (CAIRN_SEED=${SEED})`, async t => {
  const end = Date.now() + TIME_MAX;
  const total = { lives: 0, calls: 0, refused: 0, lost: 0, starts: 0 };
  for (let seed = SEED; seed < SEED + LIVES && Date.now() < end; seed++) {
    const { calls, refused, lost, starts } = await live(seed);
    total.lives += 1;
    total.calls += calls;
    total.refused += refused;
    total.lost += lost;
    total.starts += starts;
  }
  const { lives, calls, refused, lost, starts } = total;
  t.ok(calls > lives * COMMANDS, 'each life asks much');
  t.comment(
    `${lives} lives, ${calls} calls, ${refused} refused, ${starts} starts, ${lost} changes taken back`,
  );
});

async function live(seed: number): Promise<World['count']> {
  const random = randomOf(seed);
  const world = await World.open(random);
  const stage = { world, chance: new Chance(random, world.model, world.tags) };
  try {
    for (let command = 1; command <= COMMANDS; command++) {
      await step(stage);
      if (command % READ_EVERY === 0) await readAll(stage);
    }
    await world.restart();
    await readAll(stage);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`CAIRN_SEED=${seed} CAIRN_CYCLES=1\n${world.story()}\n${why}`, { cause: error });
  } finally {
    await world.close();
  }
  return world.count;
}

/** Time always goes on by an even number of milliseconds, and every ttl is odd: see `Chance.ttl`. */
async function step(stage: Stage): Promise<void> {
  const { world, chance } = stage;
  await world.advance(2 + 2 * chance.below(100));
  const event = chance.below(100);
  if (event < 2) await world.restart();
  else if (event < 4) await world.crash(chance.one(['kill', 'power cut']));
  else await anyCommand(stage);
}
