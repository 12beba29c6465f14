/** A real server on a free port over a ModelEngine, and two ways to call it: as a client does, and byte by byte. */
import http from 'node:http';
import net from 'node:net';
import { policyInForce } from '../../src/config/in-force.js';
import { digestOf, TokenGate } from '../../src/http/gate.js';
import { HttpServer, type HttpServerOptions } from '../../src/http/server.js';
import { keyFromUnicode } from '../../src/json/key.js';
import type { Key, Policies, Policy } from '../../src/model.js';
import { Audit } from '../../src/service/audit.js';
import { compileSchemas } from '../../src/service/schema.js';
import { ServicesEngine, withCompanions } from '../../src/service/services.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { MemoryLogger } from '../fixtures/memory-logger.js';
import { ModelEngine } from '../fixtures/model-engine.js';

/** What a test gives to be cleaned up after. */
interface Teardown {
  teardown(clean: () => Promise<void>): void;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  readonly agent?: http.Agent;
}

export interface Service {
  readonly server: HttpServer;
  readonly port: number;
  readonly engine: ModelEngine;
  readonly clock: ManualClock;
  readonly logger: MemoryLogger;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Sends the bytes as they are, and resolves with all that came back when the server closes. */
  raw(bytes: string | Uint8Array): Promise<string>;
}

export interface ServiceOptions extends Partial<HttpServerOptions> {
  readonly policy?: Partial<Policy>;
  /** Whether each change is a line of the log. */
  readonly audited?: boolean;
  /** More collections, by what they have other than `kv`. */
  readonly collections?: Readonly<Record<string, Partial<Policy>>>;
}

export const EPOCH = 1_700_000_000;

const kv: Policy = {
  durability: 'periodic',
  defaultTtl: null,
  entriesMax: null,
  bytesMax: null,
  full: 'refuse',
  idField: null,
  generatedId: false,
  schema: null,
  required: [],
  emails: [],
  unique: [],
  history: 0,
  historyTtl: null,
};

export const open = new TokenGate({ required: false, tokens: [] });

/** ManualClock for everything: what waits for a time-out of ours does not end by itself. */
export async function startService(t: Teardown, options: ServiceOptions = {}): Promise<Service> {
  const { policy, collections = {}, audited = false, ...others } = options;
  const clock = new ManualClock();
  const logger = new MemoryLogger();
  const more = Object.entries(collections).map(([name, given]) => [name, { ...kv, ...given }] as const);
  const policies: Policies = { kv: { ...kv, ...policy }, ...Object.fromEntries(more) };
  const engine = new ModelEngine({ policies: withCompanions(policies), clock, epoch: EPOCH });
  const isSecret = (name: string) => policies[name]?.full === 'evict';
  const services = new ServicesEngine(engine, audited ? new Audit({ logger, isSecret }) : null);
  const given: HttpServerOptions = {
    engine: (): ServicesEngine => services,
    gate: () => open,
    build: { version: '1.2.3', commit: null, node: '20' },
    policies,
    checks: await compileSchemas(policies),
    describePolicy: policyInForce,
    connectionsMax: 1000,
    logger,
    clock,
    ...others,
  };
  const server = new HttpServer(given);
  const { port } = await server.listen('127.0.0.1', 0);
  t.teardown(async () => {
    const drained = server.drain();
    await clock.advance(60_000);
    await drained;
    await engine.close();
  });
  return {
    server,
    port,
    engine,
    clock,
    logger,
    call: (method, path, call) => request(port, method, path, call),
    raw: bytes => exchange(port, bytes),
  };
}

/** One token that may do everything, until it is over. */
export function endingToken() {
  let isOver = false;
  const token = { id: 'ending', sha256: digestOf('ending-token'), isOver: () => isOver };
  const gate = new TokenGate({ required: true, tokens: [token] });
  const end = () => {
    isOver = true;
  };
  return { options: { gate: () => gate }, headers: { Authorization: 'Bearer ending-token' }, end };
}

export function key(text: string): Key {
  return keyFromUnicode(text);
}

/** The text that the store has under a key of `kv`. */
export function stored({ engine }: Service, name: string): string | undefined {
  return engine.get('kv', key(name))?.text;
}

export function request(
  port: number,
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Answer> {
  const { headers = {}, body, agent = false } = options;
  return new Promise((resolve, reject) => {
    const list = Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : [...value],
    ]);
    const req = http.request({
      port,
      host: '127.0.0.1',
      method,
      path,
      agent,
      headers: Object.fromEntries(list),
    });
    req.on('error', reject);
    req.on('response', res => {
      const chunks: Buffer[] = [];
      res.on('data', chunk => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () =>
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    req.end(body);
  });
}

export function exchange(port: number, bytes: string | Uint8Array): Promise<string> {
  return new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', chunk => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
    socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  });
}

/** One answer out of the bytes of a connection. */
export function parseAnswer(bytes: string): Answer {
  const [head = '', ...rest] = bytes.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = lines.map(line => [
    line.slice(0, line.indexOf(':')).toLowerCase(),
    line.slice(line.indexOf(':') + 2),
  ]);
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: Object.fromEntries(headers),
    body: rest.join('\r\n\r\n'),
  };
}

export function codeOf({ body }: Answer): unknown {
  const parsed: { code?: unknown } = JSON.parse(body);
  return parsed.code;
}
