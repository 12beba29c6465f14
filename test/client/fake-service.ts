/**
 * A server that says what a test wants it to, one answer after the other, and remembers what it was asked; and a clock
 * that lets nobody wait and remembers for how long they would have.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';
import type { ClientClock } from '../../src/client/clock.js';
import { CairnClient } from '../../src/client/index.js';
import type { ClientOptions } from '../../src/client/transport.js';

/** Milliseconds from which on a timer is a time-out of the test's, which does not come. */
export const NEVER_MS = 1_000_000;

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** What one request is answered with; `null`: the connection is cut instead. */
export type Say =
  | null
  | ((res: http.ServerResponse, asked: Asked) => void)
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: unknown;
    };

export class QuickClock implements ClientClock {
  readonly pauses: number[] = [];
  #now = 0;

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    if (ms >= NEVER_MS) return () => {};
    this.pauses.push(ms);
    const timer = setImmediate(() => {
      this.#now += ms;
      callback();
    });
    return () => clearImmediate(timer);
  }
}

export interface Fake {
  readonly url: string;
  readonly client: CairnClient;
  readonly clock: QuickClock;
  readonly asked: readonly Asked[];
  /** How many connections are open. */
  connections(): Promise<number>;
}

/** The last answer is given again and again. */
export async function fakeService(
  t: Test,
  says: readonly Say[],
  options: Partial<ClientOptions> = {},
): Promise<Fake> {
  const asked: Asked[] = [];
  const server = http.createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', chunk => chunks.push(chunk));
    req.on('end', () => {
      const { method = '', url = '', headers } = req;
      const one = { method, url, headers, body: Buffer.concat(chunks).toString('utf8') };
      asked.push(one);
      answer(res, one, says[Math.min(asked.length, says.length) - 1] ?? null);
    });
  });
  server.listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const clock = new QuickClock();
  const client = new CairnClient({ url, clock, random: () => 0.5, timeoutMs: NEVER_MS, ...options });
  const connections = () =>
    new Promise<number>(resolve => server.getConnections((_, count) => resolve(count)));
  return { url, client, clock, asked, connections };
}

function answer(res: http.ServerResponse, asked: Asked, say: Say): void {
  if (say === null) {
    res.destroy();
    return;
  }
  if (typeof say === 'function') {
    say(res, asked);
    return;
  }
  const { status = 200, headers = {}, body = '' } = say;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
}

/** A document of version 1, as the service answers. */
export function document(value: unknown, revision = 1): Exclude<Say, null> {
  const headers = {
    etag: `"100-${revision}"`,
    'x-version': '1',
    'x-revision': String(revision),
    'x-durable': 'true',
  };
  return { headers, body: JSON.stringify(value) };
}

/** An error as `application/problem+json`. */
export function refusal(
  status: number,
  code: string,
  members: object = {},
  headers: Readonly<Record<string, string>> = {},
): Exclude<Say, null> {
  const body = {
    type: 'about:blank',
    title: 'x',
    status,
    detail: `words of ${code}`,
    code,
    hint: 'do',
    ...members,
  };
  return {
    status,
    headers: { 'content-type': 'application/problem+json', 'x-request-id': 'r-1', ...headers },
    body,
  };
}
