/** The chart as a whole: what it is packed into, and what stands in the repository for those without Helm. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StatefulSet } from 'kubernetes-types/apps/v1.js';
import t from 'tap';
import { parse } from 'yaml';
import { CHART, helm, manifestsOf, one } from '../fixtures/chart.js';
import { typeProblems } from '../fixtures/kubernetes-types.js';
import { needs } from '../fixtures/needs.js';
import { root } from '../fixtures/repository.js';

const plain = readFileSync(join(root, 'k8s/cairn.yaml'), 'utf8');
const facts: { readonly appVersion: string; readonly version: string } = parse(
  readFileSync(join(CHART, 'Chart.yaml'), 'utf8'),
);

t.test('the chart is for this version of Cairn', async t => {
  const { version }: { readonly version: string } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  t.equal(facts.appVersion, version);
});

t.test(
  'a packed chart holds its files themselves, and not links out of it',
  { skip: needs('helm') },
  async t => {
    const directory = t.testdir();
    t.equal(helm(['package', CHART, '--destination', directory]).status, 0);
    const archive = join(directory, `cairn-${facts.version}.tgz`);
    const list = spawnSync('tar', ['-tvzf', archive], { encoding: 'utf8' }).stdout;
    t.match(list, /^-.* cairn\/files\/verify-api\.sh$/m);
    t.match(list, /^-.* cairn\/values\.schema\.json$/m);
    const rendered = helm(['template', 'cairn', archive]);
    t.equal(rendered.status, 0, rendered.stderr);
    t.match(rendered.stdout, 'Checks a running Cairn and prints TAP version 14.');
  },
);

t.test('k8s/cairn.yaml is what the chart makes', { skip: needs('helm') }, async t => {
  const made = spawnSync('sh', [join(root, 'scripts/render-manifest.sh'), '-'], { encoding: 'utf8' });
  t.equal(made.stderr, '');
  t.equal(plain, made.stdout, 'scripts/render-manifest.sh writes it anew');
});

t.test('k8s/cairn.yaml is of the types of Kubernetes, and holds no secret', async t => {
  const manifests = manifestsOf(plain);
  t.strictSame(typeProblems(manifests), []);
  t.strictSame(manifests.map(({ kind }) => kind).sort(), [
    'ConfigMap',
    'NetworkPolicy',
    'Service',
    'Service',
    'ServiceAccount',
    'StatefulSet',
  ]);
});

/** What a path of a JSON Patch leads to. */
function at(value: unknown, path: string): unknown {
  const next = (part: unknown, name: string): unknown =>
    typeof part === 'object' && part !== null ? new Map(Object.entries(part)).get(name) : undefined;
  return path.split('/').slice(1).reduce(next, value);
}

t.test('the patch of k8s/README.md finds what it takes away', async t => {
  const readme = readFileSync(join(root, 'k8s/README.md'), 'utf8');
  const set = one<StatefulSet>(manifestsOf(plain), 'StatefulSet');
  const patch: readonly { readonly op: string; readonly path: string }[] = JSON.parse(
    /--type=json --patch '(\[[^']*\])'/.exec(readme)?.[1] ?? '[]',
  );
  t.equal(patch.length, 4);
  for (const { op, path } of patch) t.equal(at(set, path) !== undefined, op === 'remove', path);
});

t.test('every value that k8s/README.md names is there', async t => {
  const values: unknown = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'));
  const readme = readFileSync(join(root, 'k8s/README.md'), 'utf8');
  const rows = [...readme.matchAll(/^\| (`[a-z].*?) \|/gm)].flatMap(
    ([, cell = '']) => cell.match(/[\w.]+/g) ?? [],
  );
  const named = [
    ...rows,
    ...[...readme.matchAll(/--set(?:-string)? ([\w.]+)=/g)].map(([, name = '']) => name),
  ];
  t.ok(named.length > 15, `${named}`);
  let section = '';
  for (const name of named) {
    // `.size` after `persistence.storageClass` is persistence.size.
    if (!name.startsWith('.')) section = name.split('.')[0] ?? '';
    const path = `/${name.startsWith('.') ? section + name : name}`.replaceAll('.', '/');
    t.not(at(values, path), undefined, path);
  }
});
