/**
 * The HTTP edge: Node's server, what its routes are made of, and the life of connections. Everything that
 * the service does over HTTP comes through here, and every answer, also to what is not HTTP, is one of ours.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { CairnError, systemCode } from '../errors.js';
import {
  DRAIN_BODIES_MS,
  HEADER_BYTES_MAX,
  HEADERS_MAX,
  METRICS_CONNECTIONS_MAX,
  METRICS_DRAIN_MS,
  PROBE_CONNECTIONS,
  WATCH_END_MS,
  WATCHERS_MAX,
} from '../limits.js';
import type { ByteString, Policies, Policy } from '../model.js';
import type { Clock } from '../platform/clock.js';
import type { Logger } from '../platform/logger.js';
import { Batches } from '../service/batch.js';
import { Keys } from '../service/keys.js';
import { Lists } from '../service/lists.js';
import { Rules } from '../service/rules.js';
import type { DocumentCheck } from '../service/schema.js';
import { SERVICES, type ServicesEngine } from '../service/services.js';
import { Exports, Imports } from '../service/transfer.js';
import { Turns } from '../service/turns.js';
import { Versions } from '../service/versions.js';
import { Watches } from '../service/watches.js';
import { Account } from './account.js';
import { Admission } from './admission.js';
import { type Assets, NO_ASSETS } from './assets.js';
import { Connections } from './connections.js';
import { servedOf } from './dispatch.js';
import { EventWords } from './event-stream.js';
import { TokenGate } from './gate.js';
import { type HttpLimits, httpLimits } from './http-limits.js';
import { listenError } from './listen-error.js';
import { RequestCounts } from './metrics.js';
import type { MetricSources } from './metrics-table.js';
import { parserProblem } from './parser-error.js';
import { type Handle, handlerOf } from './pipeline.js';
import { PoliteClock } from './polite-clock.js';
import { problem } from './problem.js';
import { rawAnswer } from './raw-answer.js';
import type { Route } from './route.js';
import { aboutRoutes, type BuildInfo } from './routes/about.js';
import { batchRoute } from './routes/batch.js';
import { collectionRoute } from './routes/collection.js';
import { collectionsRoute } from './routes/collections.js';
import { configRoute } from './routes/config.js';
import { documentRoute } from './routes/document.js';
import { exportRoute } from './routes/export.js';
import { getRoutes } from './routes/get.js';
import { healthRoutes } from './routes/health.js';
import { importRoute } from './routes/import.js';
import { metricsRoute } from './routes/metrics.js';
import { setRoute } from './routes/set.js';
import { watchRoute } from './routes/watch.js';

export interface HttpServerOptions {
  /** Null while it loads. */
  readonly engine: () => ServicesEngine | null;
  /** Null as long as it is not known who may come in; then only the open routes answer. */
  readonly gate: () => TokenGate | null;
  /** Requests a second of one caller; absent, or 0: no limit. */
  readonly rateLimit?: number;
  /** Whether the file of tokens cannot be used as it is now; null, or absent: there is none. */
  readonly tokensProblem?: () => boolean | null;
  readonly build: BuildInfo;
  /** Those that have routes. */
  readonly policies: Policies;
  /** The schemas of those that have one. */
  readonly checks: ReadonlyMap<string, DocumentCheck>;
  /** A policy by the names that it has in the configuration. */
  readonly describePolicy: (policy: Policy) => Readonly<Record<string, unknown>>;
  /** The files of /docs; absent: there are none. */
  readonly assets?: Assets;
  readonly connectionsMax: number;
  /** Watches and waits at the same time; absent: as the configuration has it by itself. */
  readonly watchersMax?: number;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Whether the metrics are on a port of their own (see `monitor`), and not on this one. */
  readonly metricsApart?: boolean;
  /** False: Koa answers everything, as the test has it that compares the two ways (direct.ts). */
  readonly direct?: boolean;
  readonly limits?: Partial<HttpLimits>;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #clock: PoliteClock;
  readonly #limits: HttpLimits;
  readonly #connections: Connections;
  readonly #server: Server;
  /** Null: it is no monitor. */
  readonly #monitored: HttpServer | null;
  readonly #metrics: MetricSources;
  readonly #words = new EventWords();
  readonly #watches: Watches;
  #drained: Promise<void> | null = null;

  constructor(options: HttpServerOptions, monitored: HttpServer | null = null) {
    this.#clock = new PoliteClock(options.clock);
    this.#options = { ...options, clock: this.#clock };
    this.#limits = { ...httpLimits, ...options.limits };
    this.#connections = new Connections({ ...this.#options, ...this.#limits });
    this.#monitored = monitored;
    this.#watches = this.#newWatches();
    this.#metrics = monitored?.metrics ?? this.#sources();
    this.#server = nodeServer(this.#limits, options.connectionsMax);
    this.#attach(this.#server);
  }

  /** What there is to tell of this server, and of all behind it. */
  get metrics(): MetricSources {
    return this.#metrics;
  }

  get isDraining(): boolean {
    return this.#drained !== null;
  }

  /**
   * A server for the port of the metrics. It has these and the health routes, all of them of this server, and no data;
   * so it needs no token, and goes on while this one drains.
   */
  monitor(): HttpServer {
    const gate = new TokenGate({ required: false, tokens: [] });
    const limits = { ...this.#options.limits, idleGraceMs: METRICS_DRAIN_MS / 10, drainMs: METRICS_DRAIN_MS };
    const own = { gate: () => gate, limits, connectionsMax: METRICS_CONNECTIONS_MAX, rateLimit: 0 };
    return new HttpServer({ ...this.#options, ...own }, this);
  }

  /**
   * `::` is every address; on a machine whose kernel has no IPv6 that is every address of IPv4.
   * @throws CairnError `address_in_use`, `configuration`
   */
  async listen(host: string, port: number): Promise<Address> {
    try {
      return await this.#listen(host, port);
    } catch (error) {
      if (host !== '::' || !(error instanceof CairnError)) throw error;
      if (systemCode(error.cause) !== 'EAFNOSUPPORT') throw error;
      return this.#listen('0.0.0.0', port);
    }
  }

  #listen(host: string, port: number): Promise<Address> {
    return new Promise((resolve, reject) => {
      const refuse = (error: Error) => reject(listenError(error, host, port));
      this.#server.once('error', refuse);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', refuse);
        const address = this.#server.address();
        if (address === null || typeof address === 'string') throw new Error('the server has no port');
        resolve({ host: address.address, port: address.port });
      });
    });
  }

  /**
   * Not ready from now on, no new connections. What is in flight is answered, and cut off after the drain time.
   * Resolves when the last socket is closed.
   */
  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async #drain(): Promise<void> {
    const { clock } = this.#options;
    // Not the close of http.Server, which cuts idle connections at once: on a busy one the next request is on its
    // way already, and would be reset. It is answered, and told that it was the last.
    const closed = new Promise<void>(resolve =>
      NetServer.prototype.close.call(this.#server, () => resolve()),
    );
    // Again and again: an answer that began before may end later, and its connection is idle only then.
    const closeIdle = () => {
      this.#server.closeIdleConnections();
      this.#connections.closeUnused();
      idle = clock.setTimer(this.#limits.idleGraceMs, closeIdle);
    };
    let idle = clock.setTimer(this.#limits.idleGraceMs, closeIdle);
    this.#watches.stop();
    const watches = clock.setTimer(WATCH_END_MS, () => this.#watches.cut());
    const bodies = clock.setTimer(DRAIN_BODIES_MS, () => this.#connections.interrupt(stopping()));
    const late = clock.setTimer(this.#limits.drainMs, () => this.#connections.cut());
    await closed;
    idle.cancel();
    watches.cancel();
    bodies.cancel();
    late.cancel();
  }

  #handler(): Handle {
    const { clock, logger } = this.#options;
    return handlerOf(this.#routes().map(servedOf), {
      ...this.#options,
      account: new Account({ requests: this.#metrics.requests, clock, logger }),
      admission: new Admission({ rateLimit: 0, ...this.#options }),
      connectionOf: socket => this.#connections.of(socket),
      isCrowded: () => this.#connections.isCrowded,
      isDraining: () => this.isDraining,
      lingerMs: this.#limits.lingerMs,
    });
  }

  #routes(): readonly Route[] {
    const { engine, metricsApart = false } = this.#options;
    const { isDraining } = this.#metrics;
    const health = healthRoutes({ status: () => engine()?.status() ?? null, isDraining });
    if (this.#monitored !== null) return [...health, metricsRoute(this.#metrics, 'open')];
    const metrics = metricsRoute(this.#metrics, { verbs: ['read'], of: 'anywhere' });
    const data = [...this.#dataRoutes(), ...(metricsApart ? [] : [metrics])];
    const { build, clock, policies, assets = NO_ASSETS } = this.#options;
    const routes = [...data, ...health];
    return [...routes, ...aboutRoutes({ build, routes, policies, assets, clock })];
  }

  #dataRoutes(): readonly Route[] {
    const { engine, clock, logger, policies, checks, describePolicy } = this.#options;
    const present = (): ServicesEngine => loaded(engine());
    const rules = new Rules(policies, checks);
    const turns = new Turns(clock);
    const keys = new Keys({ engine: present, rules, newId: randomUUID });
    const versions = new Versions({ engine: present, rules, keys });
    const watches = this.#watches;
    const parts = { keys, versions, watches, lists: new Lists(present, clock, turns) };
    const many = { engine: present, rules, clock, turns };
    const onDefect = (err: unknown) => logger.error({ err }, 'an import failed');
    return [
      setRoute(parts),
      ...getRoutes(parts),
      ...(policies[SERVICES] === undefined
        ? []
        : [configRoute({ keys, engine: present, lists: parts.lists })]),
      batchRoute({ batches: new Batches(many), turns }),
      watchRoute({ watches, words: this.#words, rules }),
      exportRoute({ exports: new Exports(many) }),
      importRoute({ imports: new Imports(many), clock, onDefect }),
      collectionsRoute({ lists: parts.lists, names: Object.keys(policies), describe: describePolicy }),
      ...Object.keys(policies).flatMap(name => [collectionRoute(name, parts), documentRoute(name, parts)]),
    ];
  }

  #newWatches(): Watches {
    const { engine, clock, logger, watchersMax = WATCHERS_MAX } = this.#options;
    const bytesMax = this.#limits.eventBytesMax;
    return new Watches({
      engine: () => loaded(engine()),
      clock,
      logger,
      words: this.#words,
      watchersMax,
      bytesMax,
    });
  }

  #sources(): MetricSources {
    const { engine, build, connectionsMax } = this.#options;
    return {
      build,
      requests: new RequestCounts(),
      engine,
      isDraining: () => this.isDraining,
      connections: () => this.#connections.size,
      connectionsMax,
      watches: () => this.#watches.figures,
      tokensProblem: this.#options.tokensProblem ?? (() => null),
    };
  }

  #attach(server: Server): void {
    const handle = this.#handler();
    const overflow = () => this.#overflow();
    const take = (req: IncomingMessage, res: ServerResponse) => {
      const connection = this.#connections.of(req.socket);
      connection.take(req, res, done => handle(req, res, connection, done), overflow);
    };
    server.on('connection', socket => {
      this.#clock.arrived();
      this.#connections.add(socket);
    });
    server.on('request', take);
    // The bounded reader invites the body when the request is worth it.
    server.on('checkContinue', take);
    server.on('checkExpectation', take);
    server.on('connect', (_, socket) => {
      if (!socket.destroyed) this.#connections.of(socket).release();
      this.#refuse(socket, notATunnel());
    });
    server.on('clientError', (error, socket) => this.#fail(socket, parserProblem(error)));
  }

  #fail(socket: Duplex, error: CairnError | undefined): void {
    if (error?.code === 'request_timeout' && this.#connections.of(socket).patient) return;
    this.#refuse(socket, error);
  }

  #refuse(socket: Duplex, error: CairnError | undefined): void {
    if (error === undefined || socket.destroyed) socket.destroy();
    else this.#connections.of(socket).refuse(error, () => this.#raw(error));
  }

  #overflow(): ByteString {
    return this.#raw(new CairnError('overloaded', 'Too many requests wait on this connection.'));
  }

  #raw(error: CairnError): ByteString {
    const { logger, clock } = this.#options;
    const id = randomUUID();
    logger.debug({ id, code: error.code }, 'refused what was no request');
    const reply = problem(error);
    this.#metrics.requests.malformed(reply.status);
    this.#metrics.requests.failed(error);
    return rawAnswer(reply, id, new Date(clock.now()));
  }
}

function nodeServer(limits: HttpLimits, connectionsMax: number): Server {
  const server = createServer({
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: limits.connectionsCheckMs,
    maxHeaderSize: HEADER_BYTES_MAX,
    // Node answers a missing Host itself, with nothing in the body; message.ts looks for it.
    requireHostHeader: false,
  });
  // Past this number Node drops headers without a word: one more than allowed shows that there were too many.
  server.maxHeadersCount = HEADERS_MAX + 1;
  server.maxConnections = connectionsMax + PROBE_CONNECTIONS;
  return server;
}

function loaded(engine: ServicesEngine | null): ServicesEngine {
  if (engine === null) throw new CairnError('loading', 'The snapshot is still being read.');
  return engine;
}

function stopping(): CairnError {
  return new CairnError('draining', 'The process is stopping.');
}

function notATunnel(): CairnError {
  return new CairnError('method_not_allowed', 'This is no proxy.', {
    allow: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'],
  });
}
