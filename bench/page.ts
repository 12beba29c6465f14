/**
 * Does a page cost more where there are more keys?
 *
 * GET /kv?prefix=…&limit=100, the first page under a prefix of 1,000 keys, of a service with all the keys and of one with
 * a hundredth of them, each with its prefixes in a random order. A page has as many bytes there as here.
 */
import { CAIRN, commandOf } from './contestants.js';
import { bodyRequest, getRequest, prepared, type Script, shuffled, valueAt } from './dataset.js';
import { ask } from './load.js';
import type { Options } from './options.js';
import { type Findings, formatNumber } from './report.js';
import { type Entrant, type Race, run, tableOf } from './runner.js';
import { httpReadiness } from './server.js';
import type { Workbench } from './workbench.js';

const PAGE_KEYS = 100;
const PREFIX_KEYS = 1_000;
/** How many times more keys the one service has. */
const TIMES = 100;
/** Keys of one import. */
const PART_KEYS = 10_000;

export async function page(bench: Workbench, options: Options): Promise<Findings> {
  const { rounds, connections, pageKeys, pageRequests } = options;
  const few = await start(bench, options, Math.max(PREFIX_KEYS, Math.floor(pageKeys / TIMES)));
  const many = await start(bench, options, pageKeys);
  const race: Race = {
    title: `A page of ${PAGE_KEYS} under a prefix`,
    script: { ...few.script, count: pageRequests },
    rounds,
    connections,
    settleMs: 0,
    signal: bench.signal,
  };
  const results = await run(race, [few, many]);
  for (const { server } of [few, many]) await server.stop();
  return { tables: [tableOf(race, results, few.name)], data: results };
}

async function start(
  bench: Workbench,
  options: Options,
  keys: number,
): Promise<Entrant & { script: Script }> {
  const place = { directory: bench.directory(CAIRN) };
  const server = await bench.start(commandOf(CAIRN, options, place));
  await server.ready(httpReadiness);
  for (let first = 0; first < keys; first += PART_KEYS) {
    bench.signal.throwIfAborted();
    await put(server.port, first, Math.min(first + PART_KEYS, keys));
  }
  return { name: `${formatNumber(keys, 0)} keys`, server, script: scriptOf(keys, options) };
}

async function put(port: number, first: number, end: number): Promise<void> {
  const lines = range(first, end).map(index => `{"key":"${keyAt(index)}","value":${valueAt(index, 0)}}\n`);
  const { body } = await ask(port, bodyRequest('POST', '/import', lines.join('')));
  if (!body.toString().startsWith(`{"imported":${end - first},`)) throw new Error(`Cairn answered ${body}`);
}

function scriptOf(keys: number, { pageRequests, seed }: Options): Script {
  const prefixes = shuffled(Math.floor(keys / PREFIX_KEYS), seed);
  const pages = prepared(prefixes.length, index => pageExchange(prefixes[index]!));
  return { count: pageRequests, at: index => pages.at(index % pages.count) };
}

function pageExchange(prefix: number) {
  const first = prefix * PREFIX_KEYS;
  const items = range(first, first + PAGE_KEYS).map(
    index => `{"key":"${keyAt(index)}","value":${valueAt(index, 0)}}`,
  );
  const path = `/kv?prefix=${prefixAt(first)}&limit=${PAGE_KEYS}`;
  return { request: getRequest(path), status: 200, body: Buffer.from(`[${items.join(',')}]`) };
}

/** Of one length, so that their order is that of their numbers. */
function keyAt(index: number): string {
  return `${prefixAt(index)}key_${String(index % PREFIX_KEYS).padStart(3, '0')}`;
}

function prefixAt(index: number): string {
  return `app_${String(Math.floor(index / PREFIX_KEYS)).padStart(6, '0')}/`;
}

function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, index) => first + index);
}
