/**
 * An answer to a request whose body nobody reads. Where what is left is small, Node takes it and the connection goes
 * on. Otherwise the connection ends with the answer, but not at once: closing a socket that still has bytes to read
 * resets it, and the reset can overtake the answer. So the answer goes out whole, what still comes is thrown away,
 * and the connection ends when the caller closes it, or after `lingerMs`.
 */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { Context, Next } from 'koa';
import { BODY_BYTES_MAX } from '../limits.js';
import type { Clock } from '../platform/clock.js';
import { hasBody, waitsForContinue } from './body.js';

export type Middleware = (ctx: Context, next: Next) => Promise<void>;

export function unreadBodies(clock: Clock, lingerMs: number): Middleware {
  return async (ctx, next) => {
    await next();
    const { req, body } = ctx;
    if (!isLeft(req) || isSmall(req)) return;
    ctx.set('Connection', 'close');
    if (body instanceof Readable) ctx.body = lingering(body, req, clock, lingerMs);
    if (!Buffer.isBuffer(body)) return;
    ctx.body = lingering([body], req, clock, lingerMs);
    ctx.length = body.length;
  };
}

function isLeft(req: IncomingMessage): boolean {
  return hasBody(req.headers) && !req.complete;
}

/** A caller that waits for `100 Continue` may send the body or not, and only the end of the connection tells. */
function isSmall(req: IncomingMessage): boolean {
  const length = req.headers['content-length'];
  return length !== undefined && Number(length) <= BODY_BYTES_MAX && !waitsForContinue(req);
}

type Body = Iterable<Buffer> | AsyncIterable<Buffer>;

function lingering(body: Body, req: IncomingMessage, clock: Clock, lingerMs: number): Readable {
  return Readable.from(behind(body, req, clock, lingerMs), { objectMode: false });
}

async function* behind(body: Body, req: IncomingMessage, clock: Clock, lingerMs: number) {
  yield* body;
  if (req.readableEnded || req.destroyed) return;
  req.resume();
  await new Promise<void>(resolve => {
    const timer = clock.setTimer(lingerMs, resolve);
    const settle = () => {
      timer.cancel();
      resolve();
    };
    req.once('end', settle).once('close', settle);
  });
}
