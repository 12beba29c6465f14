/**
 * The errors of an operation, from what it declares: each way in which a request can be refused stands here once, with
 * the codes that it brings, so that a route names only those that are its own.
 */
import { type ErrorCode, errorTable } from '../../errors.js';
import type { Policy } from '../../model.js';
import type { AnswerHeader } from '../documentation.js';
import { statusIn } from '../problem.js';
import type { Operation, Route } from '../route.js';

/** What the codes of an operation depend on. */
export interface Facts {
  readonly route: Route;
  readonly method: string;
  readonly operation: Operation;
  /** Of the collections by whose rules it stores a document; empty: it stores none. */
  readonly policies: readonly Policy[];
}

interface Rule {
  readonly holds: (facts: Facts) => boolean;
  readonly codes: readonly ErrorCode[];
}

const always = () => true;
const knows = (word: string) => (facts: Facts) => wordsOf(facts.operation).includes(word);
const takes = (header: string) => (facts: Facts) =>
  (facts.operation.docs.takes ?? []).some(name => name === header);
const storesWhere = (holds: (policy: Policy) => boolean) => (facts: Facts) => facts.policies.some(holds);
const isData = ({ operation }: Facts) => operation.access !== 'open';
const isWrite = ({ method }: Facts) => method !== 'GET';
const namesKeys = ({ route, operation }: Facts) =>
  route.key !== undefined ||
  wordsOf(operation).some(word => word === 'key' || word === 'service') ||
  operation.body === 'set';
const hasBody = ({ operation }: Facts) => operation.body !== 'none';

const rules: readonly Rule[] = [
  { holds: always, codes: ['bad_request', 'invalid_parameter', 'method_not_allowed', 'request_timeout'] },
  { holds: always, codes: ['expectation_failed', 'headers_too_large', 'unsupported_transfer_encoding'] },
  { holds: always, codes: ['internal', 'overloaded'] },
  { holds: isData, codes: ['unauthenticated', 'forbidden', 'rate_limited', 'loading', 'draining'] },
  { holds: isWrite, codes: ['cross_site'] },
  {
    holds: facts => isWrite(facts) && isData(facts),
    codes: ['quota_exceeded', 'storage_full', 'storage_error'],
  },
  { holds: namesKeys, codes: ['invalid_key', 'key_too_long'] },
  { holds: ({ route }) => route.key === 'path', codes: ['invalid_path_encoding'] },
  { holds: hasBody, codes: ['unsupported_media_type', 'unsupported_charset', 'unsupported_encoding'] },
  { holds: hasBody, codes: ['invalid_json', 'invalid_utf8', 'too_deep', 'number_out_of_range'] },
  { holds: hasBody, codes: ['body_too_large'] },
  { holds: ({ policies }) => policies.length > 0, codes: ['value_too_large'] },
  { holds: ({ operation }) => hasBodyOf(operation, 'set'), codes: ['unknown_field', 'duplicate_field'] },
  { holds: ({ operation }) => hasBodyOf(operation, 'set'), codes: ['missing_field', 'invalid_ttl'] },
  { holds: ({ operation }) => hasBodyOf(operation, 'patch'), codes: ['invalid_patch', 'unsafe_member'] },
  {
    holds: ({ operation }) => hasBodyOf(operation, 'patch'),
    codes: ['patch_too_large', 'patch_failed', 'patch_test_failed'],
  },
  { holds: takes('If-Match'), codes: ['invalid_precondition', 'revision_mismatch'] },
  { holds: takes('X-Comment'), codes: ['invalid_comment'] },
  { holds: knows('ttl'), codes: ['invalid_ttl'] },
  { holds: knows('path'), codes: ['member_not_found'] },
  { holds: knows('as'), codes: ['not_representable'] },
  { holds: knows('version'), codes: ['version_not_found'] },
  { holds: knows('history'), codes: ['history_off', 'version_not_found'] },
  { holds: knows('rollback'), codes: ['history_off', 'version_not_found'] },
  { holds: knows('purge'), codes: ['history_off'] },
  { holds: storesWhere(({ idField }) => idField !== null), codes: ['not_an_object', 'id_missing'] },
  {
    holds: storesWhere(({ idField }) => idField !== null),
    codes: ['id_mismatch', 'invalid_key', 'key_too_long'],
  },
  {
    holds: storesWhere(({ required, emails }) => required.length + emails.length > 0),
    codes: ['not_an_object'],
  },
  { holds: storesWhere(({ required }) => required.length > 0), codes: ['member_missing'] },
  { holds: storesWhere(({ emails }) => emails.length > 0), codes: ['invalid_email'] },
  { holds: storesWhere(({ unique }) => unique.length > 0), codes: ['duplicate_value'] },
  { holds: storesWhere(({ schema }) => schema !== null), codes: ['schema_violation'] },
];

/** What no caller has to expect of one operation more than of another: told once for each, as its `default`. */
const RARE: ReadonlySet<number> = new Set([405, 408, 417, 431, 500, 501]);

export type DocumentedStatus = number | 'default';

/** The codes of an operation by the status that it gives them, in the order of the table of errors. */
export function errorsOf(facts: Facts): ReadonlyMap<DocumentedStatus, readonly ErrorCode[]> {
  const { operation } = facts;
  const found = new Set<string>(operation.docs.fails ?? []);
  for (const { holds, codes } of rules) if (holds(facts)) for (const code of codes) found.add(code);
  const byStatus = new Map<DocumentedStatus, ErrorCode[]>();
  for (const code of allCodes) {
    if (!found.has(code)) continue;
    const exact = statusIn(code, operation.errors);
    const status = RARE.has(exact) ? 'default' : exact;
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return byStatus;
}

const allCodes = Object.keys(errorTable).filter((code): code is ErrorCode => code in errorTable);

/** What problem.ts adds by status and code. */
export function errorHeaders(status: DocumentedStatus, codes: readonly ErrorCode[]): readonly AnswerHeader[] {
  return [
    ...(status === 401 ? (['WWW-Authenticate'] as const) : []),
    ...(codes.includes('method_not_allowed') ? (['Allow'] as const) : []),
    ...(status === 415 && codes.includes('unsupported_media_type') ? (['Accept-Patch'] as const) : []),
    ...(status === 429 || status === 503 ? (['Retry-After'] as const) : []),
    ...(status === 404 ? (['X-Revision'] as const) : []),
  ];
}

/** Of a message that no route has seen yet: worded as everywhere, also where a route has words of its own. */
export const beforeRoutes: ReadonlySet<ErrorCode> = new Set([
  'bad_request',
  'expectation_failed',
  'headers_too_large',
  'overloaded',
  'request_timeout',
  'unsupported_transfer_encoding',
]);

export function wordsOf({ query, repeatable }: Operation): readonly string[] {
  return repeatable === undefined ? query : [...query, repeatable];
}

function hasBodyOf({ body }: Operation, ...kinds: readonly Operation['body'][]): boolean {
  return kinds.includes(body);
}
