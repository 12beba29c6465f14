/** `POST /batch`: up to 100 puts and deletions of any collections, all of them or none. */

import { BATCH_BYTES_MAX } from '../../limits.js';
import type { Outcome } from '../../model.js';
import { type Batches, type BatchOperation, numbered } from '../../service/batch.js';
import { refuseUngranted } from '../../service/grant.js';
import type { Turns } from '../../service/turns.js';
import { durableHeader, objectReply, storeHeaders } from '../answer.js';
import { etagOf } from '../conditional.js';
import { type Documentation, EVERY_COLLECTION, MANY_FAIL } from '../documentation.js';
import { noteOf } from '../note.js';
import { BATCH_EXAMPLE, operationsOf } from '../operations.js';
import type { Call, Reply, Route } from '../route.js';
import { durabilityOf, refuseConditions } from '../write.js';

export interface BatchParts {
  readonly batches: Batches;
  readonly turns: Turns;
}

const docs: Documentation = {
  tag: 'Many at once',
  more: 'An error says which operation failed, as `op`, and nothing of the batch was done.',
  takes: ['X-Comment'],
  input: 'Batch',
  stores: EVERY_COLLECTION,
  fails: [...MANY_FAIL, 'duplicate_key', 'revision_mismatch', 'service_enabled'],
  answers: {
    200: {
      summary: 'All of it was done. Each result is as it would be answered alone.',
      content: { 'application/json': 'BatchResults' },
      headers: ['X-Revision', 'X-Durable'],
    },
  },
  examples: [
    {
      title: 'A put of a new key, and a deletion of one that is not there',
      path: '/batch',
      body:
        '{"ops":[{"op":"put","collection":"kv","key":"a","value":1,"if":"none"},' +
        '{"op":"delete","collection":"kv","key":"b"}]}',
      status: 200,
    },
    {
      title: 'A condition that does not hold',
      path: '/batch',
      body: '{"ops":[{"op":"put","collection":"kv","key":"a","value":1,"if":"any"}]}',
      status: 412,
    },
  ],
};

export function batchRoute(parts: BatchParts): Route {
  return {
    path: '/batch',
    operations: {
      POST: {
        access: { verbs: ['write'], of: 'body', collection: null },
        summary: 'Up to 100 puts and deletions, all of them or none.',
        docs,
        query: ['sync'],
        body: 'value',
        bytesMax: BATCH_BYTES_MAX,
        example: BATCH_EXAMPLE,
        handle: call => commit(call, parts),
      },
    },
  };
}

async function commit(call: Call, { batches, turns }: BatchParts): Promise<Reply> {
  if (call.body?.type !== 'json') throw new Error('a batch came without a body');
  const options = { durability: durabilityOf(call), note: noteOf(call), origin: call.origin() };
  refuseConditions(call, 'Give each operation its own, as "if".');
  const operations = await operationsOf(call.body.bytes, turns);
  refuseUngrantedOf(call, operations);
  const { outcomes, revision, durable } = await batches.commit(operations, options);
  const headers = { ...storeHeaders(revision), ...durableHeader(durable) };
  return objectReply(200, { revision, results: outcomes.map(resultOf) }, headers);
}

/** All or nothing: what the token may not do keeps the rest from being done. */
function refuseUngrantedOf({ caller }: Call, operations: readonly BatchOperation[]): void {
  if (caller.grant.everything) return;
  for (const [op, { collection, key }] of operations.entries()) {
    numbered(op, () => refuseUngranted(caller.grant, 'write', collection, key));
  }
}

/** As each would be answered alone. */
function resultOf(outcome: Outcome): object {
  if (outcome.type === 'absent') return { status: 404 };
  const etag = etagOf(outcome.id);
  if (outcome.type === 'deleted') return { status: 204, etag };
  return { status: outcome.type === 'created' ? 201 : 200, etag, version: outcome.entry.version };
}
