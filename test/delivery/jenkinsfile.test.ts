/**
 * The Jenkinsfile is run by Groovy over a Jenkins that writes down what it is asked to do (jenkins-stub.groovy). All
 * scenarios go through one process, since most of its time is its start.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { needs } from '../fixtures/needs.js';
import { root } from '../fixtures/repository.js';

interface Scenario {
  readonly text?: string;
  readonly branch?: string;
  readonly params?: Readonly<Record<string, string | boolean>>;
  readonly credentials?: Readonly<Record<string, object>>;
  readonly fail?: readonly string[];
  readonly abort?: readonly string[];
  readonly previous?: string;
}

interface Event {
  /** Names of stages with `/` between them; empty: after all of them. */
  readonly stage: string;
  readonly step: string;
  readonly args: unknown;
  readonly env: Readonly<Record<string, string>>;
}

interface Outcome {
  readonly result: 'SUCCESS' | 'FAILURE' | 'ABORTED' | 'INVALID';
  readonly error: string | null;
  readonly events: readonly Event[];
  readonly agent: string;
  readonly options: readonly string[];
}

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const SECRET = 'the-secret-of-the-registry';
const RUN_MS_MAX = 120_000;

const credentials = {
  'cairn-registry': { user: 'jenkins', secret: SECRET },
  'cairn-kubeconfig-staging': { file: '/run/kubeconfig-staging' },
  'cairn-kubeconfig-production': { file: '/run/kubeconfig-production' },
};
const notified = { NOTIFY: 'team@example.com' };
const main = ['setup', 'lint', 'test', 'image', 'push', 'deploy', 'rollout', 'verify'];
const jenkinsfile = readFileSync(join(root, 'Jenkinsfile'), 'utf8');

const scenarios = {
  main: {},
  branch: { branch: 'feature/x' },
  broken: { branch: 'feature/x', fail: ['make test'], params: notified },
  ...Object.fromEntries(main.map(goal => [`without ${goal}`, { fail: [`make ${goal}`], params: notified }])),
  'without rollback': { fail: ['make verify', 'make rollback'], params: notified },
  'without reports': { fail: ['make test-reports'], params: notified },
  aborted: { abort: ['make verify'], params: notified },
  fixed: { previous: 'FAILURE', params: notified },
  parameters: { params: { REGISTRY: 'r.example.com/team', NAMESPACE: 'shop', ENVIRONMENT: 'production' } },
  hostile: { params: { REGISTRY: '"; rm -rf / #', NAMESPACE: '$(id)' } },
  unknown: { params: { ENVIRONMENT: 'elsewhere' } },
  sonar: { branch: 'feature/x', params: { SONARQUBE: true } },
  unprovided: { credentials: {} },
  leak: { text: jenkinsfile.replace("sh 'make push'", 'sh "docker login -p $' + '{REGISTRY_LOGIN_PSW}"') },
  misspelt: { text: jenkinsfile.replace('unsuccessful { sh', 'unsucessful { sh') },
  misplaced: { text: jenkinsfile.replace("steps { sh 'make lint' }", "sh 'make lint'") },
} satisfies Readonly<Record<string, Scenario>>;

/** Debian's `groovy` asks for a Java of its own; its library runs under any. */
const JAR = '/usr/share/java/groovy-all.jar';
const JAVA = ['-XX:TieredStopAtLevel=1', '-Xshare:auto', '--add-opens', 'java.base/java.lang=ALL-UNNAMED'];

function run(): ReadonlyMap<string, Outcome> {
  const input = Object.values(scenarios).map(scenario => ({
    branch: 'main',
    commit: COMMIT,
    credentials,
    ...scenario,
  }));
  const [program, ...before] = existsSync(JAR)
    ? (['java', ...JAVA, '-cp', JAR, 'groovy.ui.GroovyMain'] as const)
    : (['groovy'] as const);
  const files = ['test/delivery/jenkins-stub.groovy', 'Jenkinsfile'].map(path => join(root, path));
  const { stdout, stderr } = spawnSync(program, [...before, ...files], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    timeout: RUN_MS_MAX,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (!stdout.startsWith('[')) throw new Error(`${stdout}${stderr}`);
  const outcomes: Outcome[] = JSON.parse(stdout);
  return new Map(Object.keys(scenarios).map((name, i) => [name, outcomes[i] ?? unreachable(name)]));
}

function unreachable(name: string): never {
  throw new Error(`there is no outcome of ${name}`);
}

const goals = ({ events }: Outcome): string[] =>
  events.filter(({ step }) => step === 'sh').map(({ args }) => String(args).replace(/^make /, ''));
const steps = ({ events }: Outcome, step: string): unknown[] =>
  events.filter(event => event.step === step).map(({ args }) => args);

t.test('the pipeline', { skip: needs('groovy') }, async t => {
  const outcomes = run();
  const of = (name: keyof typeof scenarios | `without ${string}`): Outcome =>
    outcomes.get(name) ?? unreachable(name);
  const reports = ['test-reports'];

  t.test('main: each stage is one goal of the Makefile, in this order', async t => {
    const { result, events, error } = of('main');
    t.equal(result, 'SUCCESS', `${error}`);
    t.same(goals(of('main')), [
      'setup',
      'lint',
      'test',
      ...reports,
      'image',
      'push',
      'deploy',
      'rollout',
      'verify',
    ]);
    const makefile = readFileSync(join(root, 'Makefile'), 'utf8');
    for (const { args } of events.filter(({ step }) => step === 'sh')) {
      const [, goal = ''] = /^make ([a-z-]+)$/.exec(String(args)) ?? [];
      t.match(makefile, new RegExp(`^${goal}:.* ## `, 'm'), String(args));
    }
  });

  t.test('another branch is checked, and nothing leaves it', async t => {
    t.equal(of('branch').result, 'SUCCESS');
    t.same(goals(of('branch')), ['setup', 'lint', 'test', ...reports]);
    t.notMatch(JSON.stringify(of('branch')), /kubeconfig|REGISTRY_LOGIN/);
  });

  for (const [i, goal] of main.entries()) {
    t.test(
      `main: where ${goal} fails, nothing comes after it but what takes it back and tells of it`,
      async t => {
        const outcome = of(`without ${goal}`);
        t.equal(outcome.result, 'FAILURE');
        const before = main.slice(0, i + 1).flatMap(name => (name === 'test' ? [name, ...reports] : [name]));
        const isDeployed = i >= main.indexOf('deploy');
        t.same(goals(outcome), [...before, ...(isDeployed ? ['rollback'] : [])]);
        t.equal(steps(outcome, 'archiveArtifacts').length, 1, 'what there is to be looked at is kept');
        t.match(steps(outcome, 'mail'), [
          { to: 'team@example.com', subject: /failed$/, body: new RegExp(COMMIT) },
        ]);
      },
    );
  }

  t.test('results and coverage are shown whether the tests pass or not', async t => {
    for (const name of ['main', 'branch', 'broken', 'without test'] as const) {
      const shown = steps(of(name), 'junit').map(args => JSON.stringify(args));
      t.match(shown[0], 'artifacts/reports/junit.xml', name);
      t.match(steps(of(name), 'recordCoverage'), [{ tools: [{ parser: 'COBERTURA' }] }], name);
    }
    t.match(steps(of('main'), 'junit').at(-1), { testResults: 'artifacts/reports/verify-api*.xml' });
    const after = of('without verify').events.map(({ step, args }) => `${step} ${JSON.stringify(args)}`);
    t.ok(
      after.findIndex(event => /verify-api\*/.test(event)) > after.indexOf('sh "make rollback"'),
      'those of the check after a rollback too',
    );
  });

  t.test('a rollback that fails too is told, and reports that cannot be written are a failure', async t => {
    for (const name of ['without rollback', 'without reports'] as const) {
      t.equal(of(name).result, 'FAILURE', name);
      t.equal(steps(of(name), 'mail').length, 1, name);
      t.equal(steps(of(name), 'archiveArtifacts').length, 1, name);
    }
    t.match(of('without rollback').error, 'make verify', 'the first failure is the one that counts');
  });

  t.test('a deployment that is cut short is taken back', async t => {
    t.equal(of('aborted').result, 'ABORTED');
    t.same(goals(of('aborted')).slice(-2), ['verify', 'rollback']);
  });

  t.test('who was told of a failure is told of its end; where nobody is named, nobody is', async t => {
    t.match(steps(of('fixed'), 'mail'), [{ subject: /works again$/ }]);
    t.same(steps(of('main'), 'mail'), []);
  });

  t.test('every goal has the full hash of the commit, and the parameters', async t => {
    for (const { env, step } of of('parameters').events) {
      if (step !== 'sh') continue;
      t.match(env, {
        COMMIT,
        CI: 'false',
        REGISTRY: 'r.example.com/team',
        NAMESPACE: 'shop',
        ENVIRONMENT: 'production',
      });
    }
    const { env } = of('main').events[0] ?? unreachable('main');
    t.match(env, { ENVIRONMENT: 'staging', NAMESPACE: 'cairn', REGISTRY: /./ }, 'or what stands in for them');
    t.equal(of('unknown').error, 'ENVIRONMENT cannot be elsewhere');
  });

  t.test('what a parameter holds is never part of a command', async t => {
    t.same(goals(of('hostile')), goals(of('main')));
  });

  t.test('a credential is bound where it is needed, by its id, and is no word of any step', async t => {
    for (const { step, args, env, stage } of of('parameters').events) {
      if (step !== 'sh') continue;
      t.equal(env['REGISTRY_LOGIN_PSW'], stage === 'Push' ? SECRET : undefined, stage);
      const kubeconfig = stage.startsWith('Deploy') ? '/run/kubeconfig-production' : undefined;
      t.equal(env['KUBECONFIG'], kubeconfig, stage);
      t.notMatch(JSON.stringify(args), SECRET);
    }
    t.equal(of('unprovided').error, 'there is no credential cairn-registry');
    t.match(JSON.stringify(steps(of('leak'), 'sh')), SECRET, 'one that is would be found');
  });

  t.test('SonarQube gets its reports where it is asked for', async t => {
    t.same(goals(of('sonar')), ['setup', 'lint', 'test', ...reports, 'sonar']);
    const { env } = of('sonar').events.find(({ args }) => args === 'make sonar') ?? unreachable('sonar');
    t.match(env, { SONAR_HOST_URL: /^https:/ });
  });

  t.test('one build at a time, bounded in time, on an agent that was prepared', async t => {
    const { agent, options } = of('main');
    t.equal(agent, 'cairn');
    for (const option of ['disableConcurrentBuilds', 'timeout', 'buildDiscarder'])
      t.ok(options.includes(option), option);
  });

  t.test('a word that Jenkins does not know, or not there, is found', async t => {
    t.same([of('misspelt').result, of('misplaced').result], ['INVALID', 'INVALID']);
  });
});
