/**
 * The documents of one collection: every call that `/<collection>` and `/<collection>/<key>` take.
 *
 * A key that is not there is `undefined`, and no error; everything else that the service refuses is a CairnClientError.
 */
import { type Document, documentOf, type Written, writtenOf } from './document.js';
import { elementsOf, encode, type JsonText, membersOf, numberOf, objectText, stringOf } from './json.js';
import { WAIT_SECONDS_MAX } from './limits.js';
import {
  type Item,
  type ListOptions,
  listQuery,
  nextOf,
  type Page,
  type PageOptions,
  pageOf,
} from './listing.js';
import type { Answer, Ask, CallOptions, Query, Transport } from './transport.js';
import {
  type Conditional,
  conditionHeaders,
  type DeleteOptions,
  type PutOptions,
  pathOf,
  type Ttl,
  type WriteOptions,
  writeHeaders,
  writeQuery,
} from './words.js';

export interface ReadOptions extends CallOptions {
  /** One member of the document, as a JSON Pointer: `/db/host`. */
  readonly path?: string | undefined;
  /** An old version, where the collection keeps them. */
  readonly version?: number | undefined;
  readonly ifMatch?: string | undefined;
}

/** The forms of a document beside its JSON. */
export type View = 'env' | 'yaml' | 'configmap';

export interface WaitOptions extends CallOptions {
  /** At most 240; the service is asked to answer then, whatever is there. */
  readonly seconds: number;
  /** The change that the caller has seen: `since` of a document, or of the wait before. Absent: from now. */
  readonly since?: string | number | undefined;
}

export interface Waited<T> {
  /** What is there now; undefined: nothing. */
  readonly document: Document<T> | undefined;
  /** For the next wait. */
  readonly since: string | undefined;
}

/** One version, newest first in the list. */
export interface VersionInfo {
  readonly version: number;
  readonly revision: number;
  readonly at: string;
  readonly by: string | null;
  readonly comment: string | null;
  readonly deleted: boolean;
}

/** RFC 6902. */
export interface PatchOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

export interface CollectionOptions {
  /** The member that holds the key of a document; null: none does. Of the built-in collections it is known. */
  readonly id?: string | null | undefined;
}

export interface CreateOptions extends PutOptions {
  /** Where documents do not hold their id. Absent: the service makes one, if the collection lets it. */
  readonly key?: string | undefined;
}

const builtIn: ReadonlyMap<string, string> = new Map([
  ['configs', 'name'],
  ['users', 'id'],
  ['flags', 'key'],
]);

const JSON_TYPE = { 'content-type': 'application/json' };
const MERGE_TYPE = { 'content-type': 'application/merge-patch+json' };
const PATCH_TYPE = { 'content-type': 'application/json-patch+json' };

export class Collection<T = unknown> {
  readonly name: string;
  readonly #transport: Transport;
  readonly #id: string | null;

  constructor(transport: Transport, name: string, { id }: CollectionOptions = {}) {
    this.name = name;
    this.#transport = transport;
    this.#id = id === undefined ? (builtIn.get(name) ?? null) : id;
  }

  async get(key: string, options: ReadOptions = {}): Promise<Document<T> | undefined> {
    const answer = await this.#read(key, options);
    return answer.status === 404 ? undefined : documentOf(key, answer, this.#transport.decode);
  }

  /** The stored text of the value, byte for byte. */
  async getText(key: string, options: ReadOptions = {}): Promise<Document<string> | undefined> {
    const answer = await this.#read(key, options);
    return answer.status === 404 ? undefined : documentOf(key, answer, text => text);
  }

  /** The document, unless it still has this ETag. */
  async getUnless(
    key: string,
    etag: string,
    options: ReadOptions = {},
  ): Promise<Document<T> | 'unchanged' | undefined> {
    const answer = await this.#read(key, { ...options, ifNoneMatch: etag });
    if (answer.status === 304) return 'unchanged';
    return answer.status === 404 ? undefined : documentOf(key, answer, this.#transport.decode);
  }

  /** As lines for a shell, as YAML, or as a manifest for Kubernetes. */
  async view(key: string, as: View, options: ReadOptions = {}): Promise<string | undefined> {
    const answer = await this.#read(key, options, { as });
    return answer.status === 404 ? undefined : answer.text;
  }

  /** Waits for the next change of a key, also of one that is not there yet. */
  async wait(key: string, { seconds, since, ...options }: WaitOptions): Promise<Waited<T>> {
    const wait = secondsOf(seconds);
    const answer = await this.#read(key, options, { wait, since }, wait * 1000);
    if (answer.status === 404)
      return { document: undefined, since: answer.headers.get('x-revision') ?? undefined };
    const document: Document<T> = documentOf(key, answer, this.#transport.decode);
    return { document, since: document.since };
  }

  async put(key: string, value: T | JsonText, options: PutOptions = {}): Promise<Written<T>> {
    return this.#write(
      key,
      { method: 'PUT', headers: JSON_TYPE, body: encode(value), repeatable: true },
      options,
    );
  }

  /**
   * A document that is not there yet; one that is there is 409, `key_exists`. Where documents hold their id, it is that
   * of the value; else `key`, or one that the service makes.
   */
  async create(value: T | JsonText, { key, ...options }: CreateOptions = {}): Promise<Written<T>> {
    const within = this.#id !== null;
    if (within && key !== undefined) {
      throw new TypeError(`In "${this.name}" the key of a document is its member "${this.#id}".`);
    }
    const { ttl, sync } = options;
    const answer = await this.#transport.send({
      method: 'POST',
      path: `/${this.name}`,
      query: writeQuery(within ? { sync, ttl } : { sync }),
      headers: { ...writeHeaders(options), ...JSON_TYPE },
      body: within ? encode(value) : objectText({ key: textOf(key), value: encode(value), ttl: textOf(ttl) }),
      options,
    });
    const text = within ? answer.text : (membersOf(answer.text).get('value') ?? '');
    return writtenOf(keyIn(answer, this.name), { ...answer, text }, this.#transport.decode);
  }

  /** Changes the members that are given, and takes out those that are null (RFC 7396). */
  async merge(key: string, changes: unknown, options: PutOptions = {}): Promise<Written<T>> {
    return this.#write(key, { method: 'PATCH', headers: MERGE_TYPE, body: encode(changes) }, options);
  }

  /** Applies all operations or none (RFC 6902). */
  async patch(
    key: string,
    operations: readonly PatchOperation[],
    options: PutOptions = {},
  ): Promise<Written<T>> {
    return this.#write(key, { method: 'PATCH', headers: PATCH_TYPE, body: patchText(operations) }, options);
  }

  /** Moves the deadline alone; `none` takes it away. */
  async touch(key: string, ttl: Ttl, options: WriteOptions & Conditional = {}): Promise<Written<T>> {
    return this.#write(key, { method: 'PATCH', repeatable: true }, { ...options, ttl });
  }

  /** Makes an old version the present one, also of a deleted key. */
  async rollback(key: string, version: number, options: PutOptions = {}): Promise<Written<T>> {
    return this.#write(key, { method: 'POST', query: { rollback: version } }, options);
  }

  /** Whether it was there. After a lost answer and a repetition, false may mean that the first time took it. */
  async delete(key: string, options: DeleteOptions = {}): Promise<boolean> {
    const { sync, purge } = options;
    const answer = await this.#transport.send({
      method: 'DELETE',
      path: this.#pathOf(key),
      query: { ...writeQuery({ sync }), purge },
      headers: writeHeaders(options),
      repeatable: true,
      mayBeAbsent: true,
      options,
    });
    return answer.status !== 404;
  }

  /** Everything under a prefix, which is not empty. Gives how many there were. */
  async deletePrefix(prefix: string, options: Omit<DeleteOptions, keyof Conditional> = {}): Promise<number> {
    const { sync, purge } = options;
    const answer = await this.#transport.send({
      method: 'DELETE',
      path: `/${this.name}`,
      query: { ...writeQuery({ sync }), prefix, purge },
      headers: writeHeaders(options),
      repeatable: true,
      options,
    });
    return numberOf(membersOf(answer.text).get('deleted'));
  }

  /** All documents in key order, a page at a time. One that stays is given exactly once. */
  async *list(options: ListOptions = {}): AsyncGenerator<Item<T>, void, void> {
    let cursor: string | undefined;
    do {
      const page: Page<T> = await this.page({ ...options, cursor });
      yield* page.items;
      cursor = page.next;
    } while (cursor !== undefined);
  }

  /** The keys alone. */
  async *keys(options: ListOptions = {}): AsyncGenerator<string, void, void> {
    let cursor: string | undefined;
    do {
      const query = { ...listQuery({ ...options, cursor }), keys: true };
      const answer = await this.#transport.send({ method: 'GET', path: `/${this.name}`, query, options });
      for (const text of elementsOf(answer.text)) yield stringOf(text);
      cursor = nextOf(answer.headers);
    } while (cursor !== undefined);
  }

  /** One page of the list. */
  async page(options: PageOptions = {}): Promise<Page<T>> {
    return this.#page(listQuery(options), options);
  }

  /** Waits for the next change of the collection, or under a prefix, and gives the first page then. */
  async waitList({ seconds, since, ...options }: WaitOptions & PageOptions): Promise<Page<T>> {
    const wait = secondsOf(seconds);
    return this.#page({ ...listQuery(options), wait, since }, options, wait * 1000);
  }

  /** The versions of a key, newest first. */
  async history(key: string, options: CallOptions = {}): Promise<readonly VersionInfo[]> {
    const path = this.#pathOf(key);
    const answer = await this.#transport.send({ method: 'GET', path, query: { history: true }, options });
    return JSON.parse(answer.text);
  }

  /** What leads from one version to another, or to the present one. */
  async diff(
    key: string,
    from: number,
    to?: number,
    options: CallOptions = {},
  ): Promise<readonly PatchOperation[]> {
    const query = { diff: to === undefined ? from : `${from}..${to}` };
    const answer = await this.#transport.send({ method: 'GET', path: this.#pathOf(key), query, options });
    return elementsOf(answer.text).map(text => operationOf(text, this.#transport));
  }

  #pathOf(key: string): string {
    return `/${this.name}/${pathOf(key)}`;
  }

  #read(key: string, options: ReadOptions & Conditional, query: Query = {}, waitsMs = 0): Promise<Answer> {
    const { path, version } = options;
    return this.#transport.send({
      method: 'GET',
      path: this.#pathOf(key),
      query: { path, version, ...query },
      headers: conditionHeaders(options),
      mayBeAbsent: true,
      waitsMs,
      options,
    });
  }

  /** With a condition a second time does no harm: it finds what the first one left. */
  async #write(key: string, ask: Omit<Ask, 'path'>, options: PutOptions): Promise<Written<T>> {
    const { ifMatch, ifNoneMatch } = options;
    const answer = await this.#transport.send({
      ...ask,
      path: this.#pathOf(key),
      query: { ...ask.query, ...writeQuery(options) },
      headers: { ...ask.headers, ...writeHeaders(options) },
      repeatable: ask.repeatable === true || ifMatch !== undefined || ifNoneMatch !== undefined,
      options,
    });
    return writtenOf(key, answer, this.#transport.decode);
  }

  async #page(query: Query, options: CallOptions, waitsMs = 0): Promise<Page<T>> {
    const path = `/${this.name}`;
    const answer = await this.#transport.send({ method: 'GET', path, query, waitsMs, options });
    return pageOf(answer, this.#id, this.#transport.decode);
  }
}

function secondsOf(seconds: number): number {
  return Math.min(Math.max(seconds, 0), WAIT_SECONDS_MAX);
}

function textOf(value: string | number | undefined): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}

/** Values among them may be texts. */
function patchText(operations: readonly PatchOperation[]): string {
  const texts = operations.map(({ op, path, from, value }) =>
    objectText({
      op: textOf(op),
      path: textOf(path),
      from: textOf(from),
      value: value === undefined ? undefined : encode(value),
    }),
  );
  return `[${texts.join(',')}]`;
}

function operationOf(text: string, { decode }: Transport): PatchOperation {
  const value = membersOf(text).get('value');
  const { value: _, ...others }: PatchOperation = JSON.parse(text);
  return value === undefined ? others : { ...others, value: decode(value) };
}

/** Of a new document, which may have been given its key by the service. */
function keyIn({ headers }: Answer, collection: string): string {
  const path = headers.get('location') ?? '';
  const start = path.indexOf(`/${collection}/`);
  return start < 0 ? '' : decodeURIComponent(path.slice(start + collection.length + 2));
}
