/**
 * The direct way from Node's server to a handler and back, for the calls of which there are the most: one key is read,
 * set or deleted, with a body that is small and says how long it is.
 *
 * It has no rule of its own. Each check is a function that dispatch.ts and middleware.ts call too. What is refused before
 * its body is read, and whatever is out of the ordinary, is left to Koa, which begins anew: until then nothing was told or
 * changed. test/http/direct.test.ts asks the same in both ways.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Engine } from '../engine/engine.js';
import { CairnError } from '../errors.js';
import type { Milliseconds } from '../model.js';
import { refuseUncovered } from './access.js';
import type { Account } from './account.js';
import type { Admission } from './admission.js';
import { type Headers, storeFacts } from './answer.js';
import { bodyOf, hasBody, isPlain, readSmall, typeOf } from './body.js';
import { type Connection, type Done, isLast } from './connection.js';
import { refuseCrossSite } from './cross-site.js';
import { type Asked, askedOf, goneOf, operationOf, originOf, peerOf, type Served } from './dispatch.js';
import { withExample } from './hints.js';
import { checkMessage, valuesOf } from './message.js';
import { commonHeaders } from './raw-answer.js';
import { parseTarget } from './request-target.js';
import type { Body, Call, Caller, Operation, Reply } from './route.js';
import { type RequestState, stateOf } from './state.js';
import { isLong } from './stream.js';

export interface DirectParts {
  /** Null while it loads. */
  readonly engine: () => Engine | null;
  readonly admission: Admission;
  readonly account: Account;
  readonly isDraining: () => boolean;
  /** Answers by Koa what has been handled already, and is no small answer. */
  readonly passOn: (req: IncomingMessage, res: ServerResponse, state: RequestState) => void;
}

/** A request that is answered here. */
interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly state: RequestState;
  readonly operation: Operation;
  readonly caller: Caller;
  readonly asked: Asked;
  /** Names and values in turn: what every answer about data has. */
  readonly headers: string[];
  readonly done: Done;
}

export class Direct {
  readonly #parts: DirectParts;
  /** By the path, or by what stands before the key. */
  readonly #paths: ReadonlyMap<string, Served>;
  readonly #collections: ReadonlyMap<string, Served>;

  constructor(routes: readonly Served[], parts: DirectParts) {
    this.#parts = parts;
    const direct = routes.filter(({ operations }) => [...operations.values()].some(({ direct }) => direct));
    const byPath = (served: Served) => [served.route.path, served] as const;
    this.#paths = new Map(direct.filter(({ route }) => route.key !== 'path').map(byPath));
    this.#collections = new Map(direct.filter(({ route }) => route.key === 'path').map(byPath));
  }

  /** False: it is Koa's. So is what has come while the answer before it is not out: these wait for their reader. */
  take(req: IncomingMessage, res: ServerResponse, connection: Connection, done: Done): boolean {
    if (res.socket === null || res.socket.writableLength > 0) return false;
    const target = parseTarget(req.url ?? '');
    const served = this.#servedBy(target.path);
    if (served === undefined || connection.surplus || this.#parts.isDraining()) return false;
    let exchange: Exchange | null;
    try {
      exchange = this.#exchangeOf(req, res, served, stateOf(req, target, connection), done);
    } catch {
      // Koa will come upon the same, and tell it.
      return false;
    }
    if (exchange === null) return false;
    if (exchange.operation.body === 'none') this.#read(exchange);
    else void this.#write(exchange);
    return true;
  }

  #servedBy(path: string): Served | undefined {
    const slash = path.indexOf('/', 1);
    if (slash === -1) return this.#paths.get(path);
    return slash + 1 === path.length ? undefined : this.#collections.get(path.slice(0, slash));
  }

  /** In the order of dispatch.ts. Null, or what it throws: this way is not for it. */
  #exchangeOf(
    req: IncomingMessage,
    res: ServerResponse,
    served: Served,
    state: RequestState,
    done: Done,
  ): Exchange | null {
    const { admission, engine } = this.#parts;
    checkMessage(req);
    const caller = admission.callerOf(valuesOf(req.rawHeaders, 'authorization'));
    if (caller === null) return null;
    const operation = operationOf(req, served);
    if (operation.direct !== true || operation.access === 'open') return null;
    const { headers, method = '' } = req;
    if (headers.upgrade !== undefined) return null;
    refuseCrossSite(method, headers);
    const asked = askedOf(state, served.route, operation);
    if (asked instanceof CairnError) return null;
    refuseUncovered(operation.access, caller.grant, asked);
    if (operation.body === 'none' ? hasBody(headers) : !isPlain(req, operation)) return null;
    if (!admission.count(caller, peerOf(req))) return null;
    state.route = served.name;
    state.errors = served.errors;
    state.caller = caller;
    const lines: string[] = [];
    addTo(lines, commonHeaders(state.requestId));
    addTo(lines, storeFacts(engine()));
    return { req, res, state, operation, caller, asked, headers: lines, done };
  }

  #read(exchange: Exchange): void {
    const began = this.#parts.account.begin();
    this.#handle(exchange, undefined, began);
  }

  async #write(exchange: Exchange): Promise<void> {
    const { req, state, operation } = exchange;
    const began = this.#parts.account.begin();
    let body: Body | undefined;
    try {
      body = bodyOf(await readSmall(req, state), typeOf(req.headers, operation), operation);
    } catch (thrown) {
      this.#refuse(exchange, thrown, began);
      return;
    }
    this.#handle(exchange, body, began);
  }

  #handle(exchange: Exchange, body: Body | undefined, began: Milliseconds): void {
    const { operation } = exchange;
    const refuse = (thrown: unknown) => this.#refuse(exchange, withExample(thrown, operation.example), began);
    let reply: Reply | Promise<Reply>;
    try {
      reply = operation.handle(this.#callOf(exchange, body));
    } catch (thrown) {
      refuse(thrown);
      return;
    }
    if (reply instanceof Promise) reply.then(later => this.#reply(exchange, later, began), refuse);
    else this.#reply(exchange, reply, began);
  }

  #callOf({ req, res, state, operation, caller, asked }: Exchange, body: Body | undefined): Call {
    return {
      method: req.method ?? '',
      path: state.path,
      query: asked.query,
      repeated: asked.repeated,
      headers: req.headers,
      caller,
      origin: () => originOf(req, state, caller),
      key: asked.key,
      body,
      onGone: operation.waits === true ? goneOf(state, res) : undefined,
    };
  }

  #refuse(exchange: Exchange, thrown: unknown, began: Milliseconds): void {
    const { req, res, state } = exchange;
    const { method = '', headers } = req;
    const reply = this.#parts.account.refused(thrown, { method, accept: headers.accept, res, state });
    this.#reply(exchange, reply, began);
  }

  #reply(exchange: Exchange, reply: Reply, began: Milliseconds): void {
    const { req, res, state, headers, done } = exchange;
    const { account, isDraining, passOn } = this.#parts;
    state.body?.end();
    if (isLong(reply)) {
      res.once('close', () => done(isLast(res)));
      state.handled = { began, reply };
      passOn(req, res, state);
      return;
    }
    const drains = isDraining();
    const { status, body } = reply;
    const common = headers.length;
    addTo(headers, reply.headers);
    if (body !== null) headers.push('Content-Length', String(body.length));
    if (drains) headers.push('Connection', 'close');
    try {
      res.writeHead(status, headers);
    } catch (thrown) {
      // A header that cannot be sent is a defect of ours: this request's, and not the end of the process.
      headers.length = common;
      this.#refuse(exchange, thrown, began);
      return;
    }
    account.end(began, req.method ?? '', status, res, state);
    if (res.socket?.writable === true) {
      // With the headers in one write; as a Buffer it would be a second one.
      if (body === null || req.method === 'HEAD') res.end();
      else res.end(body, 'latin1');
    }
    // Behind a request that says it is the last one nothing is answered.
    const last = drains || !res.shouldKeepAlive;
    // What the socket has not taken yet waits for its reader, and the next request with it.
    if (res.socket !== null && res.socket.writableLength > 0) res.once('close', () => done(last));
    else done(last);
  }
}

/** Names and values in turn: the form of headers with which Node has the least to do. */
function addTo(lines: string[], headers: Headers): void {
  for (const name in headers) lines.push(name, headers[name] ?? '');
}
