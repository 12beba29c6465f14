/**
 * An answer that goes out in parts: a part is asked for when the caller has taken those before it, so a slow caller costs
 * no more memory than one of them and what they are made of (answers.ts). What fails on the
 * way ends the connection in the middle of the answer, so that nobody takes a part for the whole.
 */
import { Readable } from 'node:stream';
import { EXPORT_CHUNK_BYTES } from '../limits.js';
import type { ByteString } from '../model.js';
import type { Logger } from '../platform/logger.js';
import type { Answers, LongAnswer } from './answers.js';
import { slicesOf } from './chunks.js';
import type { Reply } from './route.js';
import type { Context } from './state.js';
import { requestFields } from './trace.js';

type Parts = AsyncIterable<ByteString> | Iterable<ByteString>;

/** Whether it is kept for its reader; all else is given to the socket at once. */
export function isLong({ body, stream }: Reply): boolean {
  return stream !== undefined || (body !== null && body.length > EXPORT_CHUNK_BYTES);
}

/** Begins to ask for the parts when the headers go out; for HEAD never. */
export function sendStream(ctx: Context, { stream, held = 0 }: Reply, logger: Logger): void {
  if (ctx.method === 'HEAD' || stream === undefined) return;
  give(ctx, held, stream, parts => logged(parts, ctx, logger));
}

/** A body that is there already. */
export function sendLong(ctx: Context, body: ByteString, held = body.length): void {
  if (ctx.method !== 'HEAD') give(ctx, held, slicesOf(body), parts => parts);
  ctx.length = body.length;
}

type Wrap = (parts: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

function give(ctx: Context, held: number, parts: Parts, wrap: Wrap): void {
  const { answers } = ctx.state.connection;
  const answer = answers.begin(ctx.res, held);
  const body = Readable.from(wrap(paced(parts, answer, answers)), { objectMode: false });
  // Koa ends it with the response, also where nobody has begun to read it.
  body.once('close', () => answer.end());
  ctx.body = body;
}

/**
 * A fast caller takes each piece at once, and a thousand callers one each: others would wait for the last one. As long as a
 * piece of a part waits all of the part is kept.
 */
async function* paced(parts: Parts, answer: LongAnswer, answers: Answers): AsyncGenerator<Buffer> {
  // The first too: of callers who ask at the same time, all have theirs made in one turn else.
  await answers.turn();
  for await (const part of parts) {
    for (const piece of slicesOf(part)) {
      answer.waits(part.length);
      try {
        yield Buffer.from(piece, 'latin1');
      } finally {
        answer.moved();
      }
      await answers.turn();
    }
  }
}

async function* logged(parts: AsyncIterable<Buffer>, { state, res }: Context, logger: Logger) {
  try {
    yield* parts;
  } catch (err) {
    // A caller that goes away ends it with an error too.
    if (res.destroyed) throw err;
    logger.error({ ...requestFields(state), route: state.route, err }, 'an answer broke off');
    throw err;
  }
}
