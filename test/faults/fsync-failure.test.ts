/**
 * Real failures of fsync: the service on an ext4 whose device runs full below it. write(2) is taken, fdatasync(2)
 * fails, and the next one succeeds though the pages are gone (fsyncgate; Rebello et al., ATC 2020). Writes are
 * refused, reads go on, writes come back by themselves when the device has room again. Then the power is cut, and
 * everything that was answered as durable must be there, before, during and after the failure.
 *
 * CAIRN_CYCLES sets how often, CAIRN_SEED replays the moments, CAIRN_TORTURE=1 is the full size.
 */
import { rmSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { get } from '../fixtures/calls.js';
import { type ClientOptions, type Crash, Ledger, NO_CRASH } from '../fixtures/load.js';
import { fill, LoopVolume } from '../fixtures/loop-volume.js';
import { needs } from '../fixtures/needs.js';
import { type Random, randomOf, seedOf } from '../fixtures/seeded-random.js';
import { ServiceProcess } from '../fixtures/service-process.js';
import { allowTime, cyclesOf } from '../fixtures/torture.js';

const CYCLES = cyclesOf(2, 50);
const SEED = seedOf();
const VOLUME_BYTES = 48 * 1024 * 1024;
/** Milliseconds of load before the failure, after its end, and of the failure, at most. */
const LOAD_MS = 300;
const FAILURE_MS = 600;
/** Milliseconds in which a fault is noticed. */
const FAILED_MS = 5_000;
/** Milliseconds until writes are taken again: the pause between two tries, and a log. */
const RECOVERY_MS = 12_000;

const CLIENTS: readonly ClientOptions[] = [
  ...Array<ClientOptions>(4).fill({ kind: 'sync' }),
  { kind: 'mixed', largeBytes: 30_000 },
  { kind: 'mixed', largeBytes: 30_000 },
  { kind: 'periodic' },
];

allowTime(t);

class Failures {
  readonly ledger = new Ledger(CLIENTS);
  /** Milliseconds from free space to the first write, the longest. */
  slowest = 0;
  /** File systems that did not come back themselves. */
  dead = 0;
  readonly #t: Test;
  readonly #volume: LoopVolume;
  readonly #random: Random;
  #crash: Crash = NO_CRASH;

  constructor(t: Test, random: Random) {
    this.#t = t;
    this.#random = random;
    this.#volume = LoopVolume.make(t, VOLUME_BYTES, true);
  }

  async one(): Promise<void> {
    const service = await this.checked();
    const life = { url: service.url, over: false, persistent: true };
    const living = this.ledger.live(life);
    await this.#pause(LOAD_MS);
    await this.#failAndHeal(service).catch((error: unknown) => this.ledger.tell(String(error).slice(0, 300)));
    this.#crash = { at: await this.#volume.cut(), powerless: true };
    life.over = true;
    await service.stop('SIGKILL');
    await living;
    await this.#volume.powerUp();
  }

  async #failAndHeal(service: ServiceProcess): Promise<void> {
    const filler = fill(this.#volume.device);
    try {
      await service.line('writes are refused, reads go on', FAILED_MS);
      const read = await get(service.url, 'sync-0/1');
      this.#t.match(read.status, /200|404/, 'reads go on');
      // A log that finds room in blocks that are still there may take writes meanwhile.
      await this.#pause(FAILURE_MS);
    } finally {
      rmSync(filler);
    }
    await this.#recovered(service);
    await this.#pause(LOAD_MS);
  }

  /** A started service, with all that it must have. */
  async checked(): Promise<ServiceProcess> {
    const directory = `${this.#volume.directory}/snapshots`;
    const argv = ['--snapshot-dir', directory, '--snapshot-interval', '50ms'];
    const service = await ServiceProcess.start(this.#t, argv);
    await this.ledger.check(service.url, this.#crash);
    return service;
  }

  async #recovered(service: ServiceProcess): Promise<void> {
    const began = performance.now();
    try {
      await service.line('the volume takes writes again', RECOVERY_MS);
      this.slowest = Math.max(this.slowest, Math.round(performance.now() - began));
    } catch {
      // A file system that could not write a block of its own takes nothing any more, from nobody.
      if (this.#isDead()) this.dead += 1;
      else this.ledger.tell(`writes do not come back in ${RECOVERY_MS} ms`);
    }
  }

  #isDead(): boolean {
    try {
      writeFileSync(`${this.#volume.directory}/probe`, 'x');
      return false;
    } catch {
      return true;
    }
  }

  #pause(msMax: number): Promise<void> {
    return new Promise(resolve => setTimeout(resolve, 20 + this.#random() * msMax));
  }
}

t.test(
  `${CYCLES} times fsync fails and works again, then the power (CAIRN_SEED=${SEED})`,
  {
    skip: needs('loop-ext4'),
  },
  async t => {
    const failures = new Failures(t, randomOf(SEED));
    const { ledger } = failures;
    for (let i = 0; i < CYCLES && ledger.problems.length === 0; i++) {
      ledger.place = `failure ${i}: `;
      await failures.one();
    }
    await (await failures.checked()).stop();
    t.comment(`${ledger.summary()}, writes were back after ${failures.slowest} ms at most`);
    t.strictSame(ledger.problems, []);
    t.ok(ledger.figures.durable > CYCLES, 'durable answers were at stake');
    t.ok(failures.dead <= CYCLES / 10, `${failures.dead} file systems did not come back`);
    const refused = [...ledger.refusals.keys()].filter(
      code => !/^storage_(full|error)$|^overloaded$/.test(code),
    );
    t.strictSame(refused, [], 'each refusal has its code');
  },
);
