/**
 * `GET /openapi.json`: the OpenAPI document of all routes, made at the first request, since the library that it takes
 * costs a start 0.1 s.
 */
import { fromUnicode } from '../../json/bytes.js';
import type { Policies } from '../../model.js';
import type { Clock } from '../../platform/clock.js';
import { assetReply } from '../asset-reply.js';
import { type Asset, assetOf } from '../assets.js';
import type { Documentation } from '../documentation.js';
import type { Route } from '../route.js';

export interface OpenApiParts {
  /** All there are, this one too. */
  readonly routes: () => readonly Route[];
  readonly policies: Policies;
  /** Of Cairn. */
  readonly version: string;
  readonly clock: Clock;
}

export const OPENAPI_PATH = '/openapi.json';

const docs: Documentation = {
  tag: 'About',
  takes: ['If-None-Match'],
  answers: {
    200: { summary: 'OpenAPI 3.1.', content: { 'application/json': 'OpenApi' }, headers: ['ETag'] },
    304: { summary: 'The caller has it.', headers: ['ETag'] },
  },
  examples: [{ title: 'The document', path: OPENAPI_PATH, status: 200 }],
};

export function openApiRoute(parts: OpenApiParts): Route {
  let asset: Promise<Asset> | null = null;
  const made = (): Promise<Asset> => {
    asset ??= make(parts).catch((error: unknown) => {
      asset = null;
      throw error;
    });
    return asset;
  };
  return {
    path: OPENAPI_PATH,
    operations: {
      GET: {
        access: 'open',
        summary: 'This API as an OpenAPI document.',
        docs,
        query: [],
        body: 'none',
        handle: async call => assetReply(call, await made(), 'application/json; charset=utf-8'),
      },
    },
  };
}

async function make({ routes, policies, version, clock }: OpenApiParts): Promise<Asset> {
  const { openApiDocument } = await import('../openapi/document.js');
  await clock.turn();
  const document = await openApiDocument({ routes: routes(), policies, version, clock });
  await clock.turn();
  return assetOf(fromUnicode(JSON.stringify(document)));
}
