/** Lines of JSON, as an export and an import have them, to and from streams of bytes. */
import { IMPORT_CHUNK_CHARS } from './limits.js';

/** The lines of a stream, without empty ones. What is read is read on demand. */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunksOf(stream)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield line;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}

/** Not every browser can iterate a stream. Whoever stops reading cancels it. */
export async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const reader = stream.getReader();
  let isOver = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      isOver = done;
      if (value === undefined) return;
      yield value;
    }
  } finally {
    // What the service still has to say is of no use; an error of the connection has been thrown already.
    if (!isOver) await reader.cancel().catch(() => {});
  }
}

/** One text a line, made while it is sent. */
export function streamOf<T>(
  items: Iterable<T> | AsyncIterable<T>,
  textOf: (item: T) => string,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const chunks = chunksFrom(items, textOf);
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await chunks.return();
    },
  });
}

async function* chunksFrom<T>(
  items: Iterable<T> | AsyncIterable<T>,
  textOf: (item: T) => string,
): AsyncGenerator<string, void, undefined> {
  let chunk = '';
  for await (const item of items) {
    chunk += `${textOf(item)}\n`;
    if (chunk.length < IMPORT_CHUNK_CHARS) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}
