/**
 * The collections: those that are built in, and what the configuration file says of these or adds. A member that the
 * file does not name keeps its built-in value; a collection that is not built in begins with those of `documents`.
 */
import { CairnError } from '../errors.js';
import { HISTORY_DEPTH_MAX, TTL_MS_MAX } from '../limits.js';
import type { Durability, Policies, Policy } from '../model.js';
import { stringMap, textOf } from './file.js';
import { choice, depth, duration, integer, type Kind, names, orNone, size, truth, words } from './kinds.js';
import { type SchemaSetting, type Schemas, schemaKind } from './schemas.js';
import { type Origin, quote, wrongValue } from './sources.js';
import { suggestion } from './suggest.js';

const KIB = 1024;
const MIB = 1024 * KIB;

const documents: Policy = {
  durability: 'sync',
  defaultTtl: null,
  entriesMax: null,
  bytesMax: null,
  full: 'refuse',
  idField: null,
  generatedId: false,
  schema: null,
  required: [],
  emails: [],
  unique: [],
  history: 100,
  historyTtl: 30 * 24 * 3600 * 1000,
};

const builtIn: ReadonlyMap<string, Policy> = new Map([
  ['kv', { ...documents, durability: 'periodic', history: 0 }],
  ['configs', { ...documents, idField: 'name' }],
  ['services', { ...documents, history: Number.POSITIVE_INFINITY }],
  [
    'users',
    {
      ...documents,
      idField: 'id',
      generatedId: true,
      required: ['name', 'email'],
      emails: ['email'],
      unique: ['email'],
      history: 10,
    },
  ],
  ['flags', { ...documents, idField: 'key' }],
  [
    'sessions',
    {
      ...documents,
      durability: 'periodic',
      generatedId: true,
      defaultTtl: 24 * 3600 * 1000,
      entriesMax: 100_000,
      bytesMax: 64 * MIB,
      full: 'evict',
      history: 0,
    },
  ],
]);

export const builtInNames: readonly string[] = [...builtIn.keys()];

/** What a collection is told to do where the file says nothing. */
export function policyOf(name: string): Policy {
  return builtIn.get(name) ?? documents;
}

/** First words of paths, present or kept for later, that no collection may be named after. */
export const reservedNames: ReadonlySet<string> = new Set([
  ...['api', 'v1', 'v2', 'ofrep', 'ui', 'static', 'admin', 'auth', 'tokens', 'events', 'backup'],
  ...['get', 'set', 'config', 'collections', 'batch', 'import', 'export', 'watch'],
  ...['livez', 'readyz', 'healthz', 'metrics', 'version', 'openapi', 'docs'],
]);

const NAME = /^[a-z][a-z0-9-]{0,62}$/;

/** How one member of a policy stands in the file. */
interface Member<K extends keyof Policy> {
  readonly key: string;
  readonly of: K;
  readonly kind: Kind<Policy[K]>;
  /** One sentence for the documentation. */
  readonly sentence: string;
}

function member<K extends keyof Policy>(
  of: K,
  key: string,
  kind: Kind<Policy[K]>,
  sentence: string,
): Member<K> {
  return { key, of, kind, sentence };
}

export const members = {
  durability: member(
    'durability',
    'durability',
    choice<Durability>(['periodic', 'sync'], 'sync'),
    'What a write gets unless it says.',
  ),
  defaultTtl: member(
    'defaultTtl',
    'ttl',
    orNone(duration(1, TTL_MS_MAX, '1ms to 10 years', '24h')),
    'Time to live of a put that names none.',
  ),
  entriesMax: member(
    'entriesMax',
    'entries',
    orNone(integer(1, Number.MAX_SAFE_INTEGER, 100_000)),
    'The most entries.',
  ),
  bytesMax: member(
    'bytesMax',
    'bytes',
    orNone(size(KIB, '64MiB')),
    'The most bytes, keys, values and bookkeeping together.',
  ),
  full: member(
    'full',
    'full',
    choice<Policy['full']>(['evict', 'refuse'], 'evict'),
    'What happens at a bound: the least recently used entry goes, or growth is refused.',
  ),
  idField: member(
    'idField',
    'id',
    orNone(words('<name>', 'the name of a member', 'name')),
    'The member of a document whose string is its key.',
  ),
  generatedId: member(
    'generatedId',
    'generated',
    truth,
    'Whether a document that is created without an id gets a random one.',
  ),
  schema: member(
    'schema',
    'schema',
    schemaKind,
    'What a document must be like; relative paths begin at the file.',
  ),
  required: member(
    'required',
    'required',
    names,
    'Members of a document that must be there, as strings that are not empty.',
  ),
  emails: member('emails', 'emails', names, 'Members that must be email addresses where they are there.'),
  unique: member('unique', 'unique', names, 'Members of which no two documents have the same value.'),
  history: member(
    'history',
    'history',
    depth(HISTORY_DEPTH_MAX),
    'How many versions of a key are kept, the present one too. Off where a collection evicts.',
  ),
  historyTtl: member(
    'historyTtl',
    'forget',
    orNone(duration(1, TTL_MS_MAX, '1ms to 10 years', '30d')),
    'How long the history of a deleted key is kept.',
  ),
} satisfies { readonly [K in keyof Policy]: Member<K> };

const keys = Object.values(members).map(each => each.key);

/** One line of `cairn config`. */
export interface CollectionSetting {
  readonly collection: string;
  readonly key: string;
  readonly shown: string;
  /** Whether that is JSON, and no text. */
  readonly json?: boolean;
  readonly origin: string;
}

export interface Collections {
  /** Without a prototype: a name that comes from a URL (`constructor`) finds nothing that was not put in. */
  readonly policies: Policies;
  readonly settings: readonly CollectionSetting[];
}

/** What the file says of one collection, by member. */
interface Section {
  readonly name: string;
  readonly file: string;
  readonly content: ReadonlyMap<string, unknown>;
}

export interface CollectionSources {
  /** What the setting `durability` says; it goes before the file unless it is a default. */
  readonly kv: { readonly durability: Durability; readonly origin: Origin };
  readonly schemas: Schemas;
}

export function readCollections(
  content: unknown,
  file: string,
  { kv, schemas }: CollectionSources,
): Collections {
  const sections = readSections(content, file);
  const policies: Record<string, Policy> = Object.create(null);
  const settings: CollectionSetting[] = [];
  for (const name of new Set([...builtInNames, ...sections.keys()])) {
    const section = sections.get(name) ?? { name, file, content: new Map() };
    const schema = schemas.get(name);
    const policy = readPolicy(section, policyOf(name), schema);
    const spoken = isSpokenFor(name, section, kv.origin);
    policies[name] = Object.freeze(spoken ? { ...policy, durability: kv.durability } : policy);
    settings.push(...show(section, policies[name], { durability: spoken ? kv.origin : undefined, schema }));
  }
  return { policies: Object.freeze(policies), settings };
}

/** Whether the setting `durability` decides: always for kv, but a default or the same file yields to kv's own member. */
function isSpokenFor(name: string, section: Section, origin: Origin): boolean {
  if (name !== 'kv') return false;
  return origin.place === 'flag' || origin.place === 'environment' || !section.content.has('durability');
}

function readSections(content: unknown, file: string): ReadonlyMap<string, Section> {
  const mapping = stringMap(content);
  if (mapping === undefined) throw notSections('collections', file);
  return new Map([...mapping].map(([name, body]) => [name, readSection(name, body, file)]));
}

function readSection(name: string, body: unknown, file: string): Section {
  refuseName(name, file);
  const content = stringMap(body);
  if (content === undefined) throw notSections(`collections.${name}`, file);
  for (const key of content.keys()) refuseKey(key, name, file);
  return { name, file, content };
}

function notSections(label: string, file: string): CairnError {
  return new CairnError('configuration', `${label} in ${file} must be a mapping.`, {
    hint: 'For example: collections: { notes: { ttl: 7d, entries: 1000, full: evict } }',
  });
}

function refuseName(name: string, file: string): void {
  if (!NAME.test(name)) {
    throw new CairnError('configuration', `A collection in ${file} cannot be named ${quote(name)}.`, {
      hint: 'A name is 1 to 63 of a-z, 0-9 and -, and begins with a letter.',
    });
  }
  if (!reservedNames.has(name)) return;
  throw new CairnError(
    'configuration',
    `A collection in ${file} cannot be named ${name}: the path is reserved.`,
    {
      hint: `Take another name, for example my-${name}.`,
    },
  );
}

function refuseKey(key: string, name: string, file: string): void {
  if (keys.includes(key)) return;
  throw new CairnError(
    'configuration',
    `There is no setting ${quote(key)} (collections.${name} in ${file}).`,
    {
      hint: suggestion(key, keys, `A collection has ${keys.join(', ')}.`),
    },
  );
}

function readPolicy(section: Section, base: Policy, schema: SchemaSetting | undefined): Policy {
  const read = <K extends keyof Policy>(each: Member<K>): Policy[K] =>
    readMember(section, each, base[each.of]);
  const policy: Policy = {
    durability: read(members.durability),
    defaultTtl: read(members.defaultTtl),
    entriesMax: read(members.entriesMax),
    bytesMax: read(members.bytesMax),
    full: read(members.full),
    idField: read(members.idField),
    generatedId: read(members.generatedId),
    schema: schema === undefined ? base.schema : schema.schema,
    required: read(members.required),
    emails: read(members.emails),
    unique: read(members.unique),
    history: read(members.history),
    historyTtl: read(members.historyTtl),
  };
  return policy.full === 'evict' ? evicting(section, policy) : policy;
}

/** It needs a bound to evict at; and what is evicted for its bytes cannot stay as a version. */
function evicting(section: Section, policy: Policy): Policy {
  if (policy.entriesMax === null && policy.bytesMax === null) {
    throw new CairnError(
      'configuration',
      `collections.${section.name} in ${section.file} evicts at no bound.`,
      {
        hint: 'Give it entries or bytes, or full: refuse.',
      },
    );
  }
  if (section.content.has(members.history.key) && policy.history > 0) {
    throw new CairnError(
      'configuration',
      `collections.${section.name} in ${section.file} evicts, and cannot keep a history.`,
      { hint: 'Say history: off, or full: refuse.' },
    );
  }
  return { ...policy, history: 0 };
}

function readMember<K extends keyof Policy>(section: Section, each: Member<K>, base: Policy[K]): Policy[K] {
  if (!section.content.has(each.key)) return base;
  const name = `collections.${section.name}.${each.key}`;
  const text = memberText(section.content.get(each.key), each.kind, `${name} in ${section.file}`);
  const value = each.kind.parse(text);
  if (value !== undefined) return value;
  throw wrongValue({ name, kind: each.kind }, { text, origin: { place: 'file', name: section.file } });
}

/** A list only where the member is one, and only of what a list in one line could be. */
function memberText(value: unknown, kind: { readonly placeholder: string }, label: string): string {
  if (!Array.isArray(value) || kind.placeholder !== names.placeholder) return textOf(value, label);
  const texts = value.map(element => textOf(element, label));
  if (texts.some(text => text.includes(','))) return '';
  return texts.length === 0 ? 'none' : texts.join(',');
}

interface ShownSources {
  readonly durability: Origin | undefined;
  readonly schema: SchemaSetting | undefined;
}

function show(section: Section, policy: Policy, { durability, schema }: ShownSources): CollectionSetting[] {
  const line = <K extends keyof Policy>(each: Member<K>): CollectionSetting => ({
    collection: section.name,
    key: each.key,
    shown: each.kind.show(policy[each.of]),
    origin: section.content.has(each.key) ? section.file : 'default',
  });
  const lines = [
    line(members.durability),
    line(members.defaultTtl),
    line(members.entriesMax),
    line(members.bytesMax),
    line(members.full),
    line(members.idField),
    line(members.generatedId),
    { ...line(members.schema), ...shownSchema(policy, schema) },
    line(members.required),
    line(members.emails),
    line(members.unique),
    line(members.history),
    line(members.historyTtl),
  ];
  const [first, ...rest] = lines;
  return durability === undefined || first === undefined
    ? lines
    : [{ ...first, origin: durability.name }, ...rest];
}

/** A file by its path, which holds wherever the configuration is kept; what stands within the file in one line. */
function shownSchema(
  { schema }: Policy,
  setting: SchemaSetting | undefined,
): Pick<CollectionSetting, 'json'> & Partial<CollectionSetting> {
  const path = setting?.path ?? null;
  return path === null ? { json: schema !== null } : { shown: path, json: false };
}
