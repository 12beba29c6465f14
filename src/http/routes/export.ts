/** `GET /export`: every key of one collection or of all as a line of JSON, made while it is read. */
import { EXPORT_CHUNK_BYTES } from '../../limits.js';
import type { ByteString } from '../../model.js';
import type { ExportPage, Exports } from '../../service/transfer.js';
import { LINES_TYPE, storeHeaders } from '../answer.js';
import { prefixOf } from '../request-target.js';
import type { Call, Reply, Route } from '../route.js';
import { exportLine } from '../transfer-line.js';

export interface ExportParts {
  readonly exports: Exports;
}

export function exportRoute({ exports }: ExportParts): Route {
  return {
    path: '/export',
    operations: {
      GET: {
        role: 'read',
        summary: 'All keys as lines of JSON, as POST /import takes them.',
        query: ['collection', 'prefix'],
        body: 'none',
        handle: call => exported(call, exports),
      },
    },
  };
}

function exported({ query }: Call, exports: Exports): Reply {
  const prefix = prefixOf(query);
  const pages = exports.pages({ collection: query.get('collection') ?? null, prefix });
  const headers = { 'Content-Type': LINES_TYPE, ...storeHeaders(exports.revision) };
  return { status: 200, headers, body: null, stream: linesOf(pages) };
}

/** Many small lines at once: each part is a write to the socket. */
async function* linesOf(pages: AsyncIterable<ExportPage>): AsyncGenerator<ByteString> {
  let chunk = '';
  for await (const page of pages) {
    for (const [key, entry] of page.entries) {
      chunk += exportLine(page, key, entry);
      if (chunk.length < EXPORT_CHUNK_BYTES) continue;
      yield chunk;
      chunk = '';
    }
  }
  if (chunk !== '') yield chunk;
}
