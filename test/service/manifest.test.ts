/** A document as a ConfigMap: what Kubernetes asks of one, whatever the key and the text are. */
import fc from 'fast-check';
import t from 'tap';
import { parse } from 'yaml';
import { fromUnicode, toUnicode } from '../../src/json/bytes.js';
import { keyFromUnicode } from '../../src/json/key.js';
import { scanValue } from '../../src/json/scan.js';
import { CONFIG_MAP_BYTES_MAX } from '../../src/limits.js';
import type { JsonText } from '../../src/model.js';
import { configMapOf } from '../../src/service/manifest.js';
import { seedOf } from '../fixtures/seeded-random.js';

const manifest = (key: string, json: string): string =>
  toUnicode(configMapOf(keyFromUnicode(key), scanValue(fromUnicode(json))));
const nameOf = (key: string, json: string): string => parse(manifest(key, json)).metadata.name;

/** `IsDNS1123Subdomain` of Kubernetes, which it holds the name of a ConfigMap against. */
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

t.test('the manifest in full', async t => {
  t.equal(
    manifest('payments/DB', '{\n  "host": "x",\n  "n": 10.0\n}'),
    `apiVersion: v1
kind: ConfigMap
metadata:
  name: payments-db-f67905571b
  labels:
    app.kubernetes.io/managed-by: cairn
immutable: true
data:
  config.json: |-
    {
      "host": "x",
      "n": 10.0
    }
`,
  );
});

t.test('the name is the key as far as a name may be it, and a hash of the text', async t => {
  for (const [key, start] of [
    ['app', 'app'],
    ['Team A/app.yaml', 'team-a-app-yaml'],
    ['--a__b--', 'a-b'],
    ['ü', 'config'],
    ['K\u212a', 'k'],
    ['x'.repeat(512), 'x'.repeat(242)],
    [`${'x'.repeat(241)}/y`, 'x'.repeat(241)],
  ] as const) {
    t.match(nameOf(key, '1'), new RegExp(`^${start}-[0-9a-f]{10}$`), key);
  }
});

t.test('the same text has the same name, another text another', async t => {
  t.equal(nameOf('a', '{"x":1}'), nameOf('a', '{"x":1}'));
  t.not(nameOf('a', '{"x":1}'), nameOf('a', '{"x": 1}'));
});

t.test('any key gives a name that Kubernetes takes, and any text comes back byte for byte', async t => {
  const seed = seedOf();
  t.comment(`CAIRN_SEED=${seed}`);
  const keys = fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }).filter(isKey);
  const texts = fc
    .tuple(fc.jsonValue(), fc.constantFrom('', ' ', '  ', '\t'))
    .map(([value, space]) => JSON.stringify(value, null, space));
  fc.assert(
    fc.property(keys, texts, (key, json) => {
      const found = parse(manifest(key, json));
      return (
        SUBDOMAIN.test(found.metadata.name) &&
        found.metadata.name.length <= 253 &&
        found.apiVersion === 'v1' &&
        found.kind === 'ConfigMap' &&
        found.immutable === true &&
        found.data['config.json'] === json
      );
    }),
    { seed, numRuns: 500 },
  );
});

function isKey(text: string): boolean {
  try {
    keyFromUnicode(text);
    return true;
  } catch {
    return false;
  }
}

t.test('what Kubernetes would not take is refused here', async t => {
  const key = keyFromUnicode('a');
  const text = (bytes: number): JsonText => scanValue(`"${'x'.repeat(bytes - 2)}"`);
  t.ok(configMapOf(key, text(CONFIG_MAP_BYTES_MAX)));
  t.throws(() => configMapOf(key, text(CONFIG_MAP_BYTES_MAX + 1)), {
    code: 'not_representable',
    message: /1048577 bytes; 1048576 are allowed/,
  });
});
