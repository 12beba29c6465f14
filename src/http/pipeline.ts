/**
 * From a request to its answer: the direct way for the calls of which there are the most, and Koa with the order of its
 * middlewares for all others.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import Koa from 'koa';
import type { Account } from './account.js';
import { type Connection, type Done, isLast } from './connection.js';
import { Direct } from './direct.js';
import { type DispatchParts, routerOf, type Served, unknownPath } from './dispatch.js';
import {
  accounted,
  bodiesGivenBack,
  commonAnswers,
  handledBefore,
  problems,
  wellFormed,
} from './middleware.js';
import { parseTarget } from './request-target.js';
import { type App, type RequestState, stateOf } from './state.js';
import { unreadBodies } from './unread.js';

export interface PipelineParts extends DispatchParts {
  readonly account: Account;
  readonly connectionOf: (socket: Duplex) => Connection;
  readonly isDraining: () => boolean;
  /** Milliseconds for which what is left of a body is thrown away. */
  readonly lingerMs: number;
  /** False: Koa answers everything. */
  readonly direct?: boolean;
}

/** Answers a request, whose turn it is on its connection, and says when that is done. */
export type Handle = (req: IncomingMessage, res: ServerResponse, connection: Connection, done: Done) => void;

export function handlerOf(routes: readonly Served[], parts: PipelineParts): Handle {
  // Requests that were handled before Koa, and are answered by it.
  const passed = new WeakMap<IncomingMessage, RequestState>();
  const stateFor = (req: IncomingMessage) =>
    passed.get(req) ?? stateOf(req, parseTarget(req.url ?? '/'), parts.connectionOf(req.socket));
  const koa = appOf(routes, stateFor, parts).callback();
  const passOn = (req: IncomingMessage, res: ServerResponse, state: RequestState) => {
    passed.set(req, state);
    void koa(req, res);
  };
  const direct = parts.direct === false ? null : new Direct(routes, { ...parts, passOn });
  return (req, res, connection, done) => {
    if (direct?.take(req, res, connection, done)) return;
    res.once('close', () => done(isLast(res)));
    void koa(req, res);
  };
}

/** The order of everything. */
function appOf(
  routes: readonly Served[],
  stateFor: (req: IncomingMessage) => RequestState,
  parts: PipelineParts,
): App {
  const { account, engine, logger, clock, isDraining, lingerMs } = parts;
  const app: App = new Koa<RequestState>({ proxy: false });
  app.silent = true;
  app.on('error', (err: unknown) => logger.debug({ err }, 'an answer could not be sent'));
  app.use(async (ctx, next) => {
    ctx.state = stateFor(ctx.req);
    // What the router goes by: not the path that Koa normalises.
    ctx['newRouterPath'] = ctx.state.path;
    await next();
  });
  app.use(bodiesGivenBack);
  app.use(commonAnswers(isDraining));
  app.use(accounted(account));
  app.use(unreadBodies(clock, lingerMs));
  app.use(problems(account));
  app.use(handledBefore(engine, logger));
  app.use(wellFormed);
  app.use(routerOf(routes, parts).routes());
  app.use(unknownPath(parts));
  return app;
}
