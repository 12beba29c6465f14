/** What Prometheus reads. Open on a port of its own; on the port of the data it takes a token that may read. */
import { fromUnicode } from '../../json/bytes.js';
import type { Access } from '../access.js';
import type { MetricSources } from '../metrics-table.js';
import type { Reply, Route } from '../route.js';

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function metricsRoute(sources: MetricSources, access: Access): Route {
  return {
    path: '/metrics',
    operations: {
      GET: {
        access,
        summary: 'What is counted, in the text form of Prometheus.',
        query: [],
        body: 'none',
        docs: {
          tag: 'Health',
          more: 'Which there are, and what to do about them, is in docs/operations.md. With `--metrics-port` they are on that port alone, without a token.',
          answers: { 200: { summary: 'All of them.', content: { 'text/plain': 'Metrics' } } },
          examples: [{ title: 'All of them', path: '/metrics', status: 200, answerType: 'text/plain' }],
        },
        handle: () => scrape(sources),
      },
    },
  };
}

async function scrape(sources: MetricSources): Promise<Reply> {
  const { metricsText } = await import('../metrics-text.js');
  const body = fromUnicode(await metricsText(sources));
  return { status: 200, headers: { 'Content-Type': CONTENT_TYPE }, body };
}
