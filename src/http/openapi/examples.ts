/** The examples of a route as the document shows them: a curl command each with its answer, and the bodies alone. */
import type { oas31 } from 'zod-openapi';
import type { Policies } from '../../model.js';
import type { Example, ExampleRequest } from '../documentation.js';
import type { Operation } from '../route.js';

/** Where README and guide have it. */
const ORIGIN = 'localhost:3000';

/** Letters of a shell that stand for themselves. */
const HARMLESS = /^[A-Za-z0-9_./:@%+=,-]+$/;

/** Those that work: of a document that fits the JSON Schema of a collection nobody here knows one. */
export function fitting({ access, docs }: Operation, policies: Policies): readonly Example[] {
  const collection = access === 'open' || !('collection' in access) ? null : access.collection;
  if (collection === null || (policies[collection]?.schema ?? null) === null) return docs.examples;
  return docs.examples.filter(({ after = [], body }) => after.length === 0 && body === undefined);
}

export function describeExamples(method: string, examples: readonly Example[]): string {
  return examples.map(example => describeExample(method, example)).join('\n\n');
}

function describeExample(method: string, example: Example): string {
  const before = (example.after ?? []).map(curlOf);
  const command = curlOf({ ...example, method });
  const answer = example.answer === undefined ? [] : [example.answer];
  const shown = [...before.map(line => `$ ${line}`), `$ ${command}`, `# ${example.status}`, ...answer];
  return `**${example.title}**\n\n\`\`\`sh\n${shown.join('\n')}\n\`\`\``;
}

/** `curl -d` is a POST by itself. */
function curlOf({ method, path, headers = {}, body }: ExampleRequest): string {
  const plain = body === undefined ? 'GET' : 'POST';
  return [
    'curl',
    ...(method === plain ? [] : ['-X', method]),
    ...Object.entries(headers).flatMap(([name, value]) => ['-H', quoted(`${name}: ${value}`)]),
    ...(body === undefined ? [] : [body.includes('\n') ? '--data-binary' : '-d', quoted(body)]),
    quoted(`${ORIGIN}${path}`),
  ].join(' ');
}

function quoted(text: string): string {
  return HARMLESS.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The bodies of requests that are taken, by the media type that they are sent with. */
export function requestExamples(
  examples: readonly Example[],
  type: string,
  usual: string,
): oas31.ExamplesObject {
  return named(
    examples.filter(
      ({ body, status, headers = {} }) =>
        body !== undefined && status < 400 && (headers['Content-Type'] ?? usual) === type,
    ),
    ({ body = '' }) => bodyOf(body, type),
  );
}

export function answerExamples(
  examples: readonly Example[],
  status: number | 'default',
  type: string,
): oas31.ExamplesObject {
  return named(
    examples.filter(example => {
      const { answer, answerType = 'application/json' } = example;
      return example.status === status && answer !== undefined && answerType === type;
    }),
    ({ answer = '' }) => bodyOf(answer, type),
  );
}

function named(examples: readonly Example[], value: (example: Example) => unknown): oas31.ExamplesObject {
  return Object.fromEntries(
    examples.map(example => [nameOf(example.title), { summary: example.title, value: value(example) }]),
  );
}

function nameOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

function bodyOf(text: string, type: string): unknown {
  if (type === 'application/x-www-form-urlencoded') return Object.fromEntries(new URLSearchParams(text));
  return /[/+]json$/.test(type) ? JSON.parse(text) : text;
}
