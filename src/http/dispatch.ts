/**
 * From a declared route to its handler. What the declaration says is checked here, once, in the order that the
 * contract gives: 401, unknown path 404, 405, 403, 413 and 415, 400. What follows needs the data: the handler.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import Router from '@koa/router';
import type { Engine, Origin } from '../engine/engine.js';
import { CairnError } from '../errors.js';
import { keyFromPath, keyFromUnicode } from '../json/key.js';
import type { ByteString, Key } from '../model.js';
import type { Clock } from '../platform/clock.js';
import type { Logger } from '../platform/logger.js';
import { mayDo } from '../service/grant.js';
import { type Named, refuseUncovered } from './access.js';
import type { Admission } from './admission.js';
import { storeFacts } from './answer.js';
import { bodyChunks, readBody } from './body.js';
import { refuseCrossSite } from './cross-site.js';
import { withExample } from './hints.js';
import { untilInterrupted } from './interruption.js';
import { valuesOf } from './message.js';
import { send, sendWhole } from './middleware.js';
import { parseQuery } from './request-target.js';
import {
  ANONYMOUS,
  type Call,
  type Caller,
  type ErrorStyle,
  type Operation,
  patchTypes,
  type Reply,
  type Route,
} from './route.js';
import type { Context, Middleware, RequestState } from './state.js';

export interface DispatchParts {
  /** Null while it loads. */
  readonly engine: () => Engine | null;
  readonly admission: Admission;
  /** Whether there are more connections than may be. */
  readonly isCrowded: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A route, and what is the same for each of its requests. */
export interface Served {
  readonly route: Route;
  /** Its pattern, for counts and logs. */
  readonly name: string;
  readonly operations: ReadonlyMap<string, Operation>;
  /** Open to everybody, also with a verb that the path does not take. */
  readonly isOpen: boolean;
  readonly errors: ErrorStyle | undefined;
}

export function servedOf(route: Route): Served {
  const operations = new Map(Object.entries(route.operations));
  const all = [...operations.values()];
  return {
    route,
    name: route.key === 'path' ? `${route.path}/<key>` : route.path,
    operations,
    isOpen: all.every(({ access }) => access === 'open'),
    errors: all[0]?.errors,
  };
}

export function routerOf(routes: readonly Served[], parts: DispatchParts): Router<RequestState> {
  const router = new Router<RequestState>({ sensitive: true });
  for (const served of routes) router.all(patternOf(served.route), ctx => serve(ctx, served, parts));
  return router;
}

/** Where no route has the path: the same for everybody who may ask. */
export function unknownPath(parts: DispatchParts): Middleware {
  return async ctx => {
    await admit(ctx, parts);
    throw new CairnError('not_found', 'There is nothing at this path.');
  };
}

/** What the key is stands behind the collection, as it was sent; the router's own parameters are not used. */
function patternOf({ path, key }: Route): string | RegExp {
  if (key !== 'path') return path;
  return new RegExp(`^${path}/.`, 's');
}

async function serve(ctx: Context, served: Served, parts: DispatchParts): Promise<void> {
  const { route, name, errors, isOpen } = served;
  ctx.state.route = name;
  ctx.state.errors = errors;
  if (!isOpen) await admit(ctx, parts);
  if (ctx.method === 'OPTIONS') return send(ctx, { status: 204, headers: optionsOf(route), body: null });
  const operation = operationOf(ctx.req, served);
  refuseCrossSite(ctx.method, ctx.headers);
  if (operation.access !== 'open') ctx.set(storeFacts(parts.engine()));
  await run(ctx, route, operation, parts);
}

async function run(
  ctx: Context,
  route: Route,
  operation: Operation,
  { clock, logger }: DispatchParts,
): Promise<void> {
  const { path } = ctx.state;
  const caller = ctx.state.caller ?? ANONYMOUS;
  const asked = askedOf(ctx.state, route, operation);
  const named = asked instanceof CairnError ? namedByPath(route, path) : asked;
  if (operation.access !== 'open' && named !== null) refuseUncovered(operation.access, caller.grant, named);
  const body = await readBody(ctx, operation);
  if (asked instanceof CairnError) throw asked;
  const { key, query, repeated } = asked;
  const reply = await answered(operation, {
    method: ctx.method,
    path,
    query,
    repeated,
    headers: ctx.headers,
    caller,
    origin: () => originOf(ctx.req, ctx.state, caller),
    ...(key === undefined ? {} : { key }),
    ...(body === undefined ? {} : { body }),
    ...(operation.body === 'lines' ? { chunks: chunksOf(ctx, clock) } : {}),
    ...(operation.waits === true ? { onGone: goneOf(ctx.state, ctx.res) } : {}),
  });
  sendWhole(ctx, reply, logger);
  if (reply.events === undefined || ctx.method === 'HEAD') return;
  ctx.state.connection.endless = true;
  ctx.body = reply.events();
}

async function answered(operation: Operation, call: Call): Promise<Reply> {
  try {
    return await operation.handle(call);
  } catch (error) {
    throw withExample(error, operation.example);
  }
}

/** A response is closed at its end too; nobody waits any more then. */
export function goneOf(state: RequestState, res: ServerResponse): (listener: () => void) => void {
  return listener => {
    state.waited = true;
    if (res.closed) listener();
    else res.once('close', listener);
  };
}

export interface Asked extends Named {
  readonly repeated: readonly string[];
}

/** What path and query ask for. Where they cannot be understood that is told after what is wrong with the body. */
export function askedOf(state: RequestState, route: Route, operation: Operation): Asked | CairnError {
  try {
    const { words: query, repeated } = parseQuery(state.query, operation.query, operation.repeatable);
    return { key: keyOf(route, state.path, query), query, repeated };
  } catch (error) {
    if (error instanceof CairnError) return error;
    throw error;
  }
}

/** The key of a path is known whatever is wrong with the query. */
function namedByPath(route: Route, path: string): Named | null {
  if (route.key !== 'path') return null;
  const query = new Map<string, string>();
  try {
    return { key: keyOf(route, path, query), query };
  } catch (error) {
    if (error instanceof CairnError) return null;
    throw error;
  }
}

export function originOf(
  req: IncomingMessage,
  { requestId: id, trace, route }: RequestState,
  { id: caller, grant }: Caller,
): Origin {
  const mayRead = grant.everything
    ? undefined
    : (collection: string, key: ByteString) => mayDo(grant, 'read', collection, key);
  return { caller, peer: peerOf(req), method: req.method ?? '', route: route ?? '', id, trace, mayRead };
}

/** The address of the other end of the connection; empty once that is gone. */
export function peerOf(req: IncomingMessage): string {
  return req.socket.remoteAddress ?? '';
}

/** A body that is read as it comes may take longer than Node gives a request: it has a bound of its own. */
function chunksOf(ctx: Context, clock: Clock): AsyncIterable<Buffer> {
  const { connection } = ctx.state;
  connection.patient = true;
  ctx.res.once('close', () => {
    connection.patient = false;
  });
  return untilInterrupted(bodyChunks(ctx, clock), connection.interruption, clock);
}

async function admit(ctx: Context, { admission, isCrowded }: DispatchParts): Promise<void> {
  if (ctx.state.connection.surplus && isCrowded()) {
    ctx.set('Connection', 'close');
    throw new CairnError('overloaded', 'There are as many connections as there may be.');
  }
  ctx.state.caller = admission.admit(valuesOf(ctx.req.rawHeaders, 'authorization'), peerOf(ctx.req));
}

/** @throws CairnError `method_not_allowed` */
export function operationOf({ method = '', headers }: IncomingMessage, served: Served): Operation {
  const operation = served.operations.get(method === 'HEAD' ? 'GET' : method);
  const { upgrade } = headers;
  if (operation !== undefined && (upgrade === undefined || isOffer(upgrade))) return operation;
  const what =
    operation === undefined ? `The path does not take ${method}` : 'The protocol cannot be changed here';
  throw new CairnError('method_not_allowed', `${what}.`, { allow: allowed(served.route) });
}

/** Clients that would like HTTP/2 say so on ordinary requests, and go on without (RFC 9110 §7.8). */
function isOffer(upgrade: string): boolean {
  return /^(?:h2c|HTTP\/2(?:\.0)?|TLS\/1\.\d)(?:\s*,\s*(?:h2c|HTTP\/2(?:\.0)?|TLS\/1\.\d))*$/i.test(upgrade);
}

function optionsOf(route: Route): Readonly<Record<string, string>> {
  const allow = { Allow: allowed(route).join(', ') };
  if (route.operations.PATCH === undefined) return allow;
  return { ...allow, 'Accept-Patch': [...patchTypes.keys()].join(', ') };
}

function allowed({ operations }: Route): string[] {
  const verbs = Object.keys(operations).flatMap(verb => (verb === 'GET' ? ['GET', 'HEAD'] : [verb]));
  return [...verbs, 'OPTIONS'];
}

function keyOf(route: Route, path: string, query: ReadonlyMap<string, string>): Key | undefined {
  if (route.key === undefined) return undefined;
  if (route.key === 'path') return keyFromPath(path.slice(route.path.length + 1));
  const key = query.get('key');
  if (key !== undefined) return keyFromUnicode(key);
  throw new CairnError('invalid_key', 'The key is missing.', {
    hint: `Ask for ${route.path}/<key>, or for ${route.path}?key=<key>.`,
  });
}
