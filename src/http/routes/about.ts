/** What this is: `/` for people and programs that come without knowing anything, and `/version`. */
import { objectReply, textReply } from '../answer.js';
import type { Call, Operation, Reply, Route } from '../route.js';

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
code{font:14px ui-monospace,monospace}td{padding:.2rem 1.5rem .2rem 0;vertical-align:top}`;

/** `routes`: all of the others, which the index lists. */
export function aboutRoutes(build: BuildInfo, routes: readonly Route[]): readonly Route[] {
  const common = { role: 'open', query: [], body: 'none' } as const;
  const version: Route = {
    path: '/version',
    operations: {
      GET: { ...common, summary: 'Which version runs.', handle: () => objectReply(200, versionOf(build)) },
    },
  };
  const lines = [...routes, version].flatMap(linesOf);
  const index: Route = {
    path: '/',
    operations: {
      GET: { ...common, summary: 'This index.', handle: call => indexReply(call, build, lines) },
    },
  };
  return [index, version];
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
  const shown = key === undefined ? path : place[key];
  return Object.entries(operations).map(([method, { summary }]: [string, Operation]) => ({
    call: `${method} ${shown}`,
    summary,
  }));
}

function page({ version }: BuildInfo, lines: readonly IndexLine[]): string {
  const rows = lines.map(({ call, summary }) => `<tr><td><code>${html(call)}</code><td>${html(summary)}`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Cairn</title><style>${STYLE}</style>
<h1>Cairn ${html(version)}</h1><p>${html(TITLE)}.<table>${rows.join('\n')}</table>
<p>A first try: <code>curl -d '{"key":"key_1","value":"value_1"}' …/set</code>, then <code>curl …/get/key_1</code></html>`;
}

function html(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
