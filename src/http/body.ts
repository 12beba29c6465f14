/**
 * The bounded reader of bodies. Type, charset, encoding and Content-Length are looked at before the first byte is
 * read, and no more is kept than is allowed, of one body and of all that are on their way (budget.ts). The bytes are known
 * to be UTF-8 when they leave here, and nothing was decoded: `{"a":10.0}` goes on as it came.
 *
 * A body that was refused unread is dealt with in unread.ts.
 */
import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { CairnError } from '../errors.js';
import { BODY_BYTES_MAX, BODY_PAUSE_MS, BODY_SMALL_BYTES, IMPORT_HELD_BYTES } from '../limits.js';
import type { Clock } from '../platform/clock.js';
import type { Share } from './budget.js';
import { readFields } from './form.js';
import { type MediaType, parseMediaType } from './media-type.js';
import { Pieces } from './pieces.js';
import { type Body, type Operation, patchTypes } from './route.js';
import type { Context, RequestState } from './state.js';

const JSON_TYPE = 'application/json';
/** What `curl -d` says of everything. */
const FORM_TYPE = 'application/x-www-form-urlencoded';
const TEXT_TYPE = 'text/plain';
export const LINES_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'] as const;

/** The first byte that is not white space of JSON, if it is `{`. */
const BEGINS_AS_OBJECT = /^[ \t\r\n]*\{/;

/** @throws CairnError of the statuses 413, 415 and 400, and `overloaded` */
export async function readBody(ctx: Context, operation: Operation): Promise<Body | undefined> {
  if (operation.body === 'none') return refuseBody(ctx, operation);
  const type = typeOf(ctx.req.headers, operation);
  if (operation.body === 'lines') return holdLines(ctx);
  const buffer = await readBytes(ctx, operation.bytesMax ?? BODY_BYTES_MAX, tooLarge);
  return bodyOf(buffer, type, operation) ?? { type: 'form', fields: await readFields(ctx, buffer) };
}

/** Undefined: form fields. @throws CairnError `invalid_utf8` */
export function bodyOf(buffer: Buffer, type: string, operation: Operation): Body | undefined {
  if (!isUtf8(buffer)) throw new CairnError('invalid_utf8', 'The body is not UTF-8.');
  const bytes = buffer.toString('latin1');
  if (operation.body === 'patch') return { type: patchTypes.get(type) ?? 'merge', bytes };
  if (type === TEXT_TYPE) return { type: 'text', bytes };
  const isJson = type === JSON_TYPE || operation.body === 'value' || BEGINS_AS_OBJECT.test(bytes);
  return isJson ? { type: 'json', bytes } : undefined;
}

/**
 * Whether the body is one that `readSmall` reads: it says how long it is, may have room whatever else is on its way, and
 * is not to be invited. @throws CairnError as `typeOf`
 */
export function isPlain(req: IncomingMessage, operation: Operation): boolean {
  const { headers } = req;
  if (headers['transfer-encoding'] !== undefined || headers.expect !== undefined) return false;
  const length = Number(headers['content-length'] ?? 0);
  if (!(length > 0 && length <= BODY_SMALL_BYTES)) return false;
  return typeOf(headers, operation) !== FORM_TYPE || operation.body === 'value';
}

/** @throws CairnError `bad_request` where it ends too soon */
export function readSmall(req: IncomingMessage, state: RequestState): Promise<Buffer> {
  const share = state.connection.bodies.share();
  state.body = share;
  const bytesMax = Number(req.headers['content-length']);
  return collect(req, { bytesMax, share, refusal: () => tooLarge(bytesMax) });
}

export function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** RFC 9110 §10.1.1: a client of HTTP/1.0 does not wait, whatever it says. */
export function waitsForContinue({ headers, httpVersion }: IncomingMessage): boolean {
  return headers.expect?.toLowerCase() === '100-continue' && httpVersion === '1.1';
}

/**
 * A body that would be passed over is a mistake of the caller. An empty one is none: some clients send every
 * request chunked.
 */
async function refuseBody(ctx: Context, { example }: Operation): Promise<undefined> {
  if (hasBody(ctx.req.headers)) await readBytes(ctx, 0, () => unexpectedBody(example));
}

function unexpectedBody(example: string | undefined): CairnError {
  return new CairnError('bad_request', 'This call takes no body.', {
    hint: example ?? 'Leave the body out; what a reading call needs stands in the query.',
  });
}

function tooLarge(bytesMax: number): CairnError {
  const hint = bytesMax > BODY_BYTES_MAX ? { hint: 'Send it in parts.' } : {};
  return new CairnError('body_too_large', `The body has more than ${bytesMax} bytes.`, hint);
}

function refuseEncoding(headers: IncomingHttpHeaders): void {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity') return;
  throw new CairnError('unsupported_encoding', 'The body has a Content-Encoding.');
}

/**
 * As which of the types that the operation takes the body is read.
 * @throws CairnError `unsupported_encoding`, `unsupported_media_type`, `unsupported_charset`
 */
export function typeOf(headers: IncomingHttpHeaders, { body, text = false, example }: Operation): string {
  refuseEncoding(headers);
  const header = headers['content-type']?.trim() ?? '';
  const media: MediaType | undefined =
    header === '' ? { name: JSON_TYPE, charset: undefined } : parseMediaType(header);
  const own = { patch: patchTypes.keys(), lines: [...LINES_TYPES, JSON_TYPE] };
  const taken = [
    ...(body === 'patch' || body === 'lines' ? own[body] : [JSON_TYPE]),
    FORM_TYPE,
    ...(text ? [TEXT_TYPE] : []),
  ];
  if (media === undefined || !taken.includes(media.name)) throw wrongType(taken, body === 'patch', example);
  if (media.charset !== undefined && media.charset !== 'utf-8' && media.charset !== 'utf8') {
    throw new CairnError('unsupported_charset', 'The charset is not UTF-8.');
  }
  return media.name;
}

function wrongType(taken: readonly string[], patch: boolean, example: string | undefined): CairnError {
  const message = `The Content-Type is none of ${taken.join(', ')}.`;
  return new CairnError('unsupported_media_type', message, {
    ...(patch ? { acceptPatch: [...patchTypes.keys()] } : {}),
    ...(example === undefined ? {} : { hint: `Try: ${example}` }),
  });
}

type Refusal = (bytesMax: number) => CairnError;

/**
 * A body is counted as it comes, so that nobody holds room by announcing much and sending nothing. One that says its
 * length, and would find no room for it now, is refused before it is read.
 */
async function readBytes(ctx: Context, bytesMax: number, refusal: Refusal): Promise<Buffer> {
  const { req, res, state } = ctx;
  const length = Number(req.headers['content-length'] ?? 0);
  if (length > bytesMax) throw refusal(bytesMax);
  const share = state.connection.bodies.share();
  state.body = share;
  if (!share.fits(length)) throw tooManyBytes();
  inviteBody(req, res);
  return await collect(req, {
    bytesMax: length > 0 ? length : bytesMax,
    share,
    refusal: () => refusal(bytesMax),
  });
}

/** What is read as it comes is counted with as much as is held of it at most, until it is answered. */
function holdLines({ req, state }: Context): undefined {
  const share = state.connection.bodies.share();
  state.lines = share;
  const length = Number(req.headers['content-length'] ?? IMPORT_HELD_BYTES);
  if (!share.resize(Math.min(length, IMPORT_HELD_BYTES))) throw tooManyBytes();
}

function tooManyBytes(): CairnError {
  return new CairnError('overloaded', 'The bodies that are on their way have as many bytes as there may be.');
}

/**
 * A body that is handed on as it comes, for who does not keep it. No more is taken from the socket than is asked for.
 * It may take longer than any other request, but not stand still.
 * @throws CairnError `bad_request` where it ends too soon, `request_timeout`
 */
export async function* bodyChunks(
  { req, res }: Pick<Context, 'req' | 'res'>,
  clock: Clock,
): AsyncGenerator<Buffer> {
  const news = new News(req, clock);
  inviteBody(req, res);
  try {
    for (;;) {
      const chunk: Buffer | null = req.read();
      if (chunk !== null) yield chunk;
      else if (req.readableEnded) return;
      else if (req.destroyed) throw endedTooSoon();
      else if (!(await news.come())) throw stoodStill(res);
    }
  } finally {
    news.end();
    // What is left is nobody's, and the next request stands behind it.
    req.resume();
  }
}

/** That there is something new of a body, its end too. It listens once, however many chunks there are. */
class News {
  readonly #req: IncomingMessage;
  readonly #clock: Clock;
  #tell: () => void = () => {};
  readonly #listener = (): void => this.#tell();

  constructor(req: IncomingMessage, clock: Clock) {
    this.#req = req;
    this.#clock = clock;
    req.on('error', () => {});
    req.on('readable', this.#listener).on('end', this.#listener).on('close', this.#listener);
  }

  /** False: nothing came for too long. To be asked in the turn in which there was nothing to read. */
  come(): Promise<boolean> {
    return new Promise(resolve => {
      const timer = this.#clock.setTimer(BODY_PAUSE_MS, () => resolve(false));
      this.#tell = () => {
        timer.cancel();
        resolve(true);
      };
    });
  }

  end(): void {
    const listener = this.#listener;
    this.#req.off('readable', listener).off('end', listener).off('close', listener);
  }
}

function endedTooSoon(): CairnError {
  return new CairnError('bad_request', 'The body ended too soon.');
}

/** What is left of it, small as it may be, is not waited for once more. */
function stoodStill(res: ServerResponse): CairnError {
  if (!res.headersSent) res.setHeader('Connection', 'close');
  return new CairnError('request_timeout', `Nothing of the body came for ${BODY_PAUSE_MS} ms.`);
}

function inviteBody(req: IncomingMessage, res: ServerResponse): void {
  if (waitsForContinue(req)) res.writeContinue();
}

interface Collecting {
  readonly bytesMax: number;
  readonly share: Share;
  readonly refusal: () => CairnError;
}

function collect(req: IncomingMessage, { bytesMax, share, refusal }: Collecting): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces = new Pieces(bytesMax, room => share.resize(Math.max(room, share.bytes)));
    const settle = (settled: () => void) => {
      req.off('data', onData).off('end', onEnd).off('close', onClose);
      settled();
    };
    const onData = (chunk: Buffer) => {
      if (pieces.bytes + chunk.length > bytesMax) settle(() => reject(refusal()));
      else if (!pieces.add(chunk)) settle(() => reject(tooManyBytes()));
    };
    const onEnd = () => settle(() => resolve(pieces.take()));
    const onClose = () => settle(() => reject(endedTooSoon()));
    // Without a listener of its own, the error of a connection that went away would end the process.
    req.on('error', () => {});
    req.on('data', onData).on('end', onEnd).on('close', onClose);
    if (req.destroyed) onClose();
  });
}
