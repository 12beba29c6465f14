/**
 * kill -9 of the real process under load, with every answer kept. What was answered as durable must be there after
 * the restart; of what was answered at once, at most the last interval and one fsync may be gone; and what is there
 * must be a prefix of what was written: per client, nothing is missing before something that is there.
 *
 * CAIRN_CYCLES sets how often, CAIRN_SEED replays the moments of the kills.
 */
import t from 'tap';
import { call, get, set } from '../fixtures/calls.js';
import { ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';

const CYCLES = Number(process.env['CAIRN_CYCLES'] ?? 20);
const SEED = Number(process.env['CAIRN_SEED'] ?? Date.now() % 1_000_000);
const CLIENTS = 4;
const INTERVAL_MS = 100;
/** What a periodic change may be younger than and lost: the interval and one fsync, on a machine that does other things too. */
const PERIODIC_MS = 2000;

/** mulberry32: small, and the same everywhere. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Write {
  readonly value: number;
  readonly sync: boolean;
  /** When the answer came; undefined: none came. */
  answered?: number;
}

/** Writes counting values to one key until the process is gone; every third write waits for its fsync. */
async function write(url: string, key: string, from: number, writes: Write[]): Promise<void> {
  for (let value = from; ; value++) {
    const attempt: Write = { value, sync: value % 3 === 0 };
    writes.push(attempt);
    try {
      const { status, headers } = await set(url, key, value, attempt.sync ? '?sync=true' : '');
      if (status !== 200) throw new Error(`status ${status}`);
      if (headers.get('x-durable') !== String(attempt.sync)) t.fail(`X-Durable of ${key}, ${value}`);
      attempt.answered = performance.now();
    } catch {
      return;
    }
  }
}

t.test(`${CYCLES} times kill -9 (CAIRN_SEED=${SEED})`, async t => {
  const random = randomOf(SEED);
  const argv = ['--snapshot-dir', serviceDirectory(t), '--snapshot-interval', `${INTERVAL_MS}ms`];
  const next = new Array<number>(CLIENTS).fill(1);
  let answered = 0;
  let lostPeriodic = 0;
  let epoch = 0;
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    const service = await ServiceProcess.start(t, argv);
    const writes = next.map(() => [] as Write[]);
    const clients = next.map((from, i) => write(service.url, `client-${i}`, from, writes[i] as Write[]));
    const timer = setTimeout(
      () => service.child.kill('SIGKILL'),
      20 + random() * (cycle % 5 === 0 ? 4000 : 400),
    );
    await service.ended;
    const killed = performance.now();
    clearTimeout(timer);
    await Promise.all(clients);

    const again = await ServiceProcess.start(t, argv);
    for (const [i, list] of writes.entries()) {
      const { status, body, headers } = await get(again.url, `client-${i}`, '?raw');
      const found = status === 200 ? Number(body) : 0;
      const done = list.filter(({ answered }) => answered !== undefined);
      // What was found after an earlier restart was made durable by a clean stop.
      const durable = done.filter(({ sync }) => sync).at(-1)?.value ?? (next[i] ?? 1) - 1;
      const old = done.filter(({ answered = 0 }) => killed - answered > PERIODIC_MS).at(-1)?.value ?? 0;
      if (found < durable) t.fail(`cycle ${cycle}: ${found} found, and ${durable} was answered as durable`);
      if (found < old) t.fail(`cycle ${cycle}: ${found} found, and ${old} was answered long before`);
      if (found > (list.at(-1)?.value ?? 0)) t.fail(`cycle ${cycle}: ${found} found, and never sent`);
      answered += done.length;
      lostPeriodic += done.filter(({ value }) => value > found).length;
      next[i] = found + 1;
      if (Number(headers.get('x-epoch')) <= epoch && i === 0)
        t.fail(`cycle ${cycle}: the epoch did not grow`);
      if (i === CLIENTS - 1) epoch = Number(headers.get('x-epoch'));
    }
    t.strictSame(await again.stop(), { code: 0, signal: null });
  }
  t.ok(
    answered > CYCLES * CLIENTS,
    `${answered} answered writes, ${lostPeriodic} periodic ones of the last interval lost`,
  );
});

t.test('who saw a change that a crash took back is told, though its revision is used again', async t => {
  const argv = ['--snapshot-dir', serviceDirectory(t), '--snapshot-interval', '1m'];
  const first = await ServiceProcess.start(t, argv);
  await set(first.url, 'kept', 1, '?sync=true');
  await set(first.url, 'a', 'lost');
  const lost = await get(first.url, 'a');
  const kept = await get(first.url, 'kept');
  t.match(lost.body, 'lost');
  await first.stop('SIGKILL');

  const second = await ServiceProcess.start(t, argv);
  t.equal((await get(second.url, 'a')).status, 404);
  await set(second.url, 'a', 'other');
  const other = await get(second.url, 'a');
  t.equal(other.headers.get('x-revision'), lost.headers.get('x-revision'), 'the same revision');
  t.not(other.headers.get('etag'), lost.headers.get('etag'), 'and another ETag');
  t.ok(Number(other.headers.get('x-epoch')) > Number(lost.headers.get('x-epoch')));
  const ifMatch = { 'if-match': lost.headers.get('etag') ?? '', 'content-type': 'application/json' };
  const stale = await call(`${second.url}/kv/a`, { method: 'PUT', body: '1', headers: ifMatch });
  t.equal(stale.status, 412, 'a condition on what was lost does not hold');
  const ifNoneMatch = { 'if-none-match': lost.headers.get('etag') ?? '' };
  t.equal(
    (await call(`${second.url}/get/a`, { headers: ifNoneMatch })).status,
    200,
    'a cache of it is not fooled',
  );
  t.equal(
    (await get(second.url, 'kept')).headers.get('etag'),
    kept.headers.get('etag'),
    'what survived keeps its ETag',
  );
});
