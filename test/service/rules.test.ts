import t from 'tap';
import { Scanner } from '../../src/json/scanner.js';
import { VALUE_BYTES_MAX } from '../../src/limits.js';
import { Rules } from '../../src/service/rules.js';
import { key, openEngine, PLAIN, text } from '../fixtures/memory-engine.js';

const rules = new Rules({
  kv: PLAIN,
  configs: { ...PLAIN, idField: 'name' },
  users: { ...PLAIN, idField: 'id', generatedId: true },
  sessions: { ...PLAIN, generatedId: true },
});
const newId = () => key('made');

t.test('a document is stored as it came where its collection asks for nothing', async t => {
  t.equal(rules.documentOf({ collection: 'kv', key: key('a') }, text('{ "x":10.0 }')), '{ "x":10.0 }');
  t.notOk(rules.looksInside('kv'));
});

t.test('an id is put in, or must be the key', async t => {
  const place = { collection: 'configs', key: key('a') };
  t.ok(rules.looksInside('configs'));
  t.equal(rules.documentOf(place, text('{"x":1}')), '{"name":"a","x":1}');
  t.equal(rules.documentOf(place, text('{"x":1,"name":"a"}')), '{"x":1,"name":"a"}');
  t.throws(() => rules.documentOf(place, text('{"name":"b"}')), { code: 'id_mismatch' });
  t.throws(() => rules.documentOf(place, text('[]')), { code: 'not_an_object' });
  t.throws(() => rules.patchedOf(place, text('{"x":1}')), { code: 'id_mismatch' }, 'a patch keeps it');
});

t.test('its size is that of what is stored, the id included', async t => {
  const whole = text(`"${'x'.repeat(VALUE_BYTES_MAX - 2)}"`);
  t.equal(rules.documentOf({ collection: 'kv', key: key('a') }, whole), whole);
  const place = { collection: 'configs', key: key('a') };
  const object = text(`{"x":"${'x'.repeat(VALUE_BYTES_MAX - 8)}"}`);
  t.equal(object.length, VALUE_BYTES_MAX);
  t.throws(() => rules.documentOf(place, object), { code: 'value_too_large' });
});

t.test(
  'a new document goes under its id, the key beside it, or one that is made where it may be',
  async t => {
    t.same(rules.identified('kv', key('a'), text('1'), newId), { key: 'a', text: '1' });
    t.throws(() => rules.identified('kv', null, text('1'), newId), { code: 'invalid_key' });
    t.same(rules.identified('sessions', null, text('1'), newId), { key: 'made', text: '1' });
    t.same(rules.identified('configs', null, text('{"name":"a"}'), newId).key, 'a');
    t.throws(() => rules.identified('configs', null, text('{}'), newId), { code: 'id_missing' });
    t.same(rules.identified('users', null, text('{}'), newId), { key: 'made', text: '{"id":"made"}' });
  },
);

t.test('a name that comes from a body is a collection only if it is one', async t => {
  t.same(rules.collections, ['kv', 'configs', 'users', 'sessions']);
  for (const name of ['nowhere', 'constructor', '__proto__', 'toString', '']) {
    t.throws(() => rules.refuseUnknown(name), { code: 'not_found' }, name);
    t.equal(rules.policyOf(name).idField, null, name);
  }
  t.doesNotThrow(() => rules.refuseUnknown('kv'));
});

t.test('a document is gone over once, whatever its policy asks of it', async t => {
  const policies = {
    users: {
      ...PLAIN,
      idField: 'id',
      required: ['name', 'email'],
      emails: ['email'],
      unique: ['email', 'name'],
    },
  };
  const place = { collection: 'users', key: key('u') };
  const given = text('{"name":"a","email":"a@example.com","more":[{"id":1}]}');
  const passes = countPasses(t);
  const document = new Rules(policies).documentOf(place, given);
  t.equal(passes(), 1);
  t.equal(document, `{"id":"u",${given.slice(1)}`);
  const { engine } = await openEngine({ policies });
  t.teardown(() => engine.close());
  passes();
  await engine.commit([{ type: 'put', ...place, text: document }]);
  t.equal(passes(), 1, 'and once for all of its unique fields');
  await engine.commit([{ type: 'put', ...place, text: text(document.replace('a@', 'b@')) }]);
  t.equal(passes(), 2, 'and the one that it replaces');
});

/** How many objects were gone over, member by member, since the last time that this was asked; a member's own are not. */
function countPasses(t: { teardown(clean: () => void): void }): () => number {
  const { members } = Scanner.prototype;
  let passes = 0;
  Scanner.prototype.members = function (this: Scanner, visit) {
    passes += 1;
    members.call(this, visit);
  };
  t.teardown(() => {
    Scanner.prototype.members = members;
  });
  return () => {
    const counted = passes;
    passes = 0;
    return counted;
  };
}
