/**
 * How soon does a watcher know, and what do watchers cost those who do not watch?
 *
 * Latency: from the answer of a PUT, over one connection and one at a time, to the arrival of its event at each of 1, 100
 * and many watchers of the key, all of them of one process here: the last one's arrival has the reading of all others
 * in it. An event that comes before the answer counts below zero. Idle: the GETs of get-set of a service with many
 * watchers of other keys, beside one without.
 */
import { connect, type Socket } from 'node:net';
import { AnswerCutter } from './answers.js';
import { CAIRN, commandOf } from './contestants.js';
import {
  bodyRequest,
  getExchange,
  getRequest,
  prepared,
  type Script,
  setExchange,
  shuffled,
} from './dataset.js';
import { runLoad } from './load.js';
import type { Options } from './options.js';
import { type Findings, formatNumber, formatSpread, type Table } from './report.js';
import { type Entrant, type Race, run, tableOf } from './runner.js';
import { httpReadiness, type Server } from './server.js';
import { percentileOf } from './statistics.js';
import type { Workbench } from './workbench.js';

/** PUTs of a round. */
const WRITES = 20;
/** Milliseconds without an event after which one is missing. */
const EVENT_MS_MAX = 30_000;
/** Connections that are opened at the same time. */
const AT_ONCE = 100;
const IDLE = 'no watchers';

interface Latencies {
  readonly watchers: number;
  /** A round each. */
  readonly p50Ms: number[];
  readonly p99Ms: number[];
  readonly lastMs: number[];
}

export async function watch(bench: Workbench, options: Options): Promise<Findings> {
  const latencies = await latenciesOf(bench, options);
  const { race, results } = await idleCost(bench, options);
  return {
    tables: [latencyTable(latencies, options), tableOf(race, results, IDLE)],
    data: { latencies, results },
  };
}

async function latenciesOf(bench: Workbench, options: Options): Promise<readonly Latencies[]> {
  const { server } = await start(bench, options, CAIRN);
  const counts = [...new Set([1, Math.min(100, options.watchers), options.watchers])];
  const all = counts.map((watchers): Latencies => ({ watchers, p50Ms: [], p99Ms: [], lastMs: [] }));
  for (let round = 0; round <= options.rounds; round++) {
    for (const of of all) {
      bench.signal.throwIfAborted();
      const measured = await measure(server, of.watchers);
      if (round === 0) continue;
      of.p50Ms.push(percentileOf(measured.each, 0.5));
      of.p99Ms.push(percentileOf(measured.each, 0.99));
      of.lastMs.push(percentileOf(measured.last, 0.5));
    }
  }
  await server.stop();
  return all;
}

async function measure(server: Server, count: number): Promise<{ each: Float64Array; last: Float64Array }> {
  const watchers = await watchersOf(server.port, count, '?collection=kv&key=watched');
  const writer = new Writer(server.port);
  const each = new Float64Array(WRITES * count);
  const last = new Float64Array(WRITES);
  for (let write = 0; write < WRITES; write++) {
    const [times, answeredAt] = await Promise.all([watchers.next(), writer.put(write)]);
    for (const [i, time] of times.entries()) each[write * count + i] = time - answeredAt;
    last[write] = Math.max(...times) - answeredAt;
  }
  writer.close();
  watchers.close();
  return { each, last };
}

/** Sockets that watch, and when the next event came to each. */
class Watchers {
  readonly #sockets: readonly Socket[];
  #times: number[] = [];
  #done: (times: readonly number[]) => void = () => {};

  constructor(sockets: readonly Socket[]) {
    this.#sockets = sockets;
    for (const socket of sockets) {
      socket.on('data', (bytes: Buffer) => {
        // A heartbeat has no data.
        if (!bytes.includes('\ndata: ')) return;
        this.#times.push(performance.now());
        if (this.#times.length === sockets.length) this.#done(this.#times);
      });
    }
  }

  /** To be called before the write is. */
  next(): Promise<readonly number[]> {
    this.#times = [];
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('An event did not come.')), EVENT_MS_MAX);
      this.#done = times => {
        clearTimeout(late);
        resolve(times);
      };
    });
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

async function watchersOf(port: number, count: number, query: string): Promise<Watchers> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const some = Math.min(AT_ONCE, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: some }, () => watching(port, query)))));
  }
  return new Watchers(sockets);
}

/** Resolves when the stream has begun. */
function watching(port: number, query: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('data', (bytes: Buffer) => {
      if (bytes.includes('HTTP/1.1 200 ')) resolve(socket);
      else reject(new Error(`A watch was answered ${bytes.toString('latin1', 0, 40)}`));
    });
    socket.on('error', reject);
    socket.write(getRequest(`/watch${query}`));
  });
}

class Writer {
  readonly #socket: Socket;
  #answered: (at: number) => void = () => {};
  #failed: (error: Error) => void = () => {};

  constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const cutter = new AnswerCutter(({ status }) => {
      if (status === 200 || status === 201) this.#answered(performance.now());
      else this.#failed(new Error(`A PUT was answered ${status}.`));
    });
    this.#socket.on('data', chunk => cutter.push(chunk));
    this.#socket.on('error', error => this.#failed(error));
  }

  /** Resolves with the time of the answer. */
  put(value: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#socket.write(bodyRequest('PUT', '/kv/watched', String(value)));
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function idleCost(bench: Workbench, options: Options) {
  const { keys, requests, seed, rounds, connections, watchers: count } = options;
  const order = shuffled(keys, seed);
  const gets = order.map(key => getExchange(key, 0));
  const entrants = [
    await start(bench, options, IDLE),
    await start(bench, options, `${formatNumber(count, 0)} watchers`),
  ] as const;
  const fill: Script = prepared(keys, key => setExchange(key, 0));
  for (const { server } of entrants) {
    await runLoad(fill, { port: server.port, connections, depth: 1, signal: bench.signal });
  }
  const watchers = await watchersOf(entrants[1].server.port, count, '?collection=kv&prefix=nothing/');
  const race: Race = {
    title: `GET, ${formatNumber(keys, 0)} keys, idle watchers beside it`,
    script: { count: requests, at: index => gets[index % keys]! },
    rounds,
    connections,
    settleMs: 0,
    signal: bench.signal,
  };
  const results = await run(race, entrants);
  watchers.close();
  for (const { server } of entrants) await server.stop();
  return { race, results };
}

async function start(bench: Workbench, options: Options, name: string): Promise<Entrant> {
  const server = await bench.start(commandOf(CAIRN, options, { directory: bench.directory(CAIRN) }));
  await server.ready(httpReadiness);
  return { name, server };
}

function latencyTable(latencies: readonly Latencies[], { rounds }: Options): Table {
  return {
    title: "From a write's answer to its event",
    head: ['watchers', 'p50 ms', 'p99 ms', 'the last one ms'],
    rows: latencies.map(({ watchers, p50Ms, p99Ms, lastMs }) => [
      formatNumber(watchers, 0),
      formatSpread(p50Ms, 2),
      formatSpread(p99Ms, 2),
      formatSpread(lastMs, 2),
    ]),
    notes: [
      `Median (min–max) of ${rounds} interleaved rounds of ${WRITES} PUTs, each told to all; p50 and p99 over all watchers and`,
      'writes of a round, the last one the median of its writes.',
    ],
  };
}
