/** `GET /export`: every key of one collection or of all as a line of JSON, made while it is read. */
import { EXPORT_CHUNK_BYTES } from '../../limits.js';
import type { ByteString, Entry, JsonText, Key } from '../../model.js';
import { isWhole, visibleParts } from '../../service/grant.js';
import type { ExportPage, Exports } from '../../service/transfer.js';
import { refuseStale } from '../access.js';
import { filteredHeader, LINES_TYPE, storeHeaders } from '../answer.js';
import { slicesOf } from '../chunks.js';
import type { Documentation } from '../documentation.js';
import { prefixOf } from '../request-target.js';
import type { Call, Caller, Reply, Route } from '../route.js';
import { aroundValue, inOneLine } from '../transfer-line.js';

export interface ExportParts {
  readonly exports: Exports;
}

const docs: Documentation = {
  tag: 'Many at once',
  more: 'What changes meanwhile comes as it was or as it is; a watch since X-Revision gives the rest. No histories.',
  fails: ['not_found'],
  answers: {
    200: {
      summary: 'A key a line, made while it is read.',
      content: { 'application/x-ndjson': 'ExportLines' },
      headers: ['X-Revision', 'X-Filtered'],
    },
  },
  examples: [
    {
      title: 'One collection',
      after: [{ method: 'POST', path: '/set', body: '{"key":"a","value":10.0}' }],
      path: '/export?collection=kv',
      status: 200,
      answerType: 'application/x-ndjson',
      answer: '{"collection":"kv","key":"a","value":10.0}\n',
    },
  ],
};

export function exportRoute({ exports }: ExportParts): Route {
  return {
    path: '/export',
    operations: {
      GET: {
        access: { verbs: ['read'], of: 'range', collection: null },
        summary: 'All keys as lines of JSON, as POST /import takes them.',
        docs,
        query: ['collection', 'prefix'],
        body: 'none',
        handle: call => exported(call, exports),
      },
    },
  };
}

function exported({ query, caller }: Call, exports: Exports): Reply {
  const prefix = prefixOf(query);
  const collection = query.get('collection') ?? null;
  const partsOf = (name: string) => visibleParts(caller.grant, name, prefix);
  const pages = exports.pages({ collection, prefix, partsOf });
  const names = collection === null ? exports.collections : [collection];
  const whole = names.every(name => isWhole(partsOf(name), prefix));
  const headers = {
    'Content-Type': LINES_TYPE,
    ...storeHeaders(exports.revision),
    ...filteredHeader(!whole),
  };
  return { status: 200, headers, body: null, stream: linesOf(pages, caller), held: EXPORT_CHUNK_BYTES };
}

/**
 * Many small lines at once, and a large one in pieces: each part is a write to the socket. It breaks off where the caller
 * may not go on, so that nobody takes what came for the whole.
 */
async function* linesOf(pages: AsyncIterable<ExportPage>, caller: Caller): AsyncGenerator<ByteString> {
  let chunk = '';
  for await (const page of pages) {
    refuseStale(caller);
    for (const [key, entry] of page.entries) {
      for (const piece of piecesOf(page, key, entry)) {
        chunk += piece;
        if (chunk.length < EXPORT_CHUNK_BYTES) continue;
        yield chunk;
        // Its reader may have taken long.
        refuseStale(caller);
        chunk = '';
      }
    }
  }
  if (chunk !== '') yield chunk;
}

function piecesOf(page: ExportPage, key: Key, entry: Entry): Iterable<ByteString> {
  const [before, behind] = aroundValue(page, key, entry);
  const { text } = entry;
  return text.length <= EXPORT_CHUNK_BYTES
    ? [before + inOneLine(text) + behind]
    : inPieces(before, text, behind);
}

/** Views of what is stored: a thousand readers who stand still within it hold it once. */
function* inPieces(before: ByteString, text: JsonText, behind: ByteString): Generator<ByteString> {
  yield before;
  for (const piece of slicesOf(text)) yield inOneLine(piece);
  yield behind;
}
