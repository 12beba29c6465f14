/**
 * The one error of the client: what the service refused, by its code, and what kept the call from being answered. An
 * abort by the caller's own signal is none: then the reason of that signal is thrown, as fetch does.
 */

/** What can happen without the service saying so. */
export type OwnCode =
  /** No answer came, or it was cut off. */
  | 'network'
  /** The time for the call is over. */
  | 'timeout'
  /** The answer is none of Cairn's: a proxy's, or another program's. */
  | 'bad_answer';

/** The codes that an answer of the service can carry; docs/errors.md says of each when, and what to do. */
export const serviceCodes = [
  'bad_request',
  'invalid_json',
  'invalid_utf8',
  'too_deep',
  'number_out_of_range',
  'invalid_key',
  'key_too_long',
  'invalid_path_encoding',
  'invalid_parameter',
  'invalid_ttl',
  'unknown_field',
  'duplicate_field',
  'missing_field',
  'invalid_operation',
  'duplicate_key',
  'invalid_comment',
  'history_off',
  'invalid_precondition',
  'invalid_patch',
  'unsafe_member',
  'unsupported_media_type',
  'unsupported_charset',
  'unsupported_encoding',
  'unsupported_transfer_encoding',
  'expectation_failed',
  'headers_too_large',
  'body_too_large',
  'value_too_large',
  'request_timeout',
  'unauthenticated',
  'forbidden',
  'rate_limited',
  'cross_site',
  'not_found',
  'key_not_found',
  'service_enabled',
  'duplicate_value',
  'version_not_found',
  'member_not_found',
  'method_not_allowed',
  'revision_mismatch',
  'key_exists',
  'not_an_object',
  'id_missing',
  'id_mismatch',
  'member_missing',
  'invalid_email',
  'schema_violation',
  'not_representable',
  'patch_too_large',
  'patch_failed',
  'patch_test_failed',
  'batch_too_large',
  'quota_exceeded',
  'loading',
  'draining',
  'overloaded',
  'storage_full',
  'storage_error',
  'internal',
] as const;

export type ServiceCode = (typeof serviceCodes)[number];

/** Known ones, and those of a service that is newer than this client. */
export type ClientErrorCode = ServiceCode | OwnCode | (string & {});

export interface ClientErrorParts {
  /** 0: no answer came. */
  readonly status: number;
  readonly hint?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly requestId?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

export class CairnClientError extends Error {
  override readonly name = 'CairnClientError';
  readonly code: ClientErrorCode;
  /** The status of the answer; 0: none came. */
  readonly status: number;
  /** What the service says to do about it. */
  readonly hint: string | undefined;
  /** The other members of its answer: `current`, `field`, `key`, `op`, `line`, `outcome` … */
  readonly details: Readonly<Record<string, unknown>>;
  /** Of the answer; the service logs the request under it. */
  readonly requestId: string | undefined;
  /** How long the service asks to be left alone. */
  readonly retryAfterMs: number | undefined;
  /**
   * How often the call was sent. Above 1 an answer to an attempt before may have been lost: a 412 can be this call's own
   * doing.
   */
  attempts = 1;

  constructor(code: ClientErrorCode, message: string, parts: ClientErrorParts) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.code = code;
    this.status = parts.status;
    this.hint = parts.hint;
    this.details = parts.details ?? {};
    this.requestId = parts.requestId;
    this.retryAfterMs = parts.retryAfterMs;
  }
}

/** The error that an answer tells of; its body is read for it. */
export async function errorOf(response: Response, now: number): Promise<CairnClientError> {
  return toldError(parsed(await response.text()), {
    status: response.status,
    requestId: response.headers.get('x-request-id') ?? undefined,
    retryAfterMs: retryAfterOf(response.headers.get('retry-after'), now),
  });
}

/** From the members of a body of the service: RFC 9457, or its own form. */
export function toldError(
  members: Readonly<Record<string, unknown>>,
  parts: ClientErrorParts,
): CairnClientError {
  const { type, title, status, error, success, code, message, detail, hint, ...details } = members;
  const words = textOf(detail) ?? textOf(message);
  if (typeof code !== 'string') {
    const told = words ?? `The answer has the status ${parts.status}, and nothing of Cairn in it.`;
    return new CairnClientError('bad_answer', told, parts);
  }
  return new CairnClientError(code, words ?? code, { ...parts, hint: textOf(hint), details });
}

export function badAnswer(message: string, status = 200): CairnClientError {
  return new CairnClientError('bad_answer', message, {
    status,
    hint: 'Does the URL lead to Cairn itself, and to one that is as new as this client?',
  });
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Seconds, or the date of a proxy. */
function retryAfterOf(value: string | null, now: number): number | undefined {
  if (value === null || value.trim() === '') return undefined;
  const ms = /^\d{1,9}$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
}
