/**
 * What a start says once it is ready: aligned lines on a terminal, or one log line `ready` with the same facts.
 * After it there is nothing but traffic. Only the lines ever hold a token, and only one that this start made.
 */
import { resolve } from 'node:path';
import type { Access } from './access/root-token.js';
import type { Config } from './config.js';
import { formatDuration } from './duration.js';
import type { LogFields } from './platform/logger.js';
import { formatVersion, type VersionFacts } from './version.js';

/** What the service knows when it is ready. */
export interface ReadyFacts {
  /** With the port that it got. */
  readonly url: string;
  /** Of the metrics, where they have a port of their own. */
  readonly metricsUrl: string | null;
  /** Restored from the snapshots. */
  readonly keys: number;
  /** Snapshot logs that were read. */
  readonly logs: number;
  /** From the first moment to this one. */
  readonly milliseconds: number;
  readonly access: Access;
}

export interface BannerFacts extends ReadyFacts {
  readonly version: VersionFacts;
  readonly config: Pick<Config, 'snapshotDir' | 'durability' | 'snapshotIntervalMs'>;
  /** The places that settings came from: `flags`, `environment`, the file; none: all are defaults. */
  readonly configSources: readonly string[];
}

export function bannerLines(facts: BannerFacts): string[] {
  const { version, url, config } = facts;
  return [
    line('cairn', `${formatVersion(version)}, Node.js ${version.node}`),
    line('url', url),
    ...(facts.metricsUrl === null ? [] : [line('metrics', facts.metricsUrl)]),
    line('snapshots', resolve(config.snapshotDir)),
    line('restored', restored(facts)),
    line('durability', durability(config)),
    line('auth', access(facts.access)),
    line('config', `${sourcesOf(facts)} (\`cairn config\` shows all of it)`),
    line('try', `curl -d '{"key":"a","value":1}'${authorization(facts.access)} ${url}/set`),
  ];
}

/** For the log line. The token is not among them, whatever its origin. */
export function bannerFields(facts: BannerFacts): LogFields {
  const { version, config, access } = facts;
  return {
    ...version,
    url: facts.url,
    ...(facts.metricsUrl === null ? {} : { metrics: facts.metricsUrl }),
    snapshots: resolve(config.snapshotDir),
    keys: facts.keys,
    logs: facts.logs,
    ms: Math.round(facts.milliseconds),
    durability: config.durability,
    intervalMs: config.snapshotIntervalMs,
    auth: access.needed ? 'on' : 'off',
    ...(access.needed ? { token: tokenPlace(access.origin) } : { authReason: access.reason }),
    config: sourcesOf(facts),
  };
}

function line(name: string, text: string): string {
  return `${name.padEnd(12)}${text}`;
}

function restored({ keys, logs, milliseconds }: ReadyFacts): string {
  if (logs === 0) return 'nothing yet, a new store';
  return `${count(keys, 'key')} from ${count(logs, 'log file')} in ${Math.round(milliseconds)} ms`;
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`;
}

function durability(config: BannerFacts['config']): string {
  if (config.durability === 'sync') return 'sync: a write is answered after its fsync';
  return `periodic: fsync every ${formatDuration(config.snapshotIntervalMs)}; ?sync=true waits for it`;
}

function access(access: Access): string {
  if (!access.needed)
    return access.reason === 'off' ? 'off, as told' : 'off: only this machine can reach the address';
  if (access.origin === 'made') return `on, new token ${access.token} (\`cairn token show\` prints it again)`;
  return `on, token from ${tokenPlace(access.origin)}`;
}

function tokenPlace(origin: (Access & { needed: true })['origin']): string {
  if (origin === 'variable') return 'CAIRN_TOKEN';
  return origin === 'file' ? 'the token file' : '`cairn token show`';
}

function authorization(access: Access): string {
  return access.needed ? ' -H "Authorization: Bearer $(cairn token show)"' : '';
}

function sourcesOf({ configSources }: BannerFacts): string {
  return configSources.length === 0 ? 'defaults' : configSources.join(', ');
}
