/** The bounds of the HTTP edge that a test has shorter, and what they are otherwise; see limits.ts for the reason of each. */
import {
  ANSWERS_BYTES_MIN,
  ANSWERS_HEAP_SHARE,
  BODIES_BYTES_MIN,
  BODIES_HEAP_SHARE,
  CONNECTIONS_CHECK_MS,
  DRAIN_MS,
  EVENTS_BYTES_MIN,
  EVENTS_HEAP_SHARE,
  HEADERS_TIMEOUT_MS,
  IDLE_GRACE_MS,
  KEEP_ALIVE_TIMEOUT_MS,
  LINGER_MS,
  REQUEST_TIMEOUT_MS,
  UNANSWERED_PER_CONNECTION_MAX,
} from '../limits.js';
import { ofHeap } from './budget.js';

export interface HttpLimits {
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly connectionsCheckMs: number;
  readonly unansweredMax: number;
  readonly drainMs: number;
  readonly idleGraceMs: number;
  readonly lingerMs: number;
  readonly bodyBytesMax: number;
  readonly answerBytesMax: number;
  readonly eventBytesMax: number;
}

export const httpLimits: HttpLimits = {
  headersTimeoutMs: HEADERS_TIMEOUT_MS,
  requestTimeoutMs: REQUEST_TIMEOUT_MS,
  keepAliveTimeoutMs: KEEP_ALIVE_TIMEOUT_MS,
  connectionsCheckMs: CONNECTIONS_CHECK_MS,
  unansweredMax: UNANSWERED_PER_CONNECTION_MAX,
  drainMs: DRAIN_MS,
  idleGraceMs: IDLE_GRACE_MS,
  lingerMs: LINGER_MS,
  bodyBytesMax: ofHeap(BODIES_HEAP_SHARE, BODIES_BYTES_MIN),
  answerBytesMax: ofHeap(ANSWERS_HEAP_SHARE, ANSWERS_BYTES_MIN),
  eventBytesMax: ofHeap(EVENTS_HEAP_SHARE, EVENTS_BYTES_MIN),
};
