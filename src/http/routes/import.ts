/**
 * `POST /import`: lines of JSON, each a put, stored while they come. With `?progress` the answer begins at once and is
 * lines itself: how many are in, about every second, and at last the result or the error, whatever the status says.
 */
import { IMPORT_PROGRESS_MS } from '../../limits.js';
import type { ByteString } from '../../model.js';
import type { Clock } from '../../platform/clock.js';
import type { Imported, Imports, Line } from '../../service/transfer.js';
import { durableHeader, LINES_TYPE, objectReply, storeHeaders } from '../answer.js';
import { linesOf } from '../lines.js';
import { noteOf } from '../note.js';
import { problem, shown } from '../problem.js';
import { flagOf } from '../request-target.js';
import type { Call, Reply, Route } from '../route.js';
import { IMPORT_EXAMPLE, importPutOf } from '../transfer-line.js';
import { durabilityOf, refuseConditions } from '../write.js';

export interface ImportParts {
  readonly imports: Imports;
  readonly clock: Clock;
  /** Told of a defect that only a line of the answer shows. */
  readonly onDefect: (error: unknown) => void;
}

type Run = (onProgress: (imported: number) => void) => Promise<Imported>;

export function importRoute(parts: ImportParts): Route {
  return {
    path: '/import',
    operations: {
      POST: {
        role: 'write',
        summary: 'Puts every line of JSON, as GET /export writes them.',
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
  const options = { durability: durabilityOf(call), note: noteOf(call) };
  refuseConditions(call, 'An import puts every line; POST /batch has conditions.');
  const collection = query.get('collection') ?? 'kv';
  if (query.has('collection')) imports.refuseUnknown(collection);
  const read = ({ bytes }: Line) => importPutOf(bytes, collection, imports.now());
  return onProgress => imports.run(linesOf(chunks), read, { ...options, onProgress });
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
