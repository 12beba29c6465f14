/**
 * Every call of the disk waits for a scheduler (fast-check's), which lets one go on at a time in an order of its own:
 * so commits, the fsyncs of the log, new logs and bases that are being made meet in all orders that there can be. At
 * each step the process is killed, and the power cut, in a copy of the disk: what a start finds there must be the
 * state behind some commit, and hold all that was said to be durable by then.
 *
 * CAIRN_SEED=n and CAIRN_PATH replay a run, CAIRN_TORTURE=1 makes 2,000.
 */
import fc from 'fast-check';
import t from 'tap';
import type { CommitOptions, Operation } from '../../src/engine/engine.js';
import { CrashFiles } from '../fixtures/crash-files.js';
import { digestOf, History } from '../fixtures/crash-history.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { recoverState } from '../fixtures/map-state.js';
import { key, openEngine, text } from '../fixtures/memory-engine.js';
import { type Random, randomOf, seedOf } from '../fixtures/seeded-random.js';

const TORTURE = process.env['CAIRN_TORTURE'] === '1';
const RUNS = TORTURE ? 2_000 : 40;
/** No run begins later than this, in milliseconds. */
const TIME_MAX = TORTURE ? 1_500_000 : 60_000;
const SEED = seedOf();
const PATH = process.env['CAIRN_PATH'];
/** Log bytes at which a base is made: a commit or two. */
const ROTATE_BYTES = 400;
const COMMITS_MAX = 12;
/** Turns without a call of the disk after which there is none on its way. */
const IDLE_TURNS = 10;
const INTERVAL_MS = 1_000;

t.setTimeout(TIME_MAX + 60_000);

interface Step {
  readonly operations: readonly Operation[];
  readonly options: CommitOptions;
  /** Whether the interval is over before it. */
  readonly late: boolean;
}

const operation = fc
  .tuple(fc.constantFrom('a', 'b', 'c'), fc.boolean(), fc.nat(300))
  .map(([name, gone, length]): Operation => {
    const place = { collection: 'kv', key: key(name) };
    return gone
      ? { type: 'delete', ...place }
      : { type: 'put', ...place, text: text(`"${'x'.repeat(length)}"`) };
  });

const step: fc.Arbitrary<Step> = fc.record({
  operations: fc.uniqueArray(operation, {
    minLength: 1,
    maxLength: 3,
    selector: ({ key }) => key,
  }),
  options: fc.constantFrom<CommitOptions[]>({ durability: 'sync' }, { durability: 'periodic' }),
  late: fc.boolean(),
});

const total = { runs: 0, crashes: 0, bases: 0 };

class Run {
  readonly #scheduler: fc.Scheduler;
  readonly #random: Random;
  readonly #files = new CrashFiles();
  readonly #clock = new ManualClock();
  readonly #history = new History();
  #durable = 0;
  /** Commits and calls on their way. */
  #told: Promise<unknown>[] = [];

  constructor(scheduler: fc.Scheduler, random: Random) {
    this.#scheduler = scheduler;
    this.#random = random;
  }

  async go(steps: readonly Step[]): Promise<void> {
    const { engine } = await openEngine({
      files: this.#files,
      clock: this.#clock,
      rotateBytesMin: ROTATE_BYTES,
      intervalMs: INTERVAL_MS,
    });
    engine.subscribe(changes => this.#history.publish(changes));
    this.#files.hold(({ op, path }) => this.#scheduler.schedule(Promise.resolve(), `${op} ${path}`));
    const builders = steps.map(({ operations, options, late }, i) => ({
      label: `commit ${i}`,
      builder: async () => {
        if (late) await this.#clock.advance(INTERVAL_MS);
        const committing = engine.commit(operations, options).then(
          ({ durable, revision }) => {
            if (durable) this.#durable = Math.max(this.#durable, revision);
          },
          // Slow as it is here, it may refuse to take more.
          () => undefined,
        );
        this.#told.push(committing);
      },
    }));
    this.#scheduler.scheduleSequence(builders);
    while (await this.#hasMore()) {
      await this.#scheduler.waitNext(1);
      await this.#crash(this.#files.clone());
      await this.#crash(this.#files.crash({ tail: 'any', names: 'some', random: this.#random }));
    }
    this.#files.hold(() => undefined);
    await this.#clock.advance(INTERVAL_MS);
    await Promise.all(this.#told);
    await engine.close();
    this.#durable = engine.revision;
    await this.#crash(this.#files.crash());
    total.bases += this.#files.paths().filter(path => path.endsWith('.base')).length;
    total.runs++;
  }

  /** What is made in slices gives the event loop a turn between two calls. */
  async #hasMore(): Promise<boolean> {
    for (let turns = 0; turns < IDLE_TURNS && this.#scheduler.count() === 0; turns++)
      await this.#clock.turn();
    return this.#scheduler.count() > 0;
  }

  async #crash(files: CrashFiles): Promise<void> {
    const { target, revision, successor } = await recoverState(files, this.#clock.now());
    total.crashes++;
    if (revision < this.#durable) throw new Error(`${revision} was found, and ${this.#durable} is durable`);
    if (this.#history.digest(revision) !== digestOf(target))
      throw new Error(`the state that was found at ${revision} was never there`);
    if (successor.after + successor.takeOver.length !== revision)
      throw new Error(`the next log does not go on from ${revision}`);
  }
}

t.test(`${RUNS} orders of commits and bases keep every promise (CAIRN_SEED=${SEED})`, async t => {
  const property = fc.asyncProperty(
    fc.scheduler(),
    fc.array(step, { minLength: 2, maxLength: COMMITS_MAX, size: 'max' }),
    fc.nat(),
    (scheduler, steps, seed) => new Run(scheduler, randomOf(seed)).go(steps),
  );
  const details = await fc.check(property, {
    numRuns: RUNS,
    seed: SEED,
    interruptAfterTimeLimit: TIME_MAX,
    markInterruptAsFailure: true,
    ...(PATH === undefined ? {} : { path: PATH }),
  });
  t.equal(details.failed, false, fc.defaultReportMessage(details) ?? 'every order keeps them');
  if (details.failed) t.comment(details.errorInstance);
  t.comment(`${total.runs} runs, ${total.crashes} crashes, ${total.bases} bases at the ends`);
});
