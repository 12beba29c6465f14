/**
 * One declaration per route. What is declared here is checked in one place (dispatch.ts) before the handler runs,
 * and is what documents, tests and the access rules are made of, so no rule is written twice.
 *
 * A handler is a plain function from a call to a reply and knows nothing of Koa.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Origin } from '../engine/engine.js';
import type { ByteString, Key } from '../model.js';
import { EVERYTHING, type Grant } from '../service/grant.js';
import type { Access } from './access.js';
import type { Documentation } from './documentation.js';

/** The caller, as the token gate knows it. */
export interface Caller {
  /** The token's id, never the token. */
  readonly id: string;
  /** What it may see and do. */
  readonly grant: Grant;
  /** False once the token is removed, over, or may do something else: what lasts longer than a call asks this. */
  isCurrent(): boolean;
}

/** Whoever calls where no token is needed. */
export const ANONYMOUS: Caller = { id: 'anonymous', grant: EVERYTHING, isCurrent: () => true };

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
  readonly key?: Key | undefined;
  /** The parameters, decoded; a word alone has the value `true`. Only declared ones are here. */
  readonly query: ReadonlyMap<string, string>;
  /** The values of the parameter that may be there several times. */
  readonly repeated: readonly string[];
  readonly headers: IncomingHttpHeaders;
  readonly body?: Body | undefined;
  /** A body of lines as it comes, once; only where the route declares one. Throws where it ends too soon. */
  readonly chunks?: AsyncIterable<Buffer>;
  readonly caller: Caller;
  /** Goes with every change that the call makes. */
  readonly origin: () => Origin;
  /** Calls back once when the caller goes away; only where the route says that it waits. */
  readonly onGone?: ((listener: () => void) => void) | undefined;
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
  /**
   * Bytes that are kept for this answer alone until it is read to its end, beside the part that is given out; absent: all
   * of a body, nothing of a stream.
   */
  readonly held?: number;
  /** An answer that goes on as things happen, until either side ends it. Not asked for with HEAD. */
  readonly events?: () => Readable;
}

/**
 * As the services word their errors that users come from. `brief`: `key_not_found` has only `status` and `message`.
 * `service`: `error`, `message` and `success`.
 */
export type ErrorStyle = 'brief' | 'service';

export interface Operation {
  readonly access: Access;
  /** One sentence for the documentation. */
  readonly summary: string;
  /** The rest of it: what the OpenAPI document says and this declaration does not. */
  readonly docs: Documentation;
  /** The query parameters that it knows. */
  readonly query: readonly string[];
  /** The one that may be there several times. */
  readonly repeatable?: string;
  readonly body: BodyKind;
  /** Bytes of its body, where it takes more than one value. */
  readonly bytesMax?: number;
  /** Whether its answer may wait for something that is still to happen. */
  readonly waits?: true;
  /**
   * Whether it is served before Koa where it can be (direct.ts): of the calls of which there are the most. Not with a body
   * of lines, nor with an answer of events.
   */
  readonly direct?: true;
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
