/**
 * Linearizability of the real service: concurrent clients over real sockets get, set, compare and set, and delete a
 * few keys, some of the writes synchronously. Every second history has a kill -9 in its middle, under load, and goes on
 * with the restarted process; every fourth a SIGTERM. Both checks must find nothing: the search for an order by
 * values and times, and the one by revisions.
 *
 * The seed gives the requests, the moment of the kill and the settings; how the calls overlap is the machine's.
 * CAIRN_SEED=n begins with the history of that seed, CAIRN_TORTURE=1 makes 500, CAIRN_HISTORIES any number.
 */
import t, { type Test } from 'tap';
import type { Life, Operation } from '../fixtures/linearizability/history.js';
import { checkLinearizable } from '../fixtures/linearizability/linearizability.js';
import { checkRevisions } from '../fixtures/linearizability/revisions.js';
import { load, readState } from '../fixtures/linearizability/service-clients.js';
import { Client } from '../fixtures/linearizability/simulation.js';
import { type Random, randomOf, seedOf } from '../fixtures/seeded-random.js';
import { ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';

const TORTURE = process.env['CAIRN_TORTURE'] === '1';
const HISTORIES = Number(process.env['CAIRN_HISTORIES'] ?? (TORTURE ? 500 : 6));
/** No history begins later than this, in milliseconds. */
const TIME_MAX = TORTURE ? 4_800_000 : 120_000;
const FIRST = seedOf();
const OPERATIONS = 2_000;
const KEYS = 8;
const CLIENTS_MIN = 8;
const CLIENTS_MAX = 16;
/** Of a life at a kill; the rest is asked of the next process. */
const SHARE_BEFORE = [0.2, 0.8] as const;
/** How often a kill comes right behind an answer that is durable. */
const AT_DURABLE = 0.5;
const INTERVALS = ['20ms', '100ms', '1s'] as const;
/** Of the writes: a single one that waits makes all before it durable, so some histories have none. */
const SYNC_SHARES = [0, 0.005, 0.3, 0.3] as const;
/** What is promised: a periodic change is lost only when it is younger, in milliseconds. */
const PERIODIC_MAX = 2_000;
/** Of what is wrong with a history only so many lines are shown. */
const WRONG_SHOWN = 5;

t.setTimeout(TIME_MAX + 120_000);

type Middle = 'SIGKILL' | 'SIGTERM' | null;

const total = { histories: 0, operations: 0, crashes: 0, lost: 0, maybe: 0, checkingMs: 0 };

async function liveOnce(t: Test, random: Random, middle: Middle): Promise<Life[]> {
  const argv = ['--snapshot-dir', serviceDirectory(t), '--snapshot-interval', pick(INTERVALS, random)];
  const count = CLIENTS_MIN + Math.floor(random() * (CLIENTS_MAX - CLIENTS_MIN + 1));
  const clients = Array.from({ length: count }, (_, number) => new Client(number, { random, keys: KEYS }));
  const common = { clients, random, syncShare: pick(SYNC_SHARES, random) };
  const [from, to] = SHARE_BEFORE;
  const after = Math.floor(OPERATIONS * (from + random() * (to - from)));
  const first = await ServiceProcess.start(t, argv);
  const { epoch, ...start } = await readState(first.url, KEYS);
  const end = () => void (first.child.killed || first.child.kill(middle ?? 'SIGTERM'));
  const event = middle === null ? null : { after, atDurable: random() < AT_DURABLE, happen: end };
  const operations = await load({ ...common, url: first.url, operations: OPERATIONS, event });
  const ended = performance.now();
  end();
  const { code } = await first.ended;
  if (middle !== 'SIGKILL' && code !== 0) t.fail(`the process ended with code ${code}`);
  const life = { epoch, start, operations, ended, end: middle === 'SIGKILL' ? 'crash' : 'stop' } as const;

  const second = await ServiceProcess.start(t, argv);
  const { epoch: next, ...found } = await readState(second.url, KEYS);
  const left = OPERATIONS - operations.length;
  const more = await load({ ...common, url: second.url, operations: left, event: null });
  await second.stop('SIGKILL');
  return [life, { epoch: next, start: found, operations: more, ended: performance.now(), end: 'crash' }];
}

function pick<Item>(items: readonly [Item, ...Item[]], random: Random): Item {
  return items[Math.floor(random() * items.length)] ?? items[0];
}

function count(lives: readonly Life[]): void {
  const all = lives.flatMap(({ operations }) => operations);
  total.histories++;
  total.operations += all.length;
  total.maybe += all.filter(({ answer }) => answer.type === 'unknown').length;
  const [first, second] = lives;
  if (first?.end !== 'crash' || second === undefined) return;
  total.crashes++;
  total.lost += first.operations.filter(operation => revisionOf(operation) > second.start.revision).length;
}

function revisionOf({ answer, epoch }: Operation): number {
  if (answer.type !== 'written' && answer.type !== 'deleted') return 0;
  const [began, revision] = answer.id.split('-').map(Number);
  return began === epoch ? Number(revision) : 0;
}

const until = performance.now() + TIME_MAX;

for (let seed = FIRST; seed < FIRST + HISTORIES && performance.now() < until; seed++) {
  const middle: Middle = seed % 2 === 0 ? 'SIGKILL' : seed % 4 === 1 ? 'SIGTERM' : null;
  await t.test(`a history with ${middle ?? 'no signal'} is linearizable (CAIRN_SEED=${seed})`, async t => {
    const lives = await liveOnce(t, randomOf(seed), middle);
    const history = { lives, periodicMax: PERIODIC_MAX };
    count(lives);
    const began = performance.now();
    const wrong = [...checkLinearizable(history), ...checkRevisions(history)];
    total.checkingMs += performance.now() - began;
    t.strictSame(wrong.slice(0, WRONG_SHOWN), []);
  });
}

t.test('there was time for all histories', async t => {
  const { histories, operations, crashes, lost, maybe, checkingMs } = total;
  t.comment(
    `${histories} histories, ${operations} operations, ${crashes} crashes that took back ${lost} answered ` +
      `changes, ${maybe} maybe-operations, ${(checkingMs / 1000).toFixed(1)} s of checking`,
  );
  t.equal(histories, HISTORIES);
});
