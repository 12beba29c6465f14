/** The answers of an operation by status: its own as it declares them, and its errors with their codes. */
import type { oas31 } from 'zod-openapi';
import { type ErrorCode, errorTable } from '../../errors.js';
import type { AnswerHeader, Example, SchemaName } from '../documentation.js';
import { componentOf, referenceTo } from './collections.js';
import { beforeRoutes, type DocumentedStatus, errorHeaders, errorsOf, type Facts } from './errors.js';
import { answerExamples } from './examples.js';

type Content = Record<string, oas31.MediaTypeObject>;

interface Parts {
  readonly summaries: readonly string[];
  readonly content: Content;
  readonly headers: readonly AnswerHeader[];
}

export function responsesOf(
  facts: Facts,
  examples: readonly Example[],
): Readonly<Record<string, oas31.ResponseObject>> {
  const { answers } = facts.operation.docs;
  const errors = errorsOf(facts);
  const statuses = new Set<DocumentedStatus>([...Object.keys(answers).map(Number), ...errors.keys()]);
  const responses: Record<string, oas31.ResponseObject> = {};
  for (const status of [...statuses].sort(byNumber)) {
    const parts = [answerParts(facts, status), errorParts(facts, status, errors.get(status) ?? [])];
    responses[`${status}`] = responseOf(
      facts,
      examples,
      status,
      parts.filter(part => part !== null),
    );
  }
  return responses;
}

/** The default is the last. */
function byNumber(a: DocumentedStatus, b: DocumentedStatus): number {
  return (a === 'default' ? Number.POSITIVE_INFINITY : a) - (b === 'default' ? Number.POSITIVE_INFINITY : b);
}

function responseOf(
  { operation }: Facts,
  examples: readonly Example[],
  status: DocumentedStatus,
  parts: readonly Parts[],
): oas31.ResponseObject {
  const headers = new Set<AnswerHeader>([...parts.flatMap(part => part.headers), ...common(operation)]);
  const content: Content = Object.assign({}, ...parts.map(part => part.content));
  for (const [type, media] of Object.entries(content)) {
    const shown = answerExamples(examples, status, type);
    if (Object.keys(shown).length > 0) media.examples = shown;
  }
  return {
    description: parts.flatMap(part => part.summaries).join('\n\n'),
    headers: Object.fromEntries([...headers].map(name => [name, { $ref: `#/components/headers/${name}` }])),
    ...(Object.keys(content).length === 0 ? {} : { content }),
  };
}

function common({ access }: Facts['operation']): readonly AnswerHeader[] {
  return access === 'open' ? ['X-Request-Id'] : ['X-Request-Id', 'X-Epoch', 'X-Storage'];
}

function answerParts({ operation }: Facts, status: DocumentedStatus): Parts | null {
  const answer = status === 'default' ? undefined : operation.docs.answers[status];
  if (answer === undefined) return null;
  const content = Object.entries(answer.content ?? {}).map(([type, names]) => [
    type,
    { schema: anyOf(names) },
  ]);
  return {
    summaries: [answer.summary],
    content: Object.fromEntries(content),
    headers: answer.headers ?? [],
  };
}

function anyOf(names: SchemaName | readonly SchemaName[]): oas31.SchemaObject | oas31.ReferenceObject {
  if (typeof names === 'string') return referenceTo(componentOf(names));
  return { anyOf: names.map(name => referenceTo(componentOf(name))) };
}

function errorParts(
  { operation }: Facts,
  status: DocumentedStatus,
  codes: readonly ErrorCode[],
): Parts | null {
  if (codes.length === 0) return null;
  return {
    summaries: [codes.map(code => `- \`${code}\`: ${errorTable[code].when}`).join('\n')],
    content: {
      'application/json': { schema: errorSchema(operation, codes) },
      'application/problem+json': { schema: withCodes('Problem', codes) },
    },
    headers: errorHeaders(status, codes),
  };
}

function errorSchema({ errors }: Facts['operation'], codes: readonly ErrorCode[]): oas31.SchemaObject {
  const early = codes.filter(code => beforeRoutes.has(code));
  const own = withCodes(errors === 'service' ? 'ServiceError' : 'Error', codes);
  if (errors === 'service' && early.length > 0) return { anyOf: [own, withCodes('Error', early)] };
  if (errors === 'brief' && codes.includes('key_not_found'))
    return { anyOf: [own, referenceTo('BriefError')] };
  return own;
}

function withCodes(name: string, codes: readonly ErrorCode[]): oas31.SchemaObject {
  return { ...referenceTo(name), properties: { code: { enum: [...codes] } } };
}
