/** Who takes part, each as the command that starts it. All Node processes get the same flags. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Options } from './options.js';
import type { Command } from './server.js';

export const BARE = 'bare-http';
export const KOA = 'plain-koa';
export const CAIRN = 'cairn';
export const REDIS = 'redis';

/** Where a contestant keeps what it has, and what the bare server answers. */
export interface Place {
  readonly directory?: string;
  readonly sampleFile?: string;
  /** Cairn's configuration file. */
  readonly config?: string;
}

export function commandOf(name: string, options: Options, place: Place): (port: number) => Command {
  switch (name) {
    case BARE:
      return port => node(options, peer(BARE), String(port), ...optional(place.sampleFile));
    case KOA:
      return port => node(options, peer(KOA), String(port));
    case CAIRN:
      return port => node(options, resolve(options.cairn), ...serveArguments(port, place));
    case REDIS:
      return port => ['redis-server', ...redisArguments(port, place.directory)];
    default:
      throw new Error(`There is no contestant "${name}": ${[BARE, KOA, CAIRN].join(', ')}.`);
  }
}

function node(options: Options, ...args: string[]): Command {
  return [process.execPath, ...options.nodeFlags, ...args];
}

function peer(name: string): string {
  return fileURLToPath(new URL(`./peers/${name}.js`, import.meta.url));
}

function optional(argument: string | undefined): string[] {
  return argument === undefined ? [] : [argument];
}

function serveArguments(port: number, { directory = 'snapshots', config }: Place): string[] {
  const file = config === undefined ? [] : ['--config', config];
  return ['serve', '--port', String(port), '--snapshot-dir', directory, ...file];
}

/** Loads `dump.rdb` at the start and writes none unless asked to. */
function redisArguments(port: number, directory = '.'): string[] {
  const network = ['--port', String(port), '--bind', '127.0.0.1'];
  return [...network, '--dir', directory, '--save', '', '--appendonly', 'no'];
}
