/**
 * Form fields, read by koa-bodyparser. Its parser is made for guessing: a broken percent-encoding is kept as text,
 * a name twice makes an array, brackets make objects, fields past a limit are dropped. Here each of these is a 400,
 * found in the bytes before, or in what came out.
 */
import { Readable } from 'node:stream';
import type { Context } from 'koa';
import { CairnError } from '../errors.js';
import { BODY_BYTES_MAX } from '../limits.js';
import { nameShown } from './request-target.js';

/** More than any form of ours has, so that one too many is told by its name. */
const FIELDS_MAX = 32;

const options = {
  enableTypes: ['form'],
  formLimit: String(BODY_BYTES_MAX),
  encoding: 'utf-8',
  queryString: {
    allowDots: false,
    depth: 0,
    parseArrays: false,
    plainObjects: true,
    strictNullHandling: true,
    parameterLimit: FIELDS_MAX,
    throwOnLimitExceeded: true,
  },
};

type Parse = (ctx: Context, next: () => Promise<void>) => Promise<void>;

/** With all that it imports it takes longer to load than Koa itself, and most services never see a form. */
async function loadParser(): Promise<Parse> {
  const { default: bodyParser } = await import('koa-bodyparser');
  return bodyParser(options);
}

let parser: Promise<Parse> | null = null;

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** `bytes` is the whole body of the request, known to be UTF-8. */
export async function readFields(ctx: Context, bytes: Buffer): Promise<ReadonlyMap<string, string>> {
  const pieces = piecesOf(bytes);
  parser ??= loadParser();
  const parse = await parser;
  await parse(replayed(ctx, bytes), async () => {});
  const { body } = ctx.request;
  if (typeof body !== 'object' || body === null) throw new Error('koa-bodyparser gave no fields');
  const fields = new Map(Object.entries(body).map(([name, value]) => [name, single(name, value)]));
  // Names such as `__proto__`, and none at all, fall away.
  if (fields.size < pieces)
    throw new CairnError('unknown_field', 'The form has a field that is not known here.');
  return fields;
}

/** The context with its request as a stream again, since the bounded reader has emptied it. */
function replayed(ctx: Context, bytes: Buffer): Context {
  const req = Object.assign(Readable.from([bytes], { objectMode: false }), { headers: ctx.req.headers });
  return Object.create(ctx, { req: { value: req } });
}

/** How many fields there are to be. */
function piecesOf(bytes: Buffer): number {
  const text = bytes.toString('utf8');
  const pieces = text.split('&').filter(piece => piece !== '');
  if (bytes.subarray(0, 3).equals(BYTE_ORDER_MARK)) throw malformed('begins with a byte order mark');
  if (pieces.length > FIELDS_MAX) throw malformed(`has more than ${FIELDS_MAX} fields`);
  try {
    decodeURIComponent(text);
  } catch {
    throw malformed('is not percent-encoded UTF-8');
  }
  return pieces.length;
}

function single(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null) throw malformed(`has the field${nameShown(name)} without a "="`);
  throw new CairnError('duplicate_field', `The form has the field${nameShown(name)} twice.`);
}

function malformed(reason: string): CairnError {
  return new CairnError('bad_request', `The form ${reason}.`, {
    hint: 'Try: curl --data-urlencode key=a --data-urlencode value=b …/set, or send JSON.',
  });
}
