/** `GET /collections`: every collection that has routes, with its policy in force and what it holds. */
import { type CollectionStatus, formatChangeId, type Policy } from '../../model.js';
import { type Grant, isWhole, visibleParts } from '../../service/grant.js';
import type { Lists } from '../../service/lists.js';
import { filteredHeader, objectReply, storeHeaders } from '../answer.js';
import type { Documentation } from '../documentation.js';
import type { Reply, Route } from '../route.js';

export interface CollectionsParts {
  readonly lists: Lists;
  /** Those that have routes. */
  readonly names: readonly string[];
  /** A policy by the names that it has in the configuration. */
  readonly describe: (policy: Policy) => Readonly<Record<string, unknown>>;
}

const docs: Documentation = {
  tag: 'Many at once',
  answers: {
    200: {
      summary: 'By name.',
      content: { 'application/json': 'Collections' },
      headers: ['X-Revision', 'X-Filtered'],
    },
  },
  examples: [{ title: 'All of them', path: '/collections', status: 200 }],
};

export function collectionsRoute(parts: CollectionsParts): Route {
  return {
    path: '/collections',
    operations: {
      GET: {
        access: { verbs: ['read'], of: 'anywhere' },
        summary: 'The collections: policy in force, count, bytes.',
        docs,
        query: [],
        body: 'none',
        handle: ({ caller }) => read(caller.grant, parts),
      },
    },
  };
}

interface Line {
  readonly name: string;
  /** Absent where the token may see a part of it only. */
  readonly count?: number;
  readonly bytes?: number;
  readonly lastChange: string;
  readonly policy: Readonly<Record<string, unknown>>;
}

/** An array, as every list is: `jq '.[] | select(.name=="users")'`. */
function read(grant: Grant, { lists, names, describe }: CollectionsParts): Reply {
  const seen = lists
    .statuses()
    .filter(({ name }) => names.includes(name))
    .map(status => ({ status, parts: visibleParts(grant, status.name, '') }));
  const lines = seen.flatMap(({ status, parts }) =>
    parts.length === 0 ? [] : lineOf(status, isWhole(parts, ''), describe),
  );
  lines.sort((a, b) => (a.name < b.name ? -1 : 1));
  const whole = seen.every(({ parts }) => isWhole(parts, ''));
  return objectReply(200, lines, { ...storeHeaders(lists.revision), ...filteredHeader(!whole) });
}

function lineOf(
  { name, policy, entries, bytes, lastChange }: CollectionStatus,
  whole: boolean,
  describe: CollectionsParts['describe'],
): Line {
  return {
    name,
    ...(whole ? { count: entries, bytes } : {}),
    lastChange: formatChangeId(lastChange),
    policy: describe(policy),
  };
}
