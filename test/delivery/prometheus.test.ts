/** A Prometheus with k8s/monitoring/prometheus.yaml scrapes the built service, and its rules and panels have answers. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { parse, stringify } from 'yaml';
import { needs } from '../fixtures/needs.js';
import { root } from '../fixtures/repository.js';
import { ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';

const UNTIL_MS_MAX = 60_000;
const POLL_MS = 100;

interface Config {
  global: { scrape_interval: string; evaluation_interval: string };
  rule_files: string[];
  scrape_configs: { static_configs: { targets: string[] }[] }[];
}

interface Rule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const monitoring = join(root, 'k8s/monitoring');
const given: Config = parse(readFileSync(join(monitoring, 'prometheus.yaml'), 'utf8'));
const rulesFile = join(monitoring, given.rule_files[0] ?? '');
const dashboardFile = join(rulesFile, '../dashboard.json');

/** The file as it stands, but for the address of the target, the paths, and a second instead of fifteen. */
function configFor(directory: string, target: string): string {
  const [job] = given.scrape_configs;
  const config: Config = {
    global: { ...given.global, scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [rulesFile],
    scrape_configs: [{ ...job, static_configs: [{ targets: [target] }] }],
  };
  const path = join(directory, 'prometheus.yaml');
  writeFileSync(path, stringify(config));
  return path;
}

class Prometheus {
  readonly #url: string;

  private constructor(url: string) {
    this.#url = url;
  }

  static async start(t: Test, target: string): Promise<Prometheus> {
    const directory = serviceDirectory(t);
    const child = spawn(
      'prometheus',
      [
        `--config.file=${configFor(directory, target)}`,
        `--storage.tsdb.path=${join(directory, 'tsdb')}`,
        '--web.listen-address=127.0.0.1:0',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const ended = new Promise(resolve => child.on('close', resolve));
    t.teardown(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    const lines: string[] = [];
    for await (const line of createInterface(child.stderr)) {
      lines.push(line);
      const [, address] = /msg="Listening on" address=(127\.0\.0\.1:\d+)/.exec(line) ?? [];
      if (address === undefined) continue;
      child.stderr.resume();
      return new Prometheus(`http://${address}/api/v1`);
    }
    throw new Error(`it ended before it listened: ${lines.join('\n')}`);
  }

  async ask<T>(path: string): Promise<T> {
    const answer = await fetch(this.#url + path);
    const { status, data, error }: { status: string; data: T; error?: string } = JSON.parse(
      await answer.text(),
    );
    if (status !== 'success') throw new Error(`${path}: ${error}`);
    return data;
  }

  /** The values of an instant query. */
  async query(expression: string): Promise<string[]> {
    const path = `/query?query=${encodeURIComponent(expression)}`;
    const { result } = await this.ask<{ result: { value: [number, string] }[] }>(path);
    return result.map(({ value }) => value[1]);
  }

  async rules(): Promise<Rule[]> {
    const { groups } = await this.ask<{ groups: { rules: Rule[] }[] }>('/rules');
    return groups.flatMap(({ rules }) => rules);
  }
}

/** Asks until the answer is as it should be, or the time is over. */
async function until<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  let last: unknown;
  for (const end = Date.now() + UNTIL_MS_MAX; Date.now() < end; await delay(POLL_MS)) {
    try {
      const answer = await ask();
      if (holds(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
  }
  throw new Error('it did not come to be', { cause: last });
}

t.test(
  'Prometheus scrapes the running service, and its rules and panels hold',
  { skip: needs('prometheus') },
  async t => {
    const directory = serviceDirectory(t);
    const service = await ServiceProcess.start(t, ['--snapshot-dir', `${directory}/s`, '--metrics-port=0']);
    const { metrics } = await service.line('ready');
    const prometheus = await Prometheus.start(t, new URL(String(metrics)).host);

    const up = () => prometheus.query('up{job="cairn"}');
    t.same(await until(up, values => values.includes('1')), ['1']);
    t.same(await prometheus.query('cairn_ready'), ['1']);

    t.comment('every rule is loaded, and has been evaluated over what the service says');
    const evaluated = await until(
      () => prometheus.rules(),
      rules => rules.length > 0 && rules.every(({ health }) => health !== 'unknown'),
    );
    t.same(
      evaluated.map(({ name, health, lastError }) => [name, health, lastError]),
      namesIn(rulesFile).map(name => [name, 'ok', undefined]),
    );

    t.comment('every panel is a query that can be answered');
    const dashboard: { panels: readonly Panel[] } = JSON.parse(readFileSync(dashboardFile, 'utf8'));
    for (const { title, targets = [] } of dashboard.panels) {
      for (const { expr } of targets) {
        const asked = expr.replaceAll('$__rate_interval', '5m').replace(/\$\w+/g, '.*');
        await t.resolves(prometheus.query(asked), `${title}: ${asked}`);
      }
    }

    t.comment('a service that is gone is seen');
    await service.stop('SIGKILL');
    const pending = () => prometheus.query('ALERTS{alertname="CairnDown",alertstate="pending"}');
    t.same(await until(pending, values => values.length > 0), ['1']);
  },
);

function namesIn(file: string): string[] {
  const { groups }: { groups: { rules: { alert: string }[] }[] } = parse(readFileSync(file, 'utf8'));
  return groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));
}
