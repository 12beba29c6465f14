/** What happens around every request, whatever its route. The order stands in server.ts. */
import type { CairnError } from '../errors.js';
import type { Clock } from '../platform/clock.js';
import type { Logger } from '../platform/logger.js';
import { checkMessage } from './message.js';
import { problem, shown } from './problem.js';
import { commonHeaders } from './raw-answer.js';
import type { Reply } from './route.js';
import type { Context, Middleware } from './state.js';

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

/** Never the path: a key may be a secret of its own. */
export function accessLog(logger: Logger, clock: Clock): Middleware {
  return async (ctx, next) => {
    const began = clock.monotonic();
    await next();
    const { requestId: id, route, caller } = ctx.state;
    const ms = Math.round((clock.monotonic() - began) * 1000) / 1000;
    logger.debug(
      { id, method: ctx.method, route, status: ctx.status, ms, caller: caller?.id ?? null },
      'request',
    );
  };
}

/** Every error becomes an answer here. */
export function problems(logger: Logger): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (thrown) {
      const error = shown(thrown);
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

export function send(ctx: Context, { status, headers, body }: Reply): void {
  ctx.status = status;
  ctx.set({ ...headers });
  if (body !== null) ctx.body = Buffer.from(body, 'latin1');
}

function logFailure(logger: Logger, { method, state }: Context, error: CairnError, status: number): void {
  const { code, message, details } = error;
  const fields = { id: state.requestId, method, route: state.route, status, code };
  if (status === 500) logger.error({ ...fields, err: details.cause ?? error }, 'a request failed');
  else if (status > 500 && !expected.has(code)) logger.warn(fields, message);
}
