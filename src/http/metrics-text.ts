/**
 * The metrics in the text form of Prometheus: Cairn's own, then those of the process and of Node.js, which prom-client
 * reads. The only file that imports it, and it is loaded with the first scrape: it takes some 40 ms, and its counting
 * of garbage collections and of the event loop's delay, which begin then, are of no use where nobody scrapes.
 */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { type MetricDefinition, type MetricSources, metrics, type Sample } from './metrics-table.js';

/**
 * What is called a total and is no counter, by names from within Node.js; and what is no number, or 292 years, where
 * nothing was seen since the last scrape.
 */
const LEFT_OUT = [
  ...['active_handles', 'active_requests', 'active_resources'].flatMap(name => [name, `${name}_total`]),
  ...['min', 'mean', 'stddev'].map(name => `eventloop_lag_${name}_seconds`),
];

const registry = new Registry();
collectDefaultMetrics({ register: registry });
for (const name of LEFT_OUT) registry.removeSingleMetric(`nodejs_${name}`);

export async function metricsText(sources: MetricSources): Promise<string> {
  const own = metrics.map(definition => textOf(definition, definition.read(sources)));
  return `${own.join('')}${withoutUnseen(await registry.metrics())}`;
}

/** A metric of the event loop's delay, which has one value. */
const DELAY = /# HELP nodejs_eventloop_lag\w* .*\n# TYPE .*\n\w+ (\S+)\n\n?/g;
/** Seconds: no delay is shorter; an empty histogram has a maximum of 0, and percentiles of half of this. */
const DELAY_MIN = 1e-6;

/** With the first scrape, or with one right after another, nothing was seen yet: 0 would say that there is no delay. */
function withoutUnseen(text: string): string {
  return text.replace(DELAY, (lines, value: string) => (Number(value) < DELAY_MIN ? '' : lines));
}

/** Nothing where there is no value: a metric without one would look as if it were broken. */
function textOf({ name, type, help }: MetricDefinition, samples: readonly Sample[]): string {
  if (samples.length === 0) return '';
  const lines = samples.map(
    ({ suffix = '', labels, value }) => `${name}${suffix}${labelsOf(labels)} ${value}`,
  );
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`;
}

function labelsOf(labels: Sample['labels']): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
