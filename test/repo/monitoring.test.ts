/** Alerts and dashboard speak of what there is, and promtool takes them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parse, stringify } from 'yaml';
import { metrics } from '../../src/http/metrics-table.js';
import { parseMetrics } from '../fixtures/metrics.js';
import { needs } from '../fixtures/needs.js';
import { root } from '../fixtures/repository.js';
import { startService } from '../http/service.js';

const directory = join(root, 'k8s/monitoring');
/** What the chart ships stands within it. */
const shipped = join(root, 'k8s/cairn/files');

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly labels: { severity: string };
    }[];
  }[];
}
interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly targets?: readonly { readonly expr: string }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

const rules: Rules = parse(readFileSync(join(shipped, 'alerts.yaml'), 'utf8'));
const dashboard: Dashboard = JSON.parse(readFileSync(join(shipped, 'dashboard.json'), 'utf8'));

const alertRules = rules.groups.flatMap(group => group.rules);
const panelExpressions = [
  ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...dashboard.annotations.list.map(({ expr }) => expr),
];
const queries = dashboard.templating.list.flatMap(({ definition }) => definition ?? []);

/** Names as a scrape has them; `up` is Prometheus's own. */
async function namesOf(t: Test): Promise<Set<string>> {
  const { call } = await startService(t);
  // A collection of garbage has to have been seen for its metric to have values.
  let text = '';
  do text = (await call('GET', '/metrics')).body;
  while (!['nodejs_gc_duration_seconds_sum', 'nodejs_eventloop_lag_p99'].every(name => text.includes(name)));
  const ours = metrics.flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
  return new Set(['up', ...ours, ...parseMetrics(text).names]);
}

function metricsIn(expression: string): string[] {
  const bare = expression.replace(/\{[^}]*\}|"[^"]*"|\bby \([^)]*\)/g, '');
  return bare.match(/\b(?:cairn|process|nodejs)_[a-z0-9_]+|\bup\b/g) ?? [];
}

t.test('every metric that a rule or a panel names is there', async t => {
  const names = await namesOf(t);
  const expressions = [...alertRules.map(({ expr }) => expr), ...panelExpressions, ...queries];
  for (const expression of expressions) {
    const named = metricsIn(expression);
    t.ok(named.length > 0, expression);
    for (const name of named) t.ok(names.has(name), `${name} of ${expression}`);
  }
});

t.test('every metric of ours is on the dashboard', async t => {
  const shown = new Set([...panelExpressions, ...queries].flatMap(metricsIn));
  for (const { name } of metrics) {
    t.ok(
      [name, `${name}_bucket`].some(series => shown.has(series)),
      name,
    );
  }
});

t.test(
  'promtool takes the rules, and the alerts come when they are due',
  { skip: needs('promtool') },
  async t => {
    for (const argv of [
      ['check', 'rules', join(shipped, 'alerts.yaml')],
      ['test', 'rules', 'alerts.test.yaml'],
    ]) {
      const { status, stdout, stderr } = spawnSync('promtool', argv, { cwd: directory, encoding: 'utf8' });
      t.equal(status, 0, `${argv.join(' ')}: ${stdout}${stderr}`);
    }
  },
);

t.test('promtool takes every expression of the dashboard', { skip: needs('promtool') }, async t => {
  const scratch = mkdtempSync(join(tmpdir(), 'cairn-test-'));
  t.teardown(() => rmSync(scratch, { recursive: true }));
  const records = panelExpressions.map((expr, i) => ({
    record: `panel:${i}`,
    expr: expr.replaceAll('$__rate_interval', '5m'),
  }));
  const file = join(scratch, 'panels.yaml');
  writeFileSync(file, stringify({ groups: [{ name: 'panels', rules: records }] }));
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
  t.equal(status, 0, stdout + stderr);
});

t.test('every alert has a severity and a name of its own', async t => {
  const names = alertRules.map(({ alert }) => alert);
  t.equal(new Set(names).size, names.length);
  for (const { alert, labels } of alertRules) {
    t.match(alert, /^Cairn[A-Z]/);
    t.match(labels.severity, /^(critical|warning)$/, alert);
  }
});

t.test('panels have ids of their own, and none covers another', async t => {
  const { panels } = dashboard;
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const taken = new Map<string, string>();
  for (const { gridPos, title } of panels) {
    t.ok(gridPos.x + gridPos.w <= 24, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        if (taken.has(`${x},${y}`)) t.fail(`${title} covers ${taken.get(`${x},${y}`)}`);
        taken.set(`${x},${y}`, title);
      }
    }
  }
});
