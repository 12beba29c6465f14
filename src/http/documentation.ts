/**
 * What the OpenAPI document tells of an operation beside what its declaration says already: plain data, so that a start
 * does not pay for the library that makes schemas of the names (openapi/schemas.ts). Errors are not listed that the
 * declaration brings with it: the table of those is in openapi/errors.ts.
 */
import type { ErrorCode } from '../errors.js';

/** The groups of the document; each collection is one of its own. */
export type Tag =
  | 'Plain keys'
  | `Collection ${string}`
  | 'Configuration of services'
  | 'Many at once'
  | 'Watch'
  | 'About'
  | 'Health';

/**
 * What a body is like. Of a collection there are its documents as they come back, as they are put, as they are created,
 * and the list of them.
 */
export type SchemaName =
  | `${'Document' | 'PutDocument' | 'NewDocument' | 'List'}/${string}`
  | 'Batch'
  | 'BatchResults'
  | 'Build'
  | 'Collections'
  | 'Configuration'
  | 'Configurations'
  | 'Deleted'
  | 'Events'
  | 'ExportLines'
  | 'File'
  | 'History'
  | 'ImportLines'
  | 'ImportProgress'
  | 'ImportResult'
  | 'Index'
  | 'JsonPatch'
  | 'KeyAndValue'
  | 'MergePatch'
  | 'Metrics'
  | 'OpenApi'
  | 'Page'
  | 'ServiceDone'
  | 'ServiceMade'
  | 'Setting'
  | 'SettingDone'
  | 'SettingForm'
  | 'Text'
  | 'Value';

/** Headers of a request that a route looks at; those of HTTP itself and Authorization are not listed. */
export type RequestHeader =
  | 'If-Match'
  | 'If-None-Match'
  | 'If-Modified-Since'
  | 'If-Unmodified-Since'
  | 'Last-Event-ID'
  | 'X-Comment';

/** Headers of an answer; `X-Request-Id` is on all of them. */
export type AnswerHeader =
  | 'Accept-Patch'
  | 'Allow'
  | 'ETag'
  | 'Last-Modified'
  | 'Link'
  | 'Location'
  | 'Retry-After'
  | 'WWW-Authenticate'
  | 'X-Durable'
  | 'X-Enabled'
  | 'X-Epoch'
  | 'X-Filtered'
  | 'X-Request-Id'
  | 'X-Revision'
  | 'X-Storage'
  | 'X-Total-Count'
  | 'X-TTL'
  | 'X-Version';

/** An answer that is no error. */
export interface Answer {
  /** When it comes, or what it says. */
  readonly summary: string;
  /** By media type; of several schemas one fits. None: there is no body. */
  readonly content?: Readonly<Record<string, SchemaName | readonly SchemaName[]>>;
  /** Those that may be there. */
  readonly headers?: readonly AnswerHeader[];
}

export interface ExampleRequest {
  readonly method: string;
  /** Path and query, as they are sent. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A whole call of the operation, and its answer. It is shown, and a test makes it. */
export interface Example extends Omit<ExampleRequest, 'method'> {
  readonly title: string;
  /** Calls that were made before it of a service without data. */
  readonly after?: readonly ExampleRequest[];
  readonly status: number;
  /** Of the answer; absent: JSON. */
  readonly answerType?: string;
  /** The body of the answer, to the letter; absent: there is none, or it is another each time. */
  readonly answer?: string;
}

export interface Documentation {
  readonly tag: Tag;
  /** What is to be said beyond the summary, in Markdown. */
  readonly more?: string;
  /** Query parameters without which it is refused. */
  readonly required?: readonly string[];
  /** Headers that it looks at. */
  readonly takes?: readonly RequestHeader[];
  /** Of its body, where that is JSON or lines; a patch needs none. */
  readonly input?: SchemaName;
  /** Whether there may be no body. */
  readonly bodyless?: true;
  /** The collection by whose rules a document is stored, or every one of them. */
  readonly stores?: string | typeof EVERY_COLLECTION;
  readonly answers: Readonly<Record<number, Answer>>;
  /** Errors of its own. */
  readonly fails?: readonly ErrorCode[];
  readonly examples: readonly [Example, ...Example[]];
}

export const EVERY_COLLECTION = '*';

/** Errors of a body that is many documents. */
export const MANY_FAIL: readonly ErrorCode[] = [
  'not_found',
  'invalid_operation',
  'invalid_key',
  'key_too_long',
  'invalid_ttl',
  'unknown_field',
  'duplicate_field',
  'missing_field',
  'invalid_precondition',
  'batch_too_large',
];

/** What documents.ts and conditional.ts read. */
export const readHeaders: readonly RequestHeader[] = [
  'If-Match',
  'If-None-Match',
  'If-Modified-Since',
  'If-Unmodified-Since',
];

/** What write.ts reads. */
export const writeHeaders: readonly RequestHeader[] = [
  'If-Match',
  'If-None-Match',
  'If-Unmodified-Since',
  'X-Comment',
];

/** What `documentHeaders` gives. */
export const ofDocument: readonly AnswerHeader[] = [
  'ETag',
  'Last-Modified',
  'X-Version',
  'X-Revision',
  'X-TTL',
];

export const ofWrite: readonly AnswerHeader[] = [...ofDocument, 'X-Durable'];
