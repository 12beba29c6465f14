/**
 * The closed table of everything that can go wrong, by code. A code is part of the contract: scripts match on
 * it. Which HTTP status or exit code it becomes is decided where it is answered (http/problem.ts, main.ts),
 * never here. This file imports nothing.
 *
 * `when` is for the reader of the documentation, `hint` tells the caller what to do next unless the place that
 * throws knows better.
 */

const table = {
  // The request cannot be understood
  bad_request: {
    when: 'The HTTP message is malformed, ends too soon, or has a body where none belongs.',
    hint: 'Send one Host header and one Content-Length or Transfer-Encoding, as RFC 9112 asks.',
  },
  invalid_json: {
    when: 'The body is not one JSON value.',
    hint: `Check the JSON at the place that the message names; in a shell it stands in single quotes: curl -d '{"key":"a","value":1}' …/set.`,
  },
  invalid_utf8: {
    when: 'The body or a key is not UTF-8.',
    hint: 'Send UTF-8: iconv -f latin1 -t utf-8 file.json | curl -T - …/kv/a; in a URL "ü" is %C3%BC.',
  },
  too_deep: {
    when: 'A value is nested more than 64 deep.',
    hint: 'Store the inner part under a key of its own.',
  },
  number_out_of_range: {
    when: 'A number is not finite as a double (1e400).',
    hint: 'Send it as a string: {"key":"a","value":"1e400"}.',
  },
  invalid_key: {
    when: 'A key is missing, empty, no string, or holds what a key may not hold.',
    hint: 'A key is 1 to 512 bytes of UTF-8 without control characters and without segments "." or "..".',
  },
  key_too_long: { when: 'A key is longer than 512 bytes of UTF-8.', hint: 'Shorten the key.' },
  invalid_path_encoding: {
    when: 'The path is not percent-encoded UTF-8.',
    hint: 'Encode the key: curl -G --data-urlencode "key=…" …/get does it for you.',
  },
  invalid_parameter: {
    when: 'A query parameter is unknown, repeated or has no valid value.',
    hint: 'Use each of the allowed parameters at most once.',
  },
  invalid_ttl: {
    when: 'A ttl is no duration over 0 and up to 10 years.',
    hint: 'Give seconds (30, 0.5) or a duration such as 500ms, 30s, 5m, 2h, 7d.',
  },
  unknown_field: {
    when: "A body of Cairn's own has a member that it does not know.",
    hint: 'Take the member out, or put it inside "value".',
  },
  duplicate_field: {
    when: "A body of Cairn's own has the same member twice.",
    hint: 'Send each member once.',
  },
  missing_field: { when: "A body of Cairn's own lacks a member.", hint: 'Send {"key":"…","value":…}.' },
  invalid_operation: {
    when: 'An operation of a batch, or a line of an import, has a member that is not what it should be.',
    hint: 'Send {"op":"put","collection":"kv","key":"a","value":1} or {"op":"delete","collection":"kv","key":"a"}.',
  },
  duplicate_key: {
    when: 'Two operations of a batch name the same key.',
    hint: 'Name each key once: all of a batch happens at the same moment.',
  },
  invalid_comment: {
    when: 'X-Comment is too long, is not UTF-8, or has a control character.',
    hint: "Send up to 1000 bytes of text in one line: curl -H 'X-Comment: why' ….",
  },
  history_off: {
    when: 'A past was asked for in a collection that keeps no versions.',
    hint: 'GET /collections shows which keep a history; the configuration file says how many versions.',
  },
  invalid_precondition: {
    when: 'If-Match or If-None-Match is no list of ETags.',
    hint: `Send the ETag of an earlier answer, or *: curl -H 'If-Match: "1700000000-17"' -X PUT -d 1 …/kv/a.`,
  },
  invalid_patch: {
    when: 'A JSON Patch is no array of operations as RFC 6902 has them.',
    hint: 'Send [{"op":"replace","path":"/a","value":1}], or a merge patch {"a":1} as application/json.',
  },
  unsafe_member: {
    when: 'A patch names the member "__proto__".',
    hint: 'Use another name; PUT stores any document as it is.',
  },
  unsupported_media_type: {
    when: 'The Content-Type is none that this path takes.',
    hint: 'Send Content-Type: application/json.',
  },
  unsupported_charset: {
    when: 'The charset is not UTF-8.',
    hint: 'Send UTF-8 and Content-Type: application/json, which needs no charset.',
  },
  unsupported_encoding: {
    when: 'The body has a Content-Encoding.',
    hint: 'Send the body as it is, without Content-Encoding: gunzip < value.json.gz | curl -T - …/kv/a.',
  },
  unsupported_transfer_encoding: {
    when: 'The Transfer-Encoding is more than chunked.',
    hint: 'Send Content-Length, or Transfer-Encoding: chunked alone.',
  },
  expectation_failed: {
    when: 'The Expect header asks for more than 100-continue.',
    hint: "Leave it out: curl -H 'Expect:' ….",
  },
  headers_too_large: {
    when: 'Request line and headers are over 16 KiB, or there are more than 100 headers.',
    hint: 'Send fewer or shorter headers.',
  },
  body_too_large: {
    when: 'The body is larger than its path takes.',
    hint: 'A value is at most 1 MiB of JSON text.',
  },
  value_too_large: { when: 'A value is more than 1 MiB of JSON text.', hint: 'Split it over several keys.' },
  request_timeout: { when: 'The request did not arrive in time.', hint: 'Send it again.' },

  // It is understood and refused
  unauthenticated: {
    when: 'A token is needed, and none or a wrong one came.',
    hint: 'Send Authorization: Bearer <token>; `cairn token show` prints it.',
  },
  forbidden: {
    when: 'The token may not do this, or not with this key.',
    hint: 'Use a token whose verbs, collections and prefixes cover it; the file of --tokens says what each may do.',
  },
  rate_limited: {
    when: 'Too many failed logins from one address, or more requests than --rate-limit lets one caller send.',
    hint: 'Wait as long as Retry-After says.',
  },
  cross_site: {
    when: "A browser's page of another site tries to write.",
    hint: 'Call from a page of the same origin, or from a program.',
  },
  not_found: { when: 'There is nothing at this path.', hint: 'GET / lists the paths.' },
  key_not_found: { when: 'The key is not there, or has expired.', hint: 'Check the key, or set it first.' },
  service_enabled: {
    when: 'A service that is enabled was to be deleted.',
    hint: "Switch it off first: curl -X PATCH '…/config?service=<name>&enabled=false'.",
  },
  duplicate_value: {
    when: 'Another document has the same value in a field that is unique in its collection.',
    hint: '"key" is the other document, "field" the member; change or delete one of the two.',
  },
  version_not_found: {
    when: 'A version was cut off, or is the deletion of the key, or never was.',
    hint: '?history lists those that are kept; for /config that of /services/<name>.',
  },
  member_not_found: {
    when: 'The value has no member at this JSON Pointer.',
    hint: 'Leave ?path out to see the whole value.',
  },
  method_not_allowed: { when: 'The path exists, but not with this verb.', hint: 'See the Allow header.' },
  revision_mismatch: {
    when: 'If-Match or If-None-Match does not hold.',
    hint: 'Read the key again, and repeat with its new ETag.',
  },
  key_exists: {
    when: 'A POST would create a key that is there already.',
    hint: 'Use PUT to replace it, or PATCH to change a part of it.',
  },
  not_an_object: {
    when: 'A document of a collection with an id field is no object.',
    hint: 'Send a JSON object such as {"name":"a"}; a key of /kv takes any JSON.',
  },
  id_missing: {
    when: 'A document has no string in the id field of its collection.',
    hint: 'Give it one; GET /collections shows which.',
  },
  id_mismatch: {
    when: 'The id in a document is not that of its URL, a patch would change it, or a service has another ID.',
    hint: 'Leave it out, or as it is.',
  },
  member_missing: {
    when: 'A document lacks a member that its collection requires, or has no string there.',
    hint: 'Give it the member; GET /collections shows which are required.',
  },
  invalid_email: {
    when: 'A member that its collection wants to be an email address is none.',
    hint: 'Send one such as ada@example.com: one "@", a domain behind it, no spaces, at most 254 bytes.',
  },
  schema_violation: {
    when: 'A document breaks the JSON Schema of its collection.',
    hint: 'GET /collections shows the schema; "pointer" is the place in the document, "rule" the keyword.',
  },
  not_representable: {
    when: 'A document cannot be shown in the form that ?as= asks for.',
    hint: 'Read it as JSON.',
  },
  patch_too_large: {
    when: 'A patch reads, moves or takes apart more than it may.',
    hint: 'Send fewer operations at once, or PUT the whole document.',
  },
  patch_failed: {
    when: 'An operation of a JSON Patch does not fit the document.',
    hint: 'Read the document again; nothing of the patch was applied.',
  },
  patch_test_failed: {
    when: 'A "test" of a JSON Patch found another value.',
    hint: 'Read the document again; nothing of the patch was applied.',
  },
  batch_too_large: {
    when: 'A batch has more than 100 operations, or its changes do not fit into one line of the snapshot.',
    hint: 'Send fewer operations at once.',
  },
  quota_exceeded: {
    when: 'The store or the collection is full.',
    hint: 'Delete keys (?purge takes their histories too), give some a ttl, or raise the limit.',
  },

  // The service cannot do it just now
  loading: { when: 'The snapshot is still being read.', hint: 'Try again in a moment.' },
  draining: { when: 'The process is stopping.', hint: 'Try again; another one takes over.' },
  overloaded: {
    when: 'More changes, connections or requests wait than may.',
    hint: 'Try again more slowly.',
  },
  storage_full: {
    when: 'The volume is full, or nearly.',
    hint: 'Free space on the volume, or delete keys (?purge takes their histories too); writes come back by themselves.',
  },
  storage_error: {
    when: 'Writing to the volume or its fsync failed.',
    hint: 'Look at the volume; reads go on, writes come back by themselves.',
  },
  internal: { when: 'A defect of Cairn.', hint: 'Report it with the request id.' },

  // The process cannot start, or a command cannot do its work
  usage: { when: 'A flag or a word of the command line is wrong.', hint: 'See cairn --help.' },
  configuration: {
    when: 'A variable, the configuration file or a file that it names is wrong.',
    hint: 'See cairn help serve.',
  },
  token_missing: {
    when: 'No token is in force for this configuration.',
    hint: 'Set CAIRN_TOKEN or CAIRN_TOKEN_FILE, or start the service once: it makes a token where one is needed.',
  },
  unhealthy: {
    when: 'The process that this configuration starts does not answer that it is ready.',
    hint: 'See its log; /readyz?verbose says what it waits for.',
  },
  address_in_use: { when: 'Another process has the port.', hint: 'Choose another with --port or PORT.' },
  snapshot_damaged: {
    when: 'A snapshot file is not what was written.',
    hint: 'Copy the directory first. Then `cairn restore BACKUP DIR`, or `cairn repair DIR --prefix` or `--salvage`.',
  },
  snapshot_foreign: {
    when: 'A snapshot file belongs to another store, or is of a newer format.',
    hint: 'Start the version of Cairn that wrote it, or move the strange file away.',
  },
  snapshot_locked: {
    when: 'Another process serves this directory.',
    hint: 'Stop it first, or give this one a directory of its own with --snapshot-dir.',
  },
  snapshot_denied: {
    when: 'The snapshot directory cannot be made, read or written.',
    hint: 'Give it to the user that Cairn runs as (chown, or fsGroup in the pod), or name another with --snapshot-dir.',
  },
  lock_unavailable: {
    when: 'This machine has no way to lock a directory.',
    hint: 'Install flock (util-linux) or perl, or pass --no-lock if you are sure that no second process starts.',
  },
} as const satisfies Record<string, { when: string; hint: string }>;

export type ErrorCode = keyof typeof table;

/** For the documentation and its test. */
export const errorTable: Readonly<Record<ErrorCode, { readonly when: string; readonly hint: string }>> =
  table;

/** What a caller may need beside the words. All of it may be shown. */
export interface ErrorDetails {
  /** Better than the table's. */
  readonly hint?: string;
  /** Of a write that failed for the disk's sake: whether it is in memory. */
  readonly outcome?: 'not_applied' | 'unknown';
  /** The change id that a condition met; null: there was no such key. */
  readonly current?: string | null;
  /** The unique field that is refused, and the key that has its value. */
  readonly field?: string;
  readonly key?: string;
  /** The place in a document that is refused, as a JSON Pointer, and the keyword of the schema that it breaks. */
  readonly pointer?: string;
  readonly rule?: string;
  /** Which operation of a batch failed, from 0. */
  readonly op?: number;
  /** Which line of an import was not taken, from 1, and how many before it were. */
  readonly line?: number;
  readonly imported?: number;
  /** The verbs that a path takes. */
  readonly allow?: readonly string[];
  /** The types of a patch that a path takes. */
  readonly acceptPatch?: readonly string[];
  /** Seconds after which a repetition makes sense. */
  readonly retryAfter?: number;
  /** Of damage: where it is. */
  readonly file?: string;
  readonly offset?: number;
  /** Of damage: behind which one. Of a key that is not there: the store's when it was not. */
  readonly revision?: number;
  /** Of damage: what stands behind it. */
  readonly follows?: string;
  readonly cause?: unknown;
}

/** Every error that Cairn itself throws. */
export class CairnError extends Error {
  override readonly name = 'CairnError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint ?? table[code].hint;
    this.details = details;
  }
}

/** Errors of the system that libuv has no name for, by their number on Linux and on macOS: a quota is used up. */
const NAMELESS: ReadonlyMap<unknown, string> = new Map([
  [-122, 'EDQUOT'],
  [-69, 'EDQUOT'],
]);

/** The `code` of a system error (`ENOSPC`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  if ('errno' in error && NAMELESS.has(error.errno)) return NAMELESS.get(error.errno);
  return typeof error.code === 'string' ? error.code : undefined;
}
