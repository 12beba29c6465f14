/** What the tests of the OpenAPI document have in common: a service with every built-in collection, and its document. */
import http from 'node:http';
import { builtInNames, policyOf } from '../../src/config/collections.js';
import type { Example } from '../../src/http/documentation.js';
import { Conformance, objectOf } from '../fixtures/conformance.js';
import { type Answer, type Service, type ServiceOptions, startService } from './service.js';

interface Teardown {
  teardown(clean: () => Promise<void>): void;
}

const { kv, ...others } = Object.fromEntries(builtInNames.map(name => [name, policyOf(name)]));

/** As it is without a configuration file, and whatever the test adds. */
export function startWhole(
  t: Teardown,
  { collections = {}, ...options }: ServiceOptions = {},
): Promise<Service> {
  return startService(t, {
    ...(kv === undefined ? {} : { policy: kv }),
    collections: { ...others, ...collections },
    ...options,
  });
}

export async function conformanceOf(service: Service): Promise<Conformance> {
  return new Conformance((await service.call('GET', '/openapi.json')).body);
}

export interface DocumentedOperation {
  readonly method: string;
  readonly path: string;
  readonly operation: Readonly<Record<string, unknown>>;
  readonly calls: readonly Example[];
}

export function operationsIn({ document }: Conformance): readonly DocumentedOperation[] {
  return Object.entries(objectOf(document['paths'])).flatMap(([path, item]) =>
    Object.entries(objectOf(item)).map(([verb, value]) => {
      const operation = objectOf(value);
      return { method: verb.toUpperCase(), path, operation, calls: examplesOf(operation['x-calls']) };
    }),
  );
}

function examplesOf(calls: unknown): readonly Example[] {
  return Array.isArray(calls) ? calls : [];
}

/** Of an answer without an end: what has come of it when the text is there. Ends with the test at the latest. */
export function beginningOf({ port }: Service, path: string, text: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = http.get({ host: '127.0.0.1', port, path, agent: false }, res => {
      let body = '';
      res.on('error', reject);
      res.on('data', (chunk: Buffer) => {
        body += chunk.toString('utf8');
        if (!body.includes(text)) return;
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body });
        res.off('error', reject).on('error', () => {});
        req.destroy();
      });
    });
    req.on('error', reject);
  });
}
