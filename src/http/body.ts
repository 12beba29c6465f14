/**
 * The bounded reader of bodies. Type, charset, encoding and Content-Length are looked at before the first byte is
 * read, and no more is kept than is allowed. The bytes are known to be UTF-8 when they leave here, and nothing was
 * decoded: `{"a":10.0}` goes on as it came.
 *
 * A body that was refused unread is dealt with in unread.ts.
 */
import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from 'koa';
import { CairnError } from '../errors.js';
import { BODY_BYTES_MAX, BODY_PAUSE_MS } from '../limits.js';
import type { Clock } from '../platform/clock.js';
import { readFields } from './form.js';
import { type MediaType, parseMediaType } from './media-type.js';
import { Pieces } from './pieces.js';
import { type Body, type Operation, patchTypes } from './route.js';

const JSON_TYPE = 'application/json';
/** What `curl -d` says of everything. */
const FORM_TYPE = 'application/x-www-form-urlencoded';
const TEXT_TYPE = 'text/plain';
const LINES_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'] as const;

/** The first byte that is not white space of JSON, if it is `{`. */
const BEGINS_AS_OBJECT = /^[ \t\r\n]*\{/;

/** @throws CairnError of the statuses 413, 415 and 400. */
export async function readBody(ctx: Context, operation: Operation): Promise<Body | undefined> {
  if (operation.body === 'none') return refuseBody(ctx, operation);
  refuseEncoding(ctx.req.headers);
  const type = typeOf(ctx.req.headers, operation);
  if (operation.body === 'lines') return undefined;
  const buffer = await readBytes(ctx, operation.bytesMax ?? BODY_BYTES_MAX, tooLarge);
  if (!isUtf8(buffer)) throw new CairnError('invalid_utf8', 'The body is not UTF-8.');
  const bytes = buffer.toString('latin1');
  if (operation.body === 'patch') return { type: patchTypes.get(type) ?? 'merge', bytes };
  if (type === TEXT_TYPE) return { type: 'text', bytes };
  if (type === JSON_TYPE || operation.body === 'value' || BEGINS_AS_OBJECT.test(bytes)) {
    return { type: 'json', bytes };
  }
  return { type: 'form', fields: await readFields(ctx, buffer) };
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

/** As which of the types that the operation takes the body is read. */
function typeOf(headers: IncomingHttpHeaders, { body, text = false, example }: Operation): string {
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

async function readBytes({ req, res }: Context, bytesMax: number, refusal: Refusal): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > bytesMax) throw refusal(bytesMax);
  inviteBody(req, res);
  return await collect(req, bytesMax, refusal);
}

/**
 * A body that is handed on as it comes, for who does not keep it. No more is taken from the socket than is asked for.
 * It may take longer than any other request, but not stand still.
 * @throws CairnError `bad_request` where it ends too soon, `request_timeout`
 */
export async function* bodyChunks({ req, res }: Context, clock: Clock): AsyncGenerator<Buffer> {
  req.on('error', () => {});
  inviteBody(req, res);
  try {
    for (;;) {
      const chunk: Buffer | null = req.read();
      if (chunk !== null) yield chunk;
      else if (req.readableEnded) return;
      else if (req.destroyed) throw endedTooSoon();
      else if (!(await readable(req, clock))) throw stoodStill(res);
    }
  } finally {
    // What is left is nobody's, and the next request stands behind it.
    req.resume();
  }
}

/** Whether there is something new of it, its end too. */
function readable(req: IncomingMessage, clock: Clock): Promise<boolean> {
  return new Promise(resolve => {
    const settle = (isNew: boolean) => {
      req.off('readable', go).off('end', go).off('close', go);
      timer.cancel();
      resolve(isNew);
    };
    const go = () => settle(true);
    const timer = clock.setTimer(BODY_PAUSE_MS, () => settle(false));
    req.on('readable', go).on('end', go).on('close', go);
  });
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

function collect(req: IncomingMessage, bytesMax: number, refusal: Refusal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces = new Pieces(bytesMax);
    const settle = (settled: () => void) => {
      req.off('data', onData).off('end', onEnd).off('close', onClose);
      settled();
    };
    const onData = (chunk: Buffer) => {
      if (pieces.bytes + chunk.length > bytesMax) settle(() => reject(refusal(bytesMax)));
      else pieces.add(chunk);
    };
    const onEnd = () => settle(() => resolve(pieces.take()));
    const onClose = () => settle(() => reject(endedTooSoon()));
    // Without a listener of its own, the error of a connection that went away would end the process.
    req.on('error', () => {});
    req.on('data', onData).on('end', onEnd).on('close', onClose);
    if (req.destroyed) onClose();
  });
}
