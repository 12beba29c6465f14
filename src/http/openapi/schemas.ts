/**
 * The bodies that routes name, as schemas. Objects of Cairn's own hold the members that stand here and no others. A
 * bound or a closed list comes from where the service has it.
 */
import { z } from 'zod';
import { DURATION } from '../../duration.js';
import {
  BATCH_OPERATIONS_MAX,
  IMPORT_PROGRESS_MS,
  KEY_BYTES_MAX,
  PATCH_OPERATIONS_MAX,
  TTL_MS_MAX,
  VALUE_BYTES_MAX,
  VALUE_DEPTH_MAX,
} from '../../limits.js';
import type { SchemaName } from '../documentation.js';
import { answeredCodes } from '../problem.js';

/** Those that do not depend on a collection. */
export type FixedName = Exclude<SchemaName, `${string}/${string}`>;

const anything = z.unknown();
const count = z.int().min(0);
const revision = count.meta({ description: 'The counter of changes of the whole store.' });
const version = z.int().min(1).meta({ description: 'The counter of changes of this key, from 1.' });
const fields = z.record(z.string(), anything);

const Key = z
  .string()
  .min(1)
  .max(KEY_BYTES_MAX)
  .meta({
    description:
      `1 to ${KEY_BYTES_MAX} bytes of UTF-8, no control character, no segment between slashes that is "." or "..". ` +
      'Any "/" is part of it.',
  });

const Value = anything.meta({
  description:
    `Any JSON, at most ${VALUE_BYTES_MAX} bytes of text and nested at most ${VALUE_DEPTH_MAX} deep. It comes back ` +
    'byte for byte.',
});

const ChangeId = z
  .string()
  .regex(/^\d+-\d+$/)
  .meta({ description: '`<epoch>-<revision>`: names one change for ever.' });

const ETag = z
  .string()
  .regex(/^"\d+-\d+"$/)
  .meta({ description: 'The change id in quotes.' });

const Ttl = z
  .union([
    z
      .number()
      .positive()
      .max(TTL_MS_MAX / 1000),
    z.string().regex(DURATION),
  ])
  .meta({ description: 'Seconds, or a duration such as 500ms, 30s, 5m, 2h, 7d; at most 10 years.' });

const ErrorCodes = z.enum([...answeredCodes]).meta({ description: 'What programs match on.' });

const hint = z.string().meta({ description: 'What to do next.' });

/** Members that some errors have beside the words. */
const details = {
  outcome: z.enum(['not_applied', 'unknown']).optional().meta({
    description: 'Of a write that failed for the sake of the disk: whether the change is in memory.',
  }),
  current: ChangeId.nullable().optional().meta({
    description: 'The change id that a condition met; null: there is no such key.',
  }),
  field: z.string().optional().meta({ description: 'The unique member that is refused.' }),
  key: z.string().optional().meta({ description: 'The document that has its value.' }),
  pointer: z.string().optional().meta({ description: 'The place in the document, as a JSON Pointer.' }),
  rule: z.string().optional().meta({ description: 'The keyword of the JSON Schema that it breaks.' }),
  op: count.optional().meta({ description: 'Which operation of a batch failed, from 0.' }),
  line: z.int().min(1).optional().meta({ description: 'Which line of an import was not taken, from 1.' }),
  imported: count.optional().meta({ description: 'How many lines before it were.' }),
};

const message = z.string().meta({ description: 'What is wrong, for a person.' });

const ErrorBody = z
  .strictObject({ status: z.literal('error'), message, code: ErrorCodes, hint, ...details })
  .meta({ description: 'What an error says unless it is asked for as a Problem.' });

const Problem = z
  .strictObject({
    type: z.literal('about:blank'),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: message,
    code: ErrorCodes,
    hint,
    ...details,
  })
  .meta({ description: 'The same as RFC 9457 has it, for who sends Accept: application/problem+json.' });

const BriefError = z
  .strictObject({ status: z.literal('error'), message: z.literal('Key not found') })
  .meta({ description: 'A missing key on /get.' });

const ServiceError = z
  .strictObject({
    error: z.int().min(400).max(599).meta({ description: 'The status.' }),
    message,
    success: z.literal(false),
    code: ErrorCodes.optional(),
    hint: hint.optional(),
    ...details,
  })
  .meta({
    description: 'What an error says on /config; code and hint where its services had no words for it.',
  });

const PatchOperation = z.union([
  z.looseObject({ op: z.enum(['add', 'replace', 'test']), path: z.string(), value: anything }),
  z.looseObject({ op: z.literal('remove'), path: z.string() }),
  z.looseObject({ op: z.enum(['move', 'copy']), from: z.string(), path: z.string() }),
]);

const condition = z.string().meta({ description: 'A change id, `none` (must not exist) or `any` (must).' });

const BatchOperation = z.union([
  z.strictObject({
    op: z.literal('put'),
    collection: z.string(),
    key: Key,
    value: Value,
    ttl: Ttl.optional(),
    if: condition.optional(),
  }),
  z.strictObject({ op: z.literal('delete'), collection: z.string(), key: Key, if: condition.optional() }),
]);

const expires = z.iso.datetime({ offset: true }).nullable();

const ofService = {
  id: z.int().min(1).optional().meta({ description: 'Of a service: its number.' }),
  enabled: z.boolean().optional().meta({ description: 'Of a service: its switch.' }),
};

const ExportLine = z.strictObject({
  collection: z.string(),
  key: Key,
  value: Value,
  expires: expires.optional().meta({ description: 'When it expires; null: never.' }),
  ...ofService,
});

const ImportLine = z.strictObject({
  collection: z.string().optional().meta({ description: 'Else ?collection=, else `kv`.' }),
  key: Key,
  value: Value,
  ttl: Ttl.optional(),
  expires: expires.optional().meta({ description: 'Instead of a ttl, as an export has it.' }),
  ...ofService,
});

const change = { collection: z.string(), key: Key, revision, version };

const Change = z.union([
  z.strictObject({ type: z.literal('put'), ...change, value: Value }),
  z.strictObject({
    type: z.literal('delete'),
    ...change,
    reason: z.enum(['deleted', 'expired', 'evicted']),
  }),
]);

function linesOf(name: string, description: string): z.ZodType {
  const contentSchema = { $ref: `#/components/schemas/${name}` };
  return z.string().meta({ contentMediaType: 'application/x-ndjson', contentSchema, description });
}

const fixed: Readonly<Record<FixedName, z.ZodType>> = {
  Batch: z.strictObject({ ops: z.array(BatchOperation).max(BATCH_OPERATIONS_MAX) }),
  BatchResults: z.strictObject({
    revision,
    results: z.array(
      z.strictObject({
        status: z.int().meta({ description: 'As each would be answered alone.' }),
        etag: ETag.optional(),
        version: version.optional(),
      }),
    ),
  }),
  Build: z.strictObject({
    name: z.literal('cairn'),
    version: z.string(),
    commit: z.string().nullable(),
    node: z.string().meta({ description: 'The version of Node.js.' }),
  }),
  Collections: z.array(
    z.strictObject({
      name: z.string(),
      count: count.optional().meta({ description: 'Absent where the token may see a part of it only.' }),
      bytes: count.optional(),
      lastChange: ChangeId,
      policy: fields.meta({ description: 'In force, by the names that the configuration file has.' }),
    }),
  ),
  Configuration: fields.meta({ description: 'The configuration of a service, as it was sent.' }),
  Configurations: z.record(z.string().regex(/^\d+$/), z.string()).meta({
    description: 'Several versions by number, from 0, each as a string of JSON.',
  }),
  Deleted: z.strictObject({ deleted: count }),
  Events: z.string().meta({
    contentMediaType: 'text/event-stream',
    contentSchema: { $ref: '#/components/schemas/Change' },
    description: 'Server-Sent Events; the data of each unnamed one is a change, its id the change id.',
  }),
  ExportLines: linesOf('ExportLine', 'One key a line.'),
  File: z.string().meta({ description: 'The bytes of the file.' }),
  History: z
    .array(
      z.strictObject({
        version,
        revision,
        at: z.iso.datetime(),
        by: z.string().nullable().meta({ description: 'The id of the token.' }),
        comment: z.string().nullable(),
        deleted: z.boolean(),
      }),
    )
    .meta({ description: 'The versions that are kept, newest first.' }),
  ImportLines: linesOf('ImportLine', 'One put a line.'),
  ImportProgress: z.string().meta({
    contentMediaType: 'application/x-ndjson',
    contentSchema: {
      anyOf: [
        { type: 'object', properties: { imported: { type: 'integer' } }, required: ['imported'] },
        { $ref: '#/components/schemas/ImportResult' },
        { $ref: '#/components/schemas/Error' },
        { $ref: '#/components/schemas/Problem' },
      ],
    },
    description: `How many are in, about every ${IMPORT_PROGRESS_MS} ms; at last the result or the error.`,
  }),
  ImportResult: z.strictObject({ imported: count, revision }),
  Index: z.strictObject({
    name: z.literal('cairn'),
    version: z.string(),
    commit: z.string().nullable(),
    node: z.string(),
    calls: z.record(z.string(), z.string()).meta({ description: 'Each call, and what it does.' }),
  }),
  JsonPatch: z.array(PatchOperation).max(PATCH_OPERATIONS_MAX).meta({ description: 'RFC 6902.' }),
  KeyAndValue: z.strictObject({ key: Key, value: Value }),
  MergePatch: anything.meta({ description: 'RFC 7396: null takes a member away.' }),
  Metrics: z.string().meta({ description: 'The text format of Prometheus.' }),
  OpenApi: z.looseObject({ openapi: z.string(), info: fields, paths: fields }).meta({
    description: 'This document.',
  }),
  Page: z.string().meta({ description: 'HTML.' }),
  ServiceDone: z.strictObject({ success: z.literal(true) }),
  ServiceMade: z.strictObject({
    ID: z.int().min(1),
    enabled: z.boolean(),
    service: Key,
    serviceJSONconf: z.string().meta({ description: 'The configuration as a string of JSON.' }),
    success: z.literal(true),
    total_configs: z.int().min(1).meta({
      description: 'How many services there are, or as many of them as the token may read or write.',
    }),
  }),
  Setting: z.strictObject({ key: Key, value: Value, ttl: Ttl.optional() }),
  SettingDone: z.strictObject({
    status: z.literal('success'),
    message: z.literal('key-value pair is set successfully'),
  }),
  SettingForm: z
    .strictObject({ key: Key, value: z.string(), ttl: z.string().regex(DURATION).optional() })
    .meta({ description: 'The same as form fields; the value is a string then.' }),
  Text: z.string(),
  Value,
};

/** All that is in the document but for what collections bring. */
export const schemas: Readonly<Record<string, z.ZodType>> = {
  ...fixed,
  BriefError,
  Change,
  ChangeId,
  Error: ErrorBody,
  ErrorCode: ErrorCodes,
  ExportLine,
  ImportLine,
  Key,
  Problem,
  ServiceError,
  Ttl,
};
