/**
 * What is counted and logged of every request, whichever way it is answered. Never the path: a key may be a secret of its
 * own.
 */
import type { ServerResponse } from 'node:http';
import type { CairnError } from '../errors.js';
import type { Milliseconds } from '../model.js';
import type { Clock } from '../platform/clock.js';
import type { Logger } from '../platform/logger.js';
import type { RequestCounts } from './metrics.js';
import { problem, shown } from './problem.js';
import type { Reply } from './route.js';
import type { RequestState } from './state.js';
import { requestFields } from './trace.js';

/** Refusals that are no trouble: probes and clients meet them at every start and stop. */
const expected: ReadonlySet<string> = new Set(['loading', 'draining']);

/** One request, as Node has it. */
interface Asked {
  readonly method: string;
  readonly accept: string | undefined;
  readonly res: ServerResponse;
  readonly state: RequestState;
}

export interface AccountOptions {
  readonly requests: RequestCounts;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class Account {
  readonly #requests: RequestCounts;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor({ requests, clock, logger }: AccountOptions) {
    this.#requests = requests;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Gives what `end` wants to know: when it was. */
  begin(): Milliseconds {
    this.#requests.begin();
    return this.#clock.monotonic();
  }

  end(began: Milliseconds, method: string, status: number, res: ServerResponse, state: RequestState): void {
    const elapsed = this.#clock.monotonic() - began;
    const { requestId: id, trace, route, caller, connection, waited } = state;
    const took = waited === true ? null : elapsed;
    if (!res.destroyed) this.#requests.end(route, method, status, took);
    else if (connection.answeredFor) this.#requests.dismiss();
    else this.#requests.end(route, method, null, took);
    const ms = Math.round(elapsed * 1000) / 1000;
    // On the way of every request: members behind a spread would cost a hundred times as much.
    const fields = { id, method, route, status, ms, caller: caller?.id ?? null };
    this.#logger.debug(trace === null ? fields : { ...fields, ...trace }, 'request');
  }

  /** What was thrown, as the answer that it is. */
  refused(thrown: unknown, { method, accept, res, state }: Asked): Reply {
    const error = shown(thrown);
    if (!res.destroyed) this.#requests.failed(error);
    const reply = problem(error, { accept, style: state.errors });
    this.#tell(error, reply.status, method, state);
    return reply;
  }

  #tell(error: CairnError, status: number, method: string, state: RequestState): void {
    const { code, message, details } = error;
    const fields = { ...requestFields(state), method, route: state.route, status, code };
    if (status === 500) this.#logger.error({ ...fields, err: details.cause ?? error }, 'a request failed');
    else if (status > 500 && !expected.has(code)) this.#logger.warn(fields, message);
  }
}
