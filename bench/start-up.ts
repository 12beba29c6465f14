/**
 * How long from the start of the process until it is ready?
 *
 * Ready is the first 200 of /readyz (Redis: the first PONG). Once with an empty store, beside servers that have
 * none; once with a million keys, beside Redis, which loads the same keys from its RDB. The full directory is
 * made through the service's own HTTP interface and a clean stop, so it holds a base and a log; a second one holds
 * the same as a base alone, as an RDB does. Every start gets a copy, so that none profits from what the one before
 * left.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, cpSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BARE, CAIRN, commandOf, KOA, type Place, REDIS } from './contestants.js';
import { getExchange, prepared, type Script, setExchange, shuffled } from './dataset.js';
import { fill } from './fill.js';
import { runLoad } from './load.js';
import { cpuTimeMs, hasProgram, type Memory, memoryOf } from './machine.js';
import type { Options } from './options.js';
import { fillRedis, redis, redisReadiness } from './redis.js';
import { type Findings, formatMedian, formatNumber, formatSpread, type Table } from './report.js';
import { httpReadiness, type Readiness, type Server } from './server.js';
import { ratiosByRound } from './statistics.js';
import type { Workbench } from './workbench.js';

const KEYS_CHECKED = 1_000;
const FROM_BASE = `${CAIRN}, base alone`;

interface Starter {
  readonly name: string;
  readonly contestant: string;
  /** What it starts with, copied for each start. */
  readonly full?: string;
  readonly probe: (port: number) => Promise<Readiness>;
  /** Throws where something that was stored is not there. */
  readonly check: (server: Server) => Promise<void>;
}

interface FullStarter extends Starter {
  readonly full: string;
}

interface Start {
  readonly readyMs: number;
  readonly cpuMs: number | null;
  readonly memory: Memory | null;
}

interface Result {
  readonly name: string;
  readonly starts: readonly Start[];
}

export async function startUp(bench: Workbench, options: Options): Promise<Findings> {
  const web = [BARE, KOA, CAIRN].filter(name => options.contestants.includes(name));
  const empty = await compare(bench, options, web.map(emptyStarter), options.rounds);
  const tables = [tableOf('Start with an empty store', empty, BARE, [])];
  if (options.startKeys === 0 || !web.includes(CAIRN)) return { tables, data: { empty } };
  const starters = await fullStarters(bench, options);
  const full = await compare(bench, options, starters, options.startRounds);
  const title = `Start with ${formatNumber(options.startKeys, 0)} keys`;
  tables.push(tableOf(title, full, REDIS, starters.map(describeDirectory)));
  return { tables, data: { empty, full } };
}

function emptyStarter(name: string): Starter {
  return { name, contestant: name, probe: httpReadiness, check: async () => {} };
}

async function fullStarters(bench: Workbench, options: Options): Promise<FullStarter[]> {
  const cairn = await fullCairn(bench, options);
  const starters = [cairn, { ...cairn, name: FROM_BASE, full: baseOf(bench, options, cairn.full) }];
  if (hasProgram('redis-server')) starters.push(await fullRedis(bench, options));
  return starters;
}

async function fullCairn(bench: Workbench, options: Options): Promise<FullStarter> {
  const full = bench.directory(CAIRN);
  const server = await bench.start(commandOf(CAIRN, options, { directory: full }));
  await server.ready(httpReadiness);
  // Made one by one: a million requests at once would not fit beside what is measured.
  const sets: Script = { count: options.startKeys, at: index => setExchange(index, 0) };
  await fill(server.port, sets, bench.signal);
  await server.stop();
  const asked = shuffled(options.startKeys, options.seed).slice(0, KEYS_CHECKED);
  const script = prepared(asked.length, index => getExchange(asked[index]!, 0));
  const load = { connections: 1, depth: 64, signal: bench.signal };
  const check = async ({ port }: Server) => void (await runLoad(script, { ...load, port }));
  return { name: CAIRN, contestant: CAIRN, full, probe: httpReadiness, check };
}

/** A directory with the same state as one base and an empty log. */
function baseOf(bench: Workbench, { cairn }: Options, full: string): string {
  const backup = bench.path('backup');
  const directory = bench.path(FROM_BASE);
  const file = openSync(backup, 'w');
  run([cairn, 'backup', full], file);
  closeSync(file);
  run([cairn, 'restore', backup, directory], 'ignore');
  rmSync(backup);
  return directory;
}

function run(args: readonly string[], stdout: number | 'ignore'): void {
  const { status, stderr } = spawnSync(process.execPath, args, { stdio: ['ignore', stdout, 'pipe'] });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
}

async function fullRedis(bench: Workbench, options: Options): Promise<FullStarter> {
  const full = bench.directory(REDIS);
  const server = await bench.start(commandOf(REDIS, options, { directory: full }));
  await server.ready(redisReadiness);
  await fillRedis(server.port, options.startKeys, bench.signal);
  if ((await redis(server.port, 'SAVE')) !== '+OK') throw new Error('Redis did not save.');
  await server.stop();
  const check = async ({ port }: Server) => {
    const size = await redis(port, 'DBSIZE');
    if (size !== `:${options.startKeys}`) throw new Error(`Redis has ${size} keys.`);
  };
  return { name: REDIS, contestant: REDIS, full, probe: redisReadiness, check };
}

/** Round after round, as in runner.ts; the first one fills the page cache and does not count. */
async function compare(
  bench: Workbench,
  options: Options,
  starters: readonly Starter[],
  rounds: number,
): Promise<Result[]> {
  for (const starter of starters) await measureStart(bench, options, starter);
  const results = starters.map(({ name }) => ({ name, starts: [] as Start[] }));
  for (let round = 0; round < rounds; round++) {
    for (const [index, starter] of starters.entries()) {
      results[index]?.starts.push(await measureStart(bench, options, starter));
    }
  }
  return results;
}

async function measureStart(bench: Workbench, options: Options, starter: Starter): Promise<Start> {
  const directory = bench.directory(starter.name);
  if (starter.full !== undefined) cpSync(starter.full, directory, { recursive: true });
  const place: Place = { directory };
  const server = await bench.start(commandOf(starter.contestant, options, place));
  const readyMs = await server.ready(starter.probe);
  const start = { readyMs, cpuMs: cpuTimeMs(server.pid), memory: memoryOf(server.pid) };
  await starter.check(server);
  await server.stop();
  rmSync(directory, { recursive: true });
  return start;
}

function tableOf(title: string, results: readonly Result[], base: string, notes: readonly string[]): Table {
  const floor = results.find(({ name }) => name === base)?.starts;
  const rounds = results[0]?.starts.length ?? 0;
  return {
    title,
    head: ['contestant', 'ready ms', `× ${base}`, 'CPU ms', `× ${base}`, 'resident MiB', 'peak MiB'],
    rows: results.map(({ name, starts }) => rowOf(name, starts, floor)),
    notes: [`Median (min–max) of ${rounds} interleaved starts; memory at the moment of ready.`, ...notes],
  };
}

function rowOf(name: string, starts: readonly Start[], floor: readonly Start[] | undefined): string[] {
  return [
    name,
    ...withRatio(starts, floor, start => start.readyMs),
    ...withRatio(starts, floor, start => start.cpuMs),
    formatMedian(
      starts.map(start => start.memory?.residentMiB ?? null),
      0,
    ),
    formatMedian(
      starts.map(start => start.memory?.peakMiB ?? null),
      0,
    ),
  ];
}

function withRatio(
  starts: readonly Start[],
  floor: readonly Start[] | undefined,
  figure: (start: Start) => number | null,
): string[] {
  const values = starts.map(figure);
  const base = floor === undefined ? values.map(() => null) : floor.map(figure);
  return [formatSpread(values, 0), formatSpread(ratiosByRound(values, base), 2)];
}

function describeDirectory({ name, full }: FullStarter): string {
  const files = readdirSync(full).sort();
  const sizes = files.map(
    file => `${file} ${formatNumber(statSync(join(full, file)).size / 2 ** 20, 1)} MiB`,
  );
  return `${name} starts from ${sizes.join(', ')}.`;
}
