/**
 * The service: the only place where its parts are put together.
 *
 * It listens first, so that probes are answered from the first moment, and loads then. A stop that comes meanwhile
 * is obeyed at once: a start changes no old file, so nothing is lost by leaving it.
 */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { type Access, provideAccess } from './access/root-token.js';
import { Tokens } from './access/tokens.js';
import type { RunService, World } from './commands/serve.js';
import { policyInForce } from './config/in-force.js';
import type { Config } from './config.js';
import { loadMemoryEngine, type MemoryEngine } from './engine/memory.js';
import { BuiltAssets } from './http/assets.js';
import { digestOf, TokenGate } from './http/gate.js';
import { HttpServer } from './http/server.js';
import { LOAD_PROGRESS_MS } from './limits.js';
import { Audit } from './service/audit.js';
import { compileSchemas } from './service/schema.js';
import { ServicesEngine, withCompanions } from './service/services.js';
import { readVersion } from './version.js';

export const runService: RunService = async (config, world) => {
  const { clock, logger } = world;
  const began = clock.monotonic();
  const tokens = await openTokens(config, world);
  const parts: Parts = { engine: null, services: null, gate: null, access: { needed: false, reason: 'off' } };
  const server = new HttpServer({
    engine: () => parts.services,
    gate: () => parts.gate,
    build: readVersion(),
    policies: config.policies,
    checks: await compileSchemas(config.policies),
    describePolicy: policyInForce,
    assets: new BuiltAssets(world.files, fileURLToPath(new URL('./docs-page', import.meta.url))),
    connectionsMax: config.maxConnections,
    watchersMax: config.maxWatchers,
    rateLimit: config.rateLimit,
    tokensProblem: () => (tokens === null ? null : tokens.problem !== null),
    logger,
    clock,
    metricsApart: config.metricsPort !== null,
  });
  const monitor = config.metricsPort === null ? null : server.monitor();
  const address = await server.listen(config.host, config.port);
  const stopped = world.stopSignal.then(() => null);
  tokens?.follow();
  try {
    const metricsAddress = (await monitor?.listen(config.host, config.metricsPort ?? 0)) ?? null;
    const engine = await Promise.race([loadEngine(config, world, parts, tokens), stopped]);
    if (engine === null) return;
    await engine.start();
    parts.engine = engine;
    parts.services = new ServicesEngine(engine, auditOf(config, world, parts.access));
    world.announce({
      url: urlOf(address),
      metricsUrl: metricsAddress === null ? null : `${urlOf(metricsAddress)}/metrics`,
      keys: parts.services.status().entries,
      logs: engine.restored.logs,
      milliseconds: clock.monotonic() - began,
      access: parts.access,
    });
    await stopped;
  } finally {
    tokens?.stop();
    // The metrics tell of the stop too, and go last.
    await stop(server, parts.engine, world).finally(() => monitor?.drain());
  }
};

/** What comes to be while the server is listening already. */
interface Parts {
  engine: MemoryEngine | null;
  /** The same, as it is served. */
  services: ServicesEngine | null;
  gate: TokenGate | null;
  access: Access;
}

/** Null: there is no file of them, or none is needed whatever it says. */
function openTokens({ auth, tokensFile, policies }: Config, world: World): Promise<Tokens | null> {
  if (tokensFile === null || auth === 'off') return Promise.resolve(null);
  return Tokens.open({ path: tokensFile, collections: Object.keys(policies) }, world);
}

/** The keys of what evicts are those of sessions and their like, with which whoever reads the log could come in. */
function auditOf({ audit, policies }: Config, { logger }: World, { needed }: Access): Audit | null {
  if (audit === 'off' || (audit === 'auto' && !needed)) return null;
  return new Audit({ logger, isSecret: collection => policies[collection]?.full === 'evict' });
}

function loadEngine(
  config: Config,
  world: World,
  parts: Parts,
  tokens: Tokens | null,
): Promise<MemoryEngine> {
  const { files, locks, clock, logger } = world;
  return loadMemoryEngine({
    files,
    locks: config.lock ? locks : null,
    clock,
    logger,
    directory: config.snapshotDir,
    policies: withCompanions(config.policies),
    intervalMs: config.snapshotIntervalMs,
    bytesMax: config.memoryMaxBytes,
    newStoreId: randomUUID,
    onLocked: async () => {
      const access = await provideAccess(config, world);
      parts.access = access;
      parts.gate = gateOf(access, tokens);
    },
    onProgress: progressIn(world),
  });
}

/** The name of the one token that may do everything, in logs and histories. */
const ROOT = 'root';

function gateOf(access: Access, tokens: Tokens | null): TokenGate {
  if (!access.needed) return new TokenGate({ required: false, tokens: [] });
  return new TokenGate({
    required: true,
    tokens: [{ id: ROOT, sha256: digestOf(access.token) }],
    ...(tokens === null ? {} : { more: () => tokens.list }),
  });
}

/** A line a second about a load that takes longer than one. */
function progressIn({ clock, logger }: World): (bytes: number, totalBytes: number) => void {
  let told = clock.monotonic();
  return (bytes, totalBytes) => {
    if (clock.monotonic() - told < LOAD_PROGRESS_MS) return;
    told = clock.monotonic();
    logger.info({ bytes, totalBytes }, `loading: ${Math.floor((100 * bytes) / totalBytes)} %`);
  };
}

/** Requests in flight are answered, then everything is made durable. After a defect the flush alone counts. */
async function stop(server: HttpServer, engine: MemoryEngine | null, { crashed }: World): Promise<void> {
  await Promise.race([crashed, server.drain()]);
  await engine?.close();
}

function urlOf({ host, port }: { readonly host: string; readonly port: number }): string {
  const reachable = host === '::' || host === '0.0.0.0' ? 'localhost' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
