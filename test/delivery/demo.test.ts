/** `make demo` and `make demo-down`: what they run with podman, kind and MicroK8s, and the pod that podman is given. */
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import t from 'tap';
import { parse, parseAllDocuments } from 'yaml';
import { needs } from '../fixtures/needs.js';
import { root } from '../fixtures/repository.js';
import { FakePrograms } from './fake-programs.js';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const ports = { DEMO_PORT: '18080', DEMO_PROMETHEUS_PORT: '19090', DEMO_METRICS_PORT: '19091' };
const TOKEN = 'a-token-of-the-cluster';

const clusters = {
  kind: 'case "$1 $2" in "get kubeconfig") echo "kind: Config" ;; "create cluster") cat >>"$FAKE_LOG.secrets" ;; esac',
  microk8s: 'case $1 in config) echo "kind: Config" ;; esac',
};
const programs = {
  podman: '',
  // It runs until it is told to stop, under its own words.
  prometheus: `sleep 60 & sleeper=$!; trap 'kill $sleeper; echo "prometheus stopped" >>"$FAKE_LOG"; exit 0' TERM; wait`,
  curl: `echo '{"data":{"result":[{"metric":{},"value":[1.5,"1"]}]}}'`,
};

interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly securityContext: unknown;
    readonly volumes: readonly { readonly name: string }[];
    readonly containers: readonly (Readonly<Record<string, unknown>> & {
      readonly ports: readonly {
        readonly hostIP: string;
        readonly hostPort: number;
        readonly containerPort: number;
      }[];
      readonly volumeMounts: readonly { readonly name: string }[];
    })[];
  };
}

interface Verified {
  /** The exit status of verify-api. */
  readonly status?: number;
  readonly more?: Readonly<Record<string, string>>;
}

function machine(t: Test, { status = 0, more = {} }: Verified = {}): FakePrograms {
  const fake = new FakePrograms(t, {
    paths: ['k8s/cairn.yaml', 'k8s/cairn', 'k8s/monitoring'],
    more: { ...programs, ...more },
  });
  symlinkSync(join(root, 'node_modules'), join(fake.directory, 'node_modules'));
  const verify = `#!/bin/sh\nprintf '%s\\n' "verify-api $*" >>"$FAKE_LOG"\nexit ${status}\n`;
  writeFileSync(join(fake.directory, 'scripts/verify-api.sh'), verify);
  return fake;
}

const env = { ...ports, FAKE_COMMIT: COMMIT, FAKE_TOKEN: TOKEN, DEMO: 'podman' };

t.test(
  'podman: image, pod, verify-api, Prometheus, and all of it taken away',
  { skip: needs('linux') },
  async t => {
    const fake = machine(t);
    const up = await fake.run('demo', env, 'up');
    t.equal(up.status, 0, up.output);
    for (const call of [
      /^docker build --quiet .* --tag localhost\/cairn:0123456789abcdef0123456789abcdef01234567 \.$/m,
      /^podman play kube --replace artifacts\/demo\/pod\.yaml$/m,
      /^prometheus --config\.file=artifacts\/demo\/prometheus\.yaml .*--web\.listen-address=127\.0\.0\.1:19090$/m,
    ]) {
      t.match(up.calls.join('\n'), call);
    }
    const verified = `verify-api --wait 120 --expect-commit ${COMMIT} --token-file artifacts/demo/token http://127.0.0.1:18080`;
    t.ok(up.calls.includes(verified), `${up.calls}`);
    t.match(up.output, /127\.0\.0\.1:18080\/set/);
    t.equal(
      statSync(join(fake.directory, 'artifacts/demo/token')).mode & 0o077,
      0,
      'nobody else reads the token',
    );
    t.notMatch(up.output, fake.read('artifacts/demo/token'));
    const { scrape_configs: jobs } = parse(fake.read('artifacts/demo/prometheus.yaml'));
    t.same(jobs[0].static_configs, [{ targets: ['127.0.0.1:19091'] }]);

    const token = fake.read('artifacts/demo/token');
    await fake.run('demo', env, 'up');
    t.equal(
      fake.read('artifacts/demo/token'),
      token,
      'a second time it is the same token, over the same volume',
    );

    const down = await fake.run('demo', { ...env, DEMO: 'kind' }, 'down');
    t.equal(down.status, 0, down.output);
    t.match(
      down.calls.join('\n'),
      /podman pod rm --force [\s\S]*podman volume rm --force cairn-demo-snapshots/,
    );
    t.notOk(existsSync(join(fake.directory, 'artifacts/demo')));
    t.ok(down.calls.includes('prometheus stopped'), `${down.calls}`);
  },
);

t.test('the pod of podman is that of the chart, and is reached from this machine alone', async t => {
  const fake = machine(t);
  await fake.run('demo', env, 'up');
  const documents = parseAllDocuments(fake.read('artifacts/demo/pod.yaml')).map(document => document.toJS());
  await fake.run('demo', env, 'down');
  const pod: Pod = documents.find(({ kind }) => kind === 'Pod');
  const [container] = pod.spec.containers;
  const manifests = parseAllDocuments(readFileSync(join(root, 'k8s/cairn.yaml'), 'utf8')).map(document =>
    document.toJS(),
  );
  const { spec: own } = manifests.find(it => it?.kind === 'StatefulSet').spec.template;

  t.same(pod.spec.securityContext, own.securityContext);
  for (const member of ['securityContext', 'env', 'args', 'resources', 'volumeMounts'])
    t.same(container?.[member], own.containers[0][member], member);
  t.equal(container?.['image'], `localhost/cairn:${COMMIT}`);
  t.same(
    container?.ports.map(({ hostIP, hostPort, containerPort }) => [hostIP, hostPort, containerPort]),
    [
      ['127.0.0.1', 18080, 3000],
      ['127.0.0.1', 19091, 9091],
    ],
  );
  t.notOk(Object.keys(container ?? {}).some(member => /Probe|lifecycle/.test(member)));
  const volumes = new Set(pod.spec.volumes.map(({ name }) => name));
  for (const { name } of container?.volumeMounts ?? []) t.ok(volumes.has(name), name);
  for (const { kind, metadata } of documents) t.match(metadata.name, /^cairn-demo/, kind);
});

t.test('kind: a cluster with the image in it, the chart, and its own token', async t => {
  const fake = machine(t, { more: clusters });
  const up = await fake.run('demo', { ...env, DEMO: '' }, 'up');
  t.equal(up.status, 0, up.output);
  const order = [
    /^kind create cluster --name cairn-demo /,
    /^docker save --output \S+ localhost\/cairn:/,
    /^kind load image-archive /,
    /^helm upgrade --install cairn k8s\/cairn .*service\.type=NodePort --set service\.nodePort=30300/,
    /^kubectl .*get secret\/cairn-token/,
    /^kubectl .*apply /,
    /^verify-api .* http:\/\/127\.0\.0\.1:18080$/,
  ].map(pattern => up.calls.findIndex(call => pattern.test(call)));
  t.notOk(order.includes(-1), `${up.calls.join('\n')}`);
  t.same(
    order,
    [...order].sort((a, b) => a - b),
  );
  t.match(up.secrets, /containerPort: 30300, hostPort: 18080, listenAddress: 127\.0\.0\.1/);
  t.equal(fake.read('artifacts/demo/token'), TOKEN);
  const down = await fake.run('demo', env, 'down');
  t.match(down.calls, ['kind delete cluster --name cairn-demo']);
});

t.test('MicroK8s: a namespace in the cluster that is there, and nothing but that is taken away', async t => {
  const fake = machine(t, { more: clusters });
  const up = await fake.run('demo', { ...env, DEMO: 'microk8s' }, 'up');
  t.equal(up.status, 0, up.output);
  t.match(up.calls.at(-2), /verify-api .* http:\/\/127\.0\.0\.1:30300$/);
  const down = await fake.run('demo', env, 'down');
  t.match(down.calls, [/^kubectl delete namespace cairn-demo /]);
});

t.test('a service that does not pass is a failure, and stays to be looked at', async t => {
  const fake = machine(t, { status: 1 });
  const up = await fake.run('demo', env, 'up');
  t.equal(up.status, 1);
  t.notMatch(up.calls.join('\n'), 'pod rm');
  t.equal((await fake.run('demo', env, 'down')).status, 0);
});

t.test('a port that is none is refused before anything is made', async t => {
  const { status, calls } = await machine(t).run('demo', { ...env, DEMO_PORT: '80,x' }, 'up');
  t.same([status, calls], [2, []]);
});
