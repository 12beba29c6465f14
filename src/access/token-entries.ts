/**
 * The file of tokens, as a person writes it, in YAML or JSON: a list, and of each token its name, its SHA-256 and what it
 * may do. The token itself stands nowhere in it.
 *
 *     - id: ci
 *       sha256: 9b74c9897bac770ffc029102a200c5de3f9b74c9897bac770ffc029102a200c5
 *       read: [configs:app/, kv]      # <collection> or <collection>:<prefix>; "*" is every collection
 *       write: [configs:app/]
 *       expires: 2026-12-31           # or an instant such as 2026-12-31T18:00:00Z; without it: never
 *
 * Nothing is guessed: an unknown or missing member, a name or digest that comes twice, a collection that is not
 * configured, a day that is none, all are errors that name the place.
 */
import { stringMap } from '../config/file.js';
import { quote } from '../config/sources.js';
import { suggestion } from '../config/suggest.js';
import { CairnError } from '../errors.js';
import { parseInstant } from '../instant.js';
import { toUnicode } from '../json/bytes.js';
import { keyFromUnicode } from '../json/key.js';
import { TOKEN_SCOPES_MAX } from '../limits.js';
import type { Milliseconds } from '../model.js';
import type { Right, Verb } from '../service/grant.js';
import { readTokenItems } from './token-text.js';

export interface TokenEntry {
  /** For logs and histories: names the token and tells nothing of it. */
  readonly id: string;
  /** 64 hex digits, in lower case. */
  readonly sha256: string;
  readonly rights: readonly Right[];
  /** From then on it is none; null: never. */
  readonly expires: Milliseconds | null;
}

const MEMBERS = ['id', 'sha256', 'read', 'write', 'expires'] as const;
const VERBS: readonly Verb[] = ['read', 'write'];
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const SHA256 = /^[0-9a-f]{64}$/i;
const EXAMPLE =
  'For example: - { id: ci, sha256: <64 hex digits>, read: [configs:app/], expires: 2026-12-31 }';
const HOW = '`cairn token create` prints an entry.';

/** What stands in histories and logs for the token that may do everything, and for whoever needs none. */
const RESERVED: ReadonlySet<string> = new Set(['root', 'anonymous']);

/**
 * `collections`: those that are configured. `turn` lets others have theirs; whatever stands in the file, none takes long.
 * @throws CairnError `configuration`
 */
export async function readTokenEntries(
  path: string,
  text: string,
  collections: readonly string[],
  turn: () => Promise<void>,
): Promise<readonly TokenEntry[]> {
  const entries: TokenEntry[] = [];
  for await (const item of readTokenItems(text, { path, example: EXAMPLE, turn })) {
    entries.push(readEntry(item, `token ${entries.length + 1} in ${path}`, collections));
  }
  refuseTwice(entries, path);
  return entries;
}

function readEntry(item: unknown, place: string, collections: readonly string[]): TokenEntry {
  const members = item instanceof Map ? stringMap(item) : undefined;
  if (members === undefined) throw wrongAt(`${place} must be a mapping`, EXAMPLE);
  for (const name of members.keys()) refuseUnknown(name, place);
  const id = idOf(members.get('id'), place);
  const named = `${place} (${id})`;
  const sha256 = stringOf(members.get('sha256'), `the sha256 of ${named}`);
  if (!SHA256.test(sha256)) {
    throw wrongAt(
      `the sha256 of ${named} is not 64 hex digits`,
      `printf %s "$TOKEN" | sha256sum prints it. ${HOW}`,
    );
  }
  if (!members.has('read') && !members.has('write')) {
    throw wrongAt(`${named} may do nothing`, 'Give it read or write, such as read: [configs:app/].');
  }
  const rights = VERBS.flatMap(verb =>
    members.has(verb) ? rightsOf(verb, members.get(verb), named, collections) : [],
  );
  const expires = members.has('expires') ? instantOf(members.get('expires'), named) : null;
  return { id, sha256: sha256.toLowerCase(), rights, expires };
}

function refuseUnknown(name: string, place: string): void {
  if (MEMBERS.some(member => member === name)) return;
  throw wrongAt(
    `${place} has a member ${quote(name)}`,
    suggestion(name, MEMBERS, `There are ${MEMBERS.join(', ')}.`),
  );
}

function idOf(value: unknown, place: string): string {
  const id = stringOf(value, `the id of ${place}`);
  if (!ID.test(id) || RESERVED.has(id)) throw wrongId(`the id of ${place} is ${quote(id)}`);
  return id;
}

/** For the command line too. @throws CairnError */
export function wrongId(what: string): CairnError {
  return wrongAt(
    `${what}: that is none`,
    'An id is 1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-", begins with a letter or digit, and is neither root nor anonymous.',
  );
}

export function isTokenId(id: string): boolean {
  return ID.test(id) && !RESERVED.has(id);
}

function rightsOf(
  verb: Verb,
  value: unknown,
  place: string,
  collections: readonly string[],
): readonly Right[] {
  if (!Array.isArray(value))
    throw wrongAt(`"${verb}" of ${place} is no list`, `Write ${verb}: [configs:app/, kv].`);
  if (value.length > TOKEN_SCOPES_MAX) {
    throw wrongAt(`"${verb}" of ${place} has more than ${TOKEN_SCOPES_MAX} parts`, 'Name wider prefixes.');
  }
  return value.map((scope: unknown) => {
    const label = `"${verb}" of ${place}`;
    return rightOf(verb, stringOf(scope, `one of ${label}`), label, collections);
  });
}

/** `kv`, `configs:app/`, `*`, `*:app/`. @throws CairnError `configuration` */
export function rightOf(verb: Verb, scope: string, label: string, collections: readonly string[]): Right {
  const colon = scope.indexOf(':');
  const collection = colon < 0 ? scope : scope.slice(0, colon);
  if (collection !== '*' && !collections.includes(collection)) {
    throw wrongAt(
      `${label} names a collection ${quote(collection)}, and there is none`,
      suggestion(collection, collections, `There are ${collections.join(', ')}; "*" is every one.`),
    );
  }
  if (colon < 0) return { verb, collection, prefix: null };
  try {
    return { verb, collection, prefix: keyFromUnicode(scope.slice(colon + 1)) };
  } catch (cause) {
    if (!(cause instanceof CairnError)) throw cause;
    throw wrongAt(
      `${label} has the prefix ${quote(scope.slice(colon + 1))}, with which no key begins`,
      `Write ${collection}:app/ for the keys under app/, or ${collection} for all.`,
    );
  }
}

function instantOf(value: unknown, place: string): Milliseconds {
  const text = stringOf(value, `"expires" of ${place}`);
  const instant = parseInstant(text);
  if (instant !== undefined) return instant;
  throw wrongAt(
    `"expires" of ${place} is ${quote(text)}: that is no day and no instant`,
    'Write 2026-12-31, which is its first moment in UTC, or 2026-12-31T18:00:00Z.',
  );
}

function refuseTwice(entries: readonly TokenEntry[], path: string): void {
  const first = new Map<string, number>();
  for (const [at, { id, sha256 }] of entries.entries()) {
    for (const [what, value] of [
      ['id', id],
      ['sha256', sha256],
    ] as const) {
      const before = first.get(value);
      if (before === undefined) {
        first.set(value, at);
        continue;
      }
      throw wrongAt(
        `tokens ${before + 1} and ${at + 1} in ${path} have the same ${what} (${id})`,
        'Two tokens of one user, as in a rotation, are two entries with an id each, such as ci-1 and ci-2.',
      );
    }
  }
}

/** YAML takes 123, true and a bare date for other things than text; a digest of digits alone would lose some. */
function stringOf(value: unknown, label: string): string {
  if (typeof value === 'string') return value;
  if (value === undefined) throw wrongAt(`${label} is missing`, EXAMPLE);
  throw wrongAt(`${label} is no text`, 'Put it in quotes.');
}

/** What begins with a place of the file. */
function wrongAt(message: string, hint: string): CairnError {
  return wrong(`${message.charAt(0).toUpperCase()}${message.slice(1)}`, hint);
}

function wrong(message: string, hint: string): CairnError {
  return new CairnError('configuration', `${message}.`, { hint });
}

/** As it stands in the file, one entry of the list. */
export function writeTokenEntry({ id, sha256, rights, expires }: TokenEntry): string {
  const lines = [`- id: ${JSON.stringify(id)}`, `  sha256: ${JSON.stringify(sha256)}`];
  for (const verb of VERBS) {
    const scopes = rights.filter(right => right.verb === verb).map(right => JSON.stringify(scopeOf(right)));
    if (scopes.length > 0) lines.push(`  ${verb}: [${scopes.join(', ')}]`);
  }
  if (expires !== null) lines.push(`  expires: ${JSON.stringify(new Date(expires).toISOString())}`);
  return `${lines.join('\n')}\n`;
}

function scopeOf({ collection, prefix }: Right): string {
  return prefix === null ? collection : `${collection}:${toUnicode(prefix)}`;
}
