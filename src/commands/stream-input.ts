/** A stream that is read like a file, once and from its beginning. */
import type { Readable } from '../snapshot/reader.js';

export class StreamInput implements Readable {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #position = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    if (position !== this.#position) throw new TypeError('A stream is read from its beginning to its end.');
    while (this.#chunk.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return 0;
      this.#chunk = next.value;
    }
    const taken = this.#chunk.subarray(0, buffer.length);
    buffer.set(taken);
    this.#chunk = this.#chunk.subarray(taken.length);
    this.#position += taken.length;
    return taken.length;
  }
}
