import t from 'tap';
import { originOf } from '../../src/http/admission.js';
import { Buckets } from '../../src/http/buckets.js';
import { digestOf, TokenGate } from '../../src/http/gate.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { codeOf, startService } from './service.js';

const gate = new TokenGate({
  required: true,
  tokens: [
    { id: 'one', sha256: digestOf('one') },
    { id: 'two', sha256: digestOf('two') },
  ],
});

const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

t.test('after ten wrong tokens in a minute an address is told to wait', async t => {
  const { call, clock } = await startService(t, { gate: () => gate });
  const statuses = async (count: number): Promise<readonly number[]> => {
    const seen: number[] = [];
    for (let i = 0; i < count; i++) seen.push((await call('GET', '/kv/none', as(`wrong${i}`))).status);
    return seen;
  };
  t.same(
    await statuses(10),
    Array.from({ length: 10 }, () => 401),
  );
  const late = await call('GET', '/kv/none', as('wrong'));
  t.same([late.status, codeOf(late), late.headers['retry-after']], [429, 'rate_limited', '6']);
  t.notOk(late.headers['x-epoch']);
  t.equal((await call('GET', '/nowhere', as('wrong'))).status, 429, 'on a path that is none too');
  t.equal((await call('GET', '/kv/none', as('one'))).status, 404, 'a valid token passes');
  t.equal((await call('GET', '/kv/none')).status, 401, 'none at all is no attempt');
  t.equal((await call('GET', '/livez', as('wrong'))).status, 200);
  await clock.advance(6_000);
  t.same(await statuses(2), [401, 429], 'one more after what Retry-After said');
  await clock.advance(60_000);
  t.same(await statuses(11), [...Array.from({ length: 10 }, () => 401), 429]);
});

t.test('requests without a token are not counted, however many they are', async t => {
  const { call } = await startService(t, { gate: () => gate });
  for (let i = 0; i < 30; i++) t.equal((await call('GET', '/kv/none')).status, 401);
});

t.test('a token has so many requests a second, and at once', async t => {
  const { call, clock } = await startService(t, { gate: () => gate, rateLimit: 3 });
  const statuses = async (count: number, token: string): Promise<readonly number[]> => {
    const seen: number[] = [];
    for (let i = 0; i < count; i++) seen.push((await call('GET', '/kv/none', as(token))).status);
    return seen;
  };
  t.same(await statuses(5, 'one'), [404, 404, 404, 429, 429]);
  t.same(await statuses(1, 'two'), [404], 'each has its own');
  const refused = await call('PUT', '/kv/a', { ...as('one'), body: '1' });
  t.same([refused.status, codeOf(refused), refused.headers['retry-after']], [429, 'rate_limited', '1']);
  await clock.advance(500);
  t.same(await statuses(2, 'one'), [404, 429]);
  await clock.advance(60_000);
  t.same(await statuses(4, 'one'), [404, 404, 404, 429], 'what was not used is not saved up');
});

t.test('where no token is needed it is the address that has so many', async t => {
  const { call } = await startService(t, { rateLimit: 2 });
  const seen: number[] = [];
  for (let i = 0; i < 3; i++) seen.push((await call('GET', '/kv/none', as(`any${i}`))).status);
  t.same(seen, [404, 404, 429]);
});

t.test('health is never limited', async t => {
  const { call } = await startService(t, { rateLimit: 1 });
  for (let i = 0; i < 5; i++) {
    for (const path of ['/livez', '/readyz', '/healthz']) t.equal((await call('GET', path)).status, 200);
  }
});

t.test('without a limit nobody counts', async t => {
  const { call } = await startService(t, { gate: () => gate });
  for (let i = 0; i < 50; i++) t.equal((await call('GET', '/kv/none', as('one'))).status, 404);
});

t.test('an address is itself; of IPv6 the first 64 bits count', async t => {
  for (const [address, origin] of [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1:2:3:4:5', '2001:db8:0:1::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    ['', ''],
  ] as const) {
    t.equal(originOf(address), origin, address);
  }
});

t.test('there are never more buckets than may be: the one used longest ago goes', async t => {
  const clock = new ManualClock();
  const buckets = new Buckets({ clock, size: 1, perSecond: 0.1, bucketsMax: 1000 });
  t.equal(buckets.take('first'), null);
  t.equal(buckets.take('first'), 10);
  for (let i = 0; i < 999; i++) buckets.take(`other ${i}`);
  t.equal(buckets.take('first'), 10, 'still there, and used just now');
  buckets.take('one more');
  t.equal(buckets.count, 1000);
  t.equal(buckets.take('first'), 10);
  t.equal(buckets.take('other 0'), null, 'this one had to go');
  for (let i = 0; i < 100_000; i++) buckets.take(`flood ${i}`);
  t.equal(buckets.count, 1000);
});
