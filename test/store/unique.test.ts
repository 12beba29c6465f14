/** What a document claims in a unique field, and what the index counts for it. */
import t from 'tap';
import { CLAIM_BYTES_MAX, CLAIM_OVERHEAD_BYTES } from '../../src/limits.js';
import type { JsonText } from '../../src/model.js';
import { UniqueFields } from '../../src/store/unique.js';
import { key } from './words.js';

const document = (value: string): JsonText => `{"a":${value}}` as JsonText;
const claims = (value: string) => new UniqueFields(['a']).claims(document(value));

t.test('a number is claimed by what it is worth, exactly', async t => {
  t.strictSame(claims('1'), claims('1.0'));
  t.strictSame(claims('-0.0'), claims('0'));
  t.strictSame(claims('9007199254740993'), claims('9007199254740993.00'));
  t.notSame(claims('9007199254740992'), claims('9007199254740993'), 'one double, and two numbers');
  t.notSame(claims('1'), claims('"1e0"'), 'a string that looks like the claim of a number is another');
});

t.test('an exponent too long to calculate with is claimed as it is written', async t => {
  const nines = '9'.repeat(100);
  t.strictSame(claims(`1e${nines}`), claims(`1e${nines}`));
  t.notSame(claims(`1e${nines}`), claims(`1e-${nines}`));
});

t.test('a number of many digits takes no more of the index than any long value', async t => {
  const index = new UniqueFields(['a']);
  index.replace(key('k'), undefined, document(`1${'1'.repeat(100_000)}.50`));
  t.ok(index.bytes < CLAIM_OVERHEAD_BYTES + 2 * CLAIM_BYTES_MAX, String(index.bytes));
  index.replace(key('k'), document(`1${'1'.repeat(100_000)}.5`), undefined);
  t.equal(index.bytes, 0, 'and gives it back, however it was written');
});
