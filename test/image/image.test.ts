/**
 * From a commit to a pod that survives: the image is built, the chart rendered, and its pod run by podman on one claim, round
 * after round. What was promised to a writer is there after each end, whatever the end, the user and the version.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Manifest, type Rendering, render } from '../fixtures/chart.js';
import { type Build, buildImage, makeClaim, Pod, podman, podmanOutput } from '../fixtures/containers.js';
import { needs } from '../fixtures/needs.js';
import { type Promised, Rounds, WRITTEN } from '../fixtures/pod-rounds.js';
import { root } from '../fixtures/repository.js';
import { serviceDirectory } from '../fixtures/service-process.js';

// On a machine that has none of its layers the build takes a minute or two; then there are the rounds.
t.setTimeout(900_000);

const NEEDED = ['root', 'buildah', 'podman', 'base-image', 'helm', 'busybox', 'curl'] as const;
/** What the image may add to its base. */
const OWN_BYTES_MAX = 60_000_000;
const GROUP = 10_001;
const RELEASE = `t${process.pid}`;
const FULLNAME = `${RELEASE}-cairn`;
const CLAIM = `snapshots-${FULLNAME}-0`;

const first: Build = { version: '1.0.0-test', revision: '1'.repeat(40) };
const second: Build = { version: '2.0.0-test', revision: '2'.repeat(40) };
const here = needs(...NEEDED) === false;
const image = here ? await buildImage(t, first) : '';
const newer = here ? await buildImage(t, second) : '';

const run = (...argv: readonly string[]): Promise<string> => podmanOutput('run', '--rm', ...argv);
const hosted = [
  '--publish=127.0.0.1::3000',
  '--read-only',
  '--cap-drop=all',
  '--security-opt=no-new-privileges',
];

interface Inspected {
  readonly Size: number;
  readonly RootFS: { readonly Layers: readonly string[] };
  readonly Config: Readonly<Record<string, unknown>>;
  readonly Healthcheck?: { readonly Test: readonly string[] };
}

async function inspect(name: string): Promise<Inspected> {
  const [inspected]: readonly Inspected[] = JSON.parse(await podmanOutput('image', 'inspect', name));
  if (inspected === undefined) throw new Error(`there is no image ${name}`);
  return inspected;
}

function manifestsOf(name: string, values: Rendering['values'] = {}): Manifest[] {
  const [repository, tag] = [name.slice(0, name.lastIndexOf(':')), name.slice(name.lastIndexOf(':') + 1)];
  return render({ release: RELEASE, values: { image: { repository, tag, pullPolicy: 'Never' }, ...values } });
}

t.test('the image is small, and says what it is', { skip: needs(...NEEDED) }, async t => {
  const base = /^FROM (\S+)/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8'))?.[1] ?? '';
  const own = (await inspect(image)).Size - (await inspect(base)).Size;
  t.comment(`own layers: ${(own / 1e6).toFixed(1)} MB`);
  t.ok(own < OWN_BYTES_MAX, `${own} bytes over the base`);
  t.strictSame((await inspect(image)).Healthcheck?.Test, ['CMD', 'node', '/app/dist/main.js', 'healthcheck']);
  t.match((await inspect(image)).Config, {
    User: /^\d+:0$/,
    Entrypoint: ['node', '/app/dist/main.js'],
    Cmd: ['serve'],
    StopSignal: /^(SIGTERM|15)$/,
    Volumes: { '/snapshots': {} },
    Labels: {
      'org.opencontainers.image.title': 'Cairn',
      'org.opencontainers.image.version': first.version,
      'org.opencontainers.image.revision': first.revision,
      'org.opencontainers.image.licenses': 'MIT',
    },
  });
});

t.test('a new commit is a few small layers over the old ones', { skip: needs(...NEEDED) }, async t => {
  const [{ RootFS: before }, { RootFS: after }] = [await inspect(image), await inspect(newer)];
  const shared = before.Layers.filter((layer, i) => after.Layers[i] === layer).length;
  t.not(before.Layers.at(-1), after.Layers.at(-1), 'it is another image');
  t.ok(shared >= before.Layers.length - 1, `${shared} of ${before.Layers.length} layers are the same`);
});

t.test(
  'there are the production packages in it, and nothing that installs or compiles',
  { skip: needs(...NEEDED) },
  async t => {
    const lock: { readonly packages: Readonly<Record<string, { readonly dev?: boolean }>> } = JSON.parse(
      readFileSync(join(root, 'package-lock.json'), 'utf8'),
    );
    const script =
      'cd /app; find . -name package.json -path "*/node_modules/*"; for i in npm npx corepack yarn tsc git; do command -v $i; done; ls';
    const lines = (await run('--entrypoint=sh', image, '-c', script)).split('\n');
    const packages = lines.flatMap(
      line => /^\.\/((?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(line)?.[1] ?? [],
    );
    const expected = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true);
    t.strictSame(packages.sort(), expected.map(([path]) => path).sort());
    t.strictSame(
      lines.filter(line => !line.startsWith('./')),
      ['LICENSE', 'dist', 'node_modules', 'package.json'],
    );
  },
);

t.test('the entry point takes the verbs', { skip: needs(...NEEDED) }, async t => {
  t.match(await run(image, 'version'), `cairn 0.1.0 (${first.revision.slice(0, 7)})`);
  t.match(await run('--entrypoint=cairn', image, 'version'), 'cairn 0.1.0', 'and is on the path');
  const unknown = await podman(['run', '--rm', image, 'sevre']);
  t.match([unknown.status, unknown.stderr], [64, /serve/]);
});

t.test(
  'without a verb it serves on every address, under any user, with a token that it makes',
  { skip: needs(...NEEDED) },
  async t => {
    const volume = `cairn-test-${process.pid}`;
    await makeClaim(t, volume, GROUP, image);
    const id = await run(
      '--detach',
      ...hosted,
      '--user=54321:0',
      `--group-add=${GROUP}`,
      `--volume=${volume}:/snapshots`,
      image,
    );
    t.teardown(() => podman(['rm', '--force', '--time=0', id]));
    const url = `http://${await podmanOutput('port', id, '3000')}`;
    await until(async () => (await fetch(`${url}/readyz`)).ok);
    const token = await podmanOutput('exec', id, 'cairn', 'token', 'show');
    const call = (authorization: string): Promise<Response> =>
      fetch(`${url}/kv/a`, { method: 'PUT', body: '1', headers: { authorization } });
    t.equal((await call('')).status, 401);
    t.equal((await call(`Bearer ${token}`)).status, 201);
    t.match(await podmanOutput('exec', id, 'node', '/app/dist/main.js', 'healthcheck'), 'ready');
    const began = Date.now();
    t.equal(await podmanOutput('stop', '--time=30', id), id);
    t.comment(`podman stop took ${Date.now() - began} ms`);
    t.match(
      await run(
        `--volume=${volume}:/snapshots`,
        '--user=23456:0',
        `--group-add=${GROUP}`,
        image,
        'verify',
        '/snapshots',
      ),
      /"sound":true/,
    );
  },
);

t.test('with --auth=off it is open', { skip: needs(...NEEDED) }, async t => {
  const id = await run('--detach', ...hosted, image, 'serve', '--auth=off');
  t.teardown(() => podman(['rm', '--force', '--volumes', '--time=0', id]));
  const url = `http://${await podmanOutput('port', id, '3000')}`;
  await until(async () => (await fetch(`${url}/readyz`)).ok);
  t.equal((await fetch(`${url}/kv/a`, { method: 'PUT', body: '1' })).status, 201);
});

t.test('on a machine whose kernel has no IPv6 it serves on IPv4', { skip: needs(...NEEDED) }, async t => {
  // Any socket of AF_INET6 (10) is EAFNOSUPPORT (97), as with ipv6.disable=1.
  const args = [{ index: 0, value: 10, op: 'SCMP_CMP_EQ' }];
  const without = { names: ['socket'], action: 'SCMP_ACT_ERRNO', errnoRet: 97, args };
  const profile = join(serviceDirectory(t), 'seccomp.json');
  writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [without] }));
  const restriction = `--security-opt=seccomp=${profile}`;
  const id = await run(
    '--detach',
    ...hosted,
    restriction,
    image,
    'serve',
    '--auth=off',
    '--metrics-port=9091',
  );
  t.teardown(() => podman(['rm', '--force', '--volumes', '--time=0', id]));
  const url = `http://${await podmanOutput('port', id, '3000')}`;
  await until(async () => (await fetch(`${url}/readyz`)).ok);
  t.match(await podmanOutput('exec', id, 'cairn', 'healthcheck'), 'ready');
});

t.test('what was promised is there after every end of the pod', { skip: needs(...NEEDED) }, async t => {
  await makeClaim(t, CLAIM, GROUP, image);
  const promised: Promised = new Map();
  let epoch = 0;
  let backup = '';

  await t.test('it runs as the chart says, and passes every check of helm test', async t => {
    const manifests = manifestsOf(image);
    const pod = await Pod.play(t, manifests);
    const rounds = await Rounds.of(pod);
    const status = (await pod.exec(['cat', '/proc/1/status'])).stdout;
    for (const line of [/^Uid:\t10001\t/m, /^CapEff:\t0+$/m, /^CapBnd:\t0+$/m, /^NoNewPrivs:\t1$/m])
      t.match(status, line);
    t.match((await pod.exec(['touch', '/app/dist/new'])).stderr, /Read-only file system/);
    t.match((await pod.exec(['cairn', 'config'])).stdout, /^memory-max: 192MiB /m, 'half of the heap');
    t.match(await (await fetch(`${pod.metricsUrl}/metrics`)).text(), /^cairn_ready 1$/m);
    t.equal(await rounds.verified(manifests, first.revision, serviceDirectory(t)), '');
    await rounds.write(promised, 'before-sigterm');
    epoch = await rounds.epoch();
    const ended = await pod.stop();
    t.equal(ended.code, 0);
    if (ended.code !== 0) t.comment(ended.log.slice(-1000));
    t.comment(`podman stop took ${ended.ms} ms`);
  });

  await t.test('SIGTERM cost nothing, and another user of the group goes on', async t => {
    const pod = await Pod.play(t, manifestsOf(image, { podSecurityContext: { runAsUser: 23_456 } }));
    const rounds = await Rounds.of(pod);
    t.strictSame(await rounds.missing(promised), []);
    t.equal(await rounds.epoch(), epoch);
    await rounds.killedWhileWriting(promised, 'before-sigkill');
  });

  await t.test('SIGKILL cost nothing that was durable, and a new version takes it over', async t => {
    const manifests = manifestsOf(newer);
    const pod = await Pod.play(t, manifests);
    const rounds = await Rounds.of(pod);
    t.ok(promised.size >= 2 * WRITTEN, `${promised.size} keys were promised`);
    t.strictSame(await rounds.missing(promised), []);
    t.ok((await rounds.epoch()) > epoch, 'and it says that the end was not clean');
    t.equal(await rounds.verified(manifests, second.revision, serviceDirectory(t)), '');
    backup = (await pod.exec(['cairn', 'backup'])).stdout;
    await rounds.write(new Map(), 'after-the-backup');
    t.equal((await pod.stop()).code, 0);
  });

  await t.test('beside the volume a backup is restored, as k8s/README.md has it', async t => {
    const pod = await Pod.play(t, manifestsOf(newer, { diagnosticMode: { enabled: true } }));
    t.equal((await pod.exec(['cairn', 'restore', '-', '--dry-run'], backup)).status, 0);
    const restored = await pod.exec(['cairn', 'restore', '-', '/snapshots', '--force'], backup);
    t.equal(restored.status, 0, restored.stderr);
    t.equal((await pod.exec(['cairn', 'verify', '/snapshots'])).status, 0);
    t.equal((await pod.stop()).code, 0, 'SIGTERM ends it');
  });

  await t.test('and the pod serves what was backed up', async t => {
    const pod = await Pod.play(t, manifestsOf(newer));
    const rounds = await Rounds.of(pod);
    t.strictSame(await rounds.missing(promised), []);
    t.equal((await rounds.call('GET', '/kv/after-the-backup/0')).status, 404);
    t.equal((await pod.stop()).code, 0);
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (
    const began = Date.now();
    Date.now() - began < 90_000;
    await new Promise(resolve => setTimeout(resolve, 100))
  ) {
    if (await holds().catch(() => false)) return;
  }
  throw new Error('it did not come about within 90 s');
}
