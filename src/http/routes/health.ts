/**
 * Health, as Kubernetes asks for it. `/livez` is the event loop and nothing more: it must not restart a pod whose
 * disk is bad. `/readyz` is: loaded and not draining. A bad disk does not make it fail, since reads go on.
 */
import type { EngineStatus } from '../../engine/engine.js';
import { CairnError } from '../../errors.js';
import { textReply } from '../answer.js';
import type { Documentation } from '../documentation.js';
import { flagOf } from '../request-target.js';
import type { Call, Operation, Reply, Route } from '../route.js';

export interface HealthParts {
  /** Null while it loads. */
  readonly status: () => EngineStatus | null;
  readonly isDraining: () => boolean;
}

/** At the path itself, of several. */
function readyDocs(path: string): Documentation {
  const content = { 'text/plain': 'Text' } as const;
  return {
    tag: 'Health',
    fails: ['loading', 'draining'],
    answers: {
      200: { summary: 'It takes requests.', content },
      503: { summary: 'It does not, or not yet; with ?verbose in plain text.', content },
    },
    examples: [
      { title: 'Whether it is ready', path, status: 200, answerType: 'text/plain', answer: 'ready' },
      { title: 'What it looked at', path: `${path}?verbose`, status: 200, answerType: 'text/plain' },
    ],
  };
}

const liveDocs: Documentation = {
  tag: 'Health',
  answers: { 200: { summary: 'It lives.', content: { 'text/plain': 'Text' } } },
  examples: [
    { title: 'Whether it lives', path: '/livez', status: 200, answerType: 'text/plain', answer: 'ok' },
  ],
};

export function healthRoutes(parts: HealthParts): readonly Route[] {
  const ready: Omit<Operation, 'docs'> = {
    access: 'open',
    summary: 'Whether it takes requests: loaded and not draining.',
    query: ['verbose'],
    body: 'none',
    handle: call => readiness(call, parts),
  };
  const live: Operation = {
    access: 'open',
    summary: 'Whether the process lives.',
    docs: liveDocs,
    query: [],
    body: 'none',
    handle: () => textReply(200, 'ok'),
  };
  return [
    { path: '/livez', operations: { GET: live } },
    ...['/readyz', '/healthz'].map(path => ({
      path,
      operations: { GET: { ...ready, docs: readyDocs(path) } },
    })),
  ];
}

function readiness({ query }: Call, { status, isDraining }: HealthParts): Reply {
  const engine = status();
  const problem = problemOf(engine, isDraining());
  if (flagOf(query, 'verbose') ?? false) return verbose(engine, problem);
  if (problem !== undefined) throw problem;
  return textReply(200, 'ready');
}

function problemOf(engine: EngineStatus | null, draining: boolean): CairnError | undefined {
  if (draining) return new CairnError('draining', 'The process is stopping.');
  return engine === null ? new CairnError('loading', 'The snapshot is still being read.') : undefined;
}

function verbose(engine: EngineStatus | null, problem: CairnError | undefined): Reply {
  const lines = [
    engine === null ? '[-]loaded failed: the snapshot is still being read' : '[+]loaded ok',
    problem?.code === 'draining' ? '[-]serving failed: draining' : '[+]serving ok',
    ...(engine === null ? [] : storageLines(engine)),
    problem === undefined ? 'ready' : 'not ready',
  ];
  const text = lines.join('\n');
  return problem === undefined ? textReply(200, text) : textReply(503, text, { 'Retry-After': '1' });
}

function storageLines({ problem, storage, revision, durableRevision, epoch }: EngineStatus): string[] {
  return [
    storage === 'ok' ? '[+]storage ok' : `[-]storage degraded: ${problem ?? 'unknown'}`,
    `revision ${revision}`,
    `durable revision ${durableRevision}`,
    `epoch ${epoch}`,
  ];
}
