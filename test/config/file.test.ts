import t from 'tap';
import { readConfigFile } from '../../src/config/file.js';

const PATH = 'cairn.yaml';

const read = async (text: string) => {
  const { values, collections } = await readConfigFile(PATH, async () => text);
  return { values: Object.fromEntries([...values].map(([name, { text }]) => [name, text])), collections };
};

t.test('YAML and JSON say the same', async t => {
  const expected = { port: '4000', auth: 'off', 'no-lock': 'true', 'snapshot-interval': '0.5' };
  t.same((await read('port: 4000\nauth: off\nno-lock: true\nsnapshot-interval: 0.5\n')).values, expected);
  t.same((await read('{"port":4000,"auth":"off","no-lock":true,"snapshot-interval":0.5}')).values, expected);
});

t.test('an empty file says nothing', async t => {
  for (const text of ['', '\n', '# only a comment\n', '{}', '\ufeff', 'null']) {
    t.same((await read(text)).values, {}, JSON.stringify(text));
  }
});

t.test('the parser is given no more than it can hold', async t => {
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
  for (const [name, of] of ['ba', 'cb', 'dc', 'ed', 'fe'] as const)
    bomb.push(`${name}: &${name} [${`*${of},`.repeat(9)}]`);
  await t.rejects(read(bomb.join('\n')), { code: 'configuration', message: /neither YAML nor JSON/ });
});

for (const [what, text, line] of [
  ['brackets', '['.repeat(900_000), 1],
  ['braces', '{'.repeat(900_000), 1],
  ['dashes', '- '.repeat(400_000), 1],
  ['a setting of brackets', `port: 1\nhost: ${'['.repeat(900_000)}`, 2],
] as const) {
  t.test(`what is nested without end is refused where it becomes too deep: ${what}`, async t => {
    const message = new RegExp(
      `neither YAML nor JSON: More than 256 levels deep at line ${line}, column \\d{3}\\.$`,
    );
    await t.rejects(read(text), { code: 'configuration', message });
  });
}

t.test('what is nested as deep as it may be is read', async t => {
  for (const text of [`${'['.repeat(256)}${']'.repeat(256)}`, `${'{"a":'.repeat(256)}1${'}'.repeat(256)}`]) {
    await t.rejects(read(text), { code: 'configuration', message: /settings by their names|no setting "a"/ });
  }
});

const refusals: readonly (readonly [string, string, RegExp])[] = [
  ['what is no YAML', 'port: [1', /^cairn\.yaml is neither YAML nor JSON: .*line 1/],
  ['a key twice', 'port: 1\nport: 2', /^cairn\.yaml is neither YAML nor JSON: .*unique.*line 2/],
  ['a second document', 'port: 1\n---\nport: 2', /^cairn\.yaml is neither YAML nor JSON/],
  ['an unknown tag', 'port: !secret 1', /^cairn\.yaml is neither YAML nor JSON/],
  ['a list', '- port', /^cairn\.yaml must hold settings by their names\.$/],
  ['a bare word', 'port', /^cairn\.yaml must hold settings/],
  ['an unknown key', 'prot: 1', /^There is no setting "prot" \(in cairn\.yaml\)\.$/],
  ['a prototype', '__proto__: 1', /^There is no setting "__proto__"/],
  ['the name of a variable', 'CAIRN_PORT: 1', /^There is no setting "CAIRN_PORT"/],
  ['a list as a value', 'host: [a, b]', /^host in cairn\.yaml must be one value/],
  ['the token', 'token: secret-secret-secret', /^token in cairn\.yaml cannot be set here: a secret/],
  ['another file', 'config: other.yaml', /^config in cairn\.yaml cannot be set here: one file/],
];

for (const [what, text, message] of refusals) {
  t.test(`the file may not hold ${what}`, async t => {
    await t.rejects(read(text), { code: 'configuration', message });
  });
}

t.test('an unknown key is answered with a suggestion', async t => {
  const hintFor = (text: string) => read(text).catch((error: unknown) => error);
  t.match(await hintFor('prot: 1'), { hint: /^Did you mean port\?/ });
  t.match(await hintFor('collection: {}'), { hint: /^Did you mean collections\?/ });
});

t.test('a file that cannot be read is named with the reason', async t => {
  const denied = async () => {
    throw Object.assign(new Error('no'), { code: 'EACCES' });
  };
  await t.rejects(readConfigFile(PATH, denied), {
    code: 'configuration',
    message: 'The configuration file cairn.yaml cannot be read: EACCES.',
  });
});
