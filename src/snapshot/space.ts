/**
 * Watches the free space of the volume, so that growth is refused while there is still room for what was answered
 * already, for deletions and for a smaller base: on a volume that is full nothing of that can be done.
 *
 * It is looked at before a line is written, when the last look is old or much was written since for the reserve, and
 * every second while there is too little. Nothing looks while nothing is written. There is enough again at twice the reserve, so
 * that writes do not come and go. A volume that does not tell its space has enough: its ENOSPC comes all the same.
 */
import { SPACE_CHECK_BYTES, SPACE_CHECK_MS, SPACE_RESERVE_BYTES, SPACE_RESERVE_SHARE } from '../limits.js';
import type { Milliseconds } from '../model.js';
import type { Clock, Timer } from '../platform/clock.js';
import type { Files, VolumeSpace } from '../platform/files.js';
import type { StorageProblem } from './outage.js';

const MIB = 1024 * 1024;

export interface SpaceOptions {
  readonly files: Files;
  readonly directory: string;
  readonly clock: Clock;
}

export class Space {
  readonly #options: SpaceOptions;
  /** Called when the next look is due while there is too little. */
  readonly #onDue: () => void;
  #found: VolumeSpace = { free: Number.POSITIVE_INFINITY, total: Number.POSITIVE_INFINITY };
  #problem: StorageProblem | null = null;
  #lookedAt: Milliseconds = Number.NEGATIVE_INFINITY;
  #written = 0;
  #timer: Timer | null = null;
  #timerOver = false;

  constructor(options: SpaceOptions, onDue: () => void) {
    this.#options = options;
    this.#onDue = onDue;
  }

  /** Why growth is refused; null: it is not. */
  get problem(): StorageProblem | null {
    return this.#problem;
  }

  /** Bytes that are kept for what is no growth. */
  get reserve(): number {
    return Math.min(SPACE_RESERVE_BYTES, this.#found.total * SPACE_RESERVE_SHARE);
  }

  /** Bytes that were free when it was last looked, less what was written since. */
  get free(): number {
    return this.#found.free - this.#written;
  }

  /** Of the volume; null where it does not tell. */
  get volume(): { readonly freeBytes: number; readonly totalBytes: number } | null {
    const { total } = this.#found;
    return total === Number.POSITIVE_INFINITY
      ? null
      : { freeBytes: Math.max(0, this.free), totalBytes: total };
  }

  /** Bytes that may wait in memory for a line: half of the reserve stays for deletions. */
  get roomToGrow(): number {
    return Math.max(0, this.free - this.reserve / 2);
  }

  /** The same where deletions alone come: however little is left, a part of it is theirs. */
  get roomToDelete(): number {
    return Math.max(0, this.free / 2, this.free - this.reserve / 4);
  }

  /** Whether a look is due before the next line. */
  get stale(): boolean {
    const age = this.#options.clock.monotonic() - this.#lookedAt;
    return age >= SPACE_CHECK_MS || this.#written >= Math.min(SPACE_CHECK_BYTES, this.reserve / 4);
  }

  /** Whether a look is due though nothing is written. */
  get due(): boolean {
    return this.#timerOver;
  }

  wrote(bytes: number): void {
    this.#written += bytes;
  }

  async look(): Promise<void> {
    const { files, directory, clock } = this.#options;
    this.cancel();
    this.#timerOver = false;
    this.#lookedAt = clock.monotonic();
    this.#found = await files.space(directory).catch(() => ({
      free: Number.POSITIVE_INFINITY,
      total: Number.POSITIVE_INFINITY,
    }));
    this.#written = 0;
    this.#judge();
    if (this.#problem === null) return;
    this.#timer = clock.setTimer(SPACE_CHECK_MS, () => {
      this.#timerOver = true;
      this.#onDue();
    });
  }

  /** No look comes by itself any more. */
  cancel(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #judge(): void {
    const { free } = this.#found;
    const enough = this.#problem === null ? this.reserve : 2 * this.reserve;
    if (free >= enough) {
      this.#problem = null;
      return;
    }
    const [has, needs] = [free, enough].map(bytes => (bytes / MIB).toFixed(1));
    const message = `The volume of the snapshots is nearly full: ${has} MiB are free, and growth needs ${needs}.`;
    this.#problem = { code: 'storage_full', message };
  }
}
