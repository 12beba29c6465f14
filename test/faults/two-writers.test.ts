/**
 * Two processes on one directory: exactly one serves. The other waits, whatever is done to the first short of its
 * end: stopped with SIGSTOP it still has the directory. When the first is killed, the second has everything that
 * was answered as durable.
 *
 * CAIRN_CYCLES sets how many pairs are started; CAIRN_TORTURE=1 is the full size, with pairs whose second waits
 * until its wait is over (30 s, so many of them at once).
 */
import t, { type Test } from 'tap';
import { get, set } from '../fixtures/calls.js';
import { type ClientOptions, Ledger } from '../fixtures/load.js';
import { type Random, randomOf, seedOf } from '../fixtures/seeded-random.js';
import { ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';
import { allowTime, cyclesOf, TORTURE } from '../fixtures/torture.js';

const PAIRS = cyclesOf(4, 100);
const SEED = seedOf();
/** Pairs of which the second waits its wait out. */
const PATIENT = TORTURE ? 10 : 0;
const LOAD_MS = 300;
/** Milliseconds for which the first is stopped: longer than the second pauses between two tries for the lock. */
const FROZEN_MS = 1_500;
/** Milliseconds in which a second that may serve does. */
const TAKEOVER_MS = 5_000;
const WAITING = 'waiting for the process that has the directory';

const CLIENTS: readonly ClientOptions[] = [
  { kind: 'sync' },
  { kind: 'sync' },
  { kind: 'periodic', depth: 4 },
];

allowTime(t);

interface Pair {
  readonly first: ServiceProcess;
  readonly second: ServiceProcess;
}

/** Starts both in the same moment. The first is the one that serves. */
async function start(t: Test, directory: string, flags: readonly string[] = []): Promise<Pair> {
  const argv = ['serve', '--port', '0', '--snapshot-dir', directory, '--snapshot-interval', '50ms', ...flags];
  const [one, other] = [ServiceProcess.spawn(t, argv), ServiceProcess.spawn(t, argv)];
  const first = await Promise.race([
    one.line('ready').then(() => one),
    other.line('ready').then(() => other),
  ]);
  return { first, second: first === one ? other : one };
}

function serves({ log }: ServiceProcess): boolean {
  return log.some(line => line['msg'] === 'ready');
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

/** What waited while the process was stopped is late for a moment: refused writes are repeated. */
async function setAtLast(url: string, name: string): Promise<number> {
  let answer = await set(url, name, 1, '?sync=true');
  for (let again = 0; answer.status === 503 && again < 1000; again++)
    answer = await set(url, name, 1, '?sync=true');
  return answer.status;
}

/** What is done to a pair; the second must not serve before the first has ended. */
const endings: Readonly<Record<string, (t: Test, pair: Pair) => Promise<void>>> = {
  async 'the second is told to stop while it waits'(t, { second }) {
    t.strictSame(await second.stop('SIGTERM'), { code: 0, signal: null });
  },
  async 'the first is stopped for a while, and goes on'(t, { first, second }) {
    first.child.kill('SIGSTOP');
    await pause(FROZEN_MS);
    t.notOk(serves(second), 'the second does not get in');
    first.child.kill('SIGCONT');
    t.equal(await setAtLast(first.url, 'after'), 200);
    t.equal((await get(first.url, 'after')).status, 200);
    t.notOk(serves(second), 'nor later');
  },
  async 'the first is killed'(t, { second }) {
    t.notOk(serves(second));
  },
  async 'the first is stopped, and killed then'(t, { first, second }) {
    first.child.kill('SIGSTOP');
    await pause(FROZEN_MS);
    t.notOk(serves(second), 'the second does not get in');
  },
};

/** The one that lives longest has everything that was answered as durable. */
async function outcome(t: Test, { first, second }: Pair, directory: string, ledger: Ledger): Promise<void> {
  const crash = { at: performance.now() };
  await first.stop('SIGKILL');
  if (second.child.exitCode !== null) {
    const argv = ['--snapshot-dir', directory];
    await ledger.check((await ServiceProcess.start(t, argv)).url, crash);
    return;
  }
  await second.line('ready', TAKEOVER_MS);
  await ledger.check(second.url, crash);
  await second.stop();
}

async function tryPair(t: Test, ledger: Ledger, name: string, random: Random): Promise<void> {
  const directory = serviceDirectory(t);
  const pair = await start(t, directory);
  await pair.second.line(WAITING, TAKEOVER_MS);
  const life = { url: pair.first.url, over: false };
  const living = ledger.live(life);
  await pause(random() * LOAD_MS);
  life.over = true;
  await living;
  t.notOk(serves(pair.second), 'one serves');
  await endings[name]?.(t, pair);
  await outcome(t, pair, directory, ledger);
}

t.test(`${PAIRS} pairs on one directory each (CAIRN_SEED=${SEED})`, async t => {
  const random = randomOf(SEED);
  const names = Object.keys(endings);
  let acknowledged = 0;
  for (let i = 0; i < PAIRS; i++) {
    const name = names[i % names.length] ?? '';
    await t.test(`${name} (pair ${i})`, async t => {
      const ledger = new Ledger(CLIENTS);
      await tryPair(t, ledger, name, random);
      t.strictSame(ledger.problems, []);
      acknowledged += ledger.figures.durable + ledger.figures.periodic;
    });
  }
  t.comment(`${PAIRS} pairs, ${acknowledged} acknowledged`);
  t.ok(acknowledged > PAIRS);
});

/** With the clock of the machine this takes 30 s; test/snapshot/lock.test.ts has it with one of its own. */
async function waitItOut(t: Test): Promise<void> {
  const one = async (): Promise<void> => {
    const { first, second } = await start(t, serviceDirectory(t));
    const { code } = await second.ended;
    t.match([code, second.stderr], [75, /snapshot_locked/]);
    t.equal((await set(first.url, 'still', 1, '?sync=true')).status, 200);
    await first.stop('SIGKILL');
  };
  await Promise.all(Array.from({ length: PATIENT }, one));
}

if (PATIENT > 0) t.test('a second that has waited for its time ends with 75', waitItOut);

t.test('without the lock both serve, and the test would see it', async t => {
  const { first, second } = await start(t, serviceDirectory(t), ['--no-lock']);
  await second.line('ready').catch(() => undefined);
  t.ok(serves(first));
  t.ok(serves(second) || second.child.exitCode !== null);
});
