/**
 * Who waits while a base of a million keys is written?
 *
 * The service, with a monitor in its process (peers/loop-delay.ts), answers steady traffic: GETs, SETs, and SETs that
 * wait for their fsync. First for some seconds without a base, then more SETs bring the logs over the size at which a
 * base is made, and the same is measured until that base is there. Each round starts from a copy of a directory whose
 * logs are almost there, so that the base holds all of the keys.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { CAIRN, commandOf } from './contestants.js';
import { getRequest, pathOf, type Script, setExchange } from './dataset.js';
import { fill } from './fill.js';
import type { Options } from './options.js';
import { type Findings, formatMedian, formatNumber, formatSpread, type Table } from './report.js';
import { httpReadiness, type Server } from './server.js';
import { percentileOf } from './statistics.js';
import { SteadyClient } from './steady.js';
import type { Workbench } from './workbench.js';

/** As in src/limits.ts: log bytes under which no base is made. */
const ROTATE_BYTES_MIN = 64 * 2 ** 20;
/** How far the directory is from its base when a round begins. */
const MARGIN_BYTES = 2 * 2 ** 20;
/** SETs at once while the directory is made, and when the base is provoked. */
const FILL_SETS = 5_000;
const PROVOKING_SETS = 1_000;

const WARM_MS = 2_000;
const QUIET_MS = 3_000;
/** Milliseconds in which a base must be there. */
const BASE_MS_MAX = 60_000;
const POLL_MS = 5;

/** Clients of each kind, and the milliseconds from one request of a client to its next. */
const CLIENTS = 4;
const BEAT_MS = 10;
const SYNC_CLIENTS = 1;
const SYNC_BEAT_MS = 20;

interface Waits {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const KINDS = ['event loop', 'GET', 'SET', 'SET ?sync=true'] as const;
type Kind = (typeof KINDS)[number];
type Period = Readonly<Record<Kind, Waits>>;

interface Round {
  readonly quiet: Period;
  readonly base: Period;
  readonly baseMs: number;
  readonly baseBytes: number;
}

export async function baseStall(bench: Workbench, options: Options): Promise<Findings> {
  if (options.startKeys === 0) return { tables: [], data: null };
  const full = await almostDue(bench, options);
  const rounds: Round[] = [];
  for (let round = 0; round < options.baseRounds; round++) rounds.push(await measure(bench, options, full));
  return { tables: [tableOf(options, rounds)], data: rounds };
}

/** A directory with all of the keys, whose logs need some bytes more until a base is made. */
async function almostDue(bench: Workbench, options: Options): Promise<string> {
  const directory = bench.directory(CAIRN);
  const server = await bench.start(commandOf(CAIRN, options, { directory }));
  await server.ready(httpReadiness);
  for (let sets = 0; sets < options.startKeys || missingBytes(directory) > MARGIN_BYTES; sets += FILL_SETS) {
    await fill(server.port, setsFrom(options, sets, FILL_SETS), bench.signal);
  }
  await server.stop();
  return directory;
}

/** SETs that go through the keys again and again, each time with another value. */
function setsFrom({ startKeys }: Options, from: number, count: number): Script {
  const at = (index: number) => {
    const set = from + index;
    return setExchange(set % startKeys, Math.floor(set / startKeys));
  };
  return { count, at };
}

/** How many bytes the logs may still grow until a base is due; what the last second brought is not yet in them. */
function missingBytes(directory: string): number {
  const files = readdirSync(directory).map(name => ({ name, bytes: statSync(join(directory, name)).size }));
  if (files.some(({ name }) => name.endsWith('.tmp'))) return Number.POSITIVE_INFINITY;
  const base = files.findLast(({ name }) => name.endsWith('.base'));
  const newest = base?.name.slice(0, 8) ?? '';
  const logs = files.filter(({ name }) => name.endsWith('.log') && name.slice(0, 8) >= newest);
  const due = Math.max(ROTATE_BYTES_MIN, base?.bytes ?? 0);
  return due - logs.reduce((sum, { bytes }) => sum + bytes, 0);
}

async function measure(bench: Workbench, options: Options, full: string): Promise<Round> {
  const directory = bench.directory(CAIRN);
  cpSync(full, directory, { recursive: true });
  const delays = bench.path('delays.json');
  const monitor = pathToFileURL(fileURLToPath(new URL('./peers/loop-delay.js', import.meta.url)));
  monitor.searchParams.set('out', delays);
  const nodeFlags = [...options.nodeFlags, '--import', monitor.href];
  const server = await bench.start(commandOf(CAIRN, { ...options, nodeFlags }, { directory }));
  await server.ready(httpReadiness);
  const traffic = new Traffic(server, options, delays);
  await traffic.opened();
  await delay(WARM_MS);
  await traffic.take();
  await delay(QUIET_MS);
  const quiet = await traffic.take();
  traffic.pause();
  const before = bases(directory);
  for (let sets = 0; bases(directory, '.base.tmp').length === 0; sets += PROVOKING_SETS) {
    if (bases(directory).length > before.length) throw new Error('A base was made before it was looked for.');
    await fill(server.port, setsFrom(options, sets, PROVOKING_SETS), bench.signal);
  }
  await traffic.take();
  traffic.resume();
  const began = performance.now();
  while (bases(directory, '.base.tmp').length > 0) {
    if (performance.now() - began > BASE_MS_MAX) throw new Error('The base is not there in time.');
    await delay(POLL_MS, undefined, { signal: bench.signal });
  }
  const baseMs = performance.now() - began;
  const base = await traffic.take();
  traffic.close();
  const baseBytes = statSync(join(directory, bases(directory).at(-1)!)).size;
  await server.stop();
  rmSync(directory, { recursive: true });
  return { quiet, base, baseMs, baseBytes };
}

function bases(directory: string, ending = '.base'): string[] {
  return readdirSync(directory)
    .filter(name => name.endsWith(ending))
    .sort();
}

class Traffic {
  readonly #server: Server;
  readonly #delays: string;
  readonly #clients: Readonly<Record<Exclude<Kind, 'event loop'>, readonly SteadyClient[]>>;
  #sets = 0;

  constructor(server: Server, { startKeys }: Options, delays: string) {
    this.#server = server;
    this.#delays = delays;
    const { port } = server;
    const client = (beatMs: number, next: () => Buffer) => new SteadyClient({ port, beatMs, next });
    const key = () => (this.#sets++ * 7_919) % startKeys;
    const set = () => setExchange(key(), this.#sets).request;
    const syncSet = () => Buffer.from(set().toString('latin1').replace('/set ', '/set?sync=true '), 'latin1');
    const several = (count: number, make: () => SteadyClient) => Array.from({ length: count }, make);
    this.#clients = {
      GET: several(CLIENTS, () => client(BEAT_MS, () => getRequest(pathOf(key())))),
      SET: several(CLIENTS, () => client(BEAT_MS, set)),
      'SET ?sync=true': several(SYNC_CLIENTS, () => client(SYNC_BEAT_MS, syncSet)),
    };
  }

  async opened(): Promise<void> {
    await Promise.all(this.#all().map(client => client.opened()));
  }

  pause(): void {
    for (const client of this.#all()) client.pause();
  }

  resume(): void {
    for (const client of this.#all()) client.resume();
  }

  /** What was seen since the last time. */
  async take(): Promise<Period> {
    process.kill(this.#server.pid, 'SIGUSR2');
    while (!existsSync(this.#delays)) await delay(POLL_MS);
    const loop = JSON.parse(readFileSync(this.#delays, 'utf8')) as Waits;
    rmSync(this.#delays);
    const of = (kind: Exclude<Kind, 'event loop'>) =>
      waitsOf(this.#clients[kind].map(client => client.take()));
    return { 'event loop': loop, GET: of('GET'), SET: of('SET'), 'SET ?sync=true': of('SET ?sync=true') };
  }

  close(): void {
    for (const client of this.#all()) client.close();
  }

  #all(): SteadyClient[] {
    return Object.values(this.#clients).flat();
  }
}

function waitsOf(parts: readonly Float64Array[]): Waits {
  const all = Float64Array.from(parts.flatMap(part => [...part]));
  if (all.length === 0) return { p50: 0, p99: 0, max: 0 };
  return { p50: percentileOf(all, 0.5), p99: percentileOf(all, 0.99), max: percentileOf(all, 1) };
}

function tableOf({ startKeys }: Options, rounds: readonly Round[]): Table {
  const rows = KINDS.flatMap(kind =>
    (['quiet', 'base'] as const).map(period => {
      const waits = rounds.map(round => round[period][kind]);
      const name = `${kind}, ${period === 'base' ? 'while it is written' : 'without'}`;
      const figures = (['p50', 'p99', 'max'] as const).map(figure => waits.map(wait => wait[figure]));
      return [name, ...figures.map(values => formatSpread(values, 1))];
    }),
  );
  const ms = formatMedian(
    rounds.map(({ baseMs }) => baseMs),
    0,
  );
  const mib = formatNumber((rounds[0]?.baseBytes ?? 0) / 2 ** 20, 1);
  return {
    title: `Waiting while a base of ${formatNumber(startKeys, 0)} keys is written`,
    head: ['milliseconds', 'p50', 'p99', 'max'],
    rows,
    notes: [
      `Median (min–max) of ${rounds.length} bases of ${mib} MiB, each made in ${ms} ms, beside ${(CLIENTS * 1000) / BEAT_MS} GETs,`,
      `${(CLIENTS * 1000) / BEAT_MS} SETs and ${(SYNC_CLIENTS * 1000) / SYNC_BEAT_MS} SETs with an fsync each second; ${QUIET_MS / 1000} s without a base before each.`,
    ],
  };
}
