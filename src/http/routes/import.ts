/**
 * `POST /import`: lines of JSON, each a put, stored while they come. With `?progress` the answer begins at once and is
 * lines itself: how many are in, about every second, and at last the result or the error, whatever the status says.
 */
import { IMPORT_PROGRESS_MS } from '../../limits.js';
import type { ByteString } from '../../model.js';
import type { Clock } from '../../platform/clock.js';
import { refuseUngranted } from '../../service/grant.js';
import type { Imported, Imports, Line } from '../../service/transfer.js';
import { refuseStale } from '../access.js';
import { durableHeader, LINES_TYPE, objectReply, storeHeaders } from '../answer.js';
import { type Documentation, EVERY_COLLECTION, MANY_FAIL } from '../documentation.js';
import { linesOf } from '../lines.js';
import { noteOf } from '../note.js';
import { problem, shown } from '../problem.js';
import { flagOf } from '../request-target.js';
import type { Call, Caller, Reply, Route } from '../route.js';
import { IMPORT_EXAMPLE, importPutOf } from '../transfer-line.js';
import { durabilityOf, refuseConditions } from '../write.js';

export interface ImportParts {
  readonly imports: Imports;
  readonly clock: Clock;
  /** Told of a defect that only a line of the answer shows. */
  readonly onDefect: (error: unknown) => void;
}

type Run = (onProgress: (imported: number) => void) => Promise<Imported>;

const docs: Documentation = {
  tag: 'Many at once',
  more: 'A bad line stops it with its status, as `line`; what stood before it is in, as `imported` tells.',
  takes: ['X-Comment'],
  input: 'ImportLines',
  bodyless: true,
  stores: EVERY_COLLECTION,
  fails: MANY_FAIL,
  answers: {
    200: {
      summary: 'All lines are in; with ?progress the lines that tell of it.',
      content: { 'application/json': 'ImportResult', 'application/x-ndjson': 'ImportProgress' },
      headers: ['X-Revision', 'X-Durable'],
    },
  },
  examples: [
    {
      title: 'Two keys',
      path: '/import',
      headers: { 'Content-Type': 'application/x-ndjson' },
      body: '{"collection":"kv","key":"a","value":1}\n{"key":"b","value":2,"ttl":"1h"}\n',
      status: 200,
      answer: '{"imported":2,"revision":2}',
    },
    {
      title: 'A line that is none',
      path: '/import',
      headers: { 'Content-Type': 'application/x-ndjson' },
      body: '{"key":"a","value":1}\nnonsense\n',
      status: 400,
    },
  ],
};

export function importRoute(parts: ImportParts): Route {
  return {
    path: '/import',
    operations: {
      POST: {
        access: { verbs: ['write'], of: 'body', collection: null },
        summary: 'Puts every line of JSON, as GET /export writes them.',
        docs,
        query: ['collection', 'progress', 'sync'],
        body: 'lines',
        example: IMPORT_EXAMPLE,
        handle: call => imported(call, parts),
      },
    },
  };
}

async function imported(call: Call, parts: ImportParts): Promise<Reply> {
  const run = runOf(call, parts);
  if (flagOf(call.query, 'progress') ?? false) {
    const stream = progressLines(run, call, parts);
    return { status: 200, headers: { 'Content-Type': LINES_TYPE }, body: null, stream };
  }
  const { durable, ...result } = await run(() => {});
  return objectReply(200, result, { ...storeHeaders(result.revision), ...durableHeader(durable) });
}

/** Everything that is wrong before the first line is told by the status. */
function runOf(call: Call, { imports }: ImportParts): Run {
  const { chunks, query } = call;
  if (chunks === undefined) throw new Error('an import came without its lines');
  const { caller } = call;
  const options = { durability: durabilityOf(call), note: noteOf(call), origin: call.origin() };
  refuseConditions(call, 'An import puts every line; POST /batch has conditions.');
  const collection = query.get('collection') ?? 'kv';
  if (query.has('collection')) imports.refuseUnknown(collection);
  const read = ({ bytes }: Line) => {
    const put = importPutOf(bytes, collection, imports.now());
    refuseUngranted(caller.grant, 'write', put.collection, put.key);
    return put;
  };
  const lines = linesOf(whileCurrent(chunks, caller));
  return onProgress => imports.run(lines, read, { ...options, onProgress });
}

/** What came before the caller might not go on is stored, and told. */
async function* whileCurrent(chunks: AsyncIterable<Buffer>, caller: Caller): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    refuseStale(caller);
    yield chunk;
  }
}

async function* progressLines(run: Run, call: Call, parts: ImportParts): AsyncGenerator<ByteString> {
  let count = 0;
  const last = run(imported => {
    count = imported;
  }).then(resultLine, (error: unknown) => errorLine(error, call, parts));
  for (;;) {
    const line = await Promise.race([last, pause(parts.clock, last)]);
    if (line !== null) return yield line;
    yield lineOf({ imported: count });
  }
}

/** Null after it is over; its timer goes as soon as nobody waits for it. */
function pause(clock: Clock, done: Promise<unknown>): Promise<null> {
  return new Promise(resolve => {
    const timer = clock.setTimer(IMPORT_PROGRESS_MS, () => resolve(null));
    void done.then(() => timer.cancel());
  });
}

function resultLine({ imported, revision }: Imported): ByteString {
  return lineOf({ imported, revision });
}

function errorLine(error: unknown, { headers }: Call, { onDefect }: ImportParts): ByteString {
  const told = shown(error);
  if (told.code === 'internal') onDefect(error);
  return `${problem(told, { accept: headers.accept }).body}\n`;
}

function lineOf(value: object): ByteString {
  return `${JSON.stringify(value)}\n`;
}
