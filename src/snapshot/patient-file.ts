/**
 * A file on a device with bad places: where a read fails, what can be read around it is read in small pieces, and the
 * rest shows NULs, which no right line holds.
 */
import { CairnError, systemCode } from '../errors.js';
import { PATIENT_READ_BYTES } from '../limits.js';
import type { Readable } from './reader.js';

export class PatientFile implements Readable {
  readonly #file: Readable;

  constructor(file: Readable) {
    this.#file = file;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    try {
      return await this.#file.read(buffer, position);
    } catch (error) {
      if (error instanceof CairnError || systemCode(error) !== 'EIO') throw error;
      return this.#piece(buffer, position);
    }
  }

  /** One piece, up to the next multiple of its size, so that a bad place costs no more than itself. */
  async #piece(buffer: Uint8Array, position: number): Promise<number> {
    const length = PATIENT_READ_BYTES - (position % PATIENT_READ_BYTES);
    const piece = buffer.subarray(0, length);
    try {
      return await this.#file.read(piece, position);
    } catch (error) {
      if (systemCode(error) !== 'EIO') throw error;
      piece.fill(0);
      return piece.length;
    }
  }
}
