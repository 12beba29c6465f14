/** `/config?service=`: versioned configuration, counted from 0, as the service has it that users come from. */
import { encode, type JsonText, membersOf, numberOf, stringOf } from './json.js';
import type { Answer, Ask, CallOptions, Transport } from './transport.js';
import { type Conditional, type WriteOptions, writeHeaders, writeQuery } from './words.js';

export interface ServiceConfig<T> {
  readonly value: T;
  readonly enabled: boolean;
  readonly etag: string;
}

export interface ServiceCreated {
  readonly id: number;
  readonly enabled: boolean;
  readonly totalConfigs: number;
}

type ConfigWrite = WriteOptions & Conditional;

const JSON_TYPE = { 'content-type': 'application/json' };

export class ServiceConfigs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** One version, from 0; absent: the latest. Undefined: there is no such service, or version. */
  async get<T = unknown>(
    service: string,
    version: number | 'latest' = 'latest',
    options: CallOptions = {},
  ): Promise<ServiceConfig<T> | undefined> {
    const answer = await this.#read(service, version, options);
    if (answer.status === 404) return undefined;
    return {
      value: this.#transport.decode(answer.text) as T,
      enabled: answer.headers.get('x-enabled') === 'true',
      etag: answer.headers.get('etag') ?? '',
    };
  }

  /**
   * All versions, oldest first. The answer for all of them is another one where there is only one, so it is asked first
   * whether there are several; versions are never taken away.
   */
  async all<T = unknown>(service: string, options: CallOptions = {}): Promise<readonly T[] | undefined> {
    const second = await this.#read(service, 1, options);
    const answer = await this.#read(service, second.status === 404 ? 0 : undefined, options);
    const { decode } = this.#transport;
    if (answer.status === 404) return undefined;
    if (second.status === 404) return [decode(answer.text) as T];
    return [...membersOf(answer.text).values()].map(text => decode(stringOf(text)) as T);
  }

  /** A service that is not there yet, with its first configuration. */
  async create(service: string, value: unknown, options: ConfigWrite = {}): Promise<ServiceCreated> {
    const answer = await this.#write(service, { method: 'POST', body: encode(value) }, options);
    const members = membersOf(answer.text);
    return {
      id: numberOf(members.get('ID')),
      enabled: members.get('enabled') === 'true',
      totalConfigs: numberOf(members.get('total_configs')),
    };
  }

  /** Adds a version, which is the whole configuration. */
  async update(service: string, value: unknown | JsonText, options: ConfigWrite = {}): Promise<void> {
    await this.#write(service, { method: 'PATCH', body: encode(value) }, options);
  }

  /** Switches a service; that is no version. */
  async enable(service: string, enabled: boolean, options: ConfigWrite = {}): Promise<void> {
    const query = { enabled: String(enabled) };
    await this.#write(service, { method: 'PATCH', query, repeatable: true }, options);
  }

  /** Only where it is switched off. Whether it was there. */
  async delete(service: string, options: ConfigWrite = {}): Promise<boolean> {
    const ask = { method: 'DELETE', repeatable: true, mayBeAbsent: true } as const;
    return (await this.#write(service, ask, options)).status !== 404;
  }

  #read(service: string, version: number | 'latest' | undefined, options: CallOptions): Promise<Answer> {
    const query = { service, version };
    return this.#transport.send({ method: 'GET', path: '/config', query, mayBeAbsent: true, options });
  }

  #write(service: string, ask: Omit<Ask, 'path'>, options: ConfigWrite): Promise<Answer> {
    const { sync, ifMatch, ifNoneMatch } = options;
    return this.#transport.send({
      ...ask,
      path: '/config',
      query: { ...ask.query, ...writeQuery({ sync }), service },
      headers: { ...writeHeaders(options), ...(ask.body === undefined ? {} : JSON_TYPE) },
      repeatable: ask.repeatable === true || ifMatch !== undefined || ifNoneMatch !== undefined,
      options,
    });
  }
}
