/** The client: one object for one service. It keeps no connection and no state but its settings. */
import { Collection, type CollectionOptions } from './collection.js';
import { type Document, isDurable } from './document.js';
import { CairnClientError } from './errors.js';
import { encode, objectText } from './json.js';
import { ServiceConfigs } from './services.js';
import {
  type BatchDone,
  type BatchOperation,
  type Export,
  type ExportOptions,
  type Imported,
  type ImportOptions,
  type ImportSource,
  openExport,
  sendBatch,
  sendImport,
} from './transfer.js';
import { type CallOptions, type ClientOptions, Transport } from './transport.js';
import { type WatchEvent, type WatchOptions, watch } from './watch.js';
import { type PutOptions, type WriteOptions, writeHeaders, writeQuery } from './words.js';

/** A collection as `GET /collections` tells of it. */
export interface CollectionInfo {
  readonly name: string;
  /** These two are absent where the token may see a part of it only. */
  readonly count?: number;
  readonly bytes?: number;
  /** A change id. */
  readonly lastChange: string;
  readonly policy: Readonly<Record<string, unknown>>;
}

export interface VersionOfService {
  readonly name: string;
  readonly version: string;
  readonly commit: string | null;
  readonly node: string;
}

export class CairnClient {
  /** Versioned configuration per service. */
  readonly config: ServiceConfigs;
  readonly #transport: Transport;

  constructor(options: ClientOptions) {
    this.#transport = new Transport(options);
    this.config = new ServiceConfigs(this.#transport);
  }

  /** Sets a plain key. Gives whether it is on disk already. */
  async set(key: string, value: unknown, options: PutOptions = {}): Promise<boolean> {
    const { ttl, sync } = options;
    const answer = await this.#transport.send({
      method: 'POST',
      path: '/set',
      query: writeQuery({ sync }),
      headers: { ...writeHeaders(options), 'content-type': 'application/json' },
      body: objectText({
        key: encode(key),
        value: encode(value),
        ttl: ttl === undefined ? undefined : encode(ttl),
      }),
      repeatable: true,
      options,
    });
    return isDurable(answer);
  }

  /** The value of a plain key; undefined: it is not there. */
  async get<T = unknown>(key: string, options: CallOptions = {}): Promise<T | undefined> {
    const found: Document<T> | undefined = await this.collection<T>('kv').get(key, options);
    return found?.value;
  }

  /** Takes a plain key away. Whether it was there. */
  async delete(key: string, options: CallOptions = {}): Promise<boolean> {
    return this.collection('kv').delete(key, options);
  }

  collection<T = unknown>(name: string, options: CollectionOptions = {}): Collection<T> {
    return new Collection<T>(this.#transport, name, options);
  }

  /** Every collection with its policy, how many keys it has and the bytes that they take. */
  async collections(options: CallOptions = {}): Promise<readonly CollectionInfo[]> {
    return JSON.parse((await this.#transport.send({ method: 'GET', path: '/collections', options })).text);
  }

  /** Up to 100 puts and deletions, all of them or none, at one moment. */
  async batch(operations: readonly BatchOperation[], options: WriteOptions = {}): Promise<BatchDone> {
    return sendBatch(this.#transport, operations, options);
  }

  async export(options: ExportOptions = {}): Promise<Export> {
    return openExport(this.#transport, options);
  }

  async import(source: ImportSource, options: ImportOptions = {}): Promise<Imported> {
    return sendImport(this.#transport, source, options);
  }

  /** Changes as they happen, over cut connections, each once and in their order. */
  watch<T = unknown>(options: WatchOptions = {}): AsyncGenerator<WatchEvent<T>, void, void> {
    return watch<T>(this.#transport, options);
  }

  /** Whether the service takes requests; false also where none answers. */
  async ready(options: CallOptions = {}): Promise<boolean> {
    try {
      await this.#transport.send({ method: 'GET', path: '/readyz', options, once: true });
      return true;
    } catch (error) {
      if (error instanceof CairnClientError) return false;
      throw error;
    }
  }

  async version(options: CallOptions = {}): Promise<VersionOfService> {
    return JSON.parse((await this.#transport.send({ method: 'GET', path: '/version', options })).text);
  }
}
