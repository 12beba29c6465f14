/** What the chart promises of the pod, its volume and its token, by the manifests that Helm makes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StatefulSet } from 'kubernetes-types/apps/v1.js';
import type { ConfigMap, Container, Pod, PodSpec, Secret, Service } from 'kubernetes-types/core/v1.js';
import type { NetworkPolicy } from 'kubernetes-types/networking/v1.js';
import t from 'tap';
import { parse } from 'yaml';
import { CHART, has, helm, type Manifest, one, type Rendering, render } from '../fixtures/chart.js';
import { needs } from '../fixtures/needs.js';
import type { PrometheusRule, ServiceMonitor } from '../fixtures/prometheus-operator.js';
import { root } from '../fixtures/repository.js';

const skip = needs('helm');
const manifests: readonly Manifest[] = skip === false ? render() : [];

function setOf(rendering: Rendering = {}): StatefulSet {
  return one<StatefulSet>(render(rendering), 'StatefulSet');
}

function podOf(set: StatefulSet): PodSpec & { readonly container: Container } {
  const spec = set.spec?.template.spec;
  const container = spec?.containers[0];
  if (spec === undefined || container === undefined) throw new Error('there is no container');
  return { ...spec, container };
}

const variableOf = (set: StatefulSet, name: string): string | undefined =>
  podOf(set).container.env?.find(it => it.name === name)?.value;

t.test('one pod, whose claim stays when the StatefulSet goes', { skip: needs('helm') }, async t => {
  const { spec } = setOf();
  t.equal(spec?.replicas, 1);
  t.strictSame(spec?.persistentVolumeClaimRetentionPolicy, { whenDeleted: 'Retain', whenScaled: 'Retain' });
  t.equal(spec?.podManagementPolicy, 'Parallel', 'a rollback takes hold of a pod that never became ready');
});

t.test('the volume is for one pod alone where Kubernetes has that', { skip: needs('helm') }, async t => {
  const modes = (kubeVersion: string, values = {}): unknown =>
    setOf({ kubeVersion, values }).spec?.volumeClaimTemplates?.[0]?.spec?.accessModes;
  t.strictSame(modes('1.35.0'), ['ReadWriteOncePod']);
  t.strictSame(modes('1.29.0'), ['ReadWriteOncePod']);
  t.strictSame(modes('1.28.9'), ['ReadWriteOnce']);
  t.strictSame(modes('1.35.0', { persistence: { accessModes: ['ReadWriteOnce'] } }), ['ReadWriteOnce']);
});

t.test('what can never be changed does not depend on a version', { skip: needs('helm') }, async t => {
  const { spec } = setOf();
  const fixed = JSON.stringify([spec?.selector, spec?.volumeClaimTemplates, spec?.serviceName]);
  t.notMatch(fixed, /chart|version|0\.1\.0/);
});

t.test('a release of the chart alone does not restart the pod', { skip: needs('helm') }, async t => {
  t.notMatch(JSON.stringify(setOf().spec?.template), /helm\.sh\/chart|cairn-0\.1\.0/);
});

t.test('the pod is restricted, and asks nothing of the cluster', { skip: needs('helm') }, async t => {
  const { container, ...spec } = podOf(setOf());
  t.match(spec.securityContext, {
    runAsNonRoot: true,
    runAsUser: 10_001,
    fsGroup: 10_001,
    seccompProfile: { type: 'RuntimeDefault' },
  });
  t.strictSame(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  t.equal(spec.automountServiceAccountToken, false);
  t.equal(spec.enableServiceLinks, false);
  t.equal(
    one<{ automountServiceAccountToken: boolean }>(manifests, 'ServiceAccount').automountServiceAccountToken,
    false,
  );
});

t.test('the start covers the replay, and life never asks the disk', { skip: needs('helm') }, async t => {
  const { container } = podOf(setOf());
  const { startupProbe, readinessProbe, livenessProbe } = container;
  t.equal(startupProbe?.httpGet?.path, '/readyz');
  t.equal(Number(startupProbe?.periodSeconds) * Number(startupProbe?.failureThreshold), 1800, 'half an hour');
  t.equal(readinessProbe?.httpGet?.path, '/readyz');
  t.equal(livenessProbe?.httpGet?.path, '/livez');
});

t.test('the end is long enough for the drain', { skip: needs('helm') }, async t => {
  const { container, terminationGracePeriodSeconds } = podOf(setOf());
  t.strictSame(container.lifecycle?.preStop, { sleep: { seconds: 5 } });
  t.ok(Number(terminationGracePeriodSeconds) >= 5 + 10 + 30);
  const before = podOf(setOf({ kubeVersion: '1.29.3' })).container.lifecycle?.preStop;
  t.strictSame(before, { exec: { command: ['sleep', '5'] } });
  t.notOk('lifecycle' in podOf(setOf({ values: { preStopSeconds: 0 } })).container);
});

t.test('heap and values follow the memory limit', { skip: needs('helm') }, async t => {
  const sizesOf = (memory: unknown, config = {}): readonly (string | undefined)[] => {
    const set = setOf({ values: { config, resources: { limits: { memory } } } });
    const [, heap] = /--max-old-space-size=(\d+)/.exec(variableOf(set, 'NODE_OPTIONS') ?? '') ?? [];
    return [heap, variableOf(set, 'CAIRN_MEMORY_MAX')];
  };
  const expected: readonly (readonly [unknown, string | undefined, string | undefined])[] = [
    ['512Mi', '384', '192MiB'],
    ['256Mi', '128', '64MiB'],
    ['1Gi', '768', '384MiB'],
    ['1.5Gi', '1152', '576MiB'],
    ['2G', '1430', '715MiB'],
    ['524288Ki', '384', '192MiB'],
    [536_870_912, '384', '192MiB'],
    [null, undefined, undefined],
  ];
  for (const [memory, heap, values] of expected) t.strictSame(sizesOf(memory), [heap, values], `${memory}`);
  t.strictSame(sizesOf('512Mi', { 'memory-max': '64MiB' }), ['384', undefined], 'the file decides');
  t.throws(() => sizesOf('255Mi'), {
    message: /limits\.memory is 255Mi, too little for a heap: give at least 256Mi/,
  });
});

t.test('the token is in one Secret, which the pod and helm test read', { skip: needs('helm') }, async t => {
  const secret = one<Secret>(manifests, 'Secret');
  const token = Buffer.from(secret.data?.['token'] ?? '', 'base64').toString();
  t.match(token, /^[A-Za-z0-9]{43}$/);
  t.equal(secret.metadata.annotations?.['helm.sh/resource-policy'], 'keep');
  for (const volumes of [podOf(setOf()).volumes, one<Pod>(manifests, 'Pod').spec?.volumes]) {
    t.equal(volumes?.find(({ name }) => name === 'token')?.secret?.secretName, secret.metadata.name);
  }
  t.notMatch(JSON.stringify(manifests.filter(({ kind }) => kind !== 'Secret')), token, 'and nowhere else');
});

t.test('a Secret that is there already is used, and none is made', { skip: needs('helm') }, async t => {
  const given = render({ values: { auth: { existingSecret: 'vault', existingSecretKey: 'cairn' } } });
  t.notOk(has(given, 'Secret'));
  const volume = podOf(one<StatefulSet>(given, 'StatefulSet')).volumes?.find(({ name }) => name === 'token');
  t.match(volume?.secret, { secretName: 'vault', items: [{ key: 'cairn', path: 'token' }] });
});

t.test(
  'a change of the configuration restarts the pod, one of the tokens does not',
  { skip: needs('helm') },
  async t => {
    const template = (values: Rendering['values'] = {}): unknown => setOf({ values }).spec?.template;
    const tokens = [{ id: 'a', sha256: '0'.repeat(64), read: ['kv'] }];
    t.strictSame(template({ auth: { tokens } }), template());
    t.notSame(template({ config: { durability: 'sync' } }), template());
    t.notSame(template({ config: { durability: 'sync' } }), template({ config: { durability: 'periodic' } }));
  },
);

t.test(
  'nothing may be called by the pod, and its port of metrics stays in the cluster',
  { skip: needs('helm') },
  async t => {
    const { spec } = one<NetworkPolicy>(manifests, 'NetworkPolicy');
    t.strictSame([spec?.policyTypes, spec?.egress], [['Ingress', 'Egress'], []]);
    t.match(spec?.ingress?.[1], { ports: [{ port: 'metrics' }], from: [{ namespaceSelector: {} }] });
    const service = one<Service>(manifests, 'Service', 'cairn');
    t.strictSame(
      service.spec?.ports?.map(({ name }) => name),
      ['http'],
    );
    const headless = one<Service>(manifests, 'Service', 'cairn-headless');
    t.match(headless.spec, {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      ports: [{ name: 'metrics' }],
    });
  },
);

t.test('where callers are named, the pod of helm test is one of them', { skip: needs('helm') }, async t => {
  const closed = render({
    values: { networkPolicy: { from: [{ podSelector: { matchLabels: { a: 'b' } } }] } },
  });
  const labels = one<Pod>(closed, 'Pod').metadata.labels ?? {};
  const [, tester] = one<NetworkPolicy>(closed, 'NetworkPolicy').spec?.ingress?.[0]?.from ?? [];
  const selector = tester?.podSelector?.matchLabels ?? {};
  t.not(Object.keys(selector).length, 0);
  for (const [name, value] of Object.entries(selector)) t.equal(labels[name], value, name);
});

t.test(
  'what is watched is that of k8s/monitoring, under the job of its rules',
  { skip: needs('helm') },
  async t => {
    const on = { enabled: true };
    const watched = render({
      release: 'prod',
      values: { metrics: { serviceMonitor: on, prometheusRule: on } },
    });
    const rules = readFileSync(join(CHART, 'files/alerts.yaml'), 'utf8');
    const dashboard = readFileSync(join(CHART, 'files/dashboard.json'), 'utf8');
    t.equal(one<ConfigMap>(watched, 'ConfigMap', 'prod-cairn-alerts').data?.['cairn.yaml'], rules);
    t.strictSame(one<PrometheusRule>(watched, 'PrometheusRule').spec, parse(rules));
    const shown = one<ConfigMap>(watched, 'ConfigMap', 'prod-cairn-dashboard');
    t.equal(shown.data?.['cairn.json'], dashboard);
    t.equal(shown.metadata.labels?.['grafana_dashboard'], '1');
    t.match(one<ServiceMonitor>(watched, 'ServiceMonitor').spec.endpoints, [
      { port: 'metrics', relabelings: [{ targetLabel: 'job', replacement: 'cairn' }] },
    ]);
  },
);

t.test('helm test runs verify-api.sh as it stands in scripts/', { skip: needs('helm') }, async t => {
  const script = readFileSync(join(root, 'scripts/verify-api.sh'), 'utf8');
  t.equal(one<ConfigMap>(manifests, 'ConfigMap', 'cairn-verify-api').data?.['verify-api.sh'], script);
  const [container] = one<Pod>(manifests, 'Pod').spec?.containers ?? [];
  t.match(container?.image, /^curlimages\/curl:\d+\.\d+\.\d+$/, 'pinned');
  t.strictSame(container?.args, ['--wait=60', '--token-file=/secret/token', 'http://cairn:3000']);
});

t.test('the notes say how to call it, and warn of what is open or lost', { skip: needs('helm') }, async t => {
  const notes = (values: Rendering['values'] = {}): string =>
    helm(['install', 'cairn', CHART, '--dry-run=client', '--namespace=apps', '-f', '-'], values).stdout.split(
      'NOTES:',
    )[1] ?? '';
  t.match(notes(), 'kubectl --namespace apps get secret cairn-token');
  t.match(
    notes(),
    `curl -H "Authorization: Bearer $TOKEN" -d '{"key":"greeting","value":"hello"}' localhost:3000/set`,
  );
  t.notMatch(notes(), 'WARNING');
  t.match(notes({ auth: { enabled: false } }), 'WARNING: auth.enabled is false');
  t.match(notes({ persistence: { enabled: false } }), 'WARNING: persistence.enabled is false');
  t.match(notes({ diagnosticMode: { enabled: true } }), 'WARNING: diagnosticMode is on');
});

t.test(
  'beside the volume without serving there is no probe, and SIGTERM ends it',
  { skip: needs('helm') },
  async t => {
    const { container } = podOf(setOf({ values: { diagnosticMode: { enabled: true } } }));
    t.notOk(
      container.startupProbe ?? container.readinessProbe ?? container.livenessProbe ?? container.lifecycle,
    );
    t.match(container.command?.at(-1), /^trap "exit 0" TERM; sleep infinity/);
  },
);
