/** What happens around every request, whatever its route. The order stands in server.ts. */
import { Readable } from 'node:stream';
import type { Engine } from '../engine/engine.js';
import type { Logger } from '../platform/logger.js';
import type { Account } from './account.js';
import { storeFacts } from './answer.js';
import { checkMessage } from './message.js';
import { commonHeaders } from './raw-answer.js';
import type { Reply } from './route.js';
import type { Context, Middleware } from './state.js';
import { isLong, sendLong, sendStream } from './stream.js';

/** While it drains, every answer is the last one on its connection. */
export function commonAnswers(isDraining: () => boolean): Middleware {
  return async (ctx, next) => {
    ctx.set(commonHeaders(ctx.state.requestId));
    await next();
    if (isDraining()) ctx.set('Connection', 'close');
  };
}

export function accounted(account: Account): Middleware {
  return async (ctx, next) => {
    const began = ctx.state.handled?.began ?? account.begin();
    await next();
    account.end(began, ctx.method, ctx.status, ctx.res, ctx.state);
  };
}

/** Every error becomes an answer here. */
export function problems(account: Account): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (thrown) {
      const { method, headers, res, state } = ctx;
      send(ctx, account.refused(thrown, { method, accept: headers.accept, res, state }));
    }
  };
}

/** A malformed message is refused before anybody asks what it wants. */
export const wellFormed: Middleware = async (ctx, next) => {
  // Node's parser throws away what came together with a wish for another protocol, and nobody would answer that.
  if (ctx.headers.upgrade !== undefined) ctx.set('Connection', 'close');
  try {
    checkMessage(ctx.req);
  } catch (error) {
    ctx.set('Connection', 'close');
    throw error;
  }
  await next();
};

/** What was handled before Koa, and is no small answer. */
export function handledBefore(engine: () => Engine | null, logger: Logger): Middleware {
  return async (ctx, next) => {
    const { handled } = ctx.state;
    if (handled === undefined) return next();
    ctx.set(storeFacts(engine()));
    sendWhole(ctx, handled.reply, logger);
  };
}

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

/** The same, of an answer that may be a stream. */
export function sendWhole(ctx: Context, reply: Reply, logger: Logger): void {
  send(ctx, reply);
  sendStream(ctx, reply, logger);
}
