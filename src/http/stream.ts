/**
 * An answer that is made while it is read: a part goes out when the caller has taken those before it, so a slow
 * caller costs no memory. A caller that takes nothing for too long is cut off. What fails on the way ends the
 * connection in the middle of the answer, so that nobody takes a part for the whole.
 */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { READER_PAUSE_MS } from '../limits.js';
import type { ByteString } from '../model.js';
import type { Clock } from '../platform/clock.js';
import type { Logger } from '../platform/logger.js';
import type { Context } from './state.js';

type Parts = AsyncIterable<ByteString>;

/** Begins to ask for the parts when the headers go out; for HEAD never. */
export function sendStream(ctx: Context, parts: Parts, clock: Clock, logger: Logger): void {
  if (ctx.method === 'HEAD') return;
  ctx.body = Readable.from(logged(watched(parts, ctx.res, clock), ctx, logger), { objectMode: false });
}

async function* watched(parts: Parts, res: ServerResponse, clock: Clock): AsyncGenerator<Buffer> {
  for await (const part of parts) {
    const timer = clock.setTimer(READER_PAUSE_MS, () => res.destroy());
    try {
      yield Buffer.from(part, 'latin1');
    } finally {
      timer.cancel();
    }
    // A fast caller takes each part at once, and others would wait for the last one.
    await clock.turn();
  }
}

async function* logged(parts: AsyncIterable<Buffer>, { state }: Context, logger: Logger) {
  try {
    yield* parts;
  } catch (err) {
    logger.error({ id: state.requestId, route: state.route, err }, 'an answer broke off');
    throw err;
  }
}
