/**
 * Real power cuts: the service on an ext4 of its own, under load, until nothing reaches the device any more. Then it
 * is killed, the volume mounted again, which replays the journal, and the service started: everything that was
 * answered as durable must be there (fixtures/load.ts says what else). Some cuts come while the service starts, and
 * some lives end by kill -9 alone, so that the next one rests on what only the page cache holds, until its own cut.
 *
 * CAIRN_CYCLES sets how often, CAIRN_SEED replays the moments, CAIRN_TORTURE=1 is the full size.
 */
import t, { type Test } from 'tap';
import { type ClientOptions, type Crash, Ledger, NO_CRASH } from '../fixtures/load.js';
import { CUT, type Cut, LoopVolume } from '../fixtures/loop-volume.js';
import { needs } from '../fixtures/needs.js';
import { type Random, randomOf, seedOf } from '../fixtures/seeded-random.js';
import { ServiceProcess } from '../fixtures/service-process.js';
import { allowTime, cyclesOf } from '../fixtures/torture.js';

const CYCLES = cyclesOf(6, 350);
const SEED = seedOf();
const VOLUME_BYTES = 64 * 1024 * 1024;
/** Milliseconds from the first request to the cut, at most. */
const LIFE_MS = 500;
/** Milliseconds in which most starts are over. */
const START_MS = 400;

/** One fsync answers all that wait for it, so many wait for each. */
const CLIENTS: readonly ClientOptions[] = [
  ...Array<ClientOptions>(8).fill({ kind: 'sync' }),
  { kind: 'mixed', depth: 8, largeBytes: 100_000 },
  { kind: 'periodic', depth: 8 },
];

allowTime(t);

/** One directory on one volume, with its ledger, over many lives. */
class Lives {
  readonly ledger = new Ledger(CLIENTS);
  cuts = 0;
  readonly #t: Test;
  readonly #volume: LoopVolume;
  readonly #random: Random;
  readonly #wrapper: readonly string[];
  #crash: Crash = NO_CRASH;

  constructor(t: Test, random: Random, wrapper: readonly string[] = []) {
    this.#t = t;
    this.#random = random;
    this.#wrapper = wrapper;
    this.#volume = LoopVolume.make(t, VOLUME_BYTES);
  }

  async one(): Promise<void> {
    const service = await this.#checked();
    const life = { url: service.url, over: false };
    const living = this.ledger.live(life);
    await this.#wait(LIFE_MS);
    if (this.#chance() < 0.9) await this.#cut(service);
    else await this.#kill(service);
    await living;
    if (this.#chance() < 0.15) await this.#cutStart();
  }

  /** Starts the service and looks at what the lives before left. */
  async #checked(): Promise<ServiceProcess> {
    const service = this.#spawn();
    await service.line('ready');
    await this.ledger.check(service.url, this.#crash);
    return service;
  }

  async end(): Promise<void> {
    const service = await this.#checked();
    await service.stop('SIGKILL');
  }

  async #cutStart(): Promise<void> {
    const service = this.#spawn();
    await this.#wait(START_MS);
    await this.#cut(service);
  }

  async #cut(service: ServiceProcess): Promise<void> {
    const chance = this.#chance();
    const how: Cut = chance < 0.8 ? CUT.nothingFlushed : chance < 0.9 ? CUT.journalFlushed : CUT.flushed;
    this.#crash = { at: await this.#volume.cut(how), powerless: true };
    this.cuts += 1;
    await service.stop('SIGKILL');
    // The journal is committed each second, or each five.
    await this.#volume.powerUp(this.#chance() < 0.5 ? ['commit=1'] : []);
  }

  async #kill(service: ServiceProcess): Promise<void> {
    this.#crash = { at: performance.now() };
    await service.stop('SIGKILL');
  }

  #spawn(): ServiceProcess {
    const directory = `${this.#volume.directory}/snapshots`;
    const argv = ['serve', '--port', '0', '--snapshot-dir', directory, '--snapshot-interval', '100ms'];
    return ServiceProcess.spawn(this.#t, argv, {}, this.#wrapper);
  }

  #chance(): number {
    return this.#random();
  }

  #wait(msMax: number): Promise<void> {
    return new Promise(resolve => setTimeout(resolve, this.#random() * msMax));
  }
}

t.test(
  `${CYCLES} lives, most of them ended by a power cut (CAIRN_SEED=${SEED})`,
  {
    skip: needs('loop-ext4'),
  },
  async t => {
    const lives = new Lives(t, randomOf(SEED));
    for (let i = 0; i < CYCLES && lives.ledger.problems.length === 0; i++) {
      lives.ledger.place = `life ${i}: `;
      await lives.one();
    }
    await lives.end();
    t.comment(`${lives.cuts} power cuts: ${lives.ledger.summary()}`);
    t.strictSame(lives.ledger.problems, []);
    t.ok(lives.ledger.figures.durable > CYCLES, 'durable answers were at stake');
  },
);

t.test(
  'the power cuts find it when an fsync does nothing',
  { skip: needs('loop-ext4', 'strace') },
  async t => {
    const options = ['-D', '-f', '-qq', '--seccomp-bpf', '-o', '/dev/null', '-e', 'trace=fdatasync'];
    const lives = new Lives(t, randomOf(1), ['strace', ...options, '-e', 'inject=fdatasync:retval=0']);
    for (let i = 0; i < 5 && lives.ledger.problems.length === 0; i++) {
      try {
        await lives.one();
      } catch (error) {
        // Or it is not even there to be started: a log without its first line.
        lives.ledger.tell(String(error));
      }
    }
    t.match(lives.ledger.problems.join('\n'), /gone|prefix|damaged|epoch/);
    t.comment(lives.ledger.problems[0]);
  },
);
