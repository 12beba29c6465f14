/**
 * One that watches: a position in the order of changes, and what is to be told until it is there.
 *
 * It is `live` once it has passed all there is: changes are handed to it then, and wait in a queue that has a bound.
 * Before that it takes from the engine's window (`behind`), or from the store (`initial`), as its reader takes it from
 * there, so that a long past costs no memory. It becomes live in the turn in which nothing is left to take, so it
 * misses nothing and is told nothing twice.
 *
 * The state is taken page by page, and what changes meanwhile where it has been is told beside it, without an id. So
 * what was told up to `synced` is exactly the state of that change.
 */
import type { Engine } from '../engine/engine.js';
import { READER_PAUSE_MS, WATCH_BACKLOG_BYTES_MAX, WATCH_CHANGES, WATCH_CHUNK_BYTES } from '../limits.js';
import type { Change, ChangeId, Revision } from '../model.js';
import type { Interest } from './interest.js';
import { StateWalk } from './state-walk.js';
import { isShown, type WatchEvent, type WatchWords } from './watch-event.js';

/** Where events go. Its end, whoever brings it about, has to be told by `Watcher.close`. */
export interface WatchSink {
  /** False: it takes no more, and `Watcher.resume` has to be called when it does. */
  push(bytes: Buffer): boolean;
  /** The last bytes. */
  end(bytes: Buffer): void;
  /** Ends at once, whatever is on its way. */
  cut(): void;
}

export interface WatchRequest {
  readonly interest: Interest;
  /** The change, or the bare revision, after which it goes on; null: from the state that is there. */
  readonly since: ChangeId | Revision | null;
  /** Whether the state is told where there is no past to go on from. */
  readonly initial: boolean;
  /** False: the caller may not see this any more. */
  readonly isCurrent: () => boolean;
}

/** What all watchers have in common. */
export interface WatchHost {
  readonly words: WatchWords;
  engine(): Engine;
  monotonic(): number;
  /** From now on changes are handed to it. */
  join(watcher: Watcher): void;
  leave(watcher: Watcher): void;
  closed(watcher: Watcher): void;
  /** It has something to do. */
  wake(watcher: Watcher): void;
  count(what: 'events' | 'resets' | 'cut'): void;
  /** So many bytes are on their way. */
  gave(bytes: number): void;
  /** So many bytes more, or less, wait for readers that take nothing. False: there may be no more, and nothing has changed. */
  hold(bytes: number): boolean;
  /** So many bytes more, or less, of large events that go out in pieces. */
  spread(bytes: number): void;
  /** Whether one more of them may begin: each reader has its own, made from the state or the window. */
  maySpread(): boolean;
}

type Phase = 'initial' | 'behind' | 'live' | 'closed';

const NOTHING = Buffer.alloc(0);

export class Watcher {
  readonly interest: Interest;
  readonly group: number;
  /** Whether it is in the line of those that have something to do; kept by the host. */
  isWaiting = false;
  readonly #host: WatchHost;
  readonly #sink: WatchSink;
  readonly #initial: boolean;
  readonly #isCurrent: () => boolean;
  #phase: Phase;
  /** It has passed all changes up to this one. Of a live one: when it became live. */
  #position: ChangeId | Revision;
  #walk: StateWalk;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  /** What is handed on in pieces, and how many of its bytes are still to go. */
  #whole: Buffer = NOTHING;
  #rest = 0;
  /** What it has of the large events that go out in pieces. */
  #spreadBytes = 0;
  /** What it holds for a reader that takes nothing. */
  #heldBytes = 0;
  /** Since when its reader takes nothing; null: it does. */
  #blockedAt: number | null = null;
  #heartbeat: Buffer | null = null;
  #isEnding = false;
  /** It is over, and its sink is to be cut when it is served. */
  #isFallen = false;

  /** `group`: with whom it has its heartbeat. */
  constructor(host: WatchHost, request: WatchRequest, sink: WatchSink, group: number) {
    const { interest, since, initial, isCurrent } = request;
    this.#host = host;
    this.group = group;
    this.#sink = sink;
    this.interest = interest;
    this.#initial = initial;
    this.#isCurrent = isCurrent;
    this.#phase = since === null ? 'initial' : 'behind';
    this.#position = since ?? host.engine().present;
    this.#walk = new StateWalk(interest);
  }

  /** A change of what it watches. Returns whether there is something to do about it. */
  offer(event: WatchEvent): boolean {
    const { bytes, change } = event;
    if (this.#phase !== 'live' || bytes === null || change.revision <= revisionOf(this.#position))
      return false;
    // One that is larger than the bound passes where nothing waits before it.
    const isTooMuch = this.#queuedBytes > 0 && this.#queuedBytes + bytes.length > WATCH_BACKLOG_BYTES_MAX;
    if (isTooMuch || (this.#blockedAt !== null && !this.#hold(bytes.length))) {
      this.#fall();
      return true;
    }
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    this.#host.count('events');
    return this.#blockedAt === null;
  }

  /** Hands on a part of what there is. Returns whether there is more that would be taken. */
  serve(): boolean {
    if (this.#isFallen) return this.#land();
    if (this.#phase === 'closed') return false;
    if (this.#isEnding) return this.#end();
    if (this.#blockedAt !== null) return false;
    const piece = this.#piece();
    if (piece.length > 0 && !this.#sink.push(piece)) this.#block();
    // What has gone out is not kept until there is something else: that may take long.
    else if (this.#rest === 0) this.#whole = NOTHING;
    this.#host.gave(piece.length);
    return this.#blockedAt === null && (this.#phase !== 'live' || this.#hasMore);
  }

  /** Whether more changes would come before those that it was handed have gone on their way, though its reader takes them. */
  get isLate(): boolean {
    return this.#phase === 'live' && this.#blockedAt === null && this.#hasMore;
  }

  /** Its reader takes more. */
  resume(): void {
    if (this.#blockedAt === null) return;
    this.#blockedAt = null;
    this.#letGo();
    if (this.#rest > 0) this.#spread(this.#whole.length);
    else this.#whole = NOTHING;
    if (this.#phase !== 'live' || this.#hasMore) this.#host.wake(this);
  }

  /** `passed`: all changes up to this one were handed out. */
  beat(passed: ChangeId, bytes: Buffer): void {
    const now = this.#host.monotonic();
    if (!this.#isCurrent() || (this.#blockedAt !== null && now - this.#blockedAt >= READER_PAUSE_MS)) {
      this.cut();
      return;
    }
    if (this.#blockedAt !== null || this.#hasMore) return;
    const hasPassed = this.#phase === 'live' && passed.revision >= revisionOf(this.#position);
    this.#heartbeat = hasPassed ? bytes : this.#host.words.heartbeat(null);
    this.#host.wake(this);
  }

  /** Changes behind this one were lost on the way: it has to look for them itself. */
  lose(position: ChangeId): void {
    if (this.#phase !== 'live') return;
    this.#host.leave(this);
    this.#phase = 'behind';
    if (position.revision > revisionOf(this.#position)) this.#position = position;
    this.#host.wake(this);
  }

  /** The service stops. */
  stop(): void {
    this.#isEnding = true;
    this.#host.wake(this);
  }

  /** It was too slow, or may not go on. */
  cut(): void {
    if (this.#phase === 'closed') return;
    this.#host.count('cut');
    this.abandon();
  }

  /** Ends at once, whatever is on its way. */
  abandon(): void {
    this.#silence();
    this.#sink.cut();
  }

  /** Nobody reads any more. */
  close(): void {
    this.#silence();
    this.#host.closed(this);
  }

  /** One change may be too much for a thousand readers: all of them are not cut in one turn. */
  #fall(): void {
    this.#host.count('cut');
    this.#silence();
    this.#isFallen = true;
  }

  #land(): false {
    this.#isFallen = false;
    this.#sink.cut();
    // To close a connection takes about as long as a piece does, and later than anybody looks here.
    this.#host.gave(WATCH_CHUNK_BYTES);
    return false;
  }

  /** The reader takes no more: what is on its way to it, and what waits behind that, stays in memory. */
  #block(): void {
    this.#blockedAt = this.#host.monotonic();
    this.#spread(0);
    if (this.#hold(this.#whole.length + this.#queuedBytes)) return;
    this.#fall();
    this.#land();
  }

  #hold(bytes: number): boolean {
    if (!this.#host.hold(bytes)) return false;
    this.#heldBytes += bytes;
    return true;
  }

  #spread(bytes: number): void {
    if (bytes === this.#spreadBytes) return;
    this.#host.spread(bytes - this.#spreadBytes);
    this.#spreadBytes = bytes;
  }

  #letGo(): void {
    this.#host.hold(-this.#heldBytes);
    this.#heldBytes = 0;
  }

  #silence(): void {
    this.#phase = 'closed';
    this.#letGo();
    this.#spread(0);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#whole = NOTHING;
    this.#rest = 0;
    this.#host.leave(this);
  }

  /** Whoever takes nothing is not waited for; what it has missed is still there when it comes back. */
  #end(): false {
    const isTaking = this.#blockedAt === null;
    const rest = this.#whole.subarray(this.#whole.length - this.#rest);
    this.#silence();
    if (isTaking) this.#sink.end(Buffer.concat([rest, this.#host.words.farewell()]));
    else this.#sink.cut();
    return false;
  }

  /**
   * A large event goes out piece by piece: as one it would take its time from others with every bit of room that its
   * reader makes. All of it is kept as long as a piece is, so of all readers only some are at such a one; the others stay
   * in the line. Who is at one moves on or blocks, so there is room again.
   */
  #piece(): Buffer {
    if (this.#rest === 0) {
      if (this.#phase !== 'live' && !this.#host.maySpread()) return NOTHING;
      this.#whole = this.#take();
      this.#rest = this.#whole.length;
    }
    const size = this.#rest < 2 * WATCH_CHUNK_BYTES ? this.#rest : WATCH_CHUNK_BYTES;
    const at = this.#whole.length - this.#rest;
    this.#rest -= size;
    this.#spread(this.#rest === 0 ? 0 : this.#whole.length);
    return size === this.#whole.length ? this.#whole : this.#whole.subarray(at, at + size);
  }

  get #hasMore(): boolean {
    return this.#rest > 0 || this.#queue.length > 0;
  }

  #take(): Buffer {
    const heartbeat = this.#heartbeat;
    this.#heartbeat = null;
    if (this.#queue.length > 0) return this.#fromQueue();
    if (this.#phase === 'behind') return this.#fromWindow();
    if (this.#phase === 'initial') return this.#fromState();
    return heartbeat ?? NOTHING;
  }

  #fromQueue(): Buffer {
    const part = new Part();
    let taken = 0;
    for (const bytes of this.#queue) {
      if (part.isFull) break;
      part.add(bytes);
      taken += 1;
    }
    this.#queue = taken === this.#queue.length ? [] : this.#queue.slice(taken);
    this.#queuedBytes -= part.bytes;
    return part.whole();
  }

  /** What it has missed, with ids; then it is live. */
  #fromWindow(): Buffer {
    const part = new Part();
    const isUp = this.#catchUp(change => {
      if (!isShown(change) || !this.interest.sees(change.collection, change.key)) return true;
      part.add(this.#host.words.change(change, true));
      this.#host.count('events');
      return !part.isFull;
    });
    if (isUp === null) return this.#reset();
    if (isUp) this.#goLive();
    return part.whole();
  }

  /** A page of the state, behind what has changed in the pages before; at last `synced`, and then it is live. */
  #fromState(): Buffer {
    const { words, engine } = this.#host;
    const part = new Part();
    const isUp = this.#catchUp(change => {
      if (!isShown(change) || !this.#walk.hasPassed(change.collection, change.key)) return true;
      part.add(words.change(change, false));
      return !part.isFull;
    });
    if (isUp === null) return this.#reset();
    if (!isUp || part.isFull) return part.whole();
    this.#walk.next(engine(), found => {
      part.add(words.document(found));
      return !part.isFull;
    });
    if (!this.#walk.isDone) return part.whole();
    part.add(words.synced(engine().present));
    this.#goLive();
    return part.whole();
  }

  /**
   * Moves over the changes that it has not passed, until `pass` says that it was enough. True: there are no more, in
   * this turn. Null: they are not there any more.
   */
  #catchUp(pass: (change: Change) => boolean): boolean | null {
    const engine = this.#host.engine();
    const changes = engine.changesAfter(this.#position, WATCH_CHANGES);
    if (changes === null) return null;
    for (const [i, change] of changes.entries()) {
      this.#position = { epoch: change.epoch, revision: change.revision };
      if (!pass(change)) return i === changes.length - 1 && changes.length < WATCH_CHANGES;
    }
    if (changes.length === WATCH_CHANGES) return false;
    this.#position = engine.present;
    return true;
  }

  #reset(): Buffer {
    this.#host.count('resets');
    const { present } = this.#host.engine();
    this.#position = present;
    if (this.#initial || this.#phase === 'initial') {
      this.#phase = 'initial';
      this.#walk = new StateWalk(this.interest);
    } else this.#goLive();
    return this.#host.words.reset(present, this.#phase === 'initial');
  }

  #goLive(): void {
    this.#phase = 'live';
    this.#host.join(this);
  }
}

/** Bytes for the socket, as many as go at once. */
class Part {
  bytes = 0;
  readonly #pieces: Buffer[] = [];

  get isFull(): boolean {
    return this.bytes >= WATCH_CHUNK_BYTES;
  }

  add(piece: Buffer): void {
    this.#pieces.push(piece);
    this.bytes += piece.length;
  }

  /** A single piece is not copied: all that watch the same share it. */
  whole(): Buffer {
    const [first = NOTHING] = this.#pieces;
    return this.#pieces.length < 2 ? first : Buffer.concat(this.#pieces, this.bytes);
  }
}

function revisionOf(position: ChangeId | Revision): Revision {
  return typeof position === 'number' ? position : position.revision;
}
