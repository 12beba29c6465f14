/**
 * Whatever one chooses, the chart makes objects that Kubernetes knows, member by member, and that fit together. Any two
 * choices meet in a rendering at least; at full size any three.
 */
import type { StatefulSet } from 'kubernetes-types/apps/v1.js';
import type { PodSpec, Service } from 'kubernetes-types/core/v1.js';
import t from 'tap';
import { CHART, has, helm, type Manifest, one, render } from '../fixtures/chart.js';
import { factors, renderingOf } from '../fixtures/chart-factors.js';
import { coveringRows, meetings, type Row } from '../fixtures/covering.js';
import { typeProblems } from '../fixtures/kubernetes-types.js';
import { needs } from '../fixtures/needs.js';
import { allowTime, TORTURE } from '../fixtures/torture.js';

allowTime(t);

const rows = coveringRows(factors, TORTURE ? 3 : 2);
const skip = needs('helm');
const rendered: readonly { readonly row: Row; readonly manifests: Manifest[] }[] =
  skip === false ? rows.map(row => ({ row, manifests: render(renderingOf(row)) })) : [];

const wordsOf = (row: Row): string => Object.entries(row).flat().join(' ');

t.test('any two choices meet in a row', async t => {
  for (const meeting of meetings(factors, 2)) {
    if (!rows.some(row => meeting.every(([factor, choice]) => row[factor] === choice))) t.fail(`${meeting}`);
  }
  t.ok(rows.length > 15, `${rows.length} renderings`);
});

t.test('helm lint has nothing to say, with any of the choices', { skip: needs('helm') }, async t => {
  for (const row of TORTURE ? rows : rows.slice(0, 3)) {
    const { status, stdout, stderr } = helm(['lint', '--strict', CHART, '-f', '-'], renderingOf(row).values);
    t.equal(status, 0, `${wordsOf(row)}: ${stdout}${stderr}`);
    t.notMatch(stdout, /\[(WARNING|ERROR)\]/);
  }
});

t.test('every object is of its type, without an unknown member', { skip: needs('helm') }, async t => {
  const different = new Map(
    rendered.flatMap(({ manifests }) => manifests.map(it => [JSON.stringify(it), it] as const)),
  );
  t.comment(`${rows.length} renderings, ${different.size} different objects`);
  t.strictSame(typeProblems([...different.values()]), []);
});

t.test(
  'a member that is unknown, misspelt, or of another type is found',
  { skip: needs('helm') },
  async t => {
    const manifests = render();
    const broken = (from: string, to: string): Manifest[] =>
      JSON.parse(JSON.stringify(manifests).replace(from, to));
    t.strictSame(typeProblems(manifests), []);
    t.match(typeProblems(broken('"readinessProbe"', '"readinesProbe"')), [/readinesProbe.*does not exist/]);
    t.match(typeProblems(broken('"containerPort":3000', '"containerPort":"3000"')), [
      /not assignable to .*number/,
    ]);
    t.match(typeProblems(broken('"serviceName":"cairn-headless",', '')), [/serviceName.*missing/]);
    t.match(typeProblems(broken('apps/v1', 'apps/v2')), [/no type apps\/v2\/StatefulSet/]);
  },
);

/** What an object names must be there: a volume, a port, an account, a map of the same rendering. */
function danglingIn(manifests: readonly Manifest[], row: Row): string[] {
  const spec = podOf(manifests);
  const volumes = new Set([
    ...(spec.volumes ?? []).map(({ name }) => name),
    ...(one<StatefulSet>(manifests, 'StatefulSet').spec?.volumeClaimTemplates ?? []).map(
      it => it.metadata?.name,
    ),
  ]);
  const [container] = spec.containers;
  const ports = new Set((container?.ports ?? []).map(({ name }) => name));
  const probes = [container?.startupProbe, container?.readinessProbe, container?.livenessProbe];
  const service = one<Service>(manifests, 'Service', one(manifests, 'StatefulSet').metadata.name);
  const maps = (spec.volumes ?? []).flatMap(({ configMap }) => configMap?.name ?? []);
  const secrets = (spec.volumes ?? []).flatMap(({ secret }) => secret?.secretName ?? []);
  return [
    ...(container?.volumeMounts ?? [])
      .filter(({ name }) => !volumes.has(name))
      .map(({ name }) => `volume ${name}`),
    ...probes.flatMap(probe => probe?.httpGet?.port ?? []).filter(port => !ports.has(`${port}`)),
    ...(service.spec?.ports ?? []).map(({ targetPort }) => `${targetPort}`).filter(port => !ports.has(port)),
    ...maps.filter(name => !has(manifests, 'ConfigMap', name)).map(name => `ConfigMap ${name}`),
    ...secrets
      .filter(name => !(row['auth'] === 'existing' ? name === 'given' : has(manifests, 'Secret', name)))
      .map(name => `Secret ${name}`),
    ...[spec.serviceAccountName ?? '']
      .filter(name => !['given', 'default'].includes(name) && !has(manifests, 'ServiceAccount', name))
      .map(name => `ServiceAccount ${name}`),
  ].map(String);
}

function podOf(manifests: readonly Manifest[]): PodSpec {
  const spec = one<StatefulSet>(manifests, 'StatefulSet').spec?.template.spec;
  if (spec === undefined) throw new Error('there is no pod');
  return spec;
}

t.test('what an object names is there', { skip: needs('helm') }, async t => {
  for (const { row, manifests } of rendered) t.strictSame(danglingIn(manifests, row), [], wordsOf(row));
  const [first = { row: {}, manifests: [] }] = rendered;
  const without = first.manifests.filter(it => it.kind !== 'ConfigMap');
  t.not(danglingIn(without, first.row).length, 0, 'what is not there is found');
});

t.test('names and labels are such as Kubernetes takes', { skip: needs('helm') }, async t => {
  for (const { manifests } of rendered) {
    const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    t.equal(new Set(names).size, names.length, `${names}`);
    for (const { kind, metadata } of manifests) {
      t.match(metadata.name, /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/, kind);
      for (const [name, value] of Object.entries(metadata.labels ?? {})) {
        t.match(value, /^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/, name);
      }
    }
    // A StatefulSet puts a hash of 11 characters behind its name, in a label.
    t.ok(one(manifests, 'StatefulSet').metadata.name.length <= 52);
  }
});

t.test(
  'every selector of the release finds the pod, or the pod of helm test',
  { skip: needs('helm') },
  async t => {
    for (const { manifests } of rendered) {
      const set = one<StatefulSet>(manifests, 'StatefulSet');
      const labels = set.spec?.template.metadata?.labels ?? {};
      const selectors = [
        set.spec?.selector.matchLabels,
        ...manifests
          .filter(({ kind }) => kind === 'Service')
          .map(it => one<Service>([it], 'Service').spec?.selector),
      ];
      for (const selector of selectors) t.match(labels, { ...selector });
    }
  },
);
