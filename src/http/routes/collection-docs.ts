/**
 * What the document tells of the routes of a collection. The examples are about a document that fits its policy, under
 * the key `one`; where a collection has a JSON Schema nobody knows such a one, and the document leaves them out.
 */
import type { DocumentPolicy } from '../../service/rules.js';
import { SERVICES } from '../../service/services.js';
import {
  type AnswerHeader,
  type Documentation,
  type ExampleRequest,
  ofDocument,
  ofWrite,
  readHeaders,
  type SchemaName,
  type Tag,
  writeHeaders,
} from '../documentation.js';

const KEY = 'one';
const VERSIONS: readonly AnswerHeader[] = ['X-Revision'];

/** The forms of a document beside its JSON; the last is a diff. */
export const otherForms = {
  'text/plain': 'Text',
  'application/yaml': 'Text',
  'application/json-patch+json': 'JsonPatch',
} as const satisfies Readonly<Record<string, SchemaName>>;

/** The operations of `/<collection>`. */
export function listDocs(
  collection: string,
  policy: DocumentPolicy,
): Record<'GET' | 'POST' | 'DELETE', Documentation> {
  const { item, create, path, deletable } = sampleOf(collection, policy);
  const ofList: readonly AnswerHeader[] = ['ETag', 'X-Revision', 'X-Total-Count', 'Link', 'X-Filtered'];
  const tag: Tag = `Collection ${collection}`;
  return {
    GET: {
      tag,
      more: 'A page may end sooner than `limit` says; the Link header leads to the next one.',
      takes: readHeaders,
      answers: {
        200: { summary: 'A page.', content: { 'application/json': `List/${collection}` }, headers: ofList },
        304: { summary: 'Nothing in the collection has changed.', headers: ['ETag'] },
      },
      examples: [
        { title: 'All of them', after: [create], path, status: 200, answer: `[${item}]` },
        { title: 'Their keys', after: [create], path: `${path}?keys`, status: 200, answer: `["${KEY}"]` },
      ],
    },
    POST: {
      tag,
      takes: writeHeaders,
      input: `NewDocument/${collection}`,
      stores: collection,
      fails: ['key_exists', ...(policy.idField === null ? BODY_ERRORS : [])],
      answers: {
        201: {
          summary: 'It is there now.',
          content: {
            'application/json': policy.idField === null ? 'KeyAndValue' : `Document/${collection}`,
          },
          headers: [...ofWrite, 'Location'],
        },
      },
      examples: [
        { title: 'A new document', path, body: create.body, status: 201, answer: item },
        { title: 'One that is there already', after: [create], path, body: create.body, status: 409 },
      ],
    },
    DELETE: {
      tag,
      required: ['prefix'],
      takes: ['X-Comment'],
      fails: ['invalid_precondition', ...(collection === SERVICES ? (['service_enabled'] as const) : [])],
      answers: {
        200: {
          summary: 'How many were deleted.',
          content: { 'application/json': 'Deleted' },
          headers: ['X-Revision', 'X-Durable'],
        },
      },
      examples: [
        {
          title: 'All that begin with a prefix',
          after: deletable ? [create] : [],
          path: `${path}?prefix=${KEY.slice(0, 2)}`,
          status: 200,
          answer: `{"deleted":${deletable ? 1 : 0}}`,
        },
      ],
    },
  };
}

const BODY_ERRORS = [
  'unknown_field',
  'duplicate_field',
  'missing_field',
  'invalid_key',
  'key_too_long',
] as const;

type DocumentVerb = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';

/** The operations of `/<collection>/<key>`. */
export function documentDocs(
  collection: string,
  policy: DocumentPolicy,
): Record<DocumentVerb, Documentation> {
  const { text, path: list, put, member, deletable } = sampleOf(collection, policy);
  const path = `${list}/${KEY}`;
  const other = withMember(text, 2);
  const document = { 'application/json': `Document/${collection}` } as const;
  const tag: Tag = `Collection ${collection}`;
  return {
    GET: {
      tag,
      takes: readHeaders,
      fails: ['key_not_found'],
      answers: {
        200: {
          summary: 'The document, one member of it, another form of it, or its past.',
          content: { 'application/json': [`Document/${collection}`, 'History', 'Value'], ...otherForms },
          headers: ofDocument,
        },
        304: { summary: 'The caller has it.', headers: ofDocument },
      },
      examples: [
        { title: 'The document', after: [put], path, status: 200, answer: text },
        {
          title: 'One member, bare',
          after: [put],
          path: `${path}?path=/${member}&raw`,
          status: 200,
          answerType: 'text/plain',
          answer: '1',
        },
        { title: 'A key that is not there', path, status: 404 },
      ],
    },
    PUT: {
      tag,
      takes: writeHeaders,
      input: `PutDocument/${collection}`,
      stores: collection,
      answers: {
        200: { summary: 'It was replaced.', content: document, headers: ofWrite },
        201: { summary: 'It is new.', content: document, headers: [...ofWrite, 'Location'] },
      },
      examples: [
        { title: 'Stores a document', path, body: text, status: 201, answer: text },
        {
          title: 'Only if there is none',
          after: [put],
          path,
          headers: { 'If-None-Match': '*' },
          body: text,
          status: 412,
        },
      ],
    },
    POST: {
      tag,
      required: ['rollback'],
      takes: writeHeaders,
      stores: collection,
      fails: ['key_not_found'],
      answers: {
        200: { summary: 'The version is the present one.', content: document, headers: ofWrite },
        201: { summary: 'The key is there again.', content: document, headers: [...ofWrite, 'Location'] },
      },
      examples: [
        policy.history === 0
          ? { title: 'No versions are kept', path: `${path}?rollback=1`, status: 400 }
          : {
              title: 'Back to a version',
              after: [put, { ...put, body: other }],
              path: `${path}?rollback=1`,
              status: 200,
              answer: text,
            },
      ],
    },
    PATCH: {
      tag,
      more: 'A merge patch unless the type is that of a JSON Patch.',
      takes: writeHeaders,
      bodyless: true,
      stores: collection,
      fails: ['key_not_found'],
      answers: { 200: { summary: 'The document as it is now.', content: document, headers: ofWrite } },
      examples: [
        {
          title: 'A merge patch',
          after: [put],
          path,
          headers: { 'Content-Type': 'application/merge-patch+json' },
          body: `{"${member}":2}`,
          status: 200,
          answer: other,
        },
        {
          title: 'A JSON Patch',
          after: [put],
          path,
          headers: { 'Content-Type': 'application/json-patch+json' },
          body: `[{"op":"replace","path":"/${member}","value":2}]`,
          status: 200,
          answer: other,
        },
        collection === SERVICES
          ? { title: 'A service has no deadline', after: [put], path: `${path}?ttl=30m`, status: 400 }
          : { title: 'Only the deadline', after: [put], path: `${path}?ttl=30m`, status: 200, answer: text },
      ],
    },
    DELETE: {
      tag,
      takes: writeHeaders,
      fails: ['key_not_found', ...(collection === SERVICES ? (['service_enabled'] as const) : [])],
      answers: { 204: { summary: 'It is gone.', headers: ['ETag', ...VERSIONS, 'X-Durable'] } },
      examples: [
        deletable
          ? { title: 'Deletes a document', after: [put], path, status: 204 }
          : { title: 'A service that is enabled', after: [put], path, status: 422 },
        { title: 'A key that is not there', path, status: 404 },
      ],
    },
  };
}

interface Sample {
  readonly path: string;
  /** The document, with `member` in it, whose value is 1. */
  readonly text: string;
  readonly member: string;
  /** As a list shows it. */
  readonly item: string;
  readonly create: ExampleRequest & { readonly body: string };
  readonly put: ExampleRequest;
  /** Whether it can be deleted as it is. */
  readonly deletable: boolean;
}

const MEMBER = 'size';

function sampleOf(collection: string, { idField, required, emails }: DocumentPolicy): Sample {
  const members: Record<string, unknown> = {
    ...(idField === null ? {} : { [idField]: KEY }),
    ...Object.fromEntries(required.map(name => [name, 'text'])),
    ...Object.fromEntries(emails.map(name => [name, 'ada@example.com'])),
  };
  if (idField !== null) members[idField] = KEY;
  const text = JSON.stringify({ ...members, [MEMBER]: 1 });
  const path = `/${collection}`;
  const item = idField === null ? `{"key":"${KEY}","value":${text}}` : text;
  return {
    path,
    text,
    member: MEMBER,
    item,
    create: { method: 'POST', path, body: item },
    put: { method: 'PUT', path: `${path}/${KEY}`, body: text },
    deletable: collection !== SERVICES,
  };
}

function withMember(text: string, value: number): string {
  return text.replace(/\d+\}$/, `${value}}`);
}
