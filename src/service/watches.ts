/**
 * All who watch and all who wait, on one subscription to the engine.
 *
 * A change costs its writer nothing here but a note that there is one. The pump goes over the changes afterwards, some
 * milliseconds a turn of the event loop: it takes them from the engine's window, a few at a time, finds who watches
 * them, and lets each hand on what it has before it takes more. So what waits here is bounded, and a reader that is as
 * fast as the network never meets the bound, however much is written. If the window moves on faster than the pump, its
 * watchers look for themselves what is left, and are told of a reset.
 *
 * What reads nothing is cut off at its bound (watcher.ts), or where all of that kind have one of their own, and nobody
 * waits for it.
 */
import type { Engine } from '../engine/engine.js';
import { CairnError } from '../errors.js';
import {
  WAITS_A_TURN,
  WATCH_BYTES,
  WATCH_CHANGES,
  WATCH_HEARTBEAT_MS,
  WATCH_LATE_ROUNDS_MAX,
  WATCH_OFFERS,
  WATCH_SLICE_BYTES,
  WATCH_SLICE_MS,
} from '../limits.js';
import type { Change, ChangeId, Milliseconds, Revision } from '../model.js';
import type { Clock, Timer } from '../platform/clock.js';
import type { Logger } from '../platform/logger.js';
import { hasChanged } from './changed.js';
import type { Interest } from './interest.js';
import { Waiter, type WaitOutcome } from './waiter.js';
import { WatchEvent, type WatchWords } from './watch-event.js';
import { WatchIndex } from './watch-index.js';
import { Watcher, type WatchHost, type WatchRequest, type WatchSink } from './watcher.js';

export interface WatchesOptions {
  /** Throws `loading` while there is none. */
  readonly engine: () => Engine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly words: WatchWords;
  /** Watches and waits at the same time. */
  readonly watchersMax: number;
  /** Bytes that may wait for all readers together that take nothing. */
  readonly bytesMax: number;
}

export interface WaitRequest {
  readonly interest: Interest;
  /** Null: from now on. */
  readonly since: ChangeId | Revision | null;
  readonly ms: Milliseconds;
  /** Calls back when the caller goes away. */
  readonly onGone: (listener: () => void) => void;
  /** False: the caller may not see this any more. */
  readonly isCurrent: () => boolean;
}

/** Since the start of the process. */
export interface WatchFigures {
  readonly streams: number;
  readonly waits: number;
  readonly events: number;
  readonly resets: number;
  /** Readers that were too slow, or might not go on. */
  readonly cut: number;
  /** Bytes that wait for readers that take nothing. */
  readonly held: number;
}

type Member = Watcher | Waiter;

/** They have their heartbeat in so many groups, so that not all have it at once. */
const BEATS = 15;

export class Watches {
  readonly #options: WatchesOptions;
  readonly #host: WatchHost;
  readonly #index = new WatchIndex<Member>();
  readonly #watchers = new Set<Watcher>();
  readonly #waiters = new Set<Waiter>();
  readonly #counts = { events: 0, resets: 0, cut: 0 };
  /** All changes up to this one were handed out. */
  #position: ChangeId = { epoch: 0, revision: 0 };
  /** Those that have something to do: of this round, from `#at` on, and of the next. */
  #round: Member[] = [];
  #at = 0;
  #next: Member[] = [];
  /** Whether, in this round, one whose reader takes all did not get all, and for how many rounds it was so. */
  #isLate = false;
  #lateRounds = 0;
  #isRunning = false;
  #isStopped = false;
  /** Null: nobody is here. */
  #unsubscribe: (() => void) | null = null;
  #timer: Timer | null = null;
  #beat = 0;
  #heldBytes = 0;
  /** Of large events that go out in pieces to readers that take them. */
  #spreadBytes = 0;
  /** Bytes that readers were given in this slice. */
  #givenBytes = 0;
  #grouped = 0;

  constructor(options: WatchesOptions) {
    const { words, engine, clock } = options;
    this.#options = options;
    this.#host = {
      words,
      engine,
      monotonic: () => clock.monotonic(),
      join: watcher => this.#index.add(watcher.interest, watcher),
      leave: watcher => this.#index.delete(watcher.interest, watcher),
      wake: watcher => this.#wake(watcher),
      closed: watcher => {
        this.#watchers.delete(watcher);
        this.#closeIfEmpty();
      },
      count: what => {
        this.#counts[what] += 1;
      },
      gave: bytes => {
        this.#givenBytes += bytes;
      },
      hold: bytes => {
        if (bytes > 0 && this.#heldBytes + bytes > this.#options.bytesMax) return false;
        this.#heldBytes += bytes;
        return true;
      },
      spread: bytes => {
        this.#spreadBytes += bytes;
      },
      // One always may: whoever is at one moves on, and without that the line would stand.
      maySpread: () => this.#spreadBytes === 0 || this.#spreadBytes < this.#options.bytesMax,
    };
  }

  get figures(): WatchFigures {
    return {
      streams: this.#watchers.size,
      waits: this.#waiters.size,
      held: this.#heldBytes,
      ...this.#counts,
    };
  }

  /** The last change there is: a watch since it misses nothing. */
  get present(): ChangeId {
    return this.#options.engine().present;
  }

  /** @throws CairnError `overloaded` */
  refuseTooMany(): void {
    if (this.#watchers.size + this.#waiters.size < this.#options.watchersMax) return;
    throw new CairnError('overloaded', 'There are as many watches and waits as there may be.', {
      hint: 'Try again later, watch more with one connection, or raise --max-watchers.',
    });
  }

  /** Begins to tell. `Watcher.close` ends it. */
  watch(request: WatchRequest, sink: WatchSink): Watcher {
    this.#open();
    const watcher = new Watcher(this.#host, request, sink, this.#grouped++ % BEATS);
    this.#watchers.add(watcher);
    if (this.#isStopped) watcher.stop();
    this.#wake(watcher);
    return watcher;
  }

  /**
   * Resolves when something of the interest changes: at once where it has already, or where that cannot be known.
   * @throws CairnError `overloaded`
   */
  async wait({ interest, since, ms, onGone, isCurrent }: WaitRequest): Promise<WaitOutcome> {
    const engine = this.#options.engine();
    if (since !== null && hasChanged(engine, interest, since)) return 'changed';
    if (this.#isStopped || ms === 0) return 'unchanged';
    this.refuseTooMany();
    this.#open();
    return new Promise(resolve => {
      const waiter: Waiter = new Waiter({
        interest,
        group: this.#grouped++ % BEATS,
        isCurrent,
        revision: engine.revision,
        wake: () => this.#wake(waiter),
        resolve: outcome => {
          timer.cancel();
          this.#index.delete(interest, waiter);
          this.#waiters.delete(waiter);
          this.#closeIfEmpty();
          resolve(outcome);
        },
      });
      const timer = this.#options.clock.setTimer(ms, () => waiter.settle('unchanged'));
      this.#waiters.add(waiter);
      this.#index.add(interest, waiter);
      onGone(() => waiter.settle('gone'));
    });
  }

  /** From now on all who wait are answered with what there is, and all who watch are told to come back. */
  stop(): void {
    this.#isStopped = true;
    for (const waiter of this.#waiters) waiter.settle('unchanged');
    for (const watcher of this.#watchers) watcher.stop();
  }

  /** Ends what did not take its end. */
  cut(): void {
    for (const watcher of this.#watchers) watcher.abandon();
  }

  #open(): void {
    if (this.#unsubscribe !== null) return;
    const engine = this.#options.engine();
    this.#position = engine.present;
    this.#unsubscribe = engine.subscribe(() => this.#start());
    this.#scheduleBeat();
  }

  #closeIfEmpty(): void {
    if (this.#watchers.size + this.#waiters.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    this.#timer?.cancel();
  }

  #scheduleBeat(): void {
    this.#timer = this.#options.clock.setTimer(WATCH_HEARTBEAT_MS / BEATS, () => {
      this.#beat = (this.#beat + 1) % BEATS;
      const bytes = this.#options.words.heartbeat(this.#position);
      for (const watcher of this.#watchers) {
        if (watcher.group === this.#beat) watcher.beat(this.#position, bytes);
      }
      for (const waiter of this.#waiters) if (waiter.group === this.#beat) waiter.beat();
      if (this.#unsubscribe !== null) this.#scheduleBeat();
    });
  }

  #wake(member: Member): void {
    if (member.isWaiting) return;
    member.isWaiting = true;
    this.#next.push(member);
    this.#start();
  }

  /** Never in the turn of who calls: that may be a writer. */
  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    do {
      await this.#options.clock.turn();
      this.#slice();
    } while (this.#hasWork());
    this.#isRunning = false;
  }

  #hasWork(): boolean {
    return this.#at < this.#round.length || this.#next.length > 0 || this.#isBehind();
  }

  #isBehind(): boolean {
    return this.#unsubscribe !== null && this.#options.engine().revision > this.#position.revision;
  }

  /** All that wait have their turn before more changes are handed out. */
  #slice(): void {
    const { clock } = this.#options;
    const end = clock.monotonic() + WATCH_SLICE_MS;
    this.#givenBytes = 0;
    for (let waits = 0; waits < WAITS_A_TURN && clock.monotonic() < end; ) {
      // They are written to the sockets only when this slice is over, in time that is not seen here.
      if (this.#givenBytes >= WATCH_SLICE_BYTES) return;
      const member = this.#round[this.#at];
      if (member === undefined) {
        const hasMoved = !this.#isWaitedFor() && this.#isBehind() && this.#distribute();
        [this.#round, this.#next, this.#at] = [this.#next, [], 0];
        if (!hasMoved && this.#round.length === 0) return;
        continue;
      }
      this.#at += 1;
      member.isWaiting = false;
      if (this.#serve(member)) {
        this.#wake(member);
        this.#isLate ||= member instanceof Watcher && member.isLate;
      }
      // What an answered wait leads to happens only when this turn is over.
      if (member instanceof Waiter) waits += 1;
    }
  }

  /** Those whose readers take all get all before there is more; they have as many rounds as that can need. */
  #isWaitedFor(): boolean {
    this.#lateRounds = this.#isLate ? this.#lateRounds + 1 : 0;
    this.#isLate = false;
    return this.#lateRounds > 0 && this.#lateRounds <= WATCH_LATE_ROUNDS_MAX;
  }

  /** A defect of one is none of the others. */
  #serve(member: Member): boolean {
    try {
      return member.serve();
    } catch (err) {
      this.#options.logger.error({ err }, 'a watch failed');
      if (member instanceof Watcher) member.cut();
      return false;
    }
  }

  /** Hands out some changes. */
  #distribute(): boolean {
    const engine = this.#options.engine();
    const changes = engine.changesAfter(this.#position, WATCH_CHANGES);
    if (changes === null) return this.#lose(engine.present);
    let [bytes, offers] = [0, 0];
    for (const change of changes) {
      const watching = this.#offer(change);
      this.#position = { epoch: change.epoch, revision: change.revision };
      offers += watching;
      if (watching > 0 && change.type === 'put') bytes += change.text.length;
      if (bytes >= WATCH_BYTES || offers >= WATCH_OFFERS) return true;
    }
    if (changes.length < WATCH_CHANGES) this.#position = engine.present;
    return true;
  }

  /** Returns how many watch it. */
  #offer(change: Change): number {
    const event = new WatchEvent(change, this.#options.words);
    let watching = 0;
    this.#index.each(change.collection, change.key, member => {
      watching += 1;
      if (member.offer(event)) this.#wake(member);
    });
    return watching;
  }

  /** More was written in a moment than the window holds. */
  #lose(present: ChangeId): boolean {
    for (const watcher of this.#watchers) watcher.lose(this.#position);
    for (const waiter of this.#waiters) waiter.settle('changed');
    this.#position = present;
    return true;
  }
}
