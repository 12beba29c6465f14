/** Many keys at once: a batch at one moment, exports and imports line by line. */
import { storeSince } from './document.js';
import { badAnswer, toldError } from './errors.js';
import { type Decode, encode, membersOf, numberOf, objectText, stringOf } from './json.js';
import { linesOf, streamOf } from './lines.js';
import type { CallOptions, OpenAnswer, Transport } from './transport.js';
import { type Ttl, type WriteOptions, writeHeaders, writeQuery } from './words.js';

interface BatchPlace {
  readonly collection: string;
  readonly key: string;
  /** An ETag or change id, `none`: must not exist, `any`: must. */
  readonly if?: string | undefined;
}

export type BatchOperation =
  | (BatchPlace & { readonly op: 'put'; readonly value: unknown; readonly ttl?: Ttl | undefined })
  | (BatchPlace & { readonly op: 'delete' });

export interface BatchResult {
  /** As the operation would be answered alone. */
  readonly status: number;
  readonly etag?: string;
  readonly version?: number;
}

export interface BatchDone {
  readonly revision: number;
  readonly results: readonly BatchResult[];
}

export interface ExportLine {
  readonly collection: string;
  readonly key: string;
  readonly value: unknown;
  /** ISO 8601, where it has a deadline; null: it has none where a put would get one. */
  readonly expires?: string | null;
  /** Of a service. */
  readonly id?: number;
  readonly enabled?: boolean;
}

export interface ImportLine {
  readonly collection?: string | undefined;
  readonly key: string;
  readonly value: unknown;
  readonly ttl?: Ttl | undefined;
  readonly expires?: string | null | undefined;
  /** Of a service. */
  readonly id?: number | undefined;
  readonly enabled?: boolean | undefined;
}

export interface ExportOptions extends CallOptions {
  readonly collection?: string | undefined;
  readonly prefix?: string | undefined;
}

export interface ImportOptions extends WriteOptions {
  /** Of lines that name none. */
  readonly collection?: string | undefined;
  /** Told about every second how many lines are in. */
  readonly onProgress?: ((imported: number) => void) | undefined;
}

export interface Imported {
  readonly imported: number;
  readonly revision: number;
}

export type ImportSource =
  | string
  | ReadableStream<Uint8Array>
  | Iterable<ImportLine>
  | AsyncIterable<ImportLine>;

/** An export as it comes: iterate its lines, or take its bytes. */
export class Export implements AsyncIterable<ExportLine> {
  /** A watch from here on gives what changes after it began. */
  readonly since: string | undefined;
  readonly #answer: OpenAnswer;
  readonly #decode: Decode;

  constructor(answer: OpenAnswer, decode: Decode) {
    this.since = storeSince(answer.headers);
    this.#answer = answer;
    this.#decode = decode;
  }

  /** The bytes, to be written into a file. */
  get body(): ReadableStream<Uint8Array> {
    const { body, close } = this.#answer;
    return body.pipeThrough(new TransformStream({ flush: () => close() }));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ExportLine, void, void> {
    try {
      for await (const line of linesOf(this.#answer.body)) yield exportLineOf(line, this.#decode);
    } finally {
      this.#answer.close();
    }
  }
}

export async function openExport(transport: Transport, options: ExportOptions): Promise<Export> {
  const { collection, prefix } = options;
  const query = { collection, prefix };
  const answer = await transport.open({ method: 'GET', path: '/export', query, options });
  return new Export(answer, transport.decode);
}

function exportLineOf(line: string, decode: Decode): ExportLine {
  const members = membersOf(line);
  const value = members.get('value');
  if (value === undefined) throw badAnswer('A line of the export has no value.');
  const [expires, id, enabled] = ['expires', 'id', 'enabled'].map(name => members.get(name));
  return {
    collection: stringOf(members.get('collection')),
    key: stringOf(members.get('key')),
    value: decode(value),
    ...(expires === undefined ? {} : { expires: expires === 'null' ? null : stringOf(expires) }),
    ...(id === undefined ? {} : { id: numberOf(id) }),
    ...(enabled === undefined ? {} : { enabled: enabled === 'true' }),
  };
}

/** All of it happens or nothing, at one moment. Puts and deletions have the same effect twice. */
export async function sendBatch(
  transport: Transport,
  operations: readonly BatchOperation[],
  options: WriteOptions,
): Promise<BatchDone> {
  const answer = await transport.send({
    method: 'POST',
    path: '/batch',
    query: writeQuery({ sync: options.sync }),
    headers: { ...writeHeaders(options), 'content-type': 'application/json' },
    body: `{"ops":[${operations.map(operationText).join(',')}]}`,
    repeatable: true,
    options,
  });
  return JSON.parse(answer.text);
}

function operationText(operation: BatchOperation): string {
  const { op, collection, key, if: condition } = operation;
  const put = op === 'put' ? operation : undefined;
  return objectText(textsOf({ op, collection, key, value: put?.value, ttl: put?.ttl, if: condition }));
}

/**
 * Puts every line. It may take as long as it takes, unless the caller says otherwise. What stands before a bad one is in, and the error says which line it was. A stream goes once: browsers
 * that cannot send one take the lines as a string.
 */
export async function sendImport(
  transport: Transport,
  source: ImportSource,
  options: ImportOptions,
): Promise<Imported> {
  const { onProgress, collection, sync } = options;
  const ask = {
    method: 'POST',
    path: '/import',
    query: { ...writeQuery({ sync }), collection, progress: onProgress !== undefined },
    headers: { ...writeHeaders(options), 'content-type': 'application/x-ndjson' },
    body: bodyOf(source),
    repeatable: true,
    options: { ...options, timeoutMs: options.timeoutMs ?? Number.POSITIVE_INFINITY },
  } as const;
  if (onProgress === undefined) return JSON.parse((await transport.send(ask)).text);
  const answer = await transport.open(ask);
  try {
    return await lastOf(answer, onProgress);
  } finally {
    answer.close();
  }
}

async function lastOf(answer: OpenAnswer, onProgress: (imported: number) => void): Promise<Imported> {
  for await (const line of linesOf(answer.body)) {
    const told: Readonly<Record<string, unknown>> = JSON.parse(line);
    const { imported, revision, status } = told;
    if ('code' in told)
      throw toldError(told, { status: typeof status === 'number' ? status : answer.status });
    if (typeof imported !== 'number') break;
    if (typeof revision === 'number') return { imported, revision };
    onProgress(imported);
  }
  throw badAnswer('The answer to the import ended before its result.');
}

function bodyOf(source: ImportSource): string | ReadableStream<Uint8Array> {
  if (typeof source === 'string' || source instanceof ReadableStream) return source;
  return streamOf(source, importText);
}

/** A line break within a text stands between its tokens, where a space says the same. */
function importText({ collection, key, value, ttl, expires, id, enabled }: ImportLine): string {
  const [given, facts] = [
    { collection, key },
    { ttl, expires, id, enabled },
  ];
  return objectText({ ...textsOf(given), value: encode(value).replace(/[\r\n]/g, ' '), ...textsOf(facts) });
}

function textsOf(members: Readonly<Record<string, unknown>>): Record<string, string> {
  const given = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, encode(value)]));
}
