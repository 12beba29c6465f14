/**
 * What do a GET and a SET of a small key cost?
 *
 * GET: /get/<key> over all keys in a random order. SET: POST /set, application/json, periodic durability, each
 * request with a value that its key did not have before; the last ones are read back after every round.
 */
import { writeFileSync } from 'node:fs';
import { BARE, CAIRN, commandOf } from './contestants.js';
import { getExchange, prepared, type Script, setExchange, shuffled } from './dataset.js';
import { runLoad } from './load.js';
import type { Options } from './options.js';
import { type Findings, formatNumber } from './report.js';
import { type Entrant, type Race, run, tableOf } from './runner.js';
import { learn, mustAnswerAlike } from './sample.js';
import { httpReadiness } from './server.js';
import type { Workbench } from './workbench.js';

/** Longer than Cairn's snapshot interval and an fsync, so that the append of a round counts in that round. */
const SET_SETTLE_MS = 1_500;
const KEYS_READ_BACK = 100;

interface Scripts {
  /** Every key once, with its first value. */
  readonly fill: Script;
  readonly gets: Script;
  readonly sets: Script;
  /** What must be read after the sets. */
  readonly readBack: Script;
}

export async function getSet(bench: Workbench, options: Options): Promise<Findings> {
  const scripts = scriptsFor(options);
  const entrants = await startAll(bench, options, scripts);
  const common = { rounds: options.rounds, connections: options.connections, signal: bench.signal };
  const keys = formatNumber(options.keys, 0);
  const get: Race = { ...common, title: `GET, ${keys} keys`, script: scripts.gets, settleMs: 0 };
  const set: Race = {
    ...common,
    title: `SET, ${keys} keys, periodic`,
    script: scripts.sets,
    settleMs: SET_SETTLE_MS,
    check: entrant => readBack(entrant, scripts, bench.signal),
  };
  const getResults = await run(get, entrants);
  const setResults = await run(set, entrants);
  for (const { server } of entrants) await server.stop();
  return {
    tables: [tableOf(get, getResults, BARE), tableOf(set, setResults, BARE)],
    data: { get: getResults, set: setResults },
  };
}

function scriptsFor({ keys, requests, seed }: Options): Scripts {
  const order = shuffled(keys, seed);
  const gets = order.map(key => getExchange(key, 0));
  const last = Math.min(KEYS_READ_BACK, requests, keys);
  return {
    fill: prepared(keys, key => setExchange(key, 0)),
    gets: { count: requests, at: index => gets[index % keys]! },
    sets: prepared(requests, index => setExchange(order[index % keys]!, index + 1)),
    readBack: prepared(last, index => getExchange(order[(requests - 1 - index) % keys]!, requests - index)),
  };
}

/** Starts all and fills them; the bare server comes last, with what the model answered. */
async function startAll(bench: Workbench, options: Options, scripts: Scripts): Promise<Entrant[]> {
  const entrants = new Map<string, Entrant>();
  for (const name of options.contestants.filter(other => other !== BARE)) {
    const entrant = await start(bench, options, name, { directory: bench.directory(name) });
    await runLoad(scripts.fill, {
      port: entrant.server.port,
      connections: 16,
      depth: 1,
      signal: bench.signal,
    });
    entrants.set(name, entrant);
  }
  if (options.contestants.includes(BARE)) {
    entrants.set(BARE, await startBare(bench, options, scripts, modelOf(entrants)));
  }
  return options.contestants.map(name => entrants.get(name)!);
}

async function start(
  bench: Workbench,
  options: Options,
  name: string,
  place: Parameters<typeof commandOf>[2],
): Promise<Entrant> {
  const server = await bench.start(commandOf(name, options, place));
  await server.ready(httpReadiness);
  return { name, server };
}

function modelOf(entrants: ReadonlyMap<string, Entrant>): Entrant {
  const model = entrants.get(CAIRN) ?? [...entrants.values()].at(-1);
  if (model === undefined) throw new Error('The bare server needs another contestant to copy.');
  return model;
}

async function startBare(
  bench: Workbench,
  options: Options,
  scripts: Scripts,
  { server: model }: Entrant,
): Promise<Entrant> {
  const sampleFile = bench.path('sample.json');
  const learnt = await learn(model.port, scripts.gets, scripts.fill);
  writeFileSync(sampleFile, JSON.stringify(learnt.sample));
  const bare = await start(bench, options, BARE, { sampleFile });
  await mustAnswerAlike(learnt.get, bare.server.port, scripts.gets.at(0));
  await mustAnswerAlike(learnt.set, bare.server.port, scripts.fill.at(0));
  return bare;
}

/** The bare server keeps nothing. */
async function readBack(
  { name, server }: Entrant,
  { readBack }: Scripts,
  signal: AbortSignal,
): Promise<void> {
  if (name !== BARE) await runLoad(readBack, { port: server.port, connections: 1, depth: 1, signal });
}
