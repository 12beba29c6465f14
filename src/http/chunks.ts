/** An answer that is made of many parts, given out some KiB at a time: each that is, is a write to the socket. */
import { EXPORT_CHUNK_BYTES } from '../limits.js';
import type { ByteString } from '../model.js';

/** Small parts go out together, and large ones in pieces. No more is made than what was asked for. */
export async function* inChunks(parts: Iterable<ByteString>): AsyncGenerator<ByteString> {
  let chunk = '';
  for (const part of parts) {
    if (part.length > EXPORT_CHUNK_BYTES) {
      if (chunk !== '') yield chunk;
      chunk = '';
      yield* slicesOf(part);
      continue;
    }
    chunk += part;
    if (chunk.length < EXPORT_CHUNK_BYTES) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}

/** Views of it: nothing is copied. */
export function* slicesOf(bytes: ByteString): Generator<ByteString> {
  for (let at = 0; at < bytes.length; at += EXPORT_CHUNK_BYTES)
    yield bytes.slice(at, at + EXPORT_CHUNK_BYTES);
}
