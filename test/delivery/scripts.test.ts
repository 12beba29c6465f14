/** The goals that the Jenkinsfile calls: which programs they run, with which words, and what they refuse. */
import { existsSync } from 'node:fs';
import t from 'tap';
import { needs } from '../fixtures/needs.js';
import { ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';
import { type Ended, FakePrograms } from './fake-programs.js';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const EARLIER = 'fedcba9876543210fedcba9876543210fedcba98';
const given = { FAKE_COMMIT: COMMIT, REGISTRY: 'registry.example.com:5000/team', NAMESPACE: 'shop' };
const IMAGE = `${given.REGISTRY}/cairn:${COMMIT}`;

const calls = ({ calls: all }: Ended, program: string): string[] =>
  all.filter(call => call.startsWith(`${program} `));
const history = (...entries: readonly (readonly [number, string])[]): string =>
  JSON.stringify(entries.map(([revision, status]) => ({ revision, status })));

t.test('image: built with version and commit, tagged with the full hash', async t => {
  const { status, output, ...rest } = await new FakePrograms(t).run('image', given);
  t.equal(status, 0, output);
  const [build = ''] = calls({ status, output, ...rest }, 'docker').slice(1);
  t.match(build, /^docker build .*--build-arg VERSION=\d+\.\d+\.\d+ /);
  t.ok(build.endsWith(` --build-arg REVISION=${COMMIT} --tag ${IMAGE} .`), build);
});

t.test(
  'image: what is not committed is refused, or tagged so that it cannot be taken for the commit',
  async t => {
    const fake = new FakePrograms(t);
    const changed = { ...given, FAKE_CHANGES: ' M src/main.ts' };
    const refused = await fake.run('image', changed);
    t.equal(refused.status, 2);
    t.match(refused.output, /not committed/);
    t.same(refused.calls, []);
    const dirty = await fake.run('image', { ...changed, DIRTY: 'yes' });
    t.ok(dirty.calls.at(-1)?.endsWith(`--tag ${IMAGE}-dirty .`), `${dirty.calls}`);
  },
);

t.test('image: a build that fails is a failure', async t => {
  t.not((await new FakePrograms(t).run('image', { ...given, DOCKER_EXIT: '1' })).status, 0);
});

t.test('push: the login is on standard input and kept for this push alone', async t => {
  const login = { REGISTRY_LOGIN_USR: 'jenkins', REGISTRY_LOGIN_PSW: 'secret-of-push' };
  const fake = new FakePrograms(t);
  const ended = await fake.run('push', { ...given, ...login });
  t.equal(ended.status, 0, ended.output);
  t.same(calls(ended, 'docker').slice(1), [
    'docker login --username jenkins --password-stdin registry.example.com:5000',
    `docker push ${IMAGE}`,
  ]);
  t.match(ended.secrets, 'stdin of login: secret-of-push,');
  t.notMatch(`${ended.output}${ended.calls}`, 'secret-of-push');
  const [, config = ''] = / config in (\S+)/.exec(ended.secrets) ?? [];
  t.equal(
    (await fake.run('push', { ...given, FAKE_COMMIT: COMMIT })).calls.length,
    2,
    'without one there is no login',
  );
  t.match(config, /^\/\S+/);
  t.notOk(existsSync(config), 'and it is gone');
});

t.test('push: without a registry there is nothing to push to', async t => {
  const ended = await new FakePrograms(t).run('push', { FAKE_COMMIT: COMMIT });
  t.equal(ended.status, 2);
  t.match(ended.output, /REGISTRY/);
});

t.test('deploy: Helm gets image, commit and environment, waits, and goes back by itself', async t => {
  const fake = new FakePrograms(t);
  const ended = await fake.run('deploy', { ...given, ENVIRONMENT: 'production' });
  t.equal(ended.status, 0, ended.output);
  const upgrade = calls(ended, 'helm').at(-1) ?? '';
  t.ok(upgrade.startsWith('helm upgrade --install cairn k8s/cairn --namespace shop '), upgrade);
  for (const words of [
    '--values k8s/environments/production.yaml',
    `--set-string image.repository=${given.REGISTRY}/cairn`,
    `--set-string image.tag=${COMMIT}`,
    '--rollback-on-failure',
    '--timeout 10m',
  ]) {
    t.ok(upgrade.includes(` ${words}`), words);
  }
  t.equal(fake.read('artifacts/deploy/before'), `${COMMIT} none \n`, 'nothing was there before');
});

t.test('deploy: the last revision that is deployed is noted, whatever failed after it', async t => {
  const fake = new FakePrograms(t);
  const before = {
    FAKE_HISTORY: history([3, 'superseded'], [4, 'deployed'], [5, 'failed']),
    FAKE_TAG: EARLIER,
  };
  await fake.run('deploy', { ...given, ...before, HELM_EXIT: '1' });
  t.equal(fake.read('artifacts/deploy/before'), `${COMMIT} 4 ${EARLIER}\n`);
});

t.test('deploy: one that fails is a failure', async t => {
  t.equal((await new FakePrograms(t).run('deploy', { ...given, HELM_EXIT: '1' })).status, 1);
});

t.test('rollout: waits for the pod of the release', async t => {
  const ended = await new FakePrograms(t).run('rollout', given);
  t.same(ended.calls, ['kubectl --namespace shop rollout status --timeout=10m statefulset/cairn']);
  const other = await new FakePrograms(t).run('rollout', { ...given, RELEASE: 'settings' });
  t.match(other.calls, [/statefulset\/settings-cairn$/], 'by the name that the chart gives it');
});

t.test('rollback: goes to the revision that was noted, waits for it, and checks it', async t => {
  const fake = new FakePrograms(t);
  await fake.run('deploy', { ...given, FAKE_HISTORY: history([4, 'deployed']), FAKE_TAG: EARLIER });
  const ended = await fake.run('rollback', given);
  t.not(ended.status, 0, 'nothing answers here, so the check fails');
  const [rollback = '', ...rest] = ended.calls.slice(ended.calls.findIndex(call => call.startsWith('helm ')));
  t.equal(rollback, 'helm rollback cairn 4 --namespace shop --wait --timeout 10m');
  t.match(rest[0], /rollout status/);
  t.match(rest.at(-1), /port-forward service\/cairn/);
  t.match(
    ended.calls.slice(0, 4),
    [/get events/, /describe/, /logs/, /logs .*--previous/],
    'what failed is written down',
  );
});

t.test(
  'rollback: what was never deployed, or by another build, or as the first one, is left alone',
  async t => {
    const fake = new FakePrograms(t);
    const unbegun = await fake.run('rollback', given);
    t.same([unbegun.status, calls(unbegun, 'helm')], [0, []]);
    await fake.run('deploy', { ...given, FAKE_COMMIT: EARLIER, FAKE_HISTORY: history([4, 'deployed']) });
    const foreign = await fake.run('rollback', given);
    t.same([foreign.status, calls(foreign, 'helm')], [0, []]);
    await fake.run('deploy', given);
    const first = await fake.run('rollback', given);
    t.same([first.status, calls(first, 'helm')], [0, []]);
    t.match(first.output, /nothing to go back to/);
  },
);

t.test('deploy: an environment that is not there leaves no note of an earlier one behind', async t => {
  const fake = new FakePrograms(t);
  await fake.run('deploy', { ...given, FAKE_HISTORY: history([4, 'deployed']) });
  const ended = await fake.run('deploy', { ...given, ENVIRONMENT: 'elsewhere' });
  t.equal(ended.status, 2);
  t.same(calls(ended, 'helm'), []);
  t.equal(fake.read('artifacts/deploy/before'), '');
});

t.test('what would be words of another program is refused by its form', async t => {
  const fake = new FakePrograms(t);
  for (const [name, value] of [
    ['REGISTRY', 'r.example.com/a,image.tag=b'],
    ['REGISTRY', '--help'],
    ['NAMESPACE', '-x'],
    ['NAMESPACE', 'a\nb'],
    ['RELEASE', 'a b'],
    ['ENVIRONMENT', '../../etc/passwd'],
    ['COMMIT', 'main'],
    ['COMMIT', COMMIT.slice(0, 7)],
  ] as const) {
    const ended = await fake.run('deploy', { ...given, [name]: value });
    t.equal(ended.status, 2, `${name}=${value}`);
    t.match(ended.output, name);
    t.same(calls(ended, 'helm'), []);
  }
});

t.test(
  'verify: the deployed service, with its own token, through a port of this machine',
  { skip: needs('curl') },
  async t => {
    const TOKEN = 'a-token-that-nobody-may-see';
    const directory = serviceDirectory(t);
    const service = await ServiceProcess.start(t, ['--snapshot-dir', `${directory}/s`], {
      CAIRN_TOKEN: TOKEN,
    });
    const answer = await fetch(`${service.url}/version`);
    const { commit }: { commit: string | null } = JSON.parse(await answer.text());
    const port = new URL(service.url).port;
    const fake = new FakePrograms(t);
    // A build away from the repository has none.
    const expected: Record<string, string> = commit === null ? { EXPECT: 'any' } : { COMMIT: commit };
    const env = {
      ...given,
      FAKE_SECRET: 'cairn-token token',
      FAKE_TOKEN: TOKEN,
      FAKE_PORT: port,
      ...expected,
    };

    const ended = await fake.run('verify', env);
    t.equal(ended.status, 0, ended.output);
    if (commit !== null) t.match(ended.output, new RegExp(`ok .* shows the commit ${commit}`));
    t.match(ended.output, /ok .* a call without a token is 401/);
    t.notMatch(`${ended.output}${ended.calls}`, TOKEN);
    t.match(ended.calls, [
      /get statefulset\/cairn /,
      /get secret\/cairn-token --output go-template=\{\{index \.data "token" \| base64decode\}\}$/,
      /port-forward service\/cairn :3000 --address 127\.0\.0\.1$/,
    ]);
    t.match(fake.read('artifacts/reports/verify-api.xml'), /<testsuite[^>]* failures="0"/);
  },
);

t.test('verify: a service that cannot be reached is a failure that says why', async t => {
  const ended = await new FakePrograms(t).run('verify', given);
  t.equal(ended.status, 2);
  t.match(ended.output, /error: no pods[\s\S]*no port could be forwarded to service\/cairn/);
});
