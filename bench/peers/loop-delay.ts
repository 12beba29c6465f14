/**
 * Loaded before a Node program (`--import`), it measures how late the program's event loop turns. On SIGUSR2 it writes
 * what it has seen since the last time, in milliseconds, to the file that its URL names, and begins anew.
 *
 *   node --import 'file:///…/loop-delay.js?out=/tmp/delay.json' main.js
 */
import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Milliseconds between two looks; what is found is later than that by the delay. */
const RESOLUTION_MS = 1;
const NANOSECONDS = 1e6;

const out = new URL(import.meta.url).searchParams.get('out');

if (out !== null) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  process.on('SIGUSR2', () => {
    const [p50, p99, max] = [delay.percentile(50), delay.percentile(99), delay.max].map(nanoseconds =>
      Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS),
    );
    delay.reset();
    writeFileSync(`${out}.tmp`, JSON.stringify({ p50, p99, max }));
    renameSync(`${out}.tmp`, out); // whoever waits for it finds all of it
  });
}
