/** `POST /batch`: up to 100 puts and deletions of any collections, all of them or none. */

import { BATCH_BYTES_MAX } from '../../limits.js';
import type { Outcome } from '../../model.js';
import type { Clock } from '../../platform/clock.js';
import type { Batches } from '../../service/batch.js';
import { durableHeader, objectReply, storeHeaders } from '../answer.js';
import { etagOf } from '../conditional.js';
import { noteOf } from '../note.js';
import { BATCH_EXAMPLE, operationsOf } from '../operations.js';
import type { Call, Reply, Route } from '../route.js';
import { durabilityOf, refuseConditions } from '../write.js';

export interface BatchParts {
  readonly batches: Batches;
  readonly clock: Clock;
}

export function batchRoute(parts: BatchParts): Route {
  return {
    path: '/batch',
    operations: {
      POST: {
        role: 'write',
        summary: 'Up to 100 puts and deletions, all of them or none.',
        query: ['sync'],
        body: 'value',
        bytesMax: BATCH_BYTES_MAX,
        example: BATCH_EXAMPLE,
        handle: call => commit(call, parts),
      },
    },
  };
}

async function commit(call: Call, { batches, clock }: BatchParts): Promise<Reply> {
  if (call.body?.type !== 'json') throw new Error('a batch came without a body');
  const options = { durability: durabilityOf(call), note: noteOf(call) };
  refuseConditions(call, 'Give each operation its own, as "if".');
  const operations = await operationsOf(call.body.bytes, clock);
  const { outcomes, revision, durable } = await batches.commit(operations, options);
  const headers = { ...storeHeaders(revision), ...durableHeader(durable) };
  return objectReply(200, { revision, results: outcomes.map(resultOf) }, headers);
}

/** As each would be answered alone. */
function resultOf(outcome: Outcome): object {
  if (outcome.type === 'absent') return { status: 404 };
  const etag = etagOf(outcome.id);
  if (outcome.type === 'deleted') return { status: 204, etag };
  return { status: outcome.type === 'created' ? 201 : 200, etag, version: outcome.entry.version };
}
