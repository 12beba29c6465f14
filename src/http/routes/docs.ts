/**
 * `GET /docs`: the API as a page on which every call can be tried. All of it comes from here: the page and its start
 * are below, the rest is swagger-ui, which the build copies beside the code.
 */
import { CairnError } from '../../errors.js';
import { fromUnicode } from '../../json/bytes.js';
import { assetReply } from '../asset-reply.js';
import { type Asset, type Assets, assetOf } from '../assets.js';
import type { Documentation } from '../documentation.js';
import type { Call, Reply, Route } from '../route.js';
import { OPENAPI_PATH } from './openapi.js';

export const DOCS_PATH = '/docs';

/**
 * Nothing from elsewhere, no script and no style within the page. swagger-ui draws its arrows as `data:` images in its
 * style sheet.
 */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const page = assetOf(
  fromUnicode(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cairn: the API</title>
<link rel="icon" type="image/png" href="${DOCS_PATH}/favicon-32x32.png">
<link rel="stylesheet" href="${DOCS_PATH}/swagger-ui.css">
<link rel="stylesheet" href="${DOCS_PATH}/page.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page is a script. The document itself is at <a href="${OPENAPI_PATH}">${OPENAPI_PATH}</a>.</noscript>
<script src="${DOCS_PATH}/swagger-ui-bundle.js"></script>
<script src="${DOCS_PATH}/start.js"></script>
</body>
</html>
`),
);

/** `validatorUrl`: its picture would come from another site. */
const start = assetOf(
  fromUnicode(`SwaggerUIBundle({
  url: '${OPENAPI_PATH}',
  dom_id: '#swagger-ui',
  validatorUrl: null,
  deepLinking: true,
  docExpansion: 'none',
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
});
`),
);

const style = assetOf('body{margin:0;background:#fafafa}\n');

const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';

interface PageFile {
  readonly type: string;
  /** Null: it is among the assets. */
  readonly own: Asset | null;
}

const files: ReadonlyMap<string, PageFile> = new Map([
  ['favicon-32x32.png', { type: 'image/png', own: null }],
  ['page.css', { type: STYLE, own: style }],
  ['start.js', { type: SCRIPT, own: start }],
  ['swagger-ui-bundle.js', { type: SCRIPT, own: null }],
  ['swagger-ui.css', { type: STYLE, own: null }],
]);

const pageDocs: Documentation = {
  tag: 'About',
  takes: ['If-None-Match'],
  fails: ['not_found'],
  answers: {
    200: { summary: 'The page.', content: { 'text/html': 'Page' }, headers: ['ETag'] },
    304: { summary: 'The caller has it.', headers: ['ETag'] },
  },
  examples: [{ title: 'The page', path: DOCS_PATH, status: 200, answerType: 'text/html' }],
};

const fileDocs: Documentation = {
  tag: 'About',
  takes: ['If-None-Match'],
  fails: ['not_found'],
  answers: {
    200: {
      summary: 'The file.',
      content: { 'text/javascript': 'File', 'text/css': 'File', 'image/png': 'File' },
      headers: ['ETag'],
    },
    304: { summary: 'The caller has it.', headers: ['ETag'] },
  },
  examples: [
    {
      title: 'The start of the page',
      path: `${DOCS_PATH}/start.js`,
      status: 200,
      answerType: 'text/javascript',
      answer: start.bytes,
    },
  ],
};

export function docsRoutes(assets: Assets): readonly Route[] {
  const common = { access: 'open', query: [], body: 'none' } as const;
  return [
    {
      path: DOCS_PATH,
      operations: {
        GET: {
          ...common,
          summary: 'This API as a page on which every call can be tried.',
          docs: pageDocs,
          handle: call => pageReply(call, assets),
        },
      },
    },
    {
      path: `${DOCS_PATH}/:file`,
      operations: {
        GET: {
          ...common,
          summary: 'The files of that page.',
          docs: fileDocs,
          handle: call => fileReply(call, assets),
        },
      },
    },
  ];
}

/** Not without its script, which would leave it empty. */
async function pageReply(call: Call, assets: Assets): Promise<Reply> {
  await builtOf('swagger-ui-bundle.js', assets);
  return assetReply(call, page, 'text/html; charset=utf-8', { 'Content-Security-Policy': PAGE_POLICY });
}

async function fileReply(call: Call, assets: Assets): Promise<Reply> {
  const name = call.path.slice(DOCS_PATH.length + 1);
  const file = files.get(name);
  if (file === undefined) throw new CairnError('not_found', 'There is nothing at this path.');
  return assetReply(call, file.own ?? (await builtOf(name, assets)), file.type);
}

async function builtOf(name: string, assets: Assets): Promise<Asset> {
  const asset = await assets.read(name);
  if (asset !== null) return asset;
  throw new CairnError('not_found', 'The page of the API is not part of this build.', {
    hint: `npm run build puts it into dist/. The document itself is at ${OPENAPI_PATH}.`,
  });
}
