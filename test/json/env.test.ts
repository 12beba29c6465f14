/** A document as shell variables: what the lines say, and what a real shell makes of hostile ones. */
import { spawnSync } from 'node:child_process';
import t, { type Test } from 'tap';
import { fromUnicode } from '../../src/json/bytes.js';
import { environmentOf } from '../../src/json/env.js';
import { scanValue } from '../../src/json/scan.js';
import { VIEW_PARTS_MAX } from '../../src/limits.js';
import { needs } from '../fixtures/needs.js';
import { type Random, randomOf, seedOf } from '../fixtures/seeded-random.js';

const env = (json: string): string => environmentOf(scanValue(fromUnicode(json)));

const lines: readonly (readonly [string, string, string])[] = [
  ['nested names are joined', '{"db":{"host":"x","port":5432}}', "DB_HOST='x'\nDB_PORT='5432'\n"],
  ['an element goes by its index', '{"a":["x",{"b":1},[2]]}', "A_0='x'\nA_1_B='1'\nA_2_0='2'\n"],
  ['null is empty, an empty string too', '{"a":null,"b":""}', "A=''\nB=''\n"],
  [
    'a number keeps its text',
    '{"a":10.0,"b":9007199254740993,"c":-1E+2}',
    "A='10.0'\nB='9007199254740993'\nC='-1E+2'\n",
  ],
  ['true and false are words', '{"a":true,"b":false}', "A='true'\nB='false'\n"],
  ['any other character becomes one underscore', '{"a.b-c d":1,"ä😀z":2}', "A_B_C_D='1'\n__Z='2'\n"],
  ['a name begins with no digit, and is not empty', '{"1a":1,"":2}', "_1A='1'\n_='2'\n"],
  ['a quote ends the quotes, stands by itself, and begins them again', `{"a":"it's"}`, "A='it'\\''s'\n"],
  ['a newline stays one', '{"a":"x\\ny"}', "A='x\ny'\n"],
  ['an escape is what it means', '{"\\u0061":"\\u0024(id)"}', "A='$(id)'\n"],
  ['of a name that is there twice the last one counts', '{"a":1,"a":{"b":2}}', "A_B='2'\n"],
  ['what is empty has no lines', '{"a":{},"b":[]}', ''],
  ['an ordinary name', '{"__proto__":{"constructor":1}}', "__PROTO___CONSTRUCTOR='1'\n"],
];

for (const [rule, json, expected] of lines) t.test(rule, async t => t.equal(env(json), expected));

const refusals: readonly (readonly [string, string, RegExp])[] = [
  ['a list', '[1]', /It is no object/],
  ['a scalar', '"a"', /It is no object/],
  [
    'two members of one name',
    '{"a":{"b":1},"x":0,"a_b":2}',
    /members "\/a\/b" and "\/a_b" have one name, "A_B"/,
  ],
  ['two that differ by case', '{"a":1,"A":2}', /members "\/a" and "\/A" have one name/],
  ['two of which one begins with a digit', '{"1":1,"_1":2}', /members "\/1" and "\/_1"/],
  ['a NUL, which no variable holds', '{"a":{"b":"x\\u0000y"}}', /string at "\/a\/b" has a NUL/],
  ['a lone surrogate, which is no character', '{"a":"\\ud800"}', /string at "\/a" has a lone surrogate/],
];

for (const [what, json, message] of refusals) {
  t.test(`refused: ${what}`, async t => {
    t.throws(() => env(json), { code: 'not_representable', message });
  });
}

t.test('names that are repeated for each of many values are refused before they fill the memory', async t => {
  const many = `[${'1,'.repeat(VIEW_PARTS_MAX - 3)}1]`;
  t.equal(env(`{"a":${many}}`).split('\n').length - 1, VIEW_PARTS_MAX - 2);
  t.throws(() => env(`{"${'x'.repeat(1_000)}":${many}}`), { message: /more than 4194304 bytes/ });
  t.throws(() => env(`{"a":[${'1,'.repeat(VIEW_PARTS_MAX)}1]}`), { message: /more than 25000 values/ });
});

t.test('a message shows no more of a name than a person reads', async t => {
  const name = 'x'.repeat(100_000);
  t.throws(() => env(`{"${name}":1,"${name.toUpperCase()}":2}`), { message: /^.{300,800}$/ });
});

/** What a shell finds in the variables of the lines, in their order. */
function evaluated(t: Test, shell: readonly string[], output: string, names: readonly string[]): string[] {
  const [program = 'sh', ...args] = shell;
  const print = `eval "$(cat)"; printf '%s\\0' ${names.map(name => `"$${name}"`).join(' ')}`;
  const result = spawnSync(program, [...args, '-c', print], {
    input: Buffer.from(output, 'latin1'),
    timeout: 20_000,
  });
  t.equal(result.stderr.toString(), '');
  return result.stdout.toString('utf8').split('\0').slice(0, -1);
}

const PIECES = [
  ...[
    "'",
    "''",
    '"',
    '\\',
    "\\'",
    '$(id)',
    '`id`',
    '$HOME',
    '$',
    '{x}',
    '; exit 3',
    '\n',
    '\r\n',
    '\t',
    ' ',
    '#',
    '!',
  ],
  ...[
    '*',
    '~',
    '&&',
    '|',
    '<',
    '(',
    ')',
    '=',
    'EOF',
    'ä',
    'Ł',
    '😀',
    '\u0081',
    '\u0088',
    '\u2028',
    '\x7f',
    '\x01',
  ],
];

function hostile(random: Random): string {
  const length = Math.floor(random() * 12);
  return Array.from({ length }, () => PIECES[Math.floor(random() * PIECES.length)]).join('');
}

const shells: readonly (readonly [string, readonly string[], false | string])[] = [
  ['sh', ['sh'], false],
  ['dash', ['dash'], needs('dash')],
  ['busybox sh', ['busybox', 'sh'], needs('busybox')],
];

for (const [name, shell, skip] of shells) {
  t.test(`${name} finds every value as it was, and runs none of it`, { skip }, async t => {
    const seed = seedOf();
    t.comment(`CAIRN_SEED=${seed}`);
    const random = randomOf(seed);
    const values = Array.from({ length: 300 }, () => hostile(random));
    const document = Object.fromEntries(values.map((value, index) => [`v-${index}`, value]));
    const names = values.map((_, index) => `V_${index}`);
    t.strictSame(evaluated(t, shell, env(JSON.stringify(document)), names), values);
  });

  t.test(`${name} takes no name for a command`, { skip }, async t => {
    const hostileNames = PIECES.map((piece, index) => `n${index}${piece}x`);
    const document = Object.fromEntries(hostileNames.map((name, index) => [name, `${index}`]));
    const output = env(JSON.stringify(document));
    const names = output
      .split('\n')
      .slice(0, -1)
      .map(line => line.slice(0, line.indexOf('=')));
    for (const name of names) t.match(name, /^[A-Z_][A-Z0-9_]*$/);
    t.strictSame(
      evaluated(t, shell, output, names),
      hostileNames.map((_, index) => `${index}`),
    );
  });
}
