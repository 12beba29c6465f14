/** JSON as YAML: what it looks like, and that a reader of YAML 1.1 and 1.2 finds the same value in it. */
import t from 'tap';
import { parse, parseDocument } from 'yaml';
import { fromUnicode, toUnicode } from '../../src/json/bytes.js';
import { scanValue } from '../../src/json/scan.js';
import { yamlOf } from '../../src/json/yaml.js';
import { VIEW_PARTS_MAX } from '../../src/limits.js';
import { type Random, randomOf, seedOf } from '../fixtures/seeded-random.js';

const yaml = (json: string): string => toUnicode(yamlOf(scanValue(fromUnicode(json))));

/** Both kinds of readers; the older one takes `no` for false and `1:30` for a number of seconds. */
const versions = ['1.1', '1.2'] as const;

function readBack(text: string, version: '1.1' | '1.2'): unknown {
  const document = parseDocument(text, { version, uniqueKeys: true, merge: version === '1.1' });
  if (document.errors[0] !== undefined) throw document.errors[0];
  if (document.warnings[0] !== undefined) throw document.warnings[0];
  return document.toJS({ maxAliasCount: 0 });
}

const looks: readonly (readonly [string, string, string])[] = [
  [
    'a mapping and lists in blocks',
    '{"a":{"b":[1,{"c":2,"d":[3]},[4,5]]}}',
    'a:\n  b:\n    - 1\n    - c: 2\n      d:\n        - 3\n    - - 4\n      - 5\n',
  ],
  ['a number keeps its text', '[10.0,9007199254740993,1E5,-0]', '- 10.0\n- 9007199254740993\n- 1E5\n- -0\n'],
  ['what is empty, and what is null', '{"a":{},"b":[],"c":null,"d":""}', 'a: {}\nb: []\nc: null\nd: ""\n'],
  [
    'a string that means something else is quoted',
    '["10","1e3","true","No","null","~","2024-01-01","1:30","0x1f",".inf"]',
    '- "10"\n- "1e3"\n- "true"\n- "No"\n- "null"\n- "~"\n- "2024-01-01"\n- "1:30"\n- "0x1f"\n- ".inf"\n',
  ],
  [
    'ordinary words stand bare',
    '{"url":"https://x.example:80/a-b","text":"two words","path":"/etc/a.conf"}',
    'url: https://x.example:80/a-b\ntext: two words\npath: /etc/a.conf\n',
  ],
  [
    'what YAML has a meaning for is quoted',
    '["a: b","a #b","- a","*a","&a","!a","{a","a:","<<","---","%a"]',
    '- "a: b"\n- "a #b"\n- "- a"\n- "*a"\n- "&a"\n- "!a"\n- "{a"\n- "a:"\n- "<<"\n- "---"\n- "%a"\n',
  ],
  [
    'keys are quoted by the same rule',
    '{"yes":1,"__proto__":{"a":1},"1":2,"":3}',
    '"yes": 1\n"__proto__":\n  a: 1\n"1": 2\n"": 3\n',
  ],
  [
    'lines stand as a block',
    '{"pem":"-----BEGIN\\nabc\\n-----END\\n","b":"x\\n\\ny"}',
    'pem: |\n  -----BEGIN\n  abc\n  -----END\nb: |-\n  x\n\n  y\n',
  ],
  ['of a name that is there twice the last one counts', '{"a":1,"b":2,"a":3}', 'a: 3\nb: 2\n'],
  ['a scalar alone', '"no"', '"no"\n'],
  ['lines alone', '"a\\nb"', '|-\n  a\n  b\n'],
];

for (const [rule, json, expected] of looks) t.test(rule, async t => t.equal(yaml(json), expected));

t.test('a lone surrogate is refused, in a name too: YAML has no form for it', async t => {
  for (const json of ['"\\ud800"', '{"\\udfff":1}', '"a\\nb\\ud800"']) {
    t.throws(() => yaml(json), { code: 'not_representable', message: /lone surrogate/ }, json);
  }
});

t.test('what would take too long, or become too large, is refused', async t => {
  t.throws(() => yaml(`[${'1,'.repeat(VIEW_PARTS_MAX)}1]`), { message: /more than 25000 values/ });
  const escapes = '\x7f'.repeat(1_000_000);
  t.throws(() => yaml(JSON.stringify(escapes)), { message: /more than 4194304 bytes/ });
});

const STRINGS = [
  ...[
    '',
    ' ',
    'a',
    'yes',
    'NO',
    'y',
    'null',
    'NaN',
    '.NaN',
    '0',
    '-1',
    '+1',
    '1_000',
    '0o17',
    '017',
    '1e3',
    '12:30:45',
  ],
  ...[
    '2001-12-14t21:59:43.10-05:00',
    '=',
    '<<',
    '...',
    '--- a',
    '# a',
    'a #',
    'a: b',
    'a:b',
    ': a',
    '? a',
    '- ',
    '-',
  ],
  ...[
    '@a',
    '`a',
    '"a"',
    "'a'",
    '\\',
    '\t',
    ' a',
    'a ',
    '\n',
    'a\n',
    'a\n\n',
    '\na',
    ' a\nb',
    'a\n b',
    'a\n  \nb',
    'a\r\nb',
  ],
  ...[
    'a\n\tb',
    '\u0085',
    'a\u0085b\nc',
    '\u2028',
    '\ufeff',
    '\x7f',
    '\x1b',
    'ä',
    '😀',
    '\ufffe',
    '/',
    '/a b',
    'a,b',
    '[a',
    '!!str a',
  ],
  ...[
    'a\n---\nb',
    'a\n...\nb',
    '%YAML 1.1',
    'x'.repeat(300),
    'a\n#b',
    `${'k'.repeat(1_100)}`,
    'toString',
    '__proto__',
  ],
];

function randomValue(random: Random, depth: number): unknown {
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  const kind = Math.floor(random() * (depth === 0 ? 3 : 5));
  if (kind === 0) return pick(STRINGS);
  if (kind === 1) return pick([null, true, false, 0, -1.5, 1e21, 1e-7, 9007199254740991, 10.25]);
  if (kind === 2) return `${pick(STRINGS)}${pick(STRINGS)}`;
  const length = Math.floor(random() * 5);
  if (kind === 3) return Array.from({ length }, () => randomValue(random, depth - 1));
  const members = Array.from(
    { length },
    () => [pick(STRINGS) ?? '', randomValue(random, depth - 1)] as const,
  );
  return Object.fromEntries(members);
}

t.test('every value comes back as it was, by the older and the newer rules', async t => {
  const seed = seedOf();
  t.comment(`CAIRN_SEED=${seed}`);
  const random = randomOf(seed);
  const values = [
    ...STRINGS,
    ...STRINGS.map(name => ({ [name]: [name] })),
    ...Array.from({ length: 1_000 }, () => randomValue(random, 5)),
  ];
  for (const value of values) {
    const json = JSON.stringify(value);
    const text = yaml(json);
    for (const version of versions) {
      const found = JSON.stringify(readBack(text, version));
      if (found !== json) t.equal(found, json, `${version}: ${text}`);
    }
  }
  t.pass(`${values.length} values`);
});

t.test('a number that no double holds is written as it came', async t => {
  const found: unknown = parse(yaml('[9007199254740993]'), { intAsBigInt: true });
  t.strictSame(found, [9007199254740993n]);
});

t.test('__proto__ is an ordinary name', async t => {
  const found = parseDocument(yaml('{"__proto__":{"polluted":1}}')).toJS({ mapAsMap: true });
  t.same([...found.keys()], ['__proto__']);
});
