/** Fills a service with SETs before it is measured. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Script } from './dataset.js';
import { runLoad } from './load.js';

const CONNECTIONS = 8;
const DEPTH = 16;
/** SETs that are sent again when the service refused one of them. */
const CHUNK = 5_000;
const RETRY_MS = 1_000;
const TRIES_MAX = 30;

/**
 * Runs the script part by part. A part is tried again when the service says that it is overloaded, as it does when an
 * fsync takes longer than a second: the same SETs give the same state.
 */
export async function fill(port: number, script: Script, signal: AbortSignal): Promise<void> {
  for (let from = 0; from < script.count; from += CHUNK) {
    const part = {
      count: Math.min(CHUNK, script.count - from),
      at: (index: number) => script.at(from + index),
    };
    await fillPart(port, part, signal);
  }
}

async function fillPart(port: number, part: Script, signal: AbortSignal): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return void (await runLoad(part, { connections: CONNECTIONS, depth: DEPTH, port, signal }));
    } catch (error) {
      if (tries === TRIES_MAX || !String(error).includes('"overloaded"')) throw error;
      await delay(RETRY_MS, undefined, { signal });
    }
  }
}
