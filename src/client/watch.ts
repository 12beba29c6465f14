/**
 * Changes as they happen, as an async iterator that outlives its connections: after a cut it asks for what follows the
 * last change that it has given, so each change is given once, in the order of the revisions. Where the service does not
 * know what follows any more, a `reset` says so, and only then something may be missing.
 *
 * The first connection fails like every call. After it, failures that may pass are waited out for as long as somebody
 * iterates; a refusal (401, 403, 404 …) ends the iteration with its error.
 */
import { pause } from './clock.js';
import { storeSince } from './document.js';
import { badAnswer, CairnClientError } from './errors.js';
import { EventParser, type StreamEvent } from './event-stream.js';
import { type Decode, membersOf, numberOf, stringOf } from './json.js';
import { SILENCE_MS } from './limits.js';
import { delayOf, mayRepeat } from './retry.js';
import { networkError, type OpenAnswer, type Transport } from './transport.js';

export interface WatchOptions {
  readonly collection?: string | undefined;
  readonly key?: string | undefined;
  readonly prefix?: string | undefined;
  /** The last change that is known: the `since` of a document, of an export, or the `id` of an event. */
  readonly since?: string | number | undefined;
  /** What is there comes first, as puts without an id, then `synced`. */
  readonly initial?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds without a byte after which the connection counts as dead. */
  readonly silenceMs?: number | undefined;
}

interface Place {
  readonly collection: string;
  readonly key: string;
  readonly revision: number;
  readonly version: number;
  /** For `since`; undefined: it is a part of the state, which has no order. */
  readonly id: string | undefined;
}

export type WatchEvent<T = unknown> =
  | (Place & { readonly type: 'put'; readonly value: T })
  | (Place & { readonly type: 'delete'; readonly reason: 'deleted' | 'expired' | 'evicted' })
  /** The state is complete as of this change. */
  | { readonly type: 'synced'; readonly id: string }
  /**
   * What happened before this change is not known any more: read again what matters. With `initial` the state comes anew
   * behind it. Without an id: a state was cut off within, and begins anew.
   */
  | { readonly type: 'reset'; readonly id: string | undefined };

export async function* watch<T>(
  transport: Transport,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<T>, void, void> {
  const run = new Run(transport, options);
  for (let failures = 0; ; failures++) {
    const connection = await run.connect(failures);
    try {
      if (connection.isAnew) yield { type: 'reset', id: undefined };
      for await (const event of connection.events()) {
        failures = 0;
        const told = run.eventOf<T>(event);
        if (told !== undefined) yield told;
      }
    } catch (error) {
      run.refuseUnlessPassing(error);
    } finally {
      connection.close();
    }
  }
}

/** What one watch remembers from connection to connection. */
class Run {
  readonly #transport: Transport;
  readonly #options: WatchOptions;
  readonly #signal: AbortSignal;
  /** The last change that was given. */
  #last: string | undefined;
  /** Whether a part of the state was given, and not yet all of it. */
  #isWithinState = false;
  #retryMs: number | undefined;

  constructor(transport: Transport, options: WatchOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#signal = options.signal ?? new AbortController().signal;
  }

  /** Waits before it, if it is not the first; tries again after failures that may pass. */
  async connect(failures: number): Promise<Connection> {
    for (let failed = failures; ; failed++) {
      if (failed > 0) await pause(this.#transport.clock, this.#delayOf(failed), this.#signal);
      try {
        return await this.#open();
      } catch (error) {
        if (failed === 0) throw error;
        this.refuseUnlessPassing(error);
      }
    }
  }

  async #open(): Promise<Connection> {
    const { collection, key, prefix, initial, silenceMs = SILENCE_MS, signal } = this.#options;
    // A state that was cut off within begins anew: what it lacks would never come as a change.
    const isAnew = this.#isWithinState;
    if (isAnew) this.#last = undefined;
    const since = isAnew ? undefined : this.#options.since;
    const answer = await this.#transport.open({
      method: 'GET',
      path: '/watch',
      query: { collection, key, prefix, since, initial },
      headers: { accept: 'text/event-stream, application/problem+json', 'last-event-id': this.#last },
      options: { signal },
    });
    if (answer.headers.get('content-type')?.startsWith('text/event-stream') !== true) {
      answer.close();
      throw badAnswer('The answer is no stream of events.', answer.status);
    }
    // From now on: after a cut nothing of what happens until the first event may be missed.
    if (since === undefined && initial !== true) this.#last ??= storeSince(answer.headers);
    this.#isWithinState = false;
    return new Connection(answer, {
      silenceMs,
      clock: this.#transport.clock,
      isAnew,
      onRetry: ms => {
        this.#retryMs = ms;
      },
    });
  }

  /** Undefined: it is nothing to tell. */
  eventOf<T>({ type, data, id }: StreamEvent): WatchEvent<T> | undefined {
    // An empty one says to forget it: the state that follows has to be whole.
    if (id !== undefined) this.#last = id === '' ? undefined : id;
    if (data === undefined) return undefined;
    if (type === 'synced' || type === 'reset') {
      this.#isWithinState = false;
      return { type, id: stringOf(membersOf(data).get('id')) };
    }
    // Of a newer service.
    if (type !== 'message') return undefined;
    this.#isWithinState = id === undefined;
    return changeOf<T>(data, id, this.#transport.decode);
  }

  /** What may pass is passed over; the caller's own abort is no failure. */
  refuseUnlessPassing(error: unknown): void {
    this.#signal.throwIfAborted();
    if (!(error instanceof CairnClientError)) throw error;
    if (error.code !== 'timeout' && !mayRepeat(error, true)) throw error;
    if (error.retryAfterMs !== undefined) this.#retryMs = error.retryAfterMs;
  }

  #delayOf(failed: number): number {
    const { random } = this.#transport;
    const asked = this.#retryMs;
    this.#retryMs = undefined;
    return delayOf(failed, asked, random) ?? asked ?? 0;
  }
}

interface ConnectionParts {
  readonly silenceMs: number;
  readonly clock: Transport['clock'];
  /** Whether the state comes anew, a part of which was given. */
  readonly isAnew: boolean;
  readonly onRetry: (ms: number) => void;
}

class Connection {
  readonly isAnew: boolean;
  readonly #answer: OpenAnswer;
  readonly #parts: ConnectionParts;

  constructor(answer: OpenAnswer, parts: ConnectionParts) {
    this.isAnew = parts.isAnew;
    this.#answer = answer;
    this.#parts = parts;
  }

  /** Those of one connection, to its end. @throws CairnClientError `network` where it is cut, or silent for too long */
  async *events(): AsyncGenerator<StreamEvent, void, void> {
    const parser = new EventParser();
    const reader = this.#answer.body.getReader();
    for (;;) {
      const { done, value } = await this.#read(reader);
      if (value === undefined || done) return;
      yield* parser.push(value);
      if (parser.retryMs !== undefined) this.#parts.onRetry(parser.retryMs);
    }
  }

  close(): void {
    this.#answer.close();
  }

  /** Only while it is read does silence count: a caller may take his time for an event. */
  async #read(reader: ReadableStreamDefaultReader<Uint8Array>): ReturnType<typeof reader.read> {
    let isSilent = false;
    const cancel = this.#parts.clock.after(this.#parts.silenceMs, () => {
      isSilent = true;
      this.#answer.close();
    });
    try {
      return await reader.read();
    } catch (error) {
      if (!isSilent) throw networkError(error);
      const message = `Nothing came for ${this.#parts.silenceMs} ms, not even a heartbeat.`;
      throw new CairnClientError('network', message, { status: 0, cause: error });
    } finally {
      cancel();
    }
  }
}

function changeOf<T>(data: string, id: string | undefined, decode: Decode): WatchEvent<T> {
  const members = membersOf(data);
  const place: Place = {
    collection: stringOf(members.get('collection')),
    key: stringOf(members.get('key')),
    revision: numberOf(members.get('revision')),
    version: numberOf(members.get('version')),
    id,
  };
  const type = stringOf(members.get('type'));
  const value = members.get('value');
  if (type === 'put' && value !== undefined) return { ...place, type, value: decode(value) as T };
  if (type === 'delete') return { ...place, type, reason: reasonOf(stringOf(members.get('reason'))) };
  throw badAnswer("An event of the watch is none of Cairn's.");
}

function reasonOf(reason: string): 'deleted' | 'expired' | 'evicted' {
  if (reason === 'deleted' || reason === 'expired' || reason === 'evicted') return reason;
  throw badAnswer(`A key is gone for a reason that is not known: ${reason}.`);
}
