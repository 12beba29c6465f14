/**
 * Every word of a query and of a path that some route knows, with its type, its unit and what it means. A word that a
 * route declares and that is not here makes no document: a test sees to it.
 */
import { DURATION } from '../../duration.js';
import { KEY_BYTES_MAX, LIST_LIMIT_MAX, WAIT_MS_MAX } from '../../limits.js';
import { viewNames } from '../view.js';

export interface Word {
  readonly schema: Readonly<Record<string, unknown>>;
  readonly description: string;
}

const flag = (description: string): Word => ({
  schema: { type: 'boolean' },
  description: `${description} The word alone means true.`,
});
const text = (description: string, more: Word['schema'] = {}): Word => ({
  schema: { type: 'string', ...more },
  description,
});
const number = (description: string, more: Word['schema'] = {}): Word => ({
  schema: { type: 'integer', ...more },
  description,
});
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

const DURATION_TEXT = DURATION.source;
const CHANGE = 'A revision, or a change id `<epoch>-<revision>` as an ETag or an event has it.';

const words: Readonly<Record<string, Word>> = {
  as: text('Another form: lines for a shell, YAML, or a ConfigMap of Kubernetes.', {
    enum: viewNames,
  }),
  collection: text('The name of a collection.'),
  count: flag(
    'Whether X-Total-Count is wanted of a part of the collection, which costs a scan; false: not even of all.',
  ),
  cursor: text('Where the page begins, as the Link header of the page before has it.'),
  default: text('The string to answer with where there is no value.'),
  diff: text(
    'Two versions, as `3..5`, or one, as `3`, up to the present: how the one becomes the other, as a JSON Patch.',
    {
      pattern: /^\d{1,15}(?:\.\.\d{1,15})?$/.source,
    },
  ),
  enabled: flag('Switches the service on or off, without a body.'),
  history: flag('The versions that are kept instead of the document.'),
  initial: flag('Whether the present state comes first.'),
  key: { schema: ref('Key'), description: 'The key, for what a path cannot say.' },
  keys: flag('Only the keys.'),
  limit: number('The most documents of a page.', {
    minimum: 1,
    maximum: LIST_LIMIT_MAX,
    default: LIST_LIMIT_MAX,
  }),
  path: text('A JSON Pointer (RFC 6901): only this member of the value.', { pattern: '^(/|$)' }),
  prefix: text('Only keys that begin so.', { maxLength: KEY_BYTES_MAX }),
  progress: flag('Lines about the progress while it goes on; the status is 200 then in any case.'),
  purge: flag('The histories too.'),
  raw: flag('A string without its quotes, anything else as JSON, as plain text.'),
  rollback: number('The version whose text becomes the present one.', { minimum: 0 }),
  service: { schema: ref('Key'), description: 'The name of the service.' },
  since: text(CHANGE, { pattern: /^\d+(?:-\d+)?$/.source }),
  sync: flag('True: answered after the fsync that covers it; false: at once. Else as the collection has it.'),
  ttl: text('Seconds, or a duration such as 500ms, 30s, 5m, 2h, 7d; `none`: no deadline.', {
    pattern: `${DURATION_TEXT}|^none$`,
  }),
  verbose: flag('What it looked at, line by line.'),
  version: number('This version instead of the present one.', { minimum: 0 }),
  wait: text(`How long to wait for a change, at most ${WAIT_MS_MAX / 1000} s: a duration such as 30s.`, {
    pattern: DURATION_TEXT,
  }),
  where: text(
    'Only documents whose field has this value: `where=metadata.enabled=true`. The field is a dotted path, or a JSON ' +
      'Pointer where it begins with `/`. It may be there several times; all must hold.',
  ),
};

/** Words that mean something else on one path. */
const special: Readonly<Record<string, Readonly<Record<string, Word>>>> = {
  '/config': {
    version: text('The number of a version, from 0, or `latest`: that configuration itself.', {
      pattern: /^(?:\d{1,15}|latest)$/.source,
    }),
  },
};

/** Parameters of a path, by their names there. */
const parts: Readonly<Record<string, Word>> = {
  key: {
    schema: ref('Key'),
    description: 'All that follows: a slash in it may stand there as it is, or as %2F.',
  },
  file: text('The name of a file of the page.'),
};

export function wordOf(path: string, name: string): Word {
  return found(special[path]?.[name] ?? words[name], name);
}

export function partOf(name: string): Word {
  return found(parts[name], name);
}

function found(word: Word | undefined, name: string): Word {
  if (word === undefined) throw new Error(`"${name}" is not in the table of words`);
  return word;
}
