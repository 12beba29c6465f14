/**
 * The service: the only place where its parts are put together.
 *
 * It listens first, so that probes are answered from the first moment, and loads then. A stop that comes meanwhile
 * is obeyed at once: a start changes no old file, so nothing is lost by leaving it.
 */
import { randomUUID } from 'node:crypto';
import type { RunService, World } from './commands/serve.js';
import { policyInForce } from './config/in-force.js';
import type { Config } from './config.js';
import { loadMemoryEngine, type MemoryEngine } from './engine/memory.js';
import { digestOf, TokenGate } from './http/gate.js';
import { HttpServer } from './http/server.js';
import { LOAD_PROGRESS_MS } from './limits.js';
import { compileSchemas } from './service/schema.js';
import { ServicesEngine, withCompanions } from './service/services.js';
import { type Access, provideAccess } from './token.js';
import { readVersion } from './version.js';

export const runService: RunService = async (config, world) => {
  const { clock, logger } = world;
  const began = clock.monotonic();
  const parts: Parts = { engine: null, services: null, gate: null, access: { needed: false, reason: 'off' } };
  const server = new HttpServer({
    engine: () => parts.services,
    gate: () => parts.gate,
    build: readVersion(),
    policies: config.policies,
    checks: await compileSchemas(config.policies),
    describePolicy: policyInForce,
    connectionsMax: config.maxConnections,
    logger,
    clock,
  });
  const address = await server.listen(config.host, config.port);
  const stopped = world.stopSignal.then(() => null);
  try {
    const engine = await Promise.race([loadEngine(config, world, parts), stopped]);
    if (engine === null) return;
    await engine.start();
    parts.engine = engine;
    parts.services = new ServicesEngine(engine);
    world.announce({
      url: urlOf(address),
      keys: parts.services.status().entries,
      logs: engine.restored.logs,
      milliseconds: clock.monotonic() - began,
      access: parts.access,
    });
    await stopped;
  } finally {
    await stop(server, parts.engine, world);
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

function loadEngine(config: Config, world: World, parts: Parts): Promise<MemoryEngine> {
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
      parts.gate = gateOf(access);
    },
    onProgress: progressIn(world),
  });
}

/** The name of the one token that may do everything, in logs and histories. */
const ROOT = 'root';

function gateOf(access: Access): TokenGate {
  if (!access.needed) return new TokenGate({ required: false, tokens: [] });
  return new TokenGate({ required: true, tokens: [{ id: ROOT, sha256: digestOf(access.token) }] });
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
