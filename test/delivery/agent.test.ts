/** scripts/prepare-jenkins-agent.sh, as far as it goes without a machine of its own: what it would do, and what it refuses. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { needs } from '../fixtures/needs.js';
import { root } from '../fixtures/repository.js';

const ON_A_BARE_MACHINE = { PATH: '/usr/bin:/bin' };

function dryRun(...words: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(
    'sh',
    ['scripts/prepare-jenkins-agent.sh', '--dry-run', ...words],
    {
      cwd: root,
      encoding: 'utf8',
      env: ON_A_BARE_MACHINE,
    },
  );
  return { status, output: stdout + stderr };
}

const inbound = [
  '--controller',
  'https://jenkins.example.com',
  '--name',
  'agent-1',
  '--secret-file',
  '/run/secret',
];

t.test('every download is checked before it is used', { skip: needs('linux') }, async t => {
  const { status, output } = dryRun();
  t.equal(status, 0, output);
  const lines = output.split('\n');
  const downloads = lines.filter(line => /^\+ curl .*https:/.test(line) && !/\/sums https/.test(line));
  t.ok(downloads.length > 0, output);
  for (const download of downloads) {
    const [, name = ''] = /-o \S+\/(\S+) /.exec(download) ?? [];
    const use = lines.findIndex(line => /^\+ (tar|install) /.test(line) && line.includes(name));
    const check = lines.indexOf(`+ check ${name}`);
    t.ok(lines.indexOf(download) < check && check < use, name);
  }
});

t.test('what the goals of the Jenkinsfile call is among what it installs', async t => {
  const script = readFileSync(join(root, 'scripts/prepare-jenkins-agent.sh'), 'utf8');
  const goals = readdirSync(join(root, 'scripts/delivery')).map(name =>
    readFileSync(join(root, 'scripts/delivery', name), 'utf8'),
  );
  for (const program of ['docker', 'git', 'helm', 'kubectl', 'node']) {
    t.match(goals.join('\n'), new RegExp(`\\b${program} `), `${program} is called`);
    t.match(
      script,
      new RegExp(`^(PACKAGES=.*\\b${program}\\b|.*has ${program} )`, 'm'),
      `${program} is installed`,
    );
  }
});

t.test(
  'an inbound agent is a service; its secret is in a file that nobody else may read',
  { skip: needs('linux') },
  async t => {
    const { output } = dryRun(...inbound);
    t.match(output, '+ install -m 600 -o jenkins /run/secret ');
    t.match(output, '+ systemctl enable --now jenkins-agent.service');
    t.notMatch(dryRun().output, 'systemctl');
  },
);

t.test('what is wrong is refused before anything is done', { skip: needs('linux') }, async t => {
  for (const words of [
    ['--controller', 'http://jenkins.example.com', '--name', 'a', '--secret-file', '/run/secret'],
    inbound.slice(0, 4),
    inbound.slice(2),
    [...inbound.slice(0, 3), 'a\nExecStartPre=/bin/evil', ...inbound.slice(4)],
    ['--help-me'],
    ['--name'],
  ]) {
    const { status, output } = dryRun(...words);
    t.equal(status, 2, `${words}`);
    t.notMatch(output, /^\+/m);
  }
});
