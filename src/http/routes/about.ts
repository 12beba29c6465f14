/**
 * What this is: `/` for people and programs that come without knowing anything, `/version`, and the documentation.
 */
import type { Policies } from '../../model.js';
import type { Clock } from '../../platform/clock.js';
import { objectReply, textReply } from '../answer.js';
import type { Assets } from '../assets.js';
import type { Documentation } from '../documentation.js';
import type { Call, Operation, Reply, Route } from '../route.js';
import { DOCS_PATH, docsRoutes } from './docs.js';
import { OPENAPI_PATH, openApiRoute } from './openapi.js';

/** Which Cairn runs. */
export interface BuildInfo {
  readonly version: string;
  readonly commit: string | null;
  /** The version of Node.js. */
  readonly node: string;
}

interface IndexLine {
  readonly call: string;
  readonly summary: string;
}

const TITLE = 'Cairn: an in-memory key-value and configuration service';

/** No script, nothing from elsewhere: the page works offline, and nothing that is stored comes into it. */
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem}
code{font:14px ui-monospace,monospace}td{padding:.2rem 1.5rem .2rem 0;vertical-align:top}
td:first-child{white-space:nowrap}`;

const versionDocs: Documentation = {
  tag: 'About',
  answers: { 200: { summary: 'Version, commit and Node.js.', content: { 'application/json': 'Build' } } },
  examples: [{ title: 'Which version runs', path: '/version', status: 200 }],
};

const indexDocs: Documentation = {
  tag: 'About',
  answers: {
    200: {
      summary: 'Every call; a page for who accepts text/html.',
      content: { 'application/json': 'Index', 'text/html': 'Page' },
    },
  },
  examples: [
    { title: 'For a program', path: '/', status: 200 },
    {
      title: 'For a browser',
      path: '/',
      headers: { Accept: 'text/html' },
      status: 200,
      answerType: 'text/html',
    },
  ],
};

export interface AboutParts {
  readonly build: BuildInfo;
  /** All of the others, which the index lists. */
  readonly routes: readonly Route[];
  readonly policies: Policies;
  readonly assets: Assets;
  readonly clock: Clock;
}

export function aboutRoutes({ build, routes, policies, assets, clock }: AboutParts): readonly Route[] {
  const common = { access: 'open', query: [], body: 'none' } as const;
  const version: Route = {
    path: '/version',
    operations: {
      GET: {
        ...common,
        summary: 'Which version runs.',
        docs: versionDocs,
        handle: () => objectReply(200, versionOf(build)),
      },
    },
  };
  const all = (): readonly Route[] => [...others, index];
  const openApi = openApiRoute({ routes: all, policies, version: build.version, clock });
  const others = [...routes, ...docsRoutes(assets), openApi, version];
  const lines = others.flatMap(linesOf);
  const index: Route = {
    path: '/',
    operations: {
      GET: {
        ...common,
        summary: 'This index.',
        docs: indexDocs,
        handle: call => indexReply(call, build, lines),
      },
    },
  };
  return [index, ...others.slice(routes.length)];
}

function versionOf({ version, commit, node }: BuildInfo): object {
  return { name: 'cairn', version, commit, node };
}

function indexReply({ headers }: Call, build: BuildInfo, lines: readonly IndexLine[]): Reply {
  const vary = { Vary: 'Accept' };
  if (headers.accept?.toLowerCase().includes('text/html')) {
    const type = { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': PAGE_POLICY };
    return textReply(200, page(build, lines), { ...vary, ...type });
  }
  const calls = Object.fromEntries(lines.map(({ call, summary }) => [call, summary]));
  return objectReply(200, { ...versionOf(build), calls }, vary);
}

function linesOf({ path, key, operations }: Route): IndexLine[] {
  const place = { path: `${path}/<key>`, query: `${path}?key=<key>` };
  const shown = key === undefined ? path.replace(/:(\w+)/g, '<$1>') : place[key];
  return Object.entries(operations).map(([method, { summary }]: [string, Operation]) => ({
    call: `${method} ${shown}`,
    summary,
  }));
}

function page({ version }: BuildInfo, lines: readonly IndexLine[]): string {
  const rows = lines.map(({ call, summary }) => `<tr><td><code>${html(call)}</code><td>${html(summary)}`);
  const links = [DOCS_PATH, OPENAPI_PATH].map(path => `<a href="${path}">${path}</a>`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Cairn</title><style>${STYLE}</style>
<h1>Cairn ${html(version)}</h1><p>${html(TITLE)}.
<p>A first try: <code>curl -d '{"key":"key_1","value":"value_1"}' …/set</code>, then <code>curl …/get/key_1</code>.
<p>Every call can be tried at ${links[0]}; for programs there is ${links[1]}.
<table>${rows.join('\n')}</table></html>`;
}

function html(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
