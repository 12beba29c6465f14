/** The token is made once: what the chart does in a cluster that has it already, asked of one that can be read. */
import type { Secret } from 'kubernetes-types/core/v1.js';
import t from 'tap';
import { has, one } from '../fixtures/chart.js';
import { FakeCluster } from '../fixtures/fake-cluster.js';
import { needs } from '../fixtures/needs.js';

const PATH = '/api/v1/namespaces/apps/secrets/cairn-token';

/** What Helm writes on what it makes, and looks for before it changes it. */
const OURS = {
  labels: { 'app.kubernetes.io/managed-by': 'Helm' },
  annotations: { 'meta.helm.sh/release-name': 'cairn', 'meta.helm.sh/release-namespace': 'apps' },
};

function secretOf(metadata: object, token?: string): object {
  const data = token === undefined ? {} : { token: Buffer.from(token).toString('base64') };
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'cairn-token', ...metadata }, data };
}

async function tokenOf(cluster: FakeCluster, ...flags: readonly string[]): Promise<string> {
  const secret = one<Secret>(await cluster.render(...flags), 'Secret');
  return Buffer.from(secret.data?.['token'] ?? '', 'base64').toString();
}

t.test('the first install makes a token, another one each', { skip: needs('helm') }, async t => {
  const cluster = await FakeCluster.start(t);
  const [a, b] = [await tokenOf(cluster), await tokenOf(cluster)];
  t.match(a, /^[A-Za-z0-9]{43}$/);
  t.not(a, b);
  t.ok(cluster.asked.includes(PATH), 'it looked for one');
});

t.test('an upgrade keeps the token that is there', { skip: needs('helm') }, async t => {
  const cluster = await FakeCluster.start(t);
  cluster.objects.set(PATH, secretOf(OURS, 'kept-since-the-first-install'));
  t.equal(await tokenOf(cluster), 'kept-since-the-first-install');
  t.equal(await tokenOf(cluster, '--set-string=image.tag=2'), 'kept-since-the-first-install');
});

t.test('a Secret that is empty gets a token', { skip: needs('helm') }, async t => {
  const cluster = await FakeCluster.start(t);
  cluster.objects.set(PATH, secretOf(OURS));
  t.match(await tokenOf(cluster), /^[A-Za-z0-9]{43}$/);
});

t.test(
  'a Secret of that name that is not of this release is refused, and not taken over',
  { skip: needs('helm') },
  async t => {
    const cluster = await FakeCluster.start(t);
    cluster.objects.set(PATH, secretOf({}, 'of-somebody-else'));
    await t.rejects(tokenOf(cluster), {
      message: /cannot be imported into the current release: invalid ownership/,
    });
  },
);

t.test('with a Secret of yours the cluster is not even asked', { skip: needs('helm') }, async t => {
  const cluster = await FakeCluster.start(t);
  t.notOk(has(await cluster.render('--set=auth.existingSecret=vault'), 'Secret'));
  t.notOk(cluster.asked.some(path => path.includes('/secrets')));
});
