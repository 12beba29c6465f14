/**
 * Files that the build puts beside the code, whole and in memory after their first use: a few, and of some MiB at most.
 * Only names that a route has in its table come here.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { systemCode } from '../errors.js';
import { ASSET_BYTES_MAX } from '../limits.js';
import type { ByteString } from '../model.js';
import type { Files } from '../platform/files.js';

export interface Asset {
  readonly bytes: ByteString;
  /** As ETag. */
  readonly tag: string;
}

export interface Assets {
  /** Null: it was not built. */
  read(name: string): Promise<Asset | null>;
}

/** Where nobody built. */
export const NO_ASSETS: Assets = { read: async () => null };

export class BuiltAssets implements Assets {
  readonly #files: Pick<Files, 'openForReading'>;
  readonly #directory: string;
  readonly #known = new Map<string, Asset>();

  constructor(files: Pick<Files, 'openForReading'>, directory: string) {
    this.#files = files;
    this.#directory = directory;
  }

  async read(name: string): Promise<Asset | null> {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const bytes = await this.#bytesOf(join(this.#directory, name));
    if (bytes === null) return null;
    const asset = assetOf(bytes);
    this.#known.set(name, asset);
    return asset;
  }

  async #bytesOf(path: string): Promise<ByteString | null> {
    try {
      const file = await this.#files.openForReading(path);
      try {
        const buffer = Buffer.alloc(Math.min((await file.stat()).size, ASSET_BYTES_MAX));
        let end = 0;
        for (let count = -1; count !== 0 && end < buffer.length; end += count) {
          count = await file.read(buffer.subarray(end), end);
        }
        return buffer.toString('latin1', 0, end);
      } finally {
        await file.close();
      }
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null;
      throw error;
    }
  }
}

/** Of what is made by the code itself. */
export function assetOf(bytes: ByteString): Asset {
  const digest = createHash('sha256').update(bytes, 'latin1').digest('base64url');
  return { bytes, tag: `"${digest.slice(0, 27)}"` };
}
