/**
 * Errors as answers: the one place that gives each code its status and its body. What is not a CairnError is a
 * defect of ours or a refusal by a library that read the request; neither ever shows its own words.
 */
import { STATUS_CODES } from 'node:http';
import { CairnError, type ErrorCode, errorTable } from '../errors.js';
import { fromUnicode } from '../json/bytes.js';
import type { ErrorStyle, Reply } from './route.js';

/** Exhaustive: a new code does not compile until it has a status. */
const statuses: Readonly<Record<ErrorCode, number>> = {
  bad_request: 400,
  invalid_json: 400,
  invalid_utf8: 400,
  too_deep: 400,
  number_out_of_range: 400,
  invalid_key: 400,
  key_too_long: 400,
  invalid_path_encoding: 400,
  invalid_parameter: 400,
  invalid_ttl: 400,
  unknown_field: 400,
  duplicate_field: 400,
  missing_field: 400,
  invalid_operation: 400,
  duplicate_key: 400,
  invalid_comment: 400,
  history_off: 400,
  invalid_precondition: 400,
  invalid_patch: 400,
  unsafe_member: 400,
  unsupported_media_type: 415,
  unsupported_charset: 415,
  unsupported_encoding: 415,
  unsupported_transfer_encoding: 501,
  expectation_failed: 417,
  headers_too_large: 431,
  body_too_large: 413,
  value_too_large: 413,
  request_timeout: 408,
  unauthenticated: 401,
  forbidden: 403,
  rate_limited: 429,
  cross_site: 403,
  not_found: 404,
  key_not_found: 404,
  version_not_found: 404,
  member_not_found: 404,
  method_not_allowed: 405,
  key_exists: 409,
  duplicate_value: 409,
  service_enabled: 422,
  not_an_object: 422,
  id_missing: 422,
  id_mismatch: 422,
  member_missing: 422,
  invalid_email: 422,
  schema_violation: 422,
  not_representable: 422,
  patch_too_large: 413,
  patch_failed: 422,
  patch_test_failed: 409,
  revision_mismatch: 412,
  batch_too_large: 413,
  quota_exceeded: 507,
  loading: 503,
  draining: 503,
  overloaded: 503,
  storage_full: 503,
  storage_error: 503,
  internal: 500,
  // Of the start and of commands: an answer never carries them (see `shown`).
  usage: 500,
  configuration: 500,
  token_missing: 500,
  unhealthy: 500,
  address_in_use: 500,
  snapshot_damaged: 500,
  snapshot_foreign: 500,
  snapshot_locked: 500,
  snapshot_denied: 500,
  lock_unavailable: 500,
};

/** Those that an answer may carry: the others are of the start and of commands. */
export const answeredCodes: ReadonlySet<string> = new Set(
  Object.entries(statuses).flatMap(([code, status]) => (status !== 500 || code === 'internal' ? code : [])),
);

/** Seconds to wait before a repetition, where nobody knows better. */
const RETRY_AFTER = 1;

export interface ProblemOptions {
  /** The request's `Accept`. */
  readonly accept?: string | undefined;
  /** How the operation words its errors. */
  readonly style?: ErrorStyle | undefined;
}

export function statusOf(code: ErrorCode): number {
  return statuses[code];
}

/** The same for an operation that words its errors so. */
export function statusIn(code: ErrorCode, style: ErrorStyle | undefined): number {
  return style === 'service' && UNPROCESSABLE.has(code) ? 422 : statuses[code];
}

/** Anything thrown while a request was handled, as the CairnError to answer with. */
export function shown(error: unknown): CairnError {
  if (error instanceof CairnError && answeredCodes.has(error.code)) return error;
  return (
    libraryRefusal(error) ??
    new CairnError('internal', 'Something went wrong inside Cairn.', { cause: error })
  );
}

export function problem(error: CairnError, { accept = '', style }: ProblemOptions = {}): Reply {
  const status = statusIn(error.code, style);
  const asProblem = accept.toLowerCase().includes('application/problem+json');
  const body = asProblem ? rfc9457(error, status) : envelope(error, status, style);
  const type = asProblem ? 'application/problem+json' : 'application/json; charset=utf-8';
  return {
    status,
    headers: { 'Content-Type': type, ...headersOf(error, status) },
    body: fromUnicode(JSON.stringify(body)),
  };
}

function envelope(error: CairnError, status: number, style: ErrorStyle | undefined): object {
  if (style === 'service') return serviceEnvelope(error, status);
  const head = { status: 'error', message: error.message };
  if (style === 'brief' && error.code === 'key_not_found') return head;
  return { ...head, code: error.code, hint: error.hint, ...members(error) };
}

/** What the service that users come from calls unprocessable. */
const UNPROCESSABLE: ReadonlySet<ErrorCode> = new Set(['key_exists', 'not_an_object', 'service_enabled']);

/** Its own three members to the letter; what it does not know has a code and a hint too. */
function serviceEnvelope(error: CairnError, status: number): object {
  if (error.code === 'key_not_found') return { error: status, message: 'resource not found', success: false };
  if (UNPROCESSABLE.has(error.code)) return { error: status, message: 'unprocessable', success: false };
  const head = { error: status, message: error.message, success: false };
  return { ...head, code: error.code, hint: error.hint, ...members(error) };
}

/** `about:blank` says that the title is the status; the code is the type that programs match on. */
function rfc9457(error: CairnError, status: number): object {
  const head = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail: error.message };
  return { ...head, code: error.code, hint: error.hint, ...members(error) };
}

/** JSON.stringify leaves out those that are not there. */
function members({ details }: CairnError): object {
  const { outcome, current, field, key, pointer, rule, op, line, imported } = details;
  return { outcome, current, field, key, pointer, rule, op, line, imported };
}

function headersOf({ code, details }: CairnError, status: number): Record<string, string> {
  const headers: Record<string, string> = {};
  if (details.allow !== undefined) headers['Allow'] = details.allow.join(', ');
  if (details.acceptPatch !== undefined) headers['Accept-Patch'] = details.acceptPatch.join(', ');
  if (details.revision !== undefined) headers['X-Revision'] = String(details.revision);
  if (code === 'unauthenticated') headers['WWW-Authenticate'] = 'Bearer';
  if (status === 503 || status === 429) headers['Retry-After'] = String(details.retryAfter ?? RETRY_AFTER);
  return headers;
}

/** The `type` that raw-body and http-errors give what they refuse. */
const libraryCodes: ReadonlyMap<string, readonly [ErrorCode, string]> = new Map([
  ['entity.too.large', ['body_too_large', 'The body is too large.']],
  ['request.aborted', ['bad_request', 'The body ended too soon.']],
  ['request.size.invalid', ['bad_request', 'The body is not as long as its Content-Length says.']],
  ['encoding.unsupported', ['unsupported_charset', 'The charset is not UTF-8.']],
]);

function libraryRefusal(error: unknown): CairnError | undefined {
  if (!(error instanceof Error)) return undefined;
  const type = 'type' in error ? libraryCodes.get(String(error.type)) : undefined;
  if (type !== undefined) return new CairnError(...type, { cause: error });
  const status = 'status' in error ? Number(error.status) : 500;
  if (!(status >= 400 && status < 500)) return undefined;
  return new CairnError('bad_request', 'The request cannot be understood.', {
    hint: errorTable.bad_request.hint,
    cause: error,
  });
}
