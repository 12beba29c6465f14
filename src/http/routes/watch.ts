/**
 * `GET /watch`: the changes of a key, a prefix, a collection or of all of them, as they happen.
 *
 * Who comes back says which change it saw last, and goes on behind it. `initial` gives the state first where there is
 * nothing to go on from.
 */
import { CairnError } from '../../errors.js';
import { keyFromUnicode } from '../../json/key.js';
import type { ChangeId, Revision } from '../../model.js';
import { Interest, type InterestRequest } from '../../service/interest.js';
import type { Rules } from '../../service/rules.js';
import type { Watches } from '../../service/watches.js';
import { filteredHeader, storeHeaders } from '../answer.js';
import type { Documentation } from '../documentation.js';
import { EVENTS_TYPE, type EventWords, eventStream } from '../event-stream.js';
import { flagOf, prefixOf } from '../request-target.js';
import type { Call, Reply, Route } from '../route.js';
import { sinceOf } from '../wait.js';

export interface WatchParts {
  readonly watches: Watches;
  readonly words: EventWords;
  readonly rules: Rules;
}

const docs: Documentation = {
  tag: 'Watch',
  more: [
    'Each change is an unnamed event with its change id; a moved deadline is none, since the value stays.',
    '`initial`: the state first, as puts without ids, then `event: synced`. What changes meanwhile comes without an id',
    'too; up to `synced` it is the state of the id there. `Last-Event-ID`, or `since`, goes on behind that change;',
    'where that is not possible `event: reset` says so, with the id of the present, and the state follows if `initial`.',
  ].join(' '),
  takes: ['Last-Event-ID'],
  fails: ['not_found', 'overloaded'],
  answers: {
    200: {
      summary: 'The events, until the caller goes away or the service stops.',
      content: { [EVENTS_TYPE]: 'Events' },
      headers: ['X-Revision', 'X-Filtered'],
    },
  },
  examples: [
    {
      title: 'What is below a prefix, and all that changes there',
      after: [{ method: 'POST', path: '/set', body: '{"key":"app/mode","value":"normal"}' }],
      path: '/watch?collection=kv&prefix=app/&initial',
      status: 200,
      answerType: EVENTS_TYPE,
      answer:
        'data: {"type":"put","collection":"kv","key":"app/mode","revision":1,"version":1,"value":"normal"}\n\n',
    },
  ],
};

export function watchRoute(parts: WatchParts): Route {
  return {
    path: '/watch',
    operations: {
      GET: {
        access: { verbs: ['read'], of: 'range', collection: null },
        summary: 'Changes as they happen, as Server-Sent Events.',
        docs,
        query: ['collection', 'key', 'prefix', 'since', 'initial'],
        body: 'none',
        handle: call => watch(call, parts),
      },
    },
  };
}

function watch(call: Call, { watches, words, rules }: WatchParts): Reply {
  const { query, caller } = call;
  const [last, initial] = [lastSeen(call), flagOf(query, 'initial') ?? false];
  const collection = query.get('collection');
  if (collection !== undefined) rules.refuseUnknown(collection);
  const collections = collection === undefined ? rules.collections : [collection];
  const interest = new Interest({ collections, range: rangeOf(call), grant: caller.grant });
  watches.refuseTooMany();
  const { present } = watches;
  // Whoever wants neither the past nor the state begins behind what is there in this very moment.
  const since = last ?? (initial ? null : present);
  const request = { interest, since, initial, isCurrent: () => caller.isCurrent() };
  const headers = {
    'Content-Type': EVENTS_TYPE,
    // For nginx, which otherwise keeps events until there are enough of them.
    'X-Accel-Buffering': 'no',
    ...storeHeaders(present.revision),
    ...filteredHeader(interest.isFiltered),
  };
  const events = () => eventStream(words, sink => watches.watch(request, sink));
  return { status: 200, headers, body: null, events };
}

/** A client that comes back by itself sends the header, and its first address again. */
function lastSeen({ query, headers }: Call): ChangeId | Revision | null {
  const since = query.get('since');
  const wanted = since === undefined ? null : sinceOf(since, '"since" in the query');
  const last = headers['last-event-id'];
  return typeof last === 'string' && last !== '' ? sinceOf(last, 'Last-Event-ID') : wanted;
}

function rangeOf({ query }: Call): InterestRequest['range'] {
  const key = query.get('key');
  if (key === undefined) return { prefix: prefixOf(query) };
  if (!query.has('prefix')) return { key: keyFromUnicode(key) };
  throw new CairnError('invalid_parameter', '"key" and "prefix" in the query exclude each other.', {
    hint: 'Watch ?collection=kv&key=a, or ?collection=kv&prefix=a/.',
  });
}
