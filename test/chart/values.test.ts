/** The values: closed by a schema that knows every one of them, and the settings of Cairn by the names that it has. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StatefulSet } from 'kubernetes-types/apps/v1.js';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import t from 'tap';
import { parse } from 'yaml';
import { readTokenEntries } from '../../src/access/token-entries.js';
import { optionList } from '../../src/config/options.js';
import { readConfig } from '../../src/config.js';
import { CHART, one, render } from '../fixtures/chart.js';
import { needs } from '../fixtures/needs.js';

interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly $ref?: string;
  readonly definitions?: Readonly<Record<string, Schema>>;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
}

const schema: Schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'));
const values: unknown = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'));

/** What the chart sets by itself, from other values. */
const OF_THE_CHART = new Set([
  'port',
  'host',
  'metrics-port',
  'snapshot-dir',
  'no-lock',
  'auth',
  'token',
  'token-file',
  'tokens',
  'config',
]);

function resolved(part: Schema): Schema {
  return part.$ref === undefined ? part : (schema.definitions?.[part.$ref.split('/').at(-1) ?? ''] ?? {});
}

/** Every place where a schema lists members without refusing the others. */
function open(part: Schema, at = ''): string[] {
  const own = part.properties !== undefined && part.additionalProperties !== false ? [at] : [];
  const below = Object.entries({ ...part.properties, ...part.definitions }).flatMap(([name, member]) =>
    open(member, `${at}/${name}`),
  );
  return [...own, ...below];
}

/** Every value that the schema does not name. */
function unnamed(value: unknown, part: Schema, at = ''): string[] {
  const { properties } = resolved(part);
  if (properties === undefined || typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const known = properties[name];
    return known === undefined ? [`${at}/${name}`] : unnamed(member, known, `${at}/${name}`);
  });
}

t.test('the schema is closed, and names every value that there is', async t => {
  t.strictSame(open(schema), []);
  t.strictSame(unnamed(values, schema), []);
  t.strictSame(unnamed({ image: { tga: '' } }, schema), ['/image/tga'], 'another is found');
  const { global: _global, ...named } = { ...schema.properties };
  t.strictSame(Object.keys(named).sort(), Object.keys({ ...(values as object) }).sort());
});

t.test('a setting of Cairn is a value under config, or the chart sets it', async t => {
  const { collections, ...named } = { ...resolved(schema.properties?.['config'] ?? {}).properties };
  t.ok(collections);
  const settings = optionList.map(({ name }) => name).filter(name => !OF_THE_CHART.has(name));
  t.strictSame(Object.keys(named).sort(), settings.sort());
});

const wrong: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
  [{ replicaCount: 2 }, /replicaCount': value must be one of 0, 1/],
  [{ replicas: 1 }, /additional properties 'replicas' not allowed/],
  [{ image: { tag: 1.2 } }, /image\/tag': got number, want string/],
  [{ image: { tag: 'a b' } }, /image\/tag'/],
  [{ image: { digest: 'sha256:short' } }, /image\/digest'/],
  [{ auth: { token: 'in the values' } }, /auth': additional properties 'token'/],
  [{ auth: { tokens: [{ id: 'a', sha256: 'plain' }] } }, /auth\/tokens\/0\/sha256'/],
  [{ config: { 'max-watcher': 1 } }, /config': additional properties 'max-watcher'/],
  [{ config: { port: 80 } }, /config': additional properties 'port'/],
  [{ config: { durability: 'never' } }, /config\/durability'/],
  [{ config: { collections: { Notes: {} } } }, /'Notes' does not match pattern/],
  [{ config: { collections: { notes: { full: 'drop' } } } }, /collections\/notes\/full'/],
  [{ persistence: { accessModes: ['ReadWriteMany'] } }, /accessModes\/0'/],
  [{ persistence: { size: 'large' } }, /persistence\/size'/],
  [{ resources: { limits: { memory: 'lots' } } }, /limits\/memory'/],
  [{ resources: { limit: { memory: '1Gi' } } }, /resources': additional properties 'limit'/],
  [{ nodeOptions: '--max-old-space-size=10000' }, /nodeOptions'/],
  [{ livenessProbe: { httpGet: { path: '/readyz' } } }, /livenessProbe': additional properties 'httpGet'/],
  [{ terminationGracePeriodSeconds: 1 }, /terminationGracePeriodSeconds'/],
  [{ service: { type: 'ExternalName' } }, /service\/type'/],
  [{ ingress: { hosts: [{ host: 'a' }] } }, /ingress\/hosts\/0': missing property 'paths'/],
  [{ metrics: { port: 3000 } }, /metrics\/port'/],
  [{ networkPolicy: { from: [{}] } }, /networkPolicy\/from\/0'/],
  [{ podLabels: { a: 1 } }, /podLabels\/a'/],
];

t.test('a wrong value is refused, with its place', { skip: needs('helm') }, async t => {
  for (const [values, message] of wrong)
    t.throws(() => render({ values }), { message }, JSON.stringify(values));
});

t.test('Cairn takes the configuration as it is mounted', { skip: needs('helm') }, async t => {
  const config = {
    'max-watchers': 1_000_000,
    'memory-max': '64MiB',
    'snapshot-interval': '500ms',
    audit: 'off',
    collections: { notes: { ttl: '12h', entries: 20_000_000, full: 'evict', history: 'off' } },
  };
  const set = one<StatefulSet>(render({ values: { config } }), 'StatefulSet');
  const map = one<ConfigMap>(render({ values: { config } }), 'ConfigMap', 'cairn');
  const environment = set.spec?.template.spec?.containers[0]?.env ?? [];
  const reading = await readConfig({
    argv: [],
    env: Object.fromEntries(environment.map(({ name, value }) => [name, value ?? ''])),
    heapLimitBytes: 2 ** 30,
    readText: async path => (path === '/etc/cairn/config/cairn.yaml' ? (map.data?.['cairn.yaml'] ?? '') : ''),
  });
  t.match(reading.config, {
    metricsPort: 9091,
    tokenFile: '/etc/cairn/secret/token',
    tokensFile: '/etc/cairn/tokens/tokens.yaml',
    maxWatchers: 1_000_000,
    audit: 'off',
  });
  t.match(JSON.stringify(reading.config), '20000000');
});

t.test('Cairn takes the tokens as they are mounted', { skip: needs('helm') }, async t => {
  const read = async (tokens: readonly unknown[]): Promise<unknown> => {
    const map = one<ConfigMap>(render({ values: { auth: { tokens } } }), 'ConfigMap', 'cairn-tokens');
    const text = map.data?.['tokens.yaml'] ?? '';
    return readTokenEntries('tokens.yaml', text, ['kv', 'configs'], async () => {});
  };
  const given = ['a', 'b'].map(id => ({
    id,
    sha256: id.repeat(64),
    read: ['kv', 'configs:app/'],
    expires: '2999-12-31',
  }));
  t.match(await read(given), [
    { id: 'a', sha256: 'a'.repeat(64), expires: Date.UTC(2999, 11, 31) },
    { id: 'b' },
  ]);
  t.strictSame(await read([]), [], 'none is no error');
});
