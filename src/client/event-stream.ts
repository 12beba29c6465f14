/**
 * The format of Server-Sent Events (WHATWG HTML §9.2.6), read as it comes: bytes in, whole events out, wherever the
 * bytes are cut. An event that the connection does not end is dropped, as the standard says: it was not sent whole.
 */
import { badAnswer } from './errors.js';
import { EVENT_CHARS_MAX } from './limits.js';

export interface StreamEvent {
  /** What `event:` names, or `message`. */
  readonly type: string;
  /** Undefined: an id came alone, which says from where to go on; a listener is told nothing. */
  readonly data: string | undefined;
  /** The `id:` of this event itself; undefined: it has none. */
  readonly id: string | undefined;
}

export class EventParser {
  /** Milliseconds, as the last `retry:` has them. */
  retryMs: number | undefined;
  /** The standard takes one byte order mark away, and so does the decoder. */
  readonly #decoder = new TextDecoder();
  #rest = '';
  /** What was read so far ends with CR: a LF behind it belongs to it. */
  #afterReturn = false;
  #type = '';
  #data: string[] = [];
  #chars = 0;
  #id: string | undefined;

  /** The events that these bytes complete. @throws CairnClientError `bad_answer` where one is too long to be ours */
  push(bytes: Uint8Array): readonly StreamEvent[] {
    const events: StreamEvent[] = [];
    for (const line of this.#lines(this.#decoder.decode(bytes, { stream: true }))) {
      if (line !== '') this.#field(line);
      else events.push(...this.#take());
    }
    if (this.#rest.length + this.#chars > EVENT_CHARS_MAX) throw badAnswer('An event is too long.');
    return events;
  }

  /** Ends are CR LF, LF and CR; a CR ends its line at once, whatever follows. */
  *#lines(text: string): Generator<string> {
    let from = 0;
    if (this.#afterReturn && text.startsWith('\n')) from = 1;
    if (text !== '') this.#afterReturn = text.endsWith('\r');
    const end = /\r\n|\r|\n/g;
    end.lastIndex = from;
    for (let match = end.exec(text); match !== null; match = end.exec(text)) {
      yield this.#rest + text.slice(from, match.index);
      this.#rest = '';
      from = end.lastIndex;
    }
    this.#rest += text.slice(from);
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (name === 'data') this.#addData(value);
    else if (name === 'event') this.#type = value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else if (name === 'retry' && /^\d{1,9}$/.test(value)) this.retryMs = Number(value);
  }

  #addData(value: string): void {
    this.#data.push(value);
    this.#chars += value.length + 1;
  }

  #take(): readonly StreamEvent[] {
    const event = {
      type: this.#type || 'message',
      data: this.#data.length > 0 ? this.#data.join('\n') : undefined,
      id: this.#id,
    };
    this.#type = '';
    this.#data = [];
    this.#chars = 0;
    this.#id = undefined;
    return event.data === undefined && event.id === undefined ? [] : [event];
  }
}
