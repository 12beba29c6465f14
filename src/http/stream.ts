/**
 * An answer that goes out in parts: a part is asked for when the caller has taken those before it, so a slow caller costs
 * no more memory than one of them and what they are made of (answers.ts). What fails on the
 * way ends the connection in the middle of the answer, so that nobody takes a part for the whole.
 */
import { Readable } from 'node:stream';
import { EXPORT_CHUNK_BYTES } from '../limits.js';
import type { ByteString } from '../model.js';
import type { Clock } from '../platform/clock.js';
import type { Logger } from '../platform/logger.js';
import type { LongAnswer } from './answers.js';
import { slicesOf } from './chunks.js';
import type { Reply } from './route.js';
import type { Context } from './state.js';
import { requestFields } from './trace.js';

type Parts = AsyncIterable<ByteString>;

/** Whether it is kept for its reader; all else is given to the socket at once. */
export function isLong({ body, stream }: Reply): boolean {
  return stream !== undefined || (body !== null && body.length > EXPORT_CHUNK_BYTES);
}

/** Begins to ask for the parts when the headers go out; for HEAD never. */
export function sendStream(ctx: Context, { stream, held = 0 }: Reply, clock: Clock, logger: Logger): void {
  if (ctx.method === 'HEAD' || stream === undefined) return;
  give(ctx, held, answer => logged(watched(withTurns(stream, clock), answer), ctx, logger));
}

/** A body that is there already. */
export function sendLong(ctx: Context, body: ByteString, held = body.length): void {
  if (ctx.method !== 'HEAD') give(ctx, held, answer => watched(slicesOf(body), answer));
  ctx.length = body.length;
}

function give(ctx: Context, held: number, partsOf: (answer: LongAnswer) => AsyncIterable<Buffer>): void {
  const answer = ctx.state.connection.answers.begin(ctx.res, held);
  const body = Readable.from(partsOf(answer), { objectMode: false });
  // Koa ends it with the response, also where nobody has begun to read it.
  body.once('close', () => answer.end());
  ctx.body = body;
}

async function* watched(parts: Parts | Iterable<ByteString>, answer: LongAnswer): AsyncGenerator<Buffer> {
  for await (const part of parts) {
    answer.waits(part.length);
    try {
      yield Buffer.from(part, 'latin1');
    } finally {
      answer.moved();
    }
  }
}

/** A fast caller takes each part at once, and others would wait for the last one. */
async function* withTurns(parts: Parts, clock: Clock): AsyncGenerator<ByteString> {
  for await (const part of parts) {
    yield part;
    await clock.turn();
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
