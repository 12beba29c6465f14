/** Each environment is a file of values that the chart takes, and is what the Jenkinsfile offers. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { needs } from '../fixtures/needs.js';
import { root } from '../fixtures/repository.js';

const folder = join(root, 'k8s/environments');
const environments = readdirSync(folder).map(name => name.replace(/\.yaml$/, ''));

/** As `make deploy` calls it, without a cluster. */
function template(
  values: string,
  ...more: readonly string[]
): { status: number | null; text: string; words: string } {
  const { status, stdout, stderr } = spawnSync(
    'helm',
    ['template', 'cairn', 'k8s/cairn', '--values', values, '--set-string=image.tag=0123456', ...more],
    { cwd: root, encoding: 'utf8' },
  );
  return { status, text: stdout, words: stderr };
}

t.test('the chart takes the values of each environment', { skip: needs('helm') }, async t => {
  for (const environment of environments) {
    const { status, text, words } = template(join(folder, `${environment}.yaml`));
    t.equal(status, 0, `${environment}: ${words}`);
    t.match(text, /image: "cairn:0123456"/, environment);
    t.match(text, /^kind: StatefulSet\nmetadata:\n {2}name: cairn\n/m, 'by the name that the goals go by');
  }
});

t.test('a value that the chart does not have is refused', { skip: needs('helm') }, async t => {
  t.not(template(join(folder, `${environments[0]}.yaml`), '--set=resource.limits=1').status, 0);
});

t.test('the Jenkinsfile offers these environments and no other', async t => {
  const jenkinsfile = readFileSync(join(root, 'Jenkinsfile'), 'utf8');
  const [, list = ''] = /name: 'ENVIRONMENT', choices: \[([^\]]*)\]/.exec(jenkinsfile) ?? [];
  t.same(list.match(/\w+/g)?.sort(), [...environments].sort());
});
