/**
 * From a declared route to its handler. What the declaration says is checked here, once, in the order that the
 * contract gives: 401, unknown path 404, 405, 403, 413 and 415, 400. What follows needs the data: the handler.
 */
import Router from '@koa/router';
import type { Engine } from '../engine/engine.js';
import { CairnError } from '../errors.js';
import { keyFromPath, keyFromUnicode } from '../json/key.js';
import type { Key } from '../model.js';
import type { Clock } from '../platform/clock.js';
import type { Logger } from '../platform/logger.js';
import { bodyChunks, readBody } from './body.js';
import { refuseCrossSite } from './cross-site.js';
import type { TokenGate } from './gate.js';
import { valuesOf } from './message.js';
import { send } from './middleware.js';
import { parseQuery } from './request-target.js';
import { ANONYMOUS, type Operation, patchTypes, type Route } from './route.js';
import type { Context, Middleware, RequestState } from './state.js';
import { sendStream } from './stream.js';

export interface DispatchParts {
  /** Null while it loads. */
  readonly engine: () => Engine | null;
  /** Null as long as it is not known who may come in. */
  readonly gate: () => TokenGate | null;
  /** Whether there are more connections than may be. */
  readonly isCrowded: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function routerOf(routes: readonly Route[], parts: DispatchParts): Router<RequestState> {
  const router = new Router<RequestState>({ sensitive: true });
  for (const route of routes) {
    router.all(patternOf(route), ctx => serve(ctx, route, parts));
  }
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

async function serve(ctx: Context, route: Route, parts: DispatchParts): Promise<void> {
  ctx.state.route = route.key === 'path' ? `${route.path}/<key>` : route.path;
  ctx.state.errors = Object.values(route.operations)[0]?.errors;
  if (!isOpen(route)) await admit(ctx, parts);
  if (ctx.method === 'OPTIONS') return send(ctx, { status: 204, headers: optionsOf(route), body: null });
  const operation = operationOf(ctx, route);
  refuseCrossSite(ctx.method, ctx.headers);
  if (operation.role !== 'open') tellStore(ctx, parts.engine());
  await run(ctx, route, operation, parts);
}

async function run(
  ctx: Context,
  route: Route,
  operation: Operation,
  { clock, logger }: DispatchParts,
): Promise<void> {
  const { path, query: rawQuery, caller } = ctx.state;
  const body = await readBody(ctx, operation);
  const { words: query, repeated } = parseQuery(rawQuery, operation.query, operation.repeatable);
  const key = keyOf(route, path, query);
  const reply = await operation.handle({
    method: ctx.method,
    path,
    query,
    repeated,
    headers: ctx.headers,
    caller: caller ?? ANONYMOUS,
    ...(key === undefined ? {} : { key }),
    ...(body === undefined ? {} : { body }),
    ...(operation.body === 'lines' ? { chunks: chunksOf(ctx, clock) } : {}),
  });
  send(ctx, reply);
  if (reply.stream !== undefined) sendStream(ctx, reply.stream, clock, logger);
}

/** A body that is read as it comes may take longer than Node gives a request: it has a bound of its own. */
function chunksOf(ctx: Context, clock: Clock): AsyncIterable<Buffer> {
  const { connection } = ctx.state;
  connection.patient = true;
  ctx.res.once('close', () => {
    connection.patient = false;
  });
  return bodyChunks(ctx, clock);
}

/** Open to everybody, also with a verb that the path does not take. */
function isOpen({ operations }: Route): boolean {
  return Object.values(operations).every(({ role }) => role === 'open');
}

async function admit(ctx: Context, { gate, isCrowded }: DispatchParts): Promise<void> {
  if (ctx.state.connection.surplus && isCrowded()) {
    ctx.set('Connection', 'close');
    throw new CairnError('overloaded', 'There are as many connections as there may be.');
  }
  const keeper = gate();
  if (keeper === null) throw new CairnError('loading', 'The service is starting.');
  ctx.state.caller = keeper.admit(valuesOf(ctx.req.rawHeaders, 'authorization'));
}

function operationOf({ method, req }: Context, route: Route): Operation {
  const verb = method === 'HEAD' ? 'GET' : method;
  const operation = Object.entries(route.operations).find(([name]) => name === verb)?.[1];
  const { upgrade } = req.headers;
  if (operation !== undefined && (upgrade === undefined || isOffer(upgrade))) return operation;
  const what =
    operation === undefined ? `The path does not take ${method}` : 'The protocol cannot be changed here';
  throw new CairnError('method_not_allowed', `${what}.`, { allow: allowed(route) });
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

/** On every answer about data, errors too, once the caller is known. */
function tellStore(ctx: Context, engine: Engine | null): void {
  if (engine === null) return;
  ctx.set('X-Epoch', String(engine.epoch));
  if (engine.degraded) ctx.set('X-Storage', 'degraded');
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
