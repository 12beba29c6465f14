/**
 * A volume that runs full, again and again: a tmpfs of 8 MB and one of 64 MB. Growth is refused with 503
 * `storage_full`, reads go on, and writes come back by themselves, within ten seconds, when somebody else's file goes
 * or when keys are deleted, for which there is always room. Each round ends by kill -9: nothing that was answered as
 * durable is lost, and what was deleted stays so.
 *
 * CAIRN_CYCLES sets how often, CAIRN_SEED replays the sizes, CAIRN_TORTURE=1 is the full size.
 */
import { rmSync, statfsSync } from 'node:fs';
import t, { type Test } from 'tap';
import { SPACE_RESERVE_SHARE } from '../../src/limits.js';
import { type Answer, call, get, set } from '../fixtures/calls.js';
import { type ClientOptions, type Crash, Ledger, NO_CRASH } from '../fixtures/load.js';
import { fill, smallVolume } from '../fixtures/loop-volume.js';
import { needs } from '../fixtures/needs.js';
import { type Random, randomOf, seedOf } from '../fixtures/seeded-random.js';
import { ServiceProcess } from '../fixtures/service-process.js';
import { allowTime, cyclesOf } from '../fixtures/torture.js';

const MIB = 1024 * 1024;
const SEED = seedOf();
/** Milliseconds of load before and after the volume is full, at most. */
const LOAD_MS = 300;
/** Milliseconds until what must happen has happened: the volume is looked at each second. */
const BACK_MS = 10_000;
/** Milliseconds between two tries. */
const LOOK_MS = 20;
const REFUSAL = { code: 'storage_full', outcome: /not_applied|unknown/, hint: String };
/** Characters of the values that fill the volume. */
const VALUE_CHARS = 100_000;

const CLIENTS: readonly ClientOptions[] = [
  { kind: 'sync' },
  { kind: 'sync' },
  { kind: 'mixed', largeBytes: 50_000 },
  { kind: 'periodic' },
];

allowTime(t);

class Fullness {
  readonly ledger = new Ledger(CLIENTS);
  /** Milliseconds until writes were taken again, the longest. */
  slowest = 0;
  /** Times growth was refused. */
  refused = 0;
  readonly #t: Test;
  readonly #random: Random;
  readonly #volume: string;
  #crash: Crash = NO_CRASH;
  #deleted: readonly string[] = [];

  constructor(t: Test, random: Random, bytes: number) {
    this.#t = t;
    this.#random = random;
    this.#volume = smallVolume(t, bytes);
  }

  /** Full by a file of somebody else's, which goes again. */
  async filledByOthers(): Promise<void> {
    await this.#round(async ({ url }) => {
      const filler = fill(this.#volume, this.#random() < 0.5 ? 0 : this.#random() * 300_000);
      await this.#refused(url);
      await this.#pause();
      rmSync(filler);
      await this.#back(url);
    });
  }

  /** Full by keys, which are deleted again. */
  async filledByKeys(): Promise<void> {
    await this.#round(async ({ url }) => {
      const keys: string[] = [];
      for (;;) {
        const key = `filler-${keys.length}`;
        const write = await set(url, key, 'x'.repeat(VALUE_CHARS), '?sync=true');
        if (write.status === 200) keys.push(key);
        else if (await this.#refuses(url, write)) break;
      }
      this.#t.ok(keys.length > 0, 'values were taken before it was full');
      this.refused += 1;
      for (const key of keys) {
        const { status, body } = await call(`${url}/kv/${key}?sync=true`, { method: 'DELETE' });
        if (status !== 204) this.ledger.tell(`DELETE ${key}: ${status} ${body}`);
      }
      this.#deleted = keys;
      await this.#back(url);
    });
  }

  async #round(fillAndFree: (service: ServiceProcess) => Promise<void>): Promise<void> {
    const service = await this.checked();
    const life = { url: service.url, over: false, persistent: true };
    const living = this.ledger.live(life);
    await this.#pause();
    await fillAndFree(service);
    await this.#pause();
    life.over = true;
    this.#crash = { at: performance.now() };
    await service.stop('SIGKILL');
    await living;
  }

  async checked(): Promise<ServiceProcess> {
    const argv = ['--snapshot-dir', `${this.#volume}/snapshots`, '--snapshot-interval', '50ms'];
    const service = await ServiceProcess.start(this.#t, argv);
    await this.ledger.check(service.url, this.#crash);
    for (const key of this.#deleted) {
      if ((await get(service.url, key)).status !== 404) this.ledger.tell(`${key} was deleted, and is there`);
    }
    return service;
  }

  /** Waits until growth is refused, and sees how. */
  async #refused(url: string): Promise<void> {
    const end = performance.now() + BACK_MS;
    while (!(await this.#refuses(url, await set(url, 'growth', 1)))) {
      if (performance.now() > end) {
        // Bases that take the place of their logs may keep room for growth beside the filler.
        if (!this.#isShort()) return;
        return this.ledger.tell(`growth is not refused in ${BACK_MS} ms`);
      }
      await pause(LOOK_MS);
    }
    this.refused += 1;
    this.#t.equal((await call(`${url}/readyz`)).status, 200);
  }

  #isShort(): boolean {
    const { bavail, blocks } = statfsSync(this.#volume);
    return bavail < blocks * SPACE_RESERVE_SHARE;
  }

  /** False also where room was made in between, by a base that was due. */
  async #refuses(url: string, write: Answer): Promise<boolean> {
    if (write.status === 200) return false;
    this.#t.match([write.status, JSON.parse(write.body)], [503, REFUSAL]);
    const read = await get(url, 'sync-0/1');
    this.#t.match(read.status, /200|404/, 'reads go on');
    return read.headers.get('x-storage') === 'degraded';
  }

  async #back(url: string): Promise<void> {
    const began = performance.now();
    for (;;) {
      const { status, body } = await set(url, 'growth', 2, '?sync=true');
      const ms = Math.round(performance.now() - began);
      this.slowest = Math.max(this.slowest, ms);
      if (status === 200) return;
      if (ms > BACK_MS) return this.ledger.tell(`growth is not taken in ${BACK_MS} ms: ${status} ${body}`);
      await pause(LOOK_MS);
    }
  }

  #pause(): Promise<void> {
    return pause(this.#random() * LOAD_MS);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

for (const { mib, rounds } of [
  { mib: 8, rounds: cyclesOf(2, 40) },
  { mib: 64, rounds: cyclesOf(0, 16) },
]) {
  if (rounds === 0) continue;
  const name = `${rounds} times a volume of ${mib} MB is full and has space again (CAIRN_SEED=${SEED})`;
  t.test(name, { skip: needs('tmpfs') }, async t => {
    const fullness = new Fullness(t, randomOf(SEED), mib * MIB);
    const { ledger } = fullness;
    for (let i = 0; i < rounds && ledger.problems.length === 0; i++) {
      ledger.place = `round ${i}: `;
      if (i % 2 === 0) await fullness.filledByKeys();
      else await fullness.filledByOthers();
    }
    await (await fullness.checked()).stop();
    t.comment(
      `${ledger.summary()}, ${fullness.refused} times full, writes were back after ${fullness.slowest} ms at most`,
    );
    t.strictSame(ledger.problems, []);
    t.ok(ledger.figures.durable > rounds, 'durable answers were at stake');
    const others = [...ledger.refusals.keys()].filter(
      code => code !== 'storage_full' && code !== 'overloaded',
    );
    t.strictSame(others, [], 'what is refused is storage_full');
  });
}
