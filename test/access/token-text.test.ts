/** The file of tokens as a text: JSON, or YAML entry by entry, and nothing in it that takes the process a long turn. */
import t from 'tap';
import { readTokenItems } from '../../src/access/token-text.js';

const BYTES_MAX = 512 * 1024;
const YAML_BYTES_MAX = 2 * 1024;
const TOKENS_MAX = 1_000;

const SHA = 'a'.repeat(64);

async function read(text: string) {
  let turns = 0;
  const turn = async () => {
    turns += 1;
  };
  const items: unknown[] = [];
  const options = { path: 't.yaml', example: 'For example: - { id: ci }', turn };
  for await (const item of readTokenItems(text, options)) items.push(item);
  return { items, turns };
}

const plain = (item: unknown) => (item instanceof Map ? Object.fromEntries(item) : item);
const idsOf = (items: readonly unknown[]) => items.map(item => plain(item)?.id);

t.test('every entry of YAML is parsed in a turn of its own', async t => {
  const entry = (i: number) => `- id: ci-${i}\n  sha256: "${SHA}"\n  read:\n    - kv\n    - configs:app/\n`;
  const { items, turns } = await read(Array.from({ length: TOKENS_MAX }, (_, i) => entry(i)).join(''));
  t.equal(items.length, TOKENS_MAX);
  t.same(plain(items[999]), { id: 'ci-999', sha256: SHA, read: ['kv', 'configs:app/'] });
  t.equal(turns, TOKENS_MAX);
});

for (const [what, text] of [
  ['from the margin', '- id: a\n- id: b\n'],
  ['further to the right', '  - id: a\n  - id: b'],
  ['with lists as far to the left as they may be', '-\n  id: a\n  read:\n  - kv\n-\n  id: b\n'],
  ['behind comments and the start of a document', '# ours\n\n--- # v1\n# two\n- id: a\n# next\n- id: b\n'],
  ['with a start alone', '---\n- id: a\n- id: b\n'],
  ['with line ends of Windows', '# ours\r\n- id: a\r\n  read: [kv]\r\n- id: b\r\n'],
  [
    'with texts over several lines',
    '- id: a\n  read: ["k\n    v"]\n  write: >-\n    - one\n    - two\n- id: b\n',
  ],
  ['with what is a line to JavaScript and none to YAML', '- id: a\n  read: ["\u2028- k"]\n- id: b\n'],
  ['with a directive, which is said of the whole', '%YAML 1.2\n---\n- id: a\n- id: b\n'],
  ['with an end of the document', '- id: a\n- id: b\n...\n'],
  ['in flow style', '[{id: a}, {id: b}]'],
  ['as JSON', ' [ {"id": "a", "read": ["kv"]}, {"id":"\\u0062"} ]\n'],
  ['as JSON over lines', '[\n  {\n    "id": "a"\n  },\n  {\n    "id": "b"\n  }\n]\n'],
] as const) {
  t.test(`a list is read ${what}`, async t => {
    t.same(idsOf((await read(text)).items), ['a', 'b']);
  });
}

t.test('JSON means what YAML means: other things than texts are none', async t => {
  const json = '[{"id":1,"read":["kv",2,{"a":1}],"write":{"a":[]},"expires":null},"ci",[1]]';
  const { items } = await read(json);
  t.same(items.map(plain), [{ id: null, read: ['kv', null, null], write: null, expires: null }, null, null]);
});

t.test('an anchor holds within its entry, and is unknown in the next', async t => {
  t.same(plain((await read('- read: &r [kv]\n  write: *r\n')).items[0]), { read: ['kv'], write: ['kv'] });
  await t.rejects(read('- read: &r [kv]\n- read: *r\n'), {
    code: 'configuration',
    message: /Unresolved alias/,
  });
});

t.test('a mistake is told with its line in the file', async t => {
  await t.rejects(read('# ours\n\n- id: a\n- id: b\n  id: c\n- id: d\n'), {
    message: 't.yaml is neither YAML nor JSON: Map keys must be unique at line 5, column 3.',
  });
});

const deep = (open: string, times: number) => open.repeat(times);
const lines = (line: (i: number) => string, bytes: number) => {
  let text = '';
  for (let i = 0; text.length < bytes; i++) text += line(i);
  return text;
};
const TOO_LARGE = /^t\.yaml has \d+ bytes, and may have 524288\.$/;
const UNCUT = /^t\.yaml has \d+ bytes from line \d+ on that are not cut into tokens\.$/;
const NO_JSON = /^t\.yaml is no JSON: Line 1, column \d+: /;
const TOO_MANY = /^t\.yaml has more than 1000 tokens\.$/;
const TOO_DEEP = /^t\.yaml is neither YAML nor JSON: More than 8 levels deep at line \d+, column \d+\.$/;

for (const [what, text, message] of [
  ['more bytes than there may be', 'x'.repeat(BYTES_MAX + 1), TOO_LARGE],
  ['more bytes than characters', 'ä'.repeat(BYTES_MAX / 2 + 1), TOO_LARGE],
  ['brackets alone, more than there may be', deep('[', 900_000), TOO_LARGE],
  ['brackets alone, as many as there may be', deep('[', BYTES_MAX), NO_JSON],
  ['brackets alone, as YAML takes them', deep('[', YAML_BYTES_MAX), TOO_DEEP],
  ['braces alone', deep('{', BYTES_MAX), NO_JSON],
  ['brackets behind a dash', `- ${deep('[', 2_000)}`, TOO_DEEP],
  ['dashes in a line', deep('- ', 1_000), TOO_DEEP],
  ['keys in a line', `- ${deep('? ', 1_000)}`, TOO_DEEP],
  ['mappings in a line', `- ${deep('a: ', 600)}`, /neither YAML nor JSON/],
  [
    'mappings further and further to the right',
    `- a:\n${lines(i => `${' '.repeat(i + 4)}a:\n`, 1_000)}`,
    TOO_DEEP,
  ],
  ['entries without end', deep('-\n', BYTES_MAX / 2), TOO_MANY],
  ['entries of JSON without end', `[${deep('1,', BYTES_MAX / 2 - 2)}1]`, TOO_MANY],
  ['an entry without end', `- id: ci\n${lines(i => `  k${i}: 1\n`, 100_000)}`, UNCUT],
  ['a text without end', `- "${'x'.repeat(BYTES_MAX - 3)}`, UNCUT],
  ['aliases without anchors', `- [${deep('*a,', 600)}]`, /Unresolved alias/],
  ['tags', `- ${deep('!a ', 600)}`, /neither YAML nor JSON/],
  ['anchors', `- ${deep('&a ', 600)}`, /neither YAML nor JSON/],
  [
    'anchors that multiply',
    `- a: &a [x,x,x,x,x,x,x,x,x]\n${['ba', 'cb', 'dc', 'ed', 'fe'].map(([n, of]) => `  ${n}: &${n} [${deep(`*${of},`, 9)}]\n`).join('')}`,
    /alias/,
  ],
  ['blank lines', '\n'.repeat(BYTES_MAX), UNCUT],
  ['comments', '#\n'.repeat(BYTES_MAX / 2), UNCUT],
  ['lists that follow each other', `- ${deep('[]', 1_000)}`, /neither YAML nor JSON/],
  ['colons', `- ${deep(': ', 1_000)}`, /neither YAML nor JSON|nothing/],
  ['zeros', '\0'.repeat(2_000), /neither YAML nor JSON|must hold a list/],
  ['a member twice in JSON', '[{"id":"a","id":"b"}]', /^Token 1 in t\.yaml has "id" twice\.$/],
  ['a mapping of JSON', '{"id":"a"}', /must hold a list/],
  ['two documents', '- id: a\n---\n- id: b\n', /There is a second document at line 2/],
  ['a list behind the end of a document', '- id: a\n...\n- id: b\n', /There is a second document at line 3/],
] as const) {
  t.test(`a clear error, and no more than a part is parsed: ${what}`, async t => {
    await t.rejects(read(text), { code: 'configuration', message, hint: /./ });
  });
}
