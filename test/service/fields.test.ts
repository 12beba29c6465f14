/** What a policy asks of single members: that they are there, and that they are email addresses. */
import t from 'tap';
import { fromUnicode } from '../../src/json/bytes.js';
import { scanValue } from '../../src/json/scan.js';
import { checkFields, isEmail } from '../../src/service/fields.js';

const policy = { required: ['name', 'email'], emails: ['email'] };
const check = (json: string): void => checkFields(scanValue(fromUnicode(json)), policy);

const domain = `${'d'.repeat(63)}.${'e'.repeat(63)}.com`;

t.test('email addresses', async t => {
  for (const good of [
    ...[
      'a@b.co',
      'ada.lovelace+tag@mail.example.com',
      "o'brien@example.ie",
      'Ü@bücher.example',
      '1@1.example',
    ],
    ...['a@xn--bcher-kva.example', `${'a'.repeat(254 - domain.length - 1)}@${domain}`],
  ]) {
    t.ok(isEmail(good), good);
  }
});

t.test('no email addresses', async t => {
  for (const bad of [
    ...[
      '',
      'a',
      '@',
      'a@',
      '@b.co',
      'a@b',
      'a@@b.co',
      'a@b@c.co',
      'a b@c.co',
      'a@b c.co',
      ' a@b.co',
      'a@b.co ',
      'a@b.co\n',
    ],
    ...[
      'a@.co',
      'a@b.',
      'a@b..co',
      'a@-b.co',
      'a@b-.co',
      'a@b_c.co',
      'a\u00a0b@c.co',
      'a\u200bb@c.co',
      'a\0@b.co',
      '\ud800@b.co',
    ],
    ...[
      'a@b.co,c@d.co',
      '<a@b.co>',
      'a@[127.0.0.1]',
      `a@${'d'.repeat(64)}.com`,
      `${'a'.repeat(255 - domain.length - 1)}@${domain}`,
    ],
    `${'ü'.repeat(125)}@b.co`,
  ]) {
    t.notOk(isEmail(bad), JSON.stringify(bad));
  }
});

t.test('a document with all of it passes, and may have more', async t => {
  t.doesNotThrow(() => check('{"name":"Ada","email":"ada@example.com","age":36.0}'));
  t.doesNotThrow(() => check('{"\\u006eame":"Ada","email":"ada\\u0040example.com"}'), 'whatever its escapes');
});

const refusals: readonly (readonly [string, string, string, RegExp])[] = [
  ['no object', '["name"]', 'not_an_object', /object/],
  ['a member that is missing', '{"email":"ada@example.com"}', 'member_missing', /has no "name"/],
  [
    'one that is null',
    '{"name":null,"email":"ada@example.com"}',
    'member_missing',
    /"name" that is empty or no string/,
  ],
  ['one that is blank', '{"name":" ","email":"ada@example.com"}', 'member_missing', /"name" that is empty/],
  [
    'no email address',
    '{"name":"Ada","email":"ada"}',
    'invalid_email',
    /"email" of the document is no email/,
  ],
  [
    'the last of two, which counts',
    '{"name":"Ada","email":"ada@example.com","email":"x"}',
    'invalid_email',
    /email/,
  ],
];

for (const [what, json, code, message] of refusals) {
  t.test(`refused: ${what}`, async t => {
    t.throws(() => check(json), { code, message });
  });
}

t.test('an address that is not required may be missing, and not be null', async t => {
  const text = (json: string) => () => checkFields(scanValue(json), { required: [], emails: ['mail'] });
  t.doesNotThrow(text('{}'));
  t.doesNotThrow(text('1'));
  t.throws(text('{"mail":null}'), { code: 'invalid_email', details: { pointer: '/mail' } });
});
