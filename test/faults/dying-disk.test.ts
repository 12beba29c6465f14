/**
 * A disk that dies under the running service (FS_IOC_SHUTDOWN: every call on the volume fails from then on, for
 * ever). Reads go on and say that the storage is degraded, writes are refused, the probes stay green, memory does
 * not grow, and SIGTERM ends the process in its time, with the exit code of a volume that failed, since something
 * that was answered is lost. What was answered as durable is there on the next machine.
 *
 * CAIRN_CYCLES sets how often, CAIRN_SEED replays the moments, CAIRN_TORTURE=1 is the full size.
 */
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { call, get, set } from '../fixtures/calls.js';
import { type ClientOptions, type Crash, Ledger, NO_CRASH } from '../fixtures/load.js';
import { LoopVolume } from '../fixtures/loop-volume.js';
import { needs } from '../fixtures/needs.js';
import { type Random, randomOf, seedOf } from '../fixtures/seeded-random.js';
import { ServiceProcess } from '../fixtures/service-process.js';
import { allowTime, cyclesOf, TORTURE } from '../fixtures/torture.js';

const CYCLES = cyclesOf(1, 50);
const SEED = seedOf();
const VOLUME_BYTES = 48 * 1024 * 1024;
const LOAD_MS = 500;
/** Milliseconds in which the fault is noticed. */
const FAILED_MS = 5_000;
/** Milliseconds on the dead disk: once long, then short. */
const LONG_DEATH_MS = TORTURE ? 60_000 : 1_000;
const DEATH_MS = 500;
/** Bytes that a process may grow by while it refuses writes: the collector has its own time. */
const GROWTH_BYTES = 32 * 1024 * 1024;
/** Milliseconds from SIGTERM to the end: five seconds of tries, idle connections, the log. */
const END_MS = 10_000;

const CLIENTS: readonly ClientOptions[] = [
  ...Array<ClientOptions>(4).fill({ kind: 'sync' }),
  { kind: 'mixed' },
  { kind: 'periodic' },
];

allowTime(t);

class Deaths {
  readonly ledger = new Ledger(CLIENTS);
  slowestEndMs = 0;
  grownBytes = 0;
  readonly #t: Test;
  readonly #volume: LoopVolume;
  readonly #random: Random;
  #death: Crash = NO_CRASH;

  constructor(t: Test, random: Random) {
    this.#t = t;
    this.#random = random;
    this.#volume = LoopVolume.make(t, VOLUME_BYTES);
  }

  async one(deadMs: number): Promise<void> {
    const service = await this.checked();
    await set(service.url, 'sentinel', 1, '?sync=true');
    const life = { url: service.url, over: false, persistent: true };
    const living = this.ledger.live(life);
    await pause(50 + this.#random() * LOAD_MS);
    this.#death = { at: await this.#volume.cut(), powerless: true };
    // Within the interval the service cannot know it yet; what it answers till then is lost with it.
    await service.line('writes are refused, reads go on', FAILED_MS);
    await this.#serves(service);
    const before = residentBytes(service);
    await pause(deadMs);
    await this.#serves(service);
    this.grownBytes = Math.max(this.grownBytes, residentBytes(service) - before);
    life.over = true;
    await living;
    await this.#stops(service);
    await this.#volume.powerUp();
  }

  async checked(): Promise<ServiceProcess> {
    const directory = `${this.#volume.directory}/snapshots`;
    const argv = ['--snapshot-dir', directory, '--snapshot-interval', '50ms'];
    const service = await ServiceProcess.start(this.#t, argv);
    await this.ledger.check(service.url, this.#death);
    return service;
  }

  async #serves({ url }: ServiceProcess): Promise<void> {
    const read = await get(url, 'sentinel');
    this.#t.match([read.status, read.headers.get('x-storage')], [200, 'degraded'], 'reads go on');
    const write = await set(url, 'later', 1);
    this.#t.match(
      [write.status, JSON.parse(write.body)],
      [503, { code: 'storage_error', outcome: 'not_applied' }],
    );
    for (const probe of ['livez', 'readyz'])
      this.#t.equal((await call(`${url}/${probe}`)).status, 200, probe);
    this.#t.match((await call(`${url}/readyz?verbose`)).body, /\[-\]storage degraded/);
  }

  async #stops(service: ServiceProcess): Promise<void> {
    const began = performance.now();
    const late = setTimeout(() => service.child.kill('SIGKILL'), END_MS);
    const { code } = await service.stop('SIGTERM');
    clearTimeout(late);
    this.slowestEndMs = Math.max(this.slowestEndMs, Math.round(performance.now() - began));
    this.#t.match(code, /^(0|74)$/, 'it ends by itself');
    // What waited for the volume is told to be lost; where nothing waited, nothing is.
    const queued = service.log.some(line => line['level'] === 'error' || line['level'] === 'fatal');
    this.#t.ok(code !== 0 || queued, 'and says so');
  }
}

function residentBytes({ child }: ServiceProcess): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

t.test(
  `${CYCLES} times the disk dies under the service (CAIRN_SEED=${SEED})`,
  {
    skip: needs('loop-ext4'),
  },
  async t => {
    const deaths = new Deaths(t, randomOf(SEED));
    const { ledger } = deaths;
    for (let i = 0; i < CYCLES && ledger.problems.length === 0; i++) {
      ledger.place = `death ${i}: `;
      await deaths.one(i === 0 ? LONG_DEATH_MS : DEATH_MS);
    }
    await (await deaths.checked()).stop();
    const { slowestEndMs, grownBytes } = deaths;
    t.comment(`${ledger.summary()}, grown by ${grownBytes} bytes, ended in ${slowestEndMs} ms at most`);
    t.strictSame(ledger.problems, []);
    t.ok(ledger.figures.durable > CYCLES, 'durable answers were at stake');
    t.ok(grownBytes < GROWTH_BYTES, 'memory does not grow');
  },
);
