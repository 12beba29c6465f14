/**
 * How fast do a million keys go in and come out?
 *
 * In: a file of lines through `curl -T` to /import, beside the same keys as a file of SETs through `redis-cli --pipe`.
 * Out: /export through curl, beside `redis-cli --rdb`, which fetches a dump: both into a file. The clients run on the
 * generator's core. Each round has a server of its own, empty at first. Whoever says that all is in or out is asked.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, createReadStream, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { CAIRN, commandOf, REDIS } from './contestants.js';
import { keyAt, valueAt } from './dataset.js';
import { cpuTimeMs, hasProgram, memoryOf } from './machine.js';
import type { Options } from './options.js';
import { redis, redisReadiness, setCommands } from './redis.js';
import { type Findings, formatMedian, formatNumber, formatSpread, type Table } from './report.js';
import { type Command, httpReadiness, type Readiness, type Server } from './server.js';
import { ratiosByRound } from './statistics.js';
import type { Workbench } from './workbench.js';

/** Keys whose lines are written to a file at once. */
const CHUNK_KEYS = 10_000;
const NEWLINE = 0x0a;

interface Contestant {
  readonly name: string;
  readonly probe: (port: number) => Promise<Readiness>;
  readonly input: string;
  readonly importCommand: (port: number) => Command;
  /** Throws where not everything is in. */
  readonly checkImport: (server: Server, answer: string) => Promise<void>;
  readonly exportCommand: (port: number, output: string) => Command;
  /** Throws where not everything came out. */
  readonly checkExport: (output: string) => Promise<void>;
}

interface Work {
  readonly ms: number;
  readonly cpuMs: number | null;
}

interface Round {
  readonly imported: Work;
  readonly exported: Work;
  readonly peakMiB: number | null;
  readonly outputMiB: number;
}

interface Result {
  readonly name: string;
  readonly rounds: readonly Round[];
}

export async function transfer(bench: Workbench, options: Options): Promise<Findings> {
  const contestants = [cairn(bench, options), ...(hasProgram('redis-cli') ? [dump(bench, options)] : [])];
  for (const contestant of contestants) await measure(bench, options, contestant);
  const results = contestants.map(({ name }) => ({ name, rounds: [] as Round[] }));
  for (let round = 0; round < options.transferRounds; round++) {
    for (const [index, contestant] of contestants.entries()) {
      results[index]?.rounds.push(await measure(bench, options, contestant));
    }
  }
  return { tables: [tableOf(options, results)], data: results };
}

function cairn(bench: Workbench, { transferKeys: keys }: Options): Contestant {
  const line = (index: number) =>
    `{"collection":"kv","key":"${keyAt(index)}","value":${valueAt(index, 0)}}\n`;
  const url = (port: number, path: string) => `http://127.0.0.1:${port}${path}`;
  return {
    name: CAIRN,
    probe: httpReadiness,
    input: fileOf(bench, keys, (first, end) => range(first, end).map(line).join('')),
    importCommand: port => ['curl', '-sf', '-X', 'POST', '-T', '-', url(port, '/import')],
    checkImport: async (_, answer) => {
      if (!answer.startsWith(`{"imported":${keys},`)) throw new Error(`Cairn answered ${answer}`);
    },
    exportCommand: (port, output) => ['curl', '-sf', '-o', output, url(port, '/export?collection=kv')],
    checkExport: async output => {
      const lines = await linesIn(output);
      if (lines !== keys) throw new Error(`Cairn exported ${lines} keys.`);
    },
  };
}

function dump(bench: Workbench, { transferKeys: keys }: Options): Contestant {
  return {
    name: REDIS,
    probe: redisReadiness,
    input: fileOf(bench, keys, setCommands),
    importCommand: port => ['redis-cli', '-p', String(port), '--pipe'],
    checkImport: async ({ port }, answer) => {
      const size = await redis(port, 'DBSIZE');
      if (size !== `:${keys}`) throw new Error(`Redis has ${size} keys and said ${answer}`);
      // It would wait 5 s for more who want the same dump.
      await redis(port, 'CONFIG', 'SET', 'repl-diskless-sync-delay', '0');
    },
    exportCommand: (port, output) => ['redis-cli', '-p', String(port), '--rdb', output],
    checkExport: async output => {
      if (statSync(output).size < keys) throw new Error('The dump of Redis is not whole.');
    },
  };
}

function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, index) => first + index);
}

function fileOf(bench: Workbench, keys: number, text: (first: number, end: number) => string): string {
  const path = bench.path('keys');
  const file = openSync(path, 'w');
  for (let first = 0; first < keys; first += CHUNK_KEYS) {
    writeSync(file, text(first, Math.min(first + CHUNK_KEYS, keys)));
  }
  closeSync(file);
  return path;
}

async function linesIn(path: string): Promise<number> {
  let lines = 0;
  for await (const chunk of createReadStream(path)) {
    for (const byte of chunk) if (byte === NEWLINE) lines += 1;
  }
  return lines;
}

async function measure(bench: Workbench, options: Options, contestant: Contestant): Promise<Round> {
  const directory = bench.directory(contestant.name);
  const output = bench.path('export');
  const server = await bench.start(commandOf(contestant.name, options, { directory }));
  await server.ready(contestant.probe);
  const put = await timed(bench, server, contestant.importCommand(server.port), contestant.input);
  await contestant.checkImport(server, put.answer);
  const got = await timed(bench, server, contestant.exportCommand(server.port, output), null);
  await contestant.checkExport(output);
  const round = {
    imported: put.work,
    exported: got.work,
    peakMiB: memoryOf(server.pid)?.peakMiB ?? null,
    outputMiB: statSync(output).size / 1024 / 1024,
  };
  await server.stop();
  rmSync(directory, { recursive: true });
  rmSync(output);
  return round;
}

/** Runs a client to its end, with the file as its input. */
async function timed(
  bench: Workbench,
  { pid }: Server,
  [program, ...args]: Command,
  input: string | null,
): Promise<{ readonly work: Work; readonly answer: string }> {
  const file = input === null ? null : openSync(input, 'r');
  const [cpuBefore, began] = [cpuTimeMs(pid), performance.now()];
  const child = spawn(program, args, { stdio: [file ?? 'ignore', 'pipe', 'pipe'], signal: bench.signal });
  const exited = once(child, 'close');
  let answer = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', chunk => {
      answer += String(chunk);
    });
  }
  const [code] = await exited;
  const ms = performance.now() - began;
  const cpuAfter = cpuTimeMs(pid);
  if (file !== null) closeSync(file);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${answer}`);
  const cpuMs = cpuBefore === null || cpuAfter === null ? null : cpuAfter - cpuBefore;
  return { work: { ms, cpuMs }, answer };
}

function tableOf({ transferKeys: keys, transferRounds }: Options, results: readonly Result[]): Table {
  const floor = results.find(({ name }) => name === REDIS)?.rounds;
  const works = [
    ['import', (round: Round) => round.imported],
    ['export', (round: Round) => round.exported],
  ] as const;
  return {
    title: `${formatNumber(keys, 0)} keys in and out`,
    head: ['contestant', 'keys/s', `time × ${REDIS}`, 'CPU ms', `CPU × ${REDIS}`, 'peak MiB'],
    rows: works.flatMap(([title, work]) =>
      results.map(result => rowOf(`${result.name}, ${title}`, result.rounds, floor, keys, work)),
    ),
    notes: [
      `Median (min–max) of ${transferRounds} interleaved rounds, each with a server that was empty at first; peak of both.`,
      'cairn: curl -T to /import, every slice with its fsync before the answer, and curl of /export.',
      `${REDIS}: redis-cli --pipe, in memory only, and redis-cli --rdb, its own binary dump, which a fork writes: its CPU is not counted.`,
      ...results.map(({ name, rounds }) => `${name} exports ${formatMedian(sizes(rounds), 1)} MiB.`),
    ],
  };
}

function sizes(rounds: readonly Round[]): readonly number[] {
  return rounds.map(({ outputMiB }) => outputMiB);
}

function rowOf(
  title: string,
  rounds: readonly Round[],
  floor: readonly Round[] | undefined,
  keys: number,
  work: (round: Round) => Work,
): string[] {
  const ratio = (figure: (round: Round) => number | null) =>
    floor === undefined ? rounds.map(() => null) : ratiosByRound(rounds.map(figure), floor.map(figure));
  const [ms, cpu] = [(round: Round) => work(round).ms, (round: Round) => work(round).cpuMs];
  return [
    title,
    formatSpread(
      rounds.map(round => (keys / ms(round)) * 1000),
      0,
    ),
    formatSpread(ratio(ms), 2),
    formatSpread(rounds.map(cpu), 0),
    formatSpread(ratio(cpu), 2),
    formatMedian(
      rounds.map(({ peakMiB }) => peakMiB),
      0,
    ),
  ];
}
