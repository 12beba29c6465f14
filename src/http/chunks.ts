/** An answer that is made of many small parts, given out some KiB at a time: each that is, is a write to the socket. */
import { EXPORT_CHUNK_BYTES } from '../limits.js';
import type { ByteString } from '../model.js';

/** No more is made than what was asked for. */
export async function* inChunks(parts: Iterable<ByteString>): AsyncGenerator<ByteString> {
  let chunk = '';
  for (const part of parts) {
    chunk += part;
    if (chunk.length < EXPORT_CHUNK_BYTES) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}
