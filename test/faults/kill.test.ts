/**
 * kill -9 of the real process under load, with every answer kept. What was answered as durable must be there after
 * the restart; of what was answered at once, at most the last interval and one fsync may be gone; and what is there
 * must be a prefix of what was written (fixtures/load.ts). Each start is the check of the life before it and the
 * begin of the next. Some kills come while the service starts; where a base is due, they come while it is made; and
 * some lives end by SIGTERM, which loses nothing.
 *
 * CAIRN_CYCLES sets how often, CAIRN_SEED replays the moments of the kills, CAIRN_TORTURE=1 is the full size.
 */
import { readdirSync, rmSync } from 'node:fs';
import t, { type Test } from 'tap';
import { call, get, set } from '../fixtures/calls.js';
import { type ClientOptions, type Crash, Ledger, NO_CRASH } from '../fixtures/load.js';
import { type Random, randomOf, seedOf } from '../fixtures/seeded-random.js';
import { ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';
import { allowTime, cyclesOf, TORTURE } from '../fixtures/torture.js';

const CYCLES = cyclesOf(20, 1_000);
const SEED = seedOf();
/** Milliseconds from the first request to the kill: most are near the most. */
const LIFE_MS = TORTURE ? 900 : 500;
/** Answered writes that the full size must see; where the machine is slow it goes on until then. */
const ANSWERED = TORTURE && process.env['CAIRN_CYCLES'] === undefined ? 1_000_000 : 0;
/** Milliseconds in which a base is made. */
const BASE_MS = 40;
/** Milliseconds in which most starts are over. */
const START_MS = 350;
/** Logs at which the next start makes a base (ROTATE_LOGS_MAX). */
const LOGS_MAX = 16;

/** One fsync answers all that wait for it, so many wait for each. */
const CLIENTS: readonly ClientOptions[] = [
  ...Array<ClientOptions>(8).fill({ kind: 'sync' }),
  { kind: 'mixed', depth: 8, largeBytes: 200_000 },
  { kind: 'periodic', depth: 24 },
  { kind: 'periodic', depth: 24 },
];

allowTime(t);

/** How a life ends, and when: milliseconds after the first request, or after the start if there was none. */
interface End {
  readonly signal: 'SIGKILL' | 'SIGTERM';
  readonly starting: boolean;
  readonly afterMs: number;
}

class Lives {
  readonly ledger = new Ledger(CLIENTS);
  readonly directory: string;
  bases = 0;
  kills = 0;
  readonly #t: Test;
  readonly #random: Random;
  #crash: Crash = NO_CRASH;

  constructor(t: Test, random: Random) {
    this.#t = t;
    this.#random = random;
    this.directory = serviceDirectory(t);
  }

  async one(): Promise<void> {
    const end = this.#nextEnd();
    const service = this.#spawn();
    if (end.starting) {
      await pause(end.afterMs);
      await this.#stop(service, end);
      return;
    }
    await this.#checked(service);
    const living = this.ledger.live({ url: service.url, over: false });
    await pause(end.afterMs);
    await this.#stop(service, end);
    await living;
    if (service.log.some(line => line['msg'] === 'base made')) this.bases += 1;
  }

  async end(): Promise<void> {
    const service = this.#spawn();
    await this.#checked(service);
    this.#t.strictSame(await service.stop(), { code: 0, signal: null });
  }

  #nextEnd(): End {
    const chance = this.#random();
    const moment = this.#random();
    if (this.#logs() >= LOGS_MAX) return { signal: 'SIGKILL', starting: false, afterMs: moment * BASE_MS };
    if (chance < 0.05) return { signal: 'SIGKILL', starting: true, afterMs: moment * START_MS };
    const afterMs = Math.sqrt(moment) * LIFE_MS;
    return { signal: chance < 0.1 ? 'SIGTERM' : 'SIGKILL', starting: false, afterMs };
  }

  /** From the newest base on. */
  #logs(): number {
    const names = readdirSync(this.directory).sort();
    const base = names.findLast(name => name.endsWith('.base')) ?? '';
    return names.filter(name => name.endsWith('.log') && name.slice(0, 8) >= base.slice(0, 8)).length;
  }

  #spawn(): ServiceProcess {
    const argv = ['--snapshot-dir', this.directory, '--snapshot-interval', '100ms'];
    return ServiceProcess.spawn(this.#t, ['serve', '--port', '0', ...argv]);
  }

  async #checked(service: ServiceProcess): Promise<void> {
    await service.line('ready');
    await this.ledger.check(service.url, this.#crash);
  }

  async #stop(service: ServiceProcess, { signal, starting }: End): Promise<void> {
    // A process that was killed while it started has answered nothing: what went before counts.
    if (!starting) this.#crash = { at: performance.now(), clean: signal === 'SIGTERM' };
    const ended = await service.stop(signal);
    if (signal === 'SIGKILL') this.kills += 1;
    else if (ended.code !== 0) this.ledger.tell(`SIGTERM: ${JSON.stringify(ended)}`);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

t.test(`${CYCLES} lives, most of them ended by kill -9 (CAIRN_SEED=${SEED})`, async t => {
  const lives = new Lives(t, randomOf(SEED));
  const { figures } = lives.ledger;
  const isEnough = (i: number): boolean => i >= CYCLES && figures.durable + figures.periodic >= ANSWERED;
  for (let i = 0; !isEnough(i) && i < 2 * CYCLES && lives.ledger.problems.length === 0; i++) {
    lives.ledger.place = `life ${i}: `;
    await lives.one();
  }
  await lives.end();
  t.comment(`${lives.kills} kills, ${lives.bases} bases made: ${lives.ledger.summary()}`);
  t.strictSame(lives.ledger.problems, []);
  t.ok(figures.durable > CYCLES, 'durable answers were at stake');
  t.ok(figures.durable + figures.periodic >= ANSWERED, 'and enough of them all');
});

t.test('the ledger finds it when the newest log is gone', async t => {
  const lives = new Lives(t, randomOf(1));
  while (lives.ledger.unchecked === 0) await lives.one();
  const newest = readdirSync(lives.directory)
    .filter(name => name.endsWith('.log'))
    .sort()
    .at(-1);
  rmSync(`${lives.directory}/${newest}`);
  await lives.one();
  t.match(lives.ledger.problems.join('\n'), /answered as durable, and gone/);
});

t.test('who saw a change that a crash took back is told, though its revision is used again', async t => {
  const argv = ['--snapshot-dir', serviceDirectory(t), '--snapshot-interval', '1m'];
  const first = await ServiceProcess.start(t, argv);
  await set(first.url, 'kept', 1, '?sync=true');
  await set(first.url, 'a', 'lost');
  const lost = await get(first.url, 'a');
  const kept = await get(first.url, 'kept');
  t.match(lost.body, 'lost');
  await first.stop('SIGKILL');

  const second = await ServiceProcess.start(t, argv);
  t.equal((await get(second.url, 'a')).status, 404);
  await set(second.url, 'a', 'other');
  const other = await get(second.url, 'a');
  t.equal(other.headers.get('x-revision'), lost.headers.get('x-revision'), 'the same revision');
  t.not(other.headers.get('etag'), lost.headers.get('etag'), 'and another ETag');
  t.ok(Number(other.headers.get('x-epoch')) > Number(lost.headers.get('x-epoch')));
  const ifMatch = { 'if-match': lost.headers.get('etag') ?? '', 'content-type': 'application/json' };
  const stale = await call(`${second.url}/kv/a`, { method: 'PUT', body: '1', headers: ifMatch });
  t.equal(stale.status, 412, 'a condition on what was lost does not hold');
  const ifNoneMatch = { 'if-none-match': lost.headers.get('etag') ?? '' };
  t.equal(
    (await call(`${second.url}/get/a`, { headers: ifNoneMatch })).status,
    200,
    'a cache of it is not fooled',
  );
  t.equal(
    (await get(second.url, 'kept')).headers.get('etag'),
    kept.headers.get('etag'),
    'what survived keeps its ETag',
  );
});
