/** What the middlewares know of one request. */
import type Application from 'koa';
import type { ParameterizedContext } from 'koa';
import type { Connection } from './connection.js';
import type { Caller, ErrorStyle } from './route.js';

export interface RequestState {
  readonly requestId: string;
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
}

export type App = Application<RequestState>;
export type Context = ParameterizedContext<RequestState>;
export type Middleware = Application.Middleware<RequestState>;
