/**
 * What does a history cost?
 *
 * PUT of a small value over the same keys again and again, periodic durability, to a collection that keeps 100 versions
 * and to one that keeps none. After the first round, which does not count, every history is full: each PUT takes its
 * oldest version away.
 */
import { writeFileSync } from 'node:fs';
import { CAIRN, commandOf } from './contestants.js';
import { bodyRequest, type Exchange, keyAt, prepared, type Script, shuffled, valueAt } from './dataset.js';
import { runLoad } from './load.js';
import type { Options } from './options.js';
import { type Findings, formatNumber } from './report.js';
import { type Entrant, type Race, run, tableOf } from './runner.js';
import { httpReadiness } from './server.js';
import type { Workbench } from './workbench.js';

const VERSIONS = 100;
/** Longer than Cairn's snapshot interval and an fsync, so that the append of a round counts in that round. */
const SETTLE_MS = 1_500;
const OFF = 'history off';

export async function history(bench: Workbench, options: Options): Promise<Findings> {
  const { rounds, connections, requests, historyKeys: keys, seed } = options;
  const order = shuffled(keys, seed);
  const entrants = [
    await start(bench, options, OFF, 'off'),
    await start(bench, options, `${VERSIONS} versions`, String(VERSIONS)),
  ];
  const race: Race = {
    title: `PUT, ${formatNumber(keys, 0)} keys, periodic`,
    script: prepared(requests, index => putExchange(order[index % keys]!, index + 1, 200)),
    rounds,
    connections,
    settleMs: SETTLE_MS,
    signal: bench.signal,
  };
  const results = await run(race, entrants);
  for (const { server } of entrants) await server.stop();
  return { tables: [tableOf(race, results, OFF)], data: results };
}

/** With every key in it, so that each PUT that is measured replaces one. */
async function start(bench: Workbench, options: Options, name: string, kept: string): Promise<Entrant> {
  const config = bench.path('config.json');
  writeFileSync(config, `{"collections":{"notes":{"durability":"periodic","history":"${kept}"}}}`);
  const place = { directory: bench.directory(CAIRN), config };
  const server = await bench.start(commandOf(CAIRN, options, place));
  await server.ready(httpReadiness);
  const fill: Script = prepared(options.historyKeys, index => putExchange(index, 0, 201));
  await runLoad(fill, { port: server.port, connections: 1, depth: 1, signal: bench.signal });
  return { name, server };
}

function putExchange(index: number, edition: number, status: number): Exchange {
  const value = valueAt(index, edition);
  return { request: bodyRequest('PUT', `/notes/${keyAt(index)}`, value), status, body: Buffer.from(value) };
}
