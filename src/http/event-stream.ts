/**
 * A watch as Server-Sent Events (WHATWG HTML §9.2): how each event is written, and the stream that takes them to the
 * socket. An event is one `data:` line of JSON; only what a watcher may go on from has an `id:`.
 */
import { Readable } from 'node:stream';
import { fromUnicode } from '../json/bytes.js';
import { encodeString } from '../json/string.js';
import { WATCH_RETRY_MS, WATCH_RETRY_SPREAD_MS } from '../limits.js';
import { type ChangeId, formatChangeId, type JsonText, type Key } from '../model.js';
import type { Found } from '../service/state-walk.js';
import type { ShownChange, WatchWords } from '../service/watch-event.js';
import type { Watcher, WatchSink } from '../service/watcher.js';
import { inOneLine } from './transfer-line.js';

export const EVENTS_TYPE = 'text/event-stream';

/** Steps of the spread. */
const SPREAD_STEPS = 30;

export class EventWords implements WatchWords {
  readonly #first = bytesOf(`retry: ${WATCH_RETRY_MS}\n\n`);
  #farewells = 0;

  /** So that a browser knows at once that it is connected, and how to come back. */
  get first(): Buffer {
    return this.#first;
  }

  change(change: ShownChange, named: boolean): Buffer {
    const id = named ? `id: ${formatChangeId(change)}\n` : '';
    return bytesOf(`${id}data: ${jsonOf(change)}\n\n`);
  }

  document({ collection, key, entry }: Found): Buffer {
    return bytesOf(`data: ${putOf(collection, key, entry)}\n\n`);
  }

  /**
   * An empty id makes the client forget the one that it has. If the connection broke before the state is whole, it would
   * go on from there, and the rest of the state would be missing without a word.
   */
  reset(present: ChangeId, forget: boolean): Buffer {
    const id = forget ? 'id\n' : `id: ${formatChangeId(present)}\n`;
    return bytesOf(`event: reset\n${id}data: ${markOf(present)}\n\n`);
  }

  synced(present: ChangeId): Buffer {
    return bytesOf(`event: synced\nid: ${formatChangeId(present)}\ndata: ${markOf(present)}\n\n`);
  }

  /** Without data nobody is told, but who comes back after hours of silence has an id that is still in the window. */
  heartbeat(passed: ChangeId | null): Buffer {
    return bytesOf(passed === null ? ':\n\n' : `:\nid: ${formatChangeId(passed)}\n\n`);
  }

  farewell(): Buffer {
    this.#farewells = (this.#farewells + 1) % SPREAD_STEPS;
    const more = (this.#farewells * WATCH_RETRY_SPREAD_MS) / SPREAD_STEPS;
    return bytesOf(`retry: ${WATCH_RETRY_MS + more}\n\n`);
  }
}

/** Ends with its reader, and its reader with it. `begin` gets where the events go. */
export function eventStream(words: EventWords, begin: (sink: WatchSink) => Watcher): Readable {
  let isFull = false;
  const stream = new Readable({
    // It keeps nothing ahead of the socket: with any mark Node asks for more one tick after it was told to stop.
    highWaterMark: 0,
    read: () => {
      if (!isFull) return;
      isFull = false;
      watcher.resume();
    },
    destroy: (error, done) => {
      watcher.close();
      done(error);
    },
  });
  stream.push(words.first);
  const watcher = begin({
    push: bytes => {
      const takesMore = stream.push(bytes);
      // What the socket had no room for is not in the stream, but it is told to stop.
      isFull = !takesMore || stream.isPaused();
      return !isFull;
    },
    end: bytes => {
      stream.push(bytes);
      stream.push(null);
    },
    cut: () => void stream.destroy(),
  });
  return stream;
}

function jsonOf(change: ShownChange): string {
  const { collection, key, revision, version } = change;
  if (change.type === 'put') return putOf(collection, key, change);
  // With its history or without, it is gone.
  const reason = change.reason === 'purged' ? 'deleted' : change.reason;
  return `{"type":"delete","reason":"${reason}",${placeOf(collection, key, revision, version)}}`;
}

interface Value {
  readonly revision: number;
  readonly version: number;
  readonly text: JsonText;
}

function putOf(collection: string, key: Key, { revision, version, text }: Value): string {
  return `{"type":"put",${placeOf(collection, key, revision, version)},"value":${inOneLine(text)}}`;
}

function placeOf(collection: string, key: Key, revision: number, version: number): string {
  const where = `"collection":${encodeString(fromUnicode(collection))},"key":${encodeString(key)}`;
  return `${where},"revision":${revision},"version":${version}`;
}

function markOf(id: ChangeId): string {
  return `{"id":"${formatChangeId(id)}","revision":${id.revision}}`;
}

/** Byte strings, as everything that is stored (see model.ts). */
function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
