/**
 * One declaration per route. What is declared here is checked in one place (dispatch.ts) before the handler runs,
 * and is what documents, tests and the access rules are made of, so no rule is written twice.
 *
 * A handler is a plain function from a call to a reply and knows nothing of Koa.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { ByteString, Key } from '../model.js';

/** Who may call: anybody, or a token with this verb. */
export type Role = 'open' | 'read' | 'write';

/** The caller, as the token gate knows it. */
export interface Caller {
  /** The token's id, never the token. */
  readonly id: string;
}

/** Whoever calls where no token is needed. */
export const ANONYMOUS: Caller = { id: 'anonymous' };

/**
 * How the body is read. `value`: one JSON value (bytes as they came). `set`: the same, or form fields. `patch`: a
 * merge patch or a JSON Patch, by its type, or nothing. `lines`: not read, but handed on as it comes, however long it is.
 * `none`: a body is refused.
 */
export type BodyKind = 'none' | 'value' | 'set' | 'patch' | 'lines';

/** The types of a patch (RFC 5789), and what each is: RFC 7396 or RFC 6902. */
export const patchTypes: ReadonlyMap<string, 'merge' | 'operations'> = new Map([
  ['application/json', 'merge'],
  ['application/merge-patch+json', 'merge'],
  ['application/json-patch+json', 'operations'],
]);

/** A body that was read whole, checked for size and type and to be UTF-8. */
export type Body =
  | { readonly type: 'json'; readonly bytes: ByteString }
  | { readonly type: 'text'; readonly bytes: ByteString }
  | { readonly type: 'merge' | 'operations'; readonly bytes: ByteString }
  | { readonly type: 'form'; readonly fields: ReadonlyMap<string, string> };

export interface Call {
  readonly method: string;
  /** The path as it was sent, without the query. */
  readonly path: string;
  /** The key that the path or `?key=` names; only where the route declares one. */
  readonly key?: Key;
  /** The parameters, decoded; a word alone has the value `true`. Only declared ones are here. */
  readonly query: ReadonlyMap<string, string>;
  /** The values of the parameter that may be there several times. */
  readonly repeated: readonly string[];
  readonly headers: IncomingHttpHeaders;
  readonly body?: Body;
  /** A body of lines as it comes, once; only where the route declares one. Throws where it ends too soon. */
  readonly chunks?: AsyncIterable<Buffer>;
  readonly caller: Caller;
}

export interface Reply {
  readonly status: number;
  /** Names as they are sent, each spelled in one way. */
  readonly headers: Readonly<Record<string, string>>;
  /** The bytes of the answer, or none. HEAD is the server's business: answer as for GET. */
  readonly body: ByteString | null;
  /**
   * An answer that is made while it is read, instead of a body: asked for more as the caller takes it, and ended when
   * the caller goes away. What it throws breaks the answer off, since its status has been sent.
   */
  readonly stream?: AsyncIterable<ByteString>;
}

/**
 * As the services word their errors that users come from. `brief`: `key_not_found` has only `status` and `message`.
 * `service`: `error`, `message` and `success`.
 */
export type ErrorStyle = 'brief' | 'service';

export interface Operation {
  readonly role: Role;
  /** One sentence for the documentation. */
  readonly summary: string;
  /** The query parameters that it knows. */
  readonly query: readonly string[];
  /** The one that may be there several times. */
  readonly repeatable?: string;
  readonly body: BodyKind;
  /** Bytes of its body, where it takes more than one value. */
  readonly bytesMax?: number;
  /** Whether `text/plain` is taken as a JSON string. */
  readonly text?: boolean;
  /** A call that works: the hint for one whose body does not. */
  readonly example?: string;
  /** Absent: every error with its code and a hint. */
  readonly errors?: ErrorStyle;
  handle(call: Call): Reply | Promise<Reply>;
}

export interface Route {
  /** A path of @koa/router. With `key: 'path'` it ends before the key, which is all that follows, decoded. */
  readonly path: string;
  readonly key?: 'path' | 'query';
  readonly operations: Readonly<Partial<Record<'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE', Operation>>>;
}

/** The key of a call whose route declares one: dispatch.ts has seen to it. */
export function keyOf({ key }: Call): Key {
  if (key === undefined) throw new Error('a route without a key asked for one');
  return key;
}
