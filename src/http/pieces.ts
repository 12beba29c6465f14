/**
 * Bytes that come in pieces, however small, as one Buffer. A Buffer takes some hundred bytes beside what it holds, and
 * a client may send each byte as a chunk of its own; so no more than one is kept, and its room at most doubles what has
 * come. What comes in a single piece is not copied.
 */
const NONE = Buffer.alloc(0);

export class Pieces {
  readonly #bytesMax: number;
  readonly #hold: (bytes: number) => boolean;
  #room: Buffer = NONE;
  #bytes = 0;

  /**
   * `bytesMax`: what the caller refuses more than; no more room is made. `hold`: asked whether so many bytes may be kept,
   * before they are.
   */
  constructor(bytesMax: number = Number.POSITIVE_INFINITY, hold: (bytes: number) => boolean = () => true) {
    this.#bytesMax = bytesMax;
    this.#hold = hold;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** False: it may not be kept, and was not taken. */
  add(piece: Buffer): boolean {
    const bytes = this.#bytes + piece.length;
    const room = bytes > this.#room.length ? this.#roomFor(bytes) : this.#room.length;
    if (room > this.#room.length && !this.#hold(room)) return false;
    if (this.#bytes === 0) this.#room = piece;
    else {
      if (room > this.#room.length) this.#grow(room);
      piece.copy(this.#room, this.#bytes);
    }
    this.#bytes = bytes;
    return true;
  }

  /** All that came since the last time. */
  take(): Buffer {
    const taken = this.#room.subarray(0, this.#bytes);
    this.#room = NONE;
    this.#bytes = 0;
    return taken;
  }

  #roomFor(bytes: number): number {
    return Math.max(bytes, Math.min(2 * this.#room.length, this.#bytesMax));
  }

  /** A piece that came in has no room behind it, so it is never written to. */
  #grow(bytes: number): void {
    const room = Buffer.allocUnsafe(bytes);
    this.#room.copy(room, 0, 0, this.#bytes);
    this.#room = room;
  }
}
