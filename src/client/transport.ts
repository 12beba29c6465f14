/**
 * Calls over fetch: the URL, the token, the time that a call may take, its repetitions, and errors by their code.
 *
 * A call is repeated where that can do no harm: reads, and what has the same effect twice (`repeatable`), after any
 * failure that may pass; everything else only where the service says that it did nothing. A body that is a stream goes
 * once. One time-out counts for a call with all of its repetitions.
 */
import { type ClientClock, pause, type Random, systemClock, systemRandom } from './clock.js';
import { badAnswer, CairnClientError, errorOf } from './errors.js';
import type { Decode } from './json.js';
import { RETRIES, TIMEOUT_MS } from './limits.js';
import { delayOf, mayRepeat } from './retry.js';

export interface ClientOptions {
  /** Where the service is: `http://localhost:3000`, or with a path where a proxy puts it. */
  readonly url: string | URL;
  /** The bearer token, or what gives it: asked for each call, so that a rotated file works. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** Milliseconds for one call with all of its repetitions. */
  readonly timeoutMs?: number | undefined;
  /** How often a call may be repeated. */
  readonly retries?: number | undefined;
  /** What becomes of a stored text; `text => text` gives it as it is, a parser of big numbers keeps those. */
  readonly decode?: Decode | undefined;
  /** On every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly fetch?: typeof fetch | undefined;
  readonly clock?: ClientClock | undefined;
  readonly random?: Random | undefined;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; Infinity: as long as it takes. */
  readonly timeoutMs?: number | undefined;
}

/** A parameter that is undefined or false is left out; true stands alone; of a list each stands for itself. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface Ask {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Query;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string | ReadableStream<Uint8Array> | undefined;
  /** Whether a second time does no harm. Absent: of GET only. */
  readonly repeatable?: boolean;
  /** Whether it is never repeated, whatever happens. */
  readonly once?: boolean;
  /** Whether an answer that nothing is there is one, with its status of 404, and no error. */
  readonly mayBeAbsent?: boolean;
  /** Milliseconds that the service is asked to wait, beyond what a call takes. */
  readonly waitsMs?: number;
  readonly options?: CallOptions | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** An answer that is read as it comes. Whoever has it closes it. */
export interface OpenAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array>;
  close(): void;
}

/** A path or collection that is not there is none of these: that is a mistake. */
const ABSENT: ReadonlySet<string> = new Set(['key_not_found', 'member_not_found', 'version_not_found']);

/** With it every error has its code, those too that are worded as another service has them. */
const ACCEPT = 'application/problem+json, application/json;q=0.9, */*;q=0.8';

export class Transport {
  readonly clock: ClientClock;
  readonly random: Random;
  readonly decode: Decode;
  readonly #base: string;
  readonly #token: ClientOptions['token'];
  readonly #timeoutMs: number;
  readonly #retries: number;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fetch: typeof fetch;

  constructor(options: ClientOptions) {
    this.#base = String(new URL(options.url)).replace(/\/+$/, '');
    this.#token = options.token;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#retries = options.retries ?? RETRIES;
    this.#headers = options.headers ?? {};
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.decode = options.decode ?? ((text: string): unknown => JSON.parse(text));
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom;
  }

  /** The answer as a whole. @throws CairnClientError */
  async send(ask: Ask): Promise<Answer> {
    const limit = this.#limitOf(ask);
    try {
      return await this.#attempts(ask, limit, async ({ status, headers, text }) => {
        return { status, headers, text: await text() };
      });
    } finally {
      limit.close();
    }
  }

  /** The answer as it comes: the time-out ends with its head, the caller's signal with `close`. */
  async open(ask: Ask): Promise<OpenAnswer> {
    const limit = this.#limitOf(ask);
    try {
      return await this.#attempts(ask, limit, async ({ status, headers, stream }) => {
        if (stream === null) throw badAnswer('The answer has no body.', status);
        limit.stopTimer();
        return { status, headers, body: stream, close: () => limit.close() };
      });
    } catch (error) {
      limit.close();
      throw error;
    }
  }

  #limitOf({ options = {}, waitsMs = 0 }: Ask): CallLimit {
    return new CallLimit(this.clock, (options.timeoutMs ?? this.#timeoutMs) + waitsMs, options.signal);
  }

  async #attempts<T>(ask: Ask, limit: CallLimit, read: (response: Got) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const token = await this.#tokenNow();
      try {
        return await this.#attempt(ask, token, limit, read);
      } catch (error) {
        if (!(error instanceof CairnClientError)) throw error;
        error.attempts = attempt;
        await this.#beforeNext(error, ask, attempt, { limit, token });
      }
    }
  }

  /** Waits for the time of the next attempt, or throws where there is none. */
  async #beforeNext(
    error: CairnClientError,
    ask: Ask,
    attempt: number,
    { limit, token }: { readonly limit: CallLimit; readonly token: string | undefined },
  ): Promise<void> {
    if (ask.once === true || ask.body instanceof ReadableStream) throw error;
    if (error.status === 401 && !limit.renewed) {
      // The file was rotated between the reading and the call.
      if (typeof this.#token !== 'function' || (await this.#tokenNow()) === token) throw error;
      limit.renewed = true;
      return;
    }
    const repeatable = ask.repeatable ?? ask.method === 'GET';
    if (attempt > this.#retries || !mayRepeat(error, repeatable)) throw error;
    const ms = delayOf(attempt, error.retryAfterMs, this.random);
    if (ms === undefined || ms >= limit.endsAt - this.clock.now()) throw error;
    try {
      await pause(this.clock, ms, limit.signal);
    } catch (thrown) {
      throw limit.explained(thrown);
    }
  }

  async #attempt<T>(
    ask: Ask,
    token: string | undefined,
    limit: CallLimit,
    read: (response: Got) => Promise<T>,
  ): Promise<T> {
    // Made before it is sent: a header that cannot be sent is a mistake of the caller, and no failure of the network.
    const request = new Request(this.#urlOf(ask), this.#initOf(ask, token));
    const { signal } = limit;
    try {
      const response = await this.#fetch(request, { signal });
      const { status, headers, body, ok } = response;
      if (ok || status === 304)
        return await read({ status, headers, stream: body, text: () => response.text() });
      const error = await errorOf(response, this.clock.now());
      if (ask.mayBeAbsent !== true || !ABSENT.has(error.code)) throw error;
      return await read({ status, headers, stream: null, text: async () => '' });
    } catch (thrown) {
      throw limit.explained(thrown);
    }
  }

  #urlOf({ path, query = {} }: Ask): string {
    const words = Object.entries(query).flatMap(([name, value]) => {
      if (value === undefined || value === false) return [];
      if (value === true) return [name];
      const values = typeof value === 'object' ? value : [String(value)];
      return values.map(one => `${name}=${encodeURIComponent(one)}`);
    });
    return `${this.#base}${path}${words.length === 0 ? '' : `?${words.join('&')}`}`;
  }

  #initOf({ method, headers = {}, body }: Ask, token: string | undefined): RequestInit {
    const given = Object.entries({ accept: ACCEPT, ...this.#headers, ...headers }).flatMap(
      ([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]]),
    );
    if (token !== undefined) given.push(['authorization', `Bearer ${token}`]);
    const init: RequestInit = { method, headers: given };
    if (body === undefined) return init;
    // A body that is a stream goes out while the answer is not there yet, which fetch wants to be told.
    return Object.assign(init, { body }, body instanceof ReadableStream ? { duplex: 'half' } : {});
  }

  async #tokenNow(): Promise<string | undefined> {
    const given = typeof this.#token === 'function' ? await this.#token() : this.#token;
    return given?.trim();
  }
}

/** What is needed of a response, whose methods do not work on a copy. */
interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly stream: ReadableStream<Uint8Array> | null;
  text(): Promise<string>;
}

/** How long a call may take, and whether somebody still wants it. */
class CallLimit {
  readonly endsAt: number;
  /** Whether another token has been tried. */
  renewed = false;
  readonly #controller = new AbortController();
  readonly #given: AbortSignal | undefined;
  readonly #stopTimer: () => void;
  readonly #abort = (): void => this.#controller.abort(this.#given?.reason);
  #late = false;

  constructor(clock: ClientClock, timeoutMs: number, given: AbortSignal | undefined) {
    this.endsAt = clock.now() + timeoutMs;
    this.#given = given;
    const late = (): void => {
      this.#late = true;
      this.#controller.abort();
    };
    this.#stopTimer = Number.isFinite(timeoutMs) ? clock.after(timeoutMs, late) : () => {};
    if (given?.aborted === true) this.#abort();
    given?.addEventListener('abort', this.#abort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  stopTimer(): void {
    this.#stopTimer();
  }

  /** Ends what still runs. */
  close(): void {
    this.#stopTimer();
    this.#given?.removeEventListener('abort', this.#abort);
    this.#controller.abort();
  }

  /** What the caller is told: his own reason, the time that is over, what the service said, or that no answer came. */
  explained(thrown: unknown): unknown {
    if (this.#given?.aborted === true) return this.#given.reason;
    if (thrown instanceof CairnClientError) return thrown;
    const parts = { status: 0, cause: thrown };
    if (this.#late) return new CairnClientError('timeout', 'The time for the call is over.', parts);
    return networkError(thrown);
  }
}

/** fetch throws a TypeError for the network's sake; what else is thrown is a mistake, and shown as it is. */
export function networkError(thrown: unknown): unknown {
  if (!(thrown instanceof TypeError) && !(thrown instanceof Error && thrown.name === 'AbortError'))
    return thrown;
  const { cause } = thrown;
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  return new CairnClientError('network', `No answer came${why}`, { status: 0, cause: thrown });
}
