/** Schemas in the configuration file: within it, or in files of their own; and members that are lists. */
import t from 'tap';
import { type Reading, readConfig } from '../../src/config.js';
import { CairnError } from '../../src/errors.js';
import { configSources } from '../fixtures/config-sources.js';

const SCHEMA = '{"type":"object","properties":{"__proto__":{"minimum":10.5}}}';

/** The file at /etc/cairn/cairn.yaml, with others by their paths. */
function read(file: string, others: Readonly<Record<string, string>> = {}): Promise<Reading> {
  const files: Readonly<Record<string, string>> = { '/etc/cairn/cairn.yaml': file, ...others };
  return readConfig({
    ...configSources({ env: { CAIRN_CONFIG: '/etc/cairn/cairn.yaml' } }),
    async readText(path) {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
      return text;
    },
  });
}

const shown = ({ collections }: Reading, name: string, key: string) =>
  collections.find(setting => setting.collection === name && setting.key === key);

t.test('a mapping within the file', async t => {
  const reading = await read(
    'collections:\n  notes:\n    schema:\n      type: object\n      required: [a, b]\n',
  );
  const schema = { type: 'object', required: ['a', 'b'] };
  t.same(reading.config.policies['notes']?.schema, schema);
  t.match(shown(reading, 'notes', 'schema'), {
    shown: JSON.stringify(schema),
    json: true,
    origin: /cairn\.yaml$/,
  });
  t.match(shown(reading, 'kv', 'schema'), { shown: 'none', json: false, origin: 'default' });
});

t.test('a file of JSON or YAML, from the directory of the configuration file on', async t => {
  const files = { '/etc/cairn/schemas/a.json': SCHEMA, '/b.yaml': 'type: object\n' };
  const reading = await read('collections: { a: { schema: schemas/a.json }, b: { schema: /b.yaml } }', files);
  t.equal(JSON.stringify(reading.config.policies['a']?.schema), SCHEMA);
  t.same(reading.config.policies['b']?.schema, { type: 'object' });
  t.match(shown(reading, 'a', 'schema'), { shown: '/etc/cairn/schemas/a.json', json: false });
});

t.test('none takes it away', async t => {
  const reading = await read(
    'collections: { notes: { schema: none }, users: { required: none, emails: [] } }',
  );
  t.equal(reading.config.policies['notes']?.schema, null);
  t.match(reading.config.policies['users'], { required: [], emails: [] });
});

t.test('names are a list, or a text with commas', async t => {
  const { config } = await read('collections: { a: { required: [x, y] }, b: { emails: "x, y" } }');
  t.same(config.policies['a']?.required, ['x', 'y']);
  t.same(config.policies['b']?.emails, ['x', 'y']);
});

const refusals: readonly (readonly [string, string, Readonly<Record<string, string>>, RegExp])[] = [
  [
    'a file that is not there',
    'schema: no.json',
    {},
    /^The schema file \/etc\/cairn\/no\.json cannot be read: ENOENT\./,
  ],
  [
    'a file that is neither',
    'schema: a.json',
    { '/etc/cairn/a.json': '{' },
    /^\/etc\/cairn\/a\.json is neither YAML nor JSON/,
  ],
  ['a file with a list', 'schema: a.json', { '/etc/cairn/a.json': '[]' }, /a\.json must hold a JSON Schema/],
  ['a list', 'schema: []', {}, /^collections\.notes\.schema in .* must be a JSON Schema/],
  ['nothing', 'schema:', {}, /^collections\.notes\.schema in .* must be a JSON Schema/],
  ['true', 'schema: true', {}, /^collections\.notes\.schema in .* must be a JSON Schema/],
  ['a number that JSON has none of', 'schema: { minimum: .inf }', {}, /holds the number Infinity/],
  [
    'an anchor within itself',
    'schema: &a { not: *a }',
    {},
    /nested more than 100 deep|neither YAML nor JSON/,
  ],
  ['a name twice', 'required: [a, a]', {}, /^collections\.notes\.required in .* it must be names of members/],
  ['a name with a comma', 'required: ["a,b"]', {}, /^collections\.notes\.required in /],
  ['an empty name', 'required: [""]', {}, /^collections\.notes\.required in /],
  ['a mapping of names', 'required: { a: 1 }', {}, /must be one value/],
];

for (const [what, member, files, message] of refusals) {
  t.test(`refused: ${what}`, async t => {
    const error = await read(`collections: { notes: { ${member} } }`, files).catch((error: unknown) => error);
    t.ok(error instanceof CairnError);
    t.match(error, { code: 'configuration', message });
  });
}
