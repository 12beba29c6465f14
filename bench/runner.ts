/**
 * Runs one script against every contestant in turn, round after round (A B C, A B C, …): what drifts over
 * minutes meets them all alike. The first round warms up and does not count.
 *
 * The measure is the CPU time of the whole server process by the number of requests: it stays the same when the
 * generator is slow or the machine is shared. It includes what a server puts off: the round of a contestant ends
 * `settleMs` after its last answer, before the next one begins.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Script } from './dataset.js';
import { type Load, runLoad } from './load.js';
import { cpuTimeMs } from './machine.js';
import { formatMedian, formatSpread, type Table } from './report.js';
import type { Server } from './server.js';
import { percentileOf, ratiosByRound } from './statistics.js';

export interface Entrant {
  readonly name: string;
  readonly server: Server;
  /** Where it is not the same for all. */
  readonly script?: Script;
}

export interface Race {
  readonly title: string;
  readonly script: Script;
  readonly rounds: number;
  readonly connections: number;
  /** Milliseconds after the last answer in which the server's work still counts. */
  readonly settleMs: number;
  readonly signal: AbortSignal;
  /** Looks, outside of the measure, at what the round left in the server. */
  readonly check?: (entrant: Entrant) => Promise<void>;
}

export interface Round {
  readonly cpuMicrosPerRequest: number | null;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly generatorBusy: number;
  readonly refused: number;
}

export interface Result {
  readonly name: string;
  readonly rounds: readonly Round[];
}

export async function run(race: Race, entrants: readonly Entrant[]): Promise<Result[]> {
  for (const entrant of entrants) await runRound(race, entrant);
  const results = entrants.map(({ name }) => ({ name, rounds: [] as Round[] }));
  for (let round = 0; round < race.rounds; round++) {
    for (const [index, entrant] of entrants.entries()) {
      results[index]?.rounds.push(await runRound(race, entrant));
    }
  }
  return results;
}

async function runRound(race: Race, entrant: Entrant): Promise<Round> {
  const { connections, settleMs, signal } = race;
  const { script = race.script } = entrant;
  const { pid, port } = entrant.server;
  const before = cpuTimeMs(pid);
  const load = await runLoad(script, { port, connections, depth: 1, signal });
  await delay(settleMs, undefined, { signal });
  const after = cpuTimeMs(pid);
  await race.check?.(entrant);
  return roundOf(load, before === null || after === null ? null : after - before);
}

function roundOf({ seconds, latenciesMs, generatorBusy, refused }: Load, cpuMs: number | null): Round {
  const requests = latenciesMs.length;
  return {
    cpuMicrosPerRequest: cpuMs === null ? null : (cpuMs * 1000) / requests,
    requestsPerSecond: requests / seconds,
    p50Ms: percentileOf(latenciesMs, 0.5),
    p99Ms: percentileOf(latenciesMs, 0.99),
    generatorBusy,
    refused,
  };
}

/** `base` names the contestant that the others are set against. */
export function tableOf(race: Race, results: readonly Result[], base: string): Table {
  const floor = results.find(({ name }) => name === base);
  return {
    title: race.title,
    head: ['contestant', 'CPU µs/request', `× ${base}`, 'requests/s', 'p50 ms', 'p99 ms', 'generator busy'],
    rows: results.map(result => rowOf(result, floor)),
    notes: [
      `Median (min–max) of ${race.rounds} interleaved rounds of ${race.script.count} requests over`,
      `${race.connections} connections; × is the median of the ratios within each round.`,
      ...refusedNote(results),
    ],
  };
}

/** What a busy volume costs is not hidden. */
function refusedNote(results: readonly Result[]): string[] {
  const told = results.flatMap(({ name, rounds }) => {
    const refused = rounds.reduce((sum, round) => sum + round.refused, 0);
    return refused === 0 ? [] : [`${name} ${refused}`];
  });
  return told.length === 0 ? [] : [`Refused with 503 and Retry-After, and sent again: ${told.join(', ')}.`];
}

function rowOf({ name, rounds }: Result, floor: Result | undefined): string[] {
  const cpu = rounds.map(cpuOf);
  const base = floor === undefined ? cpu.map(() => null) : floor.rounds.map(cpuOf);
  return [
    name,
    formatSpread(cpu, 1),
    formatSpread(ratiosByRound(cpu, base), 2),
    median(rounds, 0, round => round.requestsPerSecond),
    median(rounds, 2, round => round.p50Ms),
    median(rounds, 2, round => round.p99Ms),
    `${median(rounds, 0, round => round.generatorBusy * 100)} %`,
  ];
}

function cpuOf(round: Round): number | null {
  return round.cpuMicrosPerRequest;
}

function median(rounds: readonly Round[], digits: number, figure: (round: Round) => number): string {
  return formatMedian(rounds.map(figure), digits);
}
