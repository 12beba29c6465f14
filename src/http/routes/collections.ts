/** `GET /collections`: every collection that has routes, with its policy in force and what it holds. */
import { formatChangeId, type Policy } from '../../model.js';
import type { Lists } from '../../service/lists.js';
import { objectReply, storeHeaders } from '../answer.js';
import type { Reply, Route } from '../route.js';

export interface CollectionsParts {
  readonly lists: Lists;
  /** Those that have routes. */
  readonly names: readonly string[];
  /** A policy by the names that it has in the configuration. */
  readonly describe: (policy: Policy) => Readonly<Record<string, unknown>>;
}

export function collectionsRoute(parts: CollectionsParts): Route {
  return {
    path: '/collections',
    operations: {
      GET: {
        role: 'read',
        summary: 'The collections: policy in force, count, bytes.',
        query: [],
        body: 'none',
        handle: () => read(parts),
      },
    },
  };
}

interface Line {
  readonly name: string;
  readonly count: number;
  readonly bytes: number;
  readonly lastChange: string;
  readonly policy: Readonly<Record<string, unknown>>;
}

/** An array, as every list is: `jq '.[] | select(.name=="users")'`. */
function read({ lists, names, describe }: CollectionsParts): Reply {
  const lines = lists
    .statuses()
    .filter(({ name }) => names.includes(name))
    .map(({ name, policy, entries, bytes, lastChange }): Line => {
      return {
        name,
        count: entries,
        bytes,
        lastChange: formatChangeId(lastChange),
        policy: describe(policy),
      };
    });
  lines.sort((a, b) => (a.name < b.name ? -1 : 1));
  return objectReply(200, lines, storeHeaders(lists.revision));
}
