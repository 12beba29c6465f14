/** The groups of the document, in their order, and what each is about. */
import type { oas31 } from 'zod-openapi';
import type { Policies, Policy } from '../../model.js';
import type { Tag } from '../documentation.js';

const fixed: Readonly<Record<Exclude<Tag, `Collection ${string}`>, string>> = {
  'Plain keys': 'A key and its value, as simply as can be.',
  'Configuration of services':
    'Versioned configuration per service, as the service has it that users come from.',
  'Many at once': 'Batches, exports and imports, and what collections there are.',
  Watch: 'Changes as they happen.',
  About: 'What this is, and its documentation.',
  Health: 'For Kubernetes and for who measures.',
};

export function tagsOf(policies: Policies, used: ReadonlySet<string>): readonly oas31.TagObject[] {
  const collections = Object.entries(policies).map(([name, policy]) => ({
    name: `Collection ${name}`,
    description: sentenceOf(policy),
  }));
  const [first, ...rest] = Object.entries(fixed).map(([name, description]) => ({ name, description }));
  return [...(first === undefined ? [] : [first]), ...collections, ...rest].filter(({ name }) =>
    used.has(name),
  );
}

function sentenceOf({ idField, history, durability, full }: Policy): string {
  const id =
    idField === null ? 'The key stands beside the document' : `Its \`${idField}\` is the id of a document`;
  const count = history === Number.POSITIVE_INFINITY ? 'every one' : `${history}`;
  const versions = history === 0 ? 'no versions are kept' : `versions kept: ${count}`;
  const speed = durability === 'sync' ? 'answered after the fsync' : 'answered before the fsync';
  const bound =
    full === 'evict' ? 'the least recently used goes when it is full' : 'growth is refused when it is full';
  return `${id}; ${versions}; ${speed}; ${bound}.`;
}
