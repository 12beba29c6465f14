/** compose.yaml names what is there: the stage, the folders and files, the flags. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { optionList } from '../../src/config/options.js';
import { needs } from '../fixtures/needs.js';
import { root } from '../fixtures/repository.js';

interface Service {
  readonly build?: { readonly context: string; readonly target: string };
  readonly image?: string;
  readonly command: readonly string[];
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
}

const compose: Compose = parse(readFileSync(join(root, 'compose.yaml'), 'utf8'));
const cairn = compose.services['cairn'];
const prometheus: { scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[] } = parse(
  readFileSync(join(root, 'k8s/monitoring/prometheus.yaml'), 'utf8'),
);

const flagsOf = (service: Service | undefined): Map<string, string> =>
  new Map(
    (service?.command ?? [])
      .filter(word => word.startsWith('--'))
      .map(word => [word.slice(2).split('=')[0] ?? '', word.split('=')[1] ?? 'true']),
  );

t.test('Cairn is built from the stage that has the compiler', async t => {
  const stage = cairn?.build?.target ?? '';
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
  const [, body = ''] = dockerfile.split(new RegExp(`^FROM .* AS ${stage}$`, 'm'));
  t.match(body.split(/^FROM /m)[0], /typescript|npm ci --ignore-scripts/);
  t.ok(existsSync(join(root, cairn?.build?.context ?? '', 'Dockerfile')));
});

t.test('what is mounted is there, or a volume of its own', async t => {
  for (const [name, { volumes }] of Object.entries(compose.services)) {
    for (const volume of volumes) {
      const [from = ''] = volume.split(':');
      t.ok(
        from.startsWith('./') ? existsSync(join(root, from)) : from in compose.volumes,
        `${name}: ${volume}`,
      );
    }
  }
});

t.test('sources are mounted for reading alone, over what the stage copied', async t => {
  t.ok(cairn?.volumes.includes('./src:/app/src:ro'));
  t.ok(cairn?.volumes.includes('./scripts:/app/scripts:ro'));
  t.same(cairn?.command.slice(0, 2), ['node', 'scripts/dev.js']);
});

t.test('its flags are settings, and what keeps data is a volume', async t => {
  const flags = flagsOf(cairn);
  for (const [name, value] of flags) {
    const option = optionList.find(candidate => candidate.name === name);
    t.not(option?.kind.parse(value), undefined, `--${name}=${value}`);
  }
  t.ok(cairn?.volumes.includes(`snapshots:${flags.get('snapshot-dir')}`));
});

t.test('what needs no token is reached from this machine alone', async t => {
  for (const port of Object.values(compose.services).flatMap(({ ports }) => ports))
    t.match(port, /^127\.0\.0\.1:/);
});

t.test('Prometheus asks the port that has the metrics, under the job that the alerts name', async t => {
  const [job] = prometheus.scrape_configs;
  t.equal(job?.job_name, 'cairn');
  t.same(job?.static_configs, [{ targets: [`cairn:${flagsOf(cairn).get('metrics-port')}`] }]);
});

t.test('promtool takes the configuration of Prometheus', { skip: needs('promtool') }, async t => {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'config', 'prometheus.yaml'], {
    cwd: join(root, 'k8s/monitoring'),
    encoding: 'utf8',
  });
  t.equal(status, 0, stdout + stderr);
});
