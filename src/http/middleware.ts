/** What happens around every request, whatever its route. The order stands in server.ts. */
import { Readable } from 'node:stream';
import type { CairnError } from '../errors.js';
import type { Clock } from '../platform/clock.js';
import type { Logger } from '../platform/logger.js';
import { checkMessage } from './message.js';
import type { RequestCounts } from './metrics.js';
import { problem, shown } from './problem.js';
import { commonHeaders } from './raw-answer.js';
import type { Reply } from './route.js';
import type { Context, Middleware } from './state.js';
import { isLong, sendLong } from './stream.js';
import { requestFields } from './trace.js';

/** Refusals that are no trouble: probes and clients meet them at every start and stop. */
const expected: ReadonlySet<string> = new Set(['loading', 'draining']);

/** While it drains, every answer is the last one on its connection. */
export function commonAnswers(isDraining: () => boolean): Middleware {
  return async (ctx, next) => {
    ctx.set(commonHeaders(ctx.state.requestId));
    await next();
    if (isDraining()) ctx.set('Connection', 'close');
  };
}

/** Counts, and logs. Never the path: a key may be a secret of its own. */
export function accessLog(logger: Logger, clock: Clock, requests: RequestCounts): Middleware {
  return async (ctx, next) => {
    const began = clock.monotonic();
    requests.begin();
    await next();
    const elapsed = clock.monotonic() - began;
    const { requestId: id, trace, route, caller, connection, waited } = ctx.state;
    const { method, status } = ctx;
    const took = waited === true ? null : elapsed;
    if (!ctx.res.destroyed) requests.end(route, method, status, took);
    else if (connection.answeredFor) requests.dismiss();
    else requests.end(route, method, null, took);
    const ms = Math.round(elapsed * 1000) / 1000;
    // On the way of every request: members behind a spread would cost a hundred times as much.
    const fields = { id, method, route, status, ms, caller: caller?.id ?? null };
    logger.debug(trace === null ? fields : { ...fields, ...trace }, 'request');
  };
}

/** Every error becomes an answer here. */
export function problems(logger: Logger, requests: RequestCounts): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (thrown) {
      const error = shown(thrown);
      if (!ctx.res.destroyed) requests.failed(error);
      const reply = problem(error, { accept: ctx.headers.accept, style: ctx.state.errors });
      logFailure(logger, ctx, error, reply.status);
      send(ctx, reply);
    }
  };
}

/** A malformed message is refused before anybody asks what it wants. */
export const wellFormed: Middleware = async (ctx, next) => {
  try {
    checkMessage(ctx.req);
  } catch (error) {
    ctx.set('Connection', 'close');
    throw error;
  }
  await next();
};

/** What a body has of the budget for bodies is given back when its request has been handled. */
export const bodiesGivenBack: Middleware = async (ctx, next) => {
  try {
    await next();
  } finally {
    const { body: answer, state } = ctx;
    state.body?.end();
    if (answer instanceof Readable) answer.once('close', () => state.lines?.end());
    else state.lines?.end();
  }
};

/** @throws CairnError `overloaded`, where a read would be one long answer too many; a write has happened, and is told */
export function send(ctx: Context, reply: Reply): void {
  const { status, headers, body } = reply;
  if (ctx.method === 'GET' && isLong(reply)) ctx.state.connection.answers.refuseFull();
  ctx.status = status;
  ctx.set({ ...headers });
  if (body === null) return;
  if (isLong(reply)) sendLong(ctx, body, reply.held);
  else ctx.body = Buffer.from(body, 'latin1');
}

function logFailure(logger: Logger, { method, state }: Context, error: CairnError, status: number): void {
  const { code, message, details } = error;
  const fields = { ...requestFields(state), method, route: state.route, status, code };
  if (status === 500) logger.error({ ...fields, err: details.cause ?? error }, 'a request failed');
  else if (status > 500 && !expected.has(code)) logger.warn(fields, message);
}
