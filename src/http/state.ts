/** What is known of one request on its way. */
import type { IncomingMessage } from 'node:http';
import type Application from 'koa';
import type { ParameterizedContext } from 'koa';
import type { Milliseconds } from '../model.js';
import type { Share } from './budget.js';
import type { Connection } from './connection.js';
import type { RequestTarget } from './request-target.js';
import type { Caller, ErrorStyle, Reply } from './route.js';
import { requestIdOf, type Trace, traceOf } from './trace.js';

export interface RequestState {
  readonly requestId: string;
  /** Null: the caller named none. */
  readonly trace: Trace | null;
  readonly connection: Connection;
  /** As they were sent (see request-target.ts). */
  readonly path: string;
  readonly query: string;
  /** The pattern, never the key; null where no route takes the path. */
  route: string | null;
  /** Null before the gate has admitted anybody. */
  caller: Caller | null;
  /** See `Operation.errors`. */
  errors: ErrorStyle | undefined;
  /** Whether its answer waited for something to happen: how long it took tells nothing of the service. */
  waited?: boolean;
  /** When it began and what its handler answered, where that was before Koa and is still to be sent. */
  handled?: { readonly began: Milliseconds; readonly reply: Reply };
  /** What its body has of the budget for bodies, as long as it is handled. */
  body?: Share;
  /** The same of a body of lines, which is read as long as it is answered. */
  lines?: Share;
}

/** Of a request of which nothing is known yet but how it begins. */
export function stateOf(
  { headers }: IncomingMessage,
  { path, query }: RequestTarget,
  connection: Connection,
): RequestState {
  return {
    requestId: requestIdOf(headers),
    trace: traceOf(headers['traceparent']),
    connection,
    path,
    query,
    route: null,
    caller: null,
    errors: undefined,
  };
}

export type App = Application<RequestState>;
export type Context = ParameterizedContext<RequestState>;
export type Middleware = Application.Middleware<RequestState>;
