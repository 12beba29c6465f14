/** Where a key stands in what somebody watches: found by halving, and the same as by looking at every part. */
import fc from 'fast-check';
import t from 'tap';
import { EVERYTHING, grantOf, isWithin } from '../../src/service/grant.js';
import { Interest } from '../../src/service/interest.js';
import { key } from '../http/service.js';

const seed = Number(process.env['CAIRN_SEED'] ?? Date.now() % 1_000_000);

/** Few characters, around the slash in the order of bytes, so that prefixes often hold each other. */
const word = fc.string({ unit: fc.constantFrom('a', 'b', '/', '-', '0'), minLength: 1, maxLength: 4 });
const name = fc.constantFrom('kv', 'configs', 'users');

t.test(`the part of a key is the only one that holds it (CAIRN_SEED=${seed})`, async t => {
  const scopes = fc.array(fc.record({ collection: fc.constantFrom('kv', 'configs', '*'), prefix: word }), {
    minLength: 1,
    maxLength: 12,
  });
  const property = fc.property(scopes, fc.array(word, { maxLength: 20 }), name, (given, keys, collection) => {
    const grant = grantOf(given.map(scope => ({ verb: 'read', ...scope })));
    const interest = new Interest({ collections: ['kv', 'configs'], range: { prefix: '' }, grant });
    for (const text of keys) {
      const place = interest.parts.findIndex(
        part => part.collection === collection && isWithin([part], key(text)),
      );
      if (interest.placeOf(collection, key(text)) !== place) return false;
    }
    return true;
  });
  const { failed, counterexample } = fc.check(property, { seed, numRuns: 2_000 });
  t.notOk(failed, JSON.stringify(counterexample));
});

t.test('a single key is watched alone, and a collection whole', async t => {
  const one = new Interest({ collections: ['kv'], range: { key: key('app') }, grant: EVERYTHING });
  t.same(
    ['app', 'app/a', 'ap'].map(text => one.sees('kv', key(text))),
    [true, false, false],
  );
  const all = new Interest({ collections: ['kv', 'users'], range: { prefix: '' }, grant: EVERYTHING });
  t.same([all.placeOf('users', key('a')), all.placeOf('configs', key('a'))], [1, -1]);
});
