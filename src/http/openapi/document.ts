/**
 * The OpenAPI document: every route as it is declared, with what the tables here say of its words, headers and errors.
 * Nothing is known here that the service does not go by.
 */
import { createDocument, type oas31 } from 'zod-openapi';
import type { Policies, Policy } from '../../model.js';
import type { Clock } from '../../platform/clock.js';
import { type Documentation, EVERY_COLLECTION, type Example } from '../documentation.js';
import type { Operation, Route } from '../route.js';
import { responsesOf } from './answers.js';
import { collectionSchemas } from './collections.js';
import { wordsOf } from './errors.js';
import { describeExamples, fitting } from './examples.js';
import { answerHeaders, requestHeaders } from './headers.js';
import { requestBodyOf } from './request-body.js';
import { schemas } from './schemas.js';
import { SharedResponses } from './shared-responses.js';
import { tagsOf } from './tags.js';
import { partOf, type Word, wordOf } from './words.js';

export interface DocumentParts {
  readonly routes: readonly Route[];
  /** Of the collections that have routes. */
  readonly policies: Policies;
  readonly version: string;
  readonly clock: Pick<Clock, 'turn'>;
}

const SCHEME = 'token';

const ABOUT = `An in-memory key-value and configuration service.

- HEAD is answered wherever GET is, OPTIONS with \`Allow\`.
- JSON is taken where the type is \`application/json\`, missing, or the one that \`curl -d\` sends.
- A word of a query that is not known here, or stands there twice, is refused. A word alone means true.
- An error has a \`code\` for programs and a \`hint\` for people; \`Accept: application/problem+json\` gets RFC 9457.
- \`X-Request-Id\` is taken over where a request has one.`;

/** A route a turn: all of it at once would hold others up for 0.1 s. */
export async function openApiDocument({ routes, policies, version, clock }: DocumentParts): Promise<object> {
  const paths: Record<string, oas31.PathItemObject> = {};
  const tags = new Set<string>();
  const shared = new SharedResponses();
  for (const route of routes) {
    const path = pathOf(route);
    const item: Record<string, oas31.OperationObject> = {};
    for (const [method, operation] of Object.entries(route.operations)) {
      item[method.toLowerCase()] = operationOf({ route, method, operation, path }, policies, shared);
      tags.add(operation.docs.tag);
    }
    paths[path] = { ...paths[path], ...item };
    await clock.turn();
  }
  const document = createDocument({
    openapi: '3.1.1',
    info: { title: 'Cairn', version, description: ABOUT, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/', description: 'Where this document is from.' }],
    security: [{ [SCHEME]: [] }],
    tags: [...tagsOf(policies, tags)],
    paths: {},
    components: {
      schemas: { ...schemas, ...collectionSchemas(policies) },
      responses: shared.components,
      headers: headersIn(answerHeaders),
      securitySchemes: {
        [SCHEME]: {
          type: 'http',
          scheme: 'bearer',
          description:
            'Where one is needed: `cairn token show` prints it. On loopback the service may be open.',
        },
      },
    },
  });
  return { ...document, paths };
}

interface Place {
  readonly route: Route;
  readonly method: string;
  readonly operation: Operation;
  readonly path: string;
}

function operationOf(
  { route, method, operation, path }: Place,
  policies: Policies,
  shared: SharedResponses,
): oas31.OperationObject {
  const { docs, summary, access } = operation;
  const examples = fitting(operation, policies);
  const requestBody = requestBodyOf(operation, examples);
  return {
    tags: [docs.tag],
    operationId: idOf(method, path),
    summary: summary.replace(/\.$/, ''),
    description: descriptionOf(method, operation, examples),
    // The whole calls, for programs; the description has them for people.
    'x-calls': examples,
    ...(access === 'open' ? { security: [] } : {}),
    parameters: [
      ...pathParameters(path, docs),
      ...queryParameters(route, operation),
      ...headerParameters(docs),
    ],
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: shared.of(
      responsesOf({ route, method, operation, policies: storedBy(docs, policies) }, examples),
    ),
  };
}

function descriptionOf(method: string, { access, docs }: Operation, examples: readonly Example[]): string {
  const needs = access === 'open' ? [] : [`For a token that may ${access.verbs.join(' and ')}.`];
  const more = docs.more === undefined ? [] : [docs.more];
  return [...more, ...needs, describeExamples(method, examples)].join('\n\n');
}

/** Unique, since neither a collection nor a route has an underscore in its name. */
function idOf(method: string, path: string): string {
  const words = path.split('/').map(word => word.replace(/[{}.]/g, ''));
  return [method.toLowerCase(), ...words.filter(word => word !== '')].join('_');
}

/** As OpenAPI writes parameters. */
function pathOf({ path, key }: Route): string {
  const template = path.replace(/:(\w+)/g, '{$1}');
  return key === 'path' ? `${template}/{key}` : template;
}

function pathParameters(path: string, { examples: [first] }: Documentation): oas31.ParameterObject[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const before = path.slice(0, path.indexOf('{'));
  const example = decodeURIComponent(first.path.slice(before.length).replace(/\?.*$/, ''));
  return names.map(name => ({ ...parameter('path', name, partOf(name)), required: true, example }));
}

function queryParameters({ path }: Route, operation: Operation): oas31.ParameterObject[] {
  const { repeatable, docs } = operation;
  const query = new URLSearchParams(docs.examples[0].path.replace(/^[^?]*\??/, ''));
  return wordsOf(operation).map(name => {
    const word = parameter('query', name, wordOf(path, name));
    if (name === repeatable) {
      return { ...word, schema: { type: 'array', items: word.schema ?? {} }, style: 'form', explode: true };
    }
    if (docs.required?.includes(name) !== true) return word;
    const example = query.get(name) ?? '';
    const isNumber = wordOf(path, name).schema['type'] === 'integer';
    return { ...word, required: true, example: isNumber ? Number(example) : example };
  });
}

function headerParameters({ takes = [] }: Documentation): oas31.ParameterObject[] {
  return takes.map(name => parameter('header', name, requestHeaders[name]));
}

function parameter(place: 'path' | 'query' | 'header', name: string, word: Word): oas31.ParameterObject {
  return { name, in: place, description: word.description, schema: { ...word.schema } };
}

function headersIn(words: Readonly<Record<string, Word>>): Record<string, oas31.HeaderObject> {
  return Object.fromEntries(
    Object.entries(words).map(([name, { description, schema }]) => [
      name,
      { description, schema: { ...schema } },
    ]),
  );
}

function storedBy({ stores }: Documentation, policies: Policies): readonly Policy[] {
  if (stores === undefined) return [];
  return Object.entries(policies).flatMap(([name, policy]) =>
    stores === EVERY_COLLECTION || stores === name ? [policy] : [],
  );
}
