/**
 * Who waits while a thousand clients take their time?
 *
 * Steady GETs and SETs, for some seconds alone and then beside very many clients of one kind: that say nothing, that send
 * headers or a body bit by bit, that do not read an export or a watch. The first three are ended by the service with its
 * own time limits, within the measured time; a watch is written to until all are cut. The service and its bounds are as
 * anybody starts them. Who is ended is told by a 408, and loses it where this process is kept from reading for a second.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { CAIRN, commandOf } from './contestants.js';
import { bodyRequest, getRequest, pathOf, setExchange } from './dataset.js';
import { ask } from './load.js';
import type { Options } from './options.js';
import { type Findings, formatNumber, type Table } from './report.js';
import { httpReadiness, type Server } from './server.js';
import { percentileOf } from './statistics.js';
import { SteadyClient } from './steady.js';
import type { Workbench } from './workbench.js';

const KEYS = 1_000;
/** Of GETs, and of SETs. */
const STEADY_CLIENTS = 2;
const BEAT_MS = 10;
const QUIET_MS = 3_000;
/** Milliseconds for which clients hang that no time limit of some seconds ends. */
const HANG_MS = 10_000;
/** Milliseconds in which the time limits must have ended the others: 30 s for a body, and 5 s until somebody looks. */
const ENDED_MS_MAX = 120_000;
/** Milliseconds between two bytes of those who send bit by bit. */
const BIT_MS = 500;
/** Milliseconds between two looks at how many are left. */
const POLL_MS = 50;
/** Milliseconds between two writes to what is watched: each is 20 MB of events for a thousand. */
const WRITE_MS = 100;
/** Connections that are opened at the same time. */
const AT_ONCE = 100;
/** Values of a MB: together more than the buffers of a connection take. */
const LARGE_VALUES = 10;
const LARGE = JSON.stringify('x'.repeat(1_000_000));
const WATCHED = JSON.stringify('x'.repeat(20_000));

interface Kind {
  readonly name: string;
  readonly first: string;
  /** What they send then, again and again. */
  readonly bits: string;
  /** `408`: the service ends them so. `cut`: writes to what they watch do. `never`: nothing does so soon. */
  readonly end: '408' | 'cut' | 'never';
}

const kinds: readonly Kind[] = [
  { name: 'say nothing', first: '', bits: '', end: '408' },
  { name: 'send headers bit by bit', first: 'GET /livez HTTP/1.1\r\nHost: a\r\nX: ', bits: 'x', end: '408' },
  {
    name: 'send a body bit by bit',
    first: 'PUT /kv/slow HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"',
    bits: 'x',
    end: '408',
  },
  { name: 'do not read an export', first: requestOf('/export'), bits: '', end: 'never' },
  { name: 'do not read a watch', first: requestOf('/watch?collection=kv&key=watched'), bits: '', end: 'cut' },
];

interface Waits {
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

interface Found {
  readonly kind: string;
  readonly alone: Waits;
  readonly beside: Waits;
  /** How many were answered 408; null: none is to be. */
  readonly told: number | null;
}

export async function slowClients(bench: Workbench, options: Options): Promise<Findings> {
  const found: Found[] = [];
  for (const kind of kinds) found.push(await measure(bench, options, kind));
  return { tables: [tableOf(found, options)], data: found };
}

async function measure(bench: Workbench, options: Options, kind: Kind): Promise<Found> {
  const server = await bench.start(commandOf(CAIRN, options, { directory: bench.directory(CAIRN) }));
  await server.ready(httpReadiness);
  await fill(server);
  const traffic = trafficOf(server);
  const clients = new Slow(kind);
  try {
    await Promise.all(traffic.map(client => client.opened()));
    await delay(QUIET_MS);
    take(traffic);
    await delay(QUIET_MS);
    const alone = take(traffic);
    await clients.open(server.port, options.slowClients);
    await ended(kind, clients, server, bench.signal);
    return { kind: kind.name, alone, beside: take(traffic), told: kind.end === '408' ? clients.told : null };
  } finally {
    clients.close();
    for (const client of traffic) client.close();
    await server.stop();
  }
}

async function fill({ port }: Server): Promise<void> {
  for (let i = 0; i < KEYS; i++) await ask(port, setExchange(i, 0).request);
  for (let i = 0; i < LARGE_VALUES; i++) await ask(port, bodyRequest('PUT', `/kv/large/${i}`, LARGE));
}

function trafficOf({ port }: Server): readonly SteadyClient[] {
  let sets = 0;
  const key = () => (sets++ * 7_919) % KEYS;
  const get = () => getRequest(pathOf(key()));
  const set = () => setExchange(key(), sets).request;
  return Array.from({ length: STEADY_CLIENTS }, () => [get, set])
    .flat()
    .map(next => new SteadyClient({ port, beatMs: BEAT_MS, next }));
}

/** Throws where one was not answered 200. */
function take(traffic: readonly SteadyClient[]): Waits {
  const all = Float64Array.from(traffic.flatMap(client => [...client.take()]));
  const of = (share: number) => percentileOf(all, share);
  return { requests: all.length, p50: of(0.5), p99: of(0.99), max: of(1) };
}

async function ended(kind: Kind, clients: Slow, { port }: Server, signal: AbortSignal): Promise<void> {
  if (kind.end === 'never') return delay(HANG_MS, undefined, { signal });
  const latest = performance.now() + ENDED_MS_MAX;
  const leftOf = async () => (kind.end === 'cut' ? clients.count - (await watchersCut(port)) : clients.left);
  for (let left = await leftOf(); left > 0; left = await leftOf()) {
    if (performance.now() > latest) throw new Error(`${left} that ${kind.name} are still there.`);
    if (kind.end === 'cut') await ask(port, bodyRequest('PUT', '/kv/watched', WATCHED));
    await delay(kind.end === 'cut' ? WRITE_MS : POLL_MS, undefined, { signal });
  }
}

async function watchersCut(port: number): Promise<number> {
  const { body } = await ask(port, getRequest('/metrics'));
  return Number(/^cairn_slow_watchers_total (\d+)$/m.exec(body.toString())?.[1]);
}

/** All of a kind. */
class Slow {
  readonly #kind: Kind;
  readonly #sockets = new Set<Socket>();
  readonly #timer: NodeJS.Timeout;
  count = 0;
  /** Those that were answered 408. */
  told = 0;

  constructor(kind: Kind) {
    this.#kind = kind;
    this.#timer = setInterval(() => this.#send(), BIT_MS);
  }

  /** Those whose connection is not closed. */
  get left(): number {
    return this.#sockets.size;
  }

  async open(port: number, count: number): Promise<void> {
    while (this.count < count) {
      const size = Math.min(AT_ONCE, count - this.count);
      await Promise.all(Array.from({ length: size }, () => this.#open(port)));
      this.count += size;
    }
  }

  close(): void {
    clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(port: number): Promise<void> {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    if (this.#kind.end === '408') {
      socket.on('data', chunk => {
        if (chunk.toString('latin1').startsWith('HTTP/1.1 408 ')) this.told += 1;
      });
    } else socket.pause();
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.write(this.#kind.first);
        this.#sockets.add(socket);
        resolve();
      });
    });
  }

  #send(): void {
    const { bits } = this.#kind;
    if (bits === '') return;
    for (const socket of this.#sockets) if (socket.writable) socket.write(bits);
  }
}

function requestOf(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
}

function tableOf(found: readonly Found[], { slowClients }: Options): Table {
  const row = (name: string, { requests, p50, p99, max }: Waits, told: number | null) => [
    name,
    ...[p50, p99, max].map(ms => formatNumber(ms, 1)),
    formatNumber(requests, 0),
    told === null ? '' : formatNumber(told, 0),
  ];
  return {
    title: `Waiting beside ${formatNumber(slowClients, 0)} clients that take their time`,
    head: ['clients', 'p50 ms', 'p99 ms', 'max ms', 'requests', 'told 408'],
    rows: found.flatMap(({ kind, alone, beside, told }) => [
      row('none', alone, null),
      row(kind, beside, told),
    ]),
    notes: [
      `${(STEADY_CLIENTS * 1000) / BEAT_MS} GETs and as many SETs a second, each counted from the moment at which it was due; the aim is a p99`,
      'under 100 ms. All of them were answered 200.',
    ],
  };
}
