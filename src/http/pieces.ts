/**
 * Bytes that come in pieces, however small, as one Buffer. A Buffer takes some hundred bytes beside what it holds, and
 * a client may send each byte as a chunk of its own; so no more than one is kept, and its room at most doubles what has
 * come. What comes in a single piece is not copied.
 */
const NONE = Buffer.alloc(0);

export class Pieces {
  readonly #bytesMax: number;
  #room: Buffer = NONE;
  #bytes = 0;

  /** `bytesMax`: what the caller refuses more than; no more room is made. */
  constructor(bytesMax: number = Number.POSITIVE_INFINITY) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(piece: Buffer): void {
    const bytes = this.#bytes + piece.length;
    if (this.#bytes === 0) this.#room = piece;
    else {
      if (bytes > this.#room.length) this.#grow(bytes);
      piece.copy(this.#room, this.#bytes);
    }
    this.#bytes = bytes;
  }

  /** All that came since the last time. */
  take(): Buffer {
    const taken = this.#room.subarray(0, this.#bytes);
    this.#room = NONE;
    this.#bytes = 0;
    return taken;
  }

  /** A piece that came in has no room behind it, so it is never written to. */
  #grow(bytes: number): void {
    const room = Buffer.allocUnsafe(Math.max(bytes, Math.min(2 * this.#room.length, this.#bytesMax)));
    this.#room.copy(room, 0, 0, this.#bytes);
    this.#room = room;
  }
}
