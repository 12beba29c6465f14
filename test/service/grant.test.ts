import fc from 'fast-check';
import t from 'tap';
import {
  covers,
  EVERYTHING,
  grantOf,
  isWhole,
  isWithin,
  mayDo,
  partsOf,
  type Right,
  refuseUngranted,
  type Scope,
} from '../../src/service/grant.js';
import { key } from '../http/service.js';

const right = (verb: Right['verb'], collection: string, prefix: string | null = null): Right => ({
  verb,
  collection,
  prefix,
});

t.test('a prefix ends at a slash', async t => {
  for (const [prefix, name, covered] of [
    ['app', 'app', true],
    ['app', 'app/', true],
    ['app', 'app/a', true],
    ['app', 'apple', false],
    ['app', 'app.a', false],
    ['app', 'ap', false],
    ['app/', 'app/a', true],
    ['app/', 'app/', true],
    ['app/', 'app', false],
    ['app/', 'apple', false],
    ['app//', 'app/a', false],
    ['/', '/a', true],
    ['/', 'a', false],
  ] as const) {
    t.equal(covers([prefix], name), covered, `${prefix} and ${name}`);
  }
});

t.test('an empty list covers nothing, several prefixes what each of them does', async t => {
  t.notOk(covers([], 'a'));
  t.same(partsOf([], ''), []);
  const scope = ['b/', 'a'];
  for (const [name, covered] of [
    ['a', true],
    ['a/x', true],
    ['b/x', true],
    ['b', false],
    ['ab', false],
  ] as const) {
    t.equal(covers(scope, name), covered, name);
  }
});

t.test('the rights of a token add up, those of every collection to those of one', async t => {
  const grant = grantOf([right('read', '*', 'app/'), right('read', 'kv'), right('write', 'kv', 'app/')]);
  t.equal(grant.everything, false);
  t.equal(grant.scopeOf('read', 'kv'), 'all');
  t.same(grant.scopeOf('read', 'configs'), ['app/']);
  t.same(grant.scopeOf('write', 'configs'), []);
  t.equal(mayDo(grant, 'read', 'configs', 'app/a'), true);
  t.equal(mayDo(grant, 'write', 'configs', 'app/a'), false);
  t.equal(mayDo(grant, 'write', 'kv', 'other'), false);
  t.same(
    [grant.reaches('write', ''), grant.reaches('write', 'app'), grant.reaches('write', 'b')],
    [true, true, false],
  );
  t.equal(grantOf([right('read', '*'), right('write', '*')]).everything, true);
  t.equal(grantOf([right('read', '*'), right('write', '*', 'a/')]).everything, false);
  t.equal(EVERYTHING.reaches('write', 'anything'), true);
});

t.test('what is not granted is refused in one way', async t => {
  const grant = grantOf([right('read', 'kv', 'app/')]);
  refuseUngranted(grant, 'read', 'kv', key('app/a'));
  t.throws(() => refuseUngranted(grant, 'read', 'kv', key('apple')), {
    code: 'forbidden',
    message: 'The token may not read this key.',
  });
  t.throws(() => refuseUngranted(grant, 'write', 'kv', key('app/a')), { code: 'forbidden' });
});

t.test('the parts of a prefix are in key order, and together what the scope covers of it', async t => {
  const word = fc.stringMatching(/^[ab/!]{1,4}$/);
  const scopes: fc.Arbitrary<Scope> = fc.oneof(fc.constant<'all'>('all'), fc.array(word, { maxLength: 5 }));
  const prefixes = fc.stringMatching(/^[ab/!]{0,3}$/);
  const keys = fc.array(fc.stringMatching(/^[ab/!]{1,5}$/), { maxLength: 40 });
  const seed = Number(process.env['CAIRN_SEED'] ?? Date.now() % 2 ** 31);
  t.comment(`CAIRN_SEED=${seed}`);
  fc.assert(
    fc.property(scopes, prefixes, keys, (scope, prefix, names) => {
      const parts = partsOf(scope, prefix);
      const sorted = [...new Set(names)].sort();
      const wanted = sorted.filter(name => name.startsWith(prefix) && covers(scope, name));
      const inParts = parts.flatMap(part =>
        sorted.filter(name => (part.alone ? name === part.prefix : name.startsWith(part.prefix))),
      );
      const within = sorted.filter(name => isWithin(parts, name));
      const whole = isWhole(parts, prefix);
      const all = !whole || sorted.every(name => !name.startsWith(prefix) || covers(scope, name));
      return String(inParts) === String(wanted) && String(within) === String(wanted) && all;
    }),
    { seed, numRuns: 3000 },
  );
});

t.test('a prefix is whole where nothing under it is left out', async t => {
  const whole = (scope: Scope, prefix: string) => isWhole(partsOf(scope, prefix), prefix);
  t.equal(whole('all', ''), true);
  t.equal(whole(['app'], 'app/'), true);
  t.equal(whole(['app/'], 'app/x'), true);
  t.equal(whole(['app'], 'app'), false, 'apple begins with it too');
  t.equal(whole(['app/'], ''), false);
  t.equal(whole([], 'app/'), false);
});
