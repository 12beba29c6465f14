/**
 * The modules of k8s/terraform/, as far as they can be held without a cloud: they are HCL, what they name is there, and
 * what they give to the chart is what it takes.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse as parseHcl } from '@cdktn/hcl2json';
import t from 'tap';
import { parse as parseYaml } from 'yaml';
import { needs } from '../fixtures/needs.js';
import { root } from '../fixtures/repository.js';

type Block = Readonly<Record<string, unknown>>;

/** Blocks by type, then by their labels; each name may have several. */
interface Module {
  readonly directory: string;
  readonly text: string;
  readonly blocks: ReadonlyMap<string, ReadonlyMap<string, Block>>;
}

const terraform = join(root, 'k8s/terraform');
const directories = readdirSync(terraform, { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(({ name }) => join(terraform, name));

async function read(directory: string): Promise<Module> {
  const names = readdirSync(directory).filter(name => name.endsWith('.tf'));
  const texts = names.map(name => readFileSync(join(directory, name), 'utf8'));
  const blocks = new Map<string, Map<string, Block>>();
  for (const [i, name] of names.entries()) {
    for (const [type, named] of Object.entries(await parseHcl(name, texts[i] ?? ''))) {
      const all = blocks.get(type) ?? new Map<string, Block>();
      for (const [label, block] of labelled(type, named)) all.set(label, block);
      blocks.set(type, all);
    }
  }
  return { directory, text: texts.join('\n'), blocks };
}

/** `{ "google_compute_network": { "cluster": [{…}] } }` is `google_compute_network.cluster`. */
function labelled(type: string, named: unknown): [string, Block][] {
  if (Array.isArray(named)) return named.map((block, i) => [String(i), block]);
  return Object.entries(Object(named)).flatMap(([label, inner]) =>
    type === 'resource' || type === 'data'
      ? labelled('', inner).map(([name, block]): [string, Block] => [`${label}.${name}`, block])
      : [[label, Array.isArray(inner) ? inner[0] : inner] as [string, Block]],
  );
}

const withoutComments = (text: string): string => text.replace(/^\s*#.*$/gm, '');
const found = (text: string, pattern: RegExp): string[] => [
  ...new Set([...withoutComments(text).matchAll(pattern)].map(([, name]) => `${name}`)),
];
const namesOf = ({ blocks }: Module, type: string): string[] => [...(blocks.get(type)?.keys() ?? [])];

const modules = await Promise.all(directories.map(read));

t.same(
  modules.map(({ directory }) => directory.slice(terraform.length + 1)),
  ['cluster', 'jenkins'],
);

for (const module of modules) {
  const { directory, text, blocks } = module;
  t.test(`${directory.slice(terraform.length + 1)}: every name is declared, and used`, async t => {
    const variables = namesOf(module, 'variable');
    t.same(found(text, /\bvar\.(\w+)/g).sort(), [...variables].sort());
    const locals = Object.keys(blocks.get('locals')?.get('0') ?? {});
    t.same(found(text, /\blocal\.(\w+)/g).sort(), locals.sort());
    const resources = namesOf(module, 'resource');
    for (const name of found(text, /(?<!data\.)\b((?:google|helm)_\w+\.\w+)\b/g)) {
      const isData = namesOf(module, 'data').includes(name);
      t.ok(isData || resources.includes(name), name);
    }
  });

  t.test(
    `${directory.slice(terraform.length + 1)}: variables and outputs are described, providers bounded`,
    async t => {
      for (const type of ['variable', 'output']) {
        for (const [name, block] of blocks.get(type) ?? [])
          t.match(block['description'], /^[A-Z].+\.$/, name);
      }
      for (const [name, block] of blocks.get('variable') ?? []) t.ok(block['type'], name);
      const used = found(text, /^(?:resource|data) "([a-z]+)_/gm);
      for (const provider of used)
        t.match(
          text,
          new RegExp(`^    ${provider} = \\{\\n.*\\n +version = "~> \\d+\\.\\d+"`, 'm'),
          provider,
        );
    },
  );

  t.test(`${directory.slice(terraform.length + 1)}: the files that it reads are there`, async t => {
    for (const path of found(text, /\$\{path\.module\}\/([\w./-]+)/g))
      t.ok(existsSync(join(directory, path)), path);
  });
}

t.test('what is no HCL is found, with its place', async t => {
  await t.rejects(parseHcl('main.tf', 'resource "a" "b" {\n  name = \n}\n'), /main\.tf:2/);
});

t.test('the release is the chart of this repository, with values that it has', async t => {
  const release = modules[0]?.blocks.get('resource')?.get('helm_release.cairn') ?? {};
  const chart = String(release['chart']).replace(/^\$\{path\.module\}/, directories[0] ?? '');
  t.ok(existsSync(join(chart, 'Chart.yaml')), chart);
  const values: unknown = parseYaml(readFileSync(join(chart, 'values.yaml'), 'utf8'));
  const [, body = ''] = /yamlencode\(\{([\s\S]*?)\}\)\]/.exec(modules[0]?.text ?? '') ?? [];
  const given = await parseHcl('values.tf', body);
  for (const [section, members] of Object.entries(given)) {
    for (const member of Object.keys(Object(members))) {
      const known = Object(values)[section];
      t.ok(member in Object(known), `${section}.${member}`);
    }
  }
  t.same(Object.keys(given), ['image', 'persistence']);
});

t.test(
  'the scripts of the machines can be read by their shell',
  { skip: needs('dash', 'shellcheck') },
  async t => {
    const directory = join(terraform, 'jenkins');
    const template = readFileSync(join(directory, 'agent.sh.tftpl'), 'utf8');
    const [, call = ''] =
      /templatefile\([^{]*\{path\.module\}[^{]*\{([\s\S]*?)\}\)\n/.exec(modules[1]?.text ?? '') ?? [];
    const given = found(call, /^ +(\w+) +=/gm);
    t.same(found(template, /\$\{(\w+)\}/g).sort(), given.sort(), 'each place of the template gets a value');
    const agent = template.replace(/\$\{(\w+)\}/g, 'c29tZXRoaW5n');
    for (const text of [agent, readFileSync(join(directory, 'server.sh'), 'utf8')]) {
      t.equal(spawnSync('dash', ['-n'], { input: text }).status, 0);
      t.equal(spawnSync('shellcheck', ['--format=gcc', '-'], { input: text, encoding: 'utf8' }).stdout, '');
    }
  },
);

t.test('what is in the metadata of a machine fits into it', async t => {
  const bytes = ['prepare-jenkins-agent.sh', 'setup-test-tools.sh']
    .map(name => readFileSync(join(dirname(terraform), '../scripts', name)).toString('base64').length)
    .reduce((sum, length) => sum + length, 0);
  t.ok(bytes < 200 * 1024, `${bytes} bytes of 256 KiB`);
});

t.test('the page says that no cloud ran them', async t => {
  t.match(readFileSync(join(terraform, 'README.md'), 'utf8'), /\*\*No cloud has run them\.\*\*/);
});
