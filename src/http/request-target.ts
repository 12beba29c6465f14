/**
 * What stands in the request line: the path as it was sent, and the query, decoded by our own rules. A library that
 * normalises would make two keys one, and one that decodes leniently would store what nobody meant.
 */
import { CairnError } from '../errors.js';
import { fromUnicode } from '../json/bytes.js';
import { KEY_BYTES_MAX } from '../limits.js';
import type { ByteString } from '../model.js';

export interface RequestTarget {
  /** As it was sent. */
  readonly path: string;
  /** Behind the first `?`, as it was sent. */
  readonly query: string;
}

/** RFC 9112 §3.2.2: a server must take the absolute form too. Whose authority it names is nothing to us. */
const ABSOLUTE_FORM = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/;

/** What may be shown of a name that somebody sent. */
const HARMLESS_NAME = /^[A-Za-z0-9_.-]{1,64}$/;

export function parseTarget(url: string): RequestTarget {
  const target = url.startsWith('/') ? url : url.replace(ABSOLUTE_FORM, '');
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  return { path: path === '' ? '/' : path, query: mark === -1 ? '' : target.slice(mark + 1) };
}

export interface Query {
  /** Each at most once. */
  readonly words: ReadonlyMap<string, string>;
  /** The values of the one that may be there several times. */
  readonly repeated: readonly string[];
}

const NO_QUERY: Query = { words: new Map(), repeated: [] };

/** A word alone has the value `true`. @throws CairnError `invalid_parameter` */
export function parseQuery(query: string, allowed: readonly string[], repeatable?: string): Query {
  if (query === '') return NO_QUERY;
  const words = new Map<string, string>();
  const repeated: string[] = [];
  const known = repeatable === undefined ? allowed : [...allowed, repeatable];
  for (const piece of query.split('&')) {
    if (piece === '') continue;
    const equals = piece.indexOf('=');
    const name = decode(equals === -1 ? piece : piece.slice(0, equals));
    if (!known.includes(name)) throw unknown(name, known);
    const value = equals === -1 ? 'true' : decode(piece.slice(equals + 1));
    if (name === repeatable) repeated.push(value);
    else if (words.has(name)) throw invalid(`The query has "${name}" twice.`, known);
    else words.set(name, value);
  }
  return { words, repeated };
}

/** @throws CairnError `invalid_parameter` */
export function flagOf(query: ReadonlyMap<string, string>, name: string): boolean | undefined {
  const value = query.get(name);
  if (value === undefined) return undefined;
  if (value === 'true' || value === 'false') return value === 'true';
  throw new CairnError('invalid_parameter', `"${name}" in the query is neither true nor false.`, {
    hint: `Write ?${name}, ?${name}=true or ?${name}=false.`,
  });
}

/** The parameter `prefix` as bytes; empty where there is none. @throws CairnError `invalid_parameter` */
export function prefixOf(query: ReadonlyMap<string, string>): ByteString {
  const bytes = fromUnicode(query.get('prefix') ?? '');
  if (bytes.length <= KEY_BYTES_MAX) return bytes;
  const message = `"prefix" in the query is longer than any key, ${KEY_BYTES_MAX} bytes.`;
  throw new CairnError('invalid_parameter', message, {
    hint: 'Write ?prefix=a/ for the keys that begin so.',
  });
}

/** The name in quotes, behind a space, if it is fit to be shown; else nothing. */
export function nameShown(name: string): string {
  return HARMLESS_NAME.test(name) ? ` "${name}"` : '';
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw new CairnError('invalid_parameter', 'The query is not percent-encoded UTF-8.', {
      hint: 'Encode it: curl -G --data-urlencode "name=value" does it for you.',
      cause,
    });
  }
}

function unknown(name: string, allowed: readonly string[]): CairnError {
  return invalid(`The query parameter${nameShown(name)} is not known here.`, allowed);
}

function invalid(message: string, allowed: readonly string[]): CairnError {
  const hint = allowed.length === 0 ? 'There is none here.' : `Allowed, each once: ${allowed.join(', ')}.`;
  return new CairnError('invalid_parameter', message, { hint });
}
