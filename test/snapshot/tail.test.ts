/** The logs before the base, read backwards. CAIRN_SEED=n repeats a run. */
import t from 'tap';
import { LINE_BYTES_MAX } from '../../src/limits.js';
import type { Change, ChangeId, JsonText, Key } from '../../src/model.js';
import { encodeBatch, encodeGroup, encodeNote } from '../../src/snapshot/format.js';
import { encodeHeader, FORMAT } from '../../src/snapshot/header.js';
import { frameLine } from '../../src/snapshot/line.js';
import type { KnownLog } from '../../src/snapshot/log-finder.js';
import { readTail, type SealedLog, sealedLogs, type Tail } from '../../src/snapshot/tail.js';
import { CrashFiles, systemError } from '../fixtures/crash-files.js';
import { DIRECTORY, STORE_ID } from '../fixtures/map-state.js';
import { type Random, randomOf, seedOf } from '../fixtures/seeded-random.js';

const EPOCH = 1_700_000_000;
const MIB = 1024 * 1024;
const ROUNDS = 20;

const pathOf = (number: number): string => `${DIRECTORY}/${String(number).padStart(8, '0')}.log`;
const textOf = (bytes: number, filling = 'x'): JsonText => `"${filling.repeat(bytes)}"` as JsonText;

function change(revision: number, { epoch = EPOCH, text = textOf(0), more = {} } = {}): Change {
  const common = { collection: 'kv', key: `k${revision}` as Key, version: 1, time: 1, epoch, revision };
  return { type: 'put', ...common, text, deadline: null, ...more } as Change;
}

/** Logs by hand, oldest first; their seals are their ends, unless more is written behind them. */
class Logs {
  readonly files = new CrashFiles();
  readonly sealed: SealedLog[] = [];
  readonly lines: (readonly Change[])[] = [];
  #revision: number;
  #bytes: Buffer[] = [];

  constructor(after = 0) {
    this.#revision = after;
  }

  get end(): ChangeId {
    return { epoch: this.lines.at(-1)?.at(-1)?.epoch ?? EPOCH, revision: this.#revision };
  }

  log(epoch = EPOCH): void {
    const number = this.sealed.length + 1;
    const header = { cairn: 'log', format: FORMAT, store: STORE_ID, epoch, number, prev: null } as const;
    this.#bytes = [encodeHeader({ ...header, after: this.#revision })];
    this.sealed.push({ number, bytes: 0, begins: { epoch, revision: this.#revision } });
    this.#write();
  }

  batch(count: number, options: Parameters<typeof change>[1] = {}): void {
    const changes = Array.from({ length: count }, (_, i) => change(this.#revision + i + 1, options));
    this.#revision += count;
    this.lines.push(changes);
    this.raw(encodeBatch([encodeGroup(changes)]));
  }

  mark(type: 'mark' | 'end' = 'mark', revision = this.#revision): void {
    this.raw(encodeNote(type, revision));
  }

  /** Revisions that no line has. */
  skip(): void {
    this.#revision++;
  }

  raw(line: Buffer): void {
    this.#bytes.push(line);
    this.#write();
  }

  #write(): void {
    const bytes = Buffer.concat(this.#bytes);
    const number = this.sealed.length;
    this.files.write(pathOf(number), bytes);
    this.sealed[number - 1] = { ...(this.sealed[number - 1] as SealedLog), bytes: bytes.length };
  }

  /** Lines that were given, newest first, and how it ended. */
  async read(lines = Number.POSITIVE_INFINITY): Promise<{ tail: Tail; taken: (readonly Change[])[] }> {
    const taken: (readonly Change[])[] = [];
    const options = { files: this.files, directory: DIRECTORY, logs: this.sealed, begins: this.end };
    const tail = await readTail(options, changes => taken.push(changes) < lines);
    return { tail, taken };
  }
}

/** Two logs of three lines: revisions 1 to 4, and 5 to 8. */
function twoLogs(): Logs {
  const logs = new Logs();
  for (let i = 0; i < 2; i++) {
    logs.log();
    logs.batch(1);
    logs.mark();
    logs.batch(2, { text: textOf(9) });
    logs.batch(1);
    logs.mark('end');
  }
  return logs;
}

const revisions = (lines: readonly (readonly Change[])[]) =>
  lines.map(line => line.map(({ revision }) => revision));

t.test('lines come from the newest to the oldest, over all logs', async t => {
  const { taken, tail } = await twoLogs().read();
  t.same(revisions(taken), [[8], [6, 7], [5], [4], [2, 3], [1]]);
  t.same(tail, { begins: { epoch: EPOCH, revision: 0 }, broken: null });
});

t.test('what is not wanted any more is not read', async t => {
  const logs = twoLogs();
  const { taken, tail } = await logs.read(2);
  t.same(revisions(taken), [[8], [6, 7]]);
  t.same(tail, { begins: { epoch: EPOCH, revision: 5 }, broken: null });
  t.same(
    logs.files.calls.filter(({ op }) => op === 'openForReading').map(({ path }) => path),
    [pathOf(2)],
  );
});

t.test('of a long log only its end is read, a chunk at a time, and every file is closed', async t => {
  const logs = new Logs();
  logs.log();
  for (let i = 0; i < 40; i++) logs.batch(4, { text: textOf(MIB / 8) });
  await logs.read(3);
  const bytes = logs.files.calls.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
  t.ok(bytes <= 4 * MIB, `${bytes} bytes of ${logs.sealed[0]?.bytes}`);
  const counted = (op: string) => logs.files.calls.filter(call => call.op === op).length;
  t.equal(counted('close'), counted('openForReading'));
});

t.test('a line as long as a line may be is read whole', async t => {
  const logs = new Logs();
  logs.log();
  logs.batch(1);
  // What stands around the text in its line, and the newlines that are escaped.
  logs.batch(1, { text: textOf((LINE_BYTES_MAX - 200) / 2, '\n') });
  logs.batch(1);
  const { taken, tail } = await logs.read();
  t.same(revisions(taken), [[3], [2], [1]]);
  t.ok(taken[1]?.[0]?.type === 'put' && taken[1][0].text.length > LINE_BYTES_MAX / 2 - 200);
  t.equal(tail.broken, null);
});

t.test('after a long line the chunks are short again', async t => {
  const logs = new Logs();
  logs.log();
  for (let i = 0; i < 24; i++) logs.batch(1, { text: textOf(MIB / 4) });
  logs.batch(1, { text: textOf(5 * MIB) });
  await logs.read(16);
  t.equal(logs.files.calls.filter(({ op }) => op === 'read').at(-1)?.bytes, MIB);
});

t.test('what stands behind the seal is not read', async t => {
  const logs = twoLogs();
  const bytes = logs.files.read(pathOf(1));
  logs.files.write(pathOf(1), Buffer.concat([bytes, encodeBatch([encodeGroup([change(5)])])]));
  const { taken, tail } = await logs.read();
  t.same([taken.length, tail.broken], [6, null]);
});

t.test(
  'the change before is named by the epoch of the one that follows it, or by that of the log',
  async t => {
    const logs = new Logs(10);
    logs.log(EPOCH + 1);
    logs.batch(1, { epoch: EPOCH });
    logs.batch(1, { epoch: EPOCH + 1 });
    t.same((await logs.read(1)).tail.begins, { epoch: EPOCH + 1, revision: 11 });
    t.same((await logs.read(2)).tail.begins, { epoch: EPOCH, revision: 10 });
    t.same((await logs.read()).tail.begins, { epoch: EPOCH + 1, revision: 10 });
  },
);

/** What is done to the logs, and the revision after which everything is given all the same. */
const ends: Readonly<Record<string, readonly [number, (logs: Logs) => unknown]>> = {
  'a log that is not there': [4, ({ files }) => files.remove(pathOf(1))],
  'a log that may not be read': [4, ({ files }) => failing(files, 'openForReading', 'EACCES')],
  'a log that cannot be read': [4, ({ files }) => failing(files, 'read', 'EIO')],
  'too many open files': [4, ({ files }) => failing(files, 'openForReading', 'EMFILE')],
  'a log that is shorter than its seal': [
    4,
    ({ files }) => files.write(pathOf(1), files.read(pathOf(1)).slice(0, -1)),
  ],
  'an empty log': [4, ({ files }) => files.write(pathOf(1), new Uint8Array(0))],
  'a wrong line': [3, ({ files }) => flip(files, 3)],
  'a wrong byte of a value': [3, ({ files }) => flip(files, 4, -'xx"]}\n'.length)],
  'a wrong last batch': [4, ({ files }) => flip(files, 4)],
  'a wrong line without operations': [4, ({ files }) => flip(files, 5, 12)],
  'a newline that is none any more': [4, ({ files }) => flip(files, 5, -1)],
};

function failing(files: CrashFiles, op: string, code: string): void {
  files.fail(call => (call.op === op && call.path === pathOf(1) ? systemError(code, call) : undefined));
}

/** Changes a byte of a line of the first log, or of the one before it. */
function flip(files: CrashFiles, line: number, at = 20): void {
  const bytes = Uint8Array.from(files.read(pathOf(1)));
  let start = 0;
  for (let i = 0; i < line; i++) start = bytes.indexOf(0x0a, start) + 1;
  const from = start + at;
  bytes[from] = (bytes[from] ?? 0) ^ 1;
  files.write(pathOf(1), bytes);
}

for (const [name, [revision, harm]] of Object.entries(ends)) {
  t.test(`${name} ends the tail there`, async t => {
    const logs = twoLogs();
    await harm(logs);
    const { taken, tail } = await logs.read();
    const given = taken.flat();
    t.equal(given.length, 8 - revision);
    t.same(tail.begins, { epoch: EPOCH, revision });
    t.match(tail.broken?.message, /^00000001\.log: |^00000001\.log cannot be read/);
  });
}

t.test('revisions that do not follow each other end it, in a log and between two', async t => {
  const within = new Logs();
  within.log();
  within.batch(2);
  within.skip();
  within.batch(2);
  t.same(revisions((await within.read()).taken), [[4, 5]]);
  const between = new Logs();
  between.log();
  between.batch(2);
  between.skip();
  between.log();
  between.batch(2);
  t.same(revisions((await between.read()).taken), [[4, 5]]);
  const beginning = new Logs();
  beginning.log();
  beginning.skip();
  beginning.batch(2);
  const { taken, tail } = await beginning.read();
  t.same(revisions(taken), [[2, 3]]);
  t.same([tail.begins.revision, tail.broken?.code], [1, 'snapshot_damaged']);
  const marked = new Logs();
  marked.log();
  marked.batch(2);
  marked.mark('mark', 1);
  marked.batch(2);
  t.same(revisions((await marked.read()).taken), [[3, 4]]);
});

t.test('a right line that this version does not understand ends it', async t => {
  const logs = new Logs();
  logs.log();
  logs.batch(1);
  logs.raw(frameLine('{"later":1}'));
  logs.batch(1);
  const { taken, tail } = await logs.read();
  t.same([revisions(taken), tail.broken?.code], [[[2]], 'snapshot_foreign']);
});

function randomLogs(random: Random): Logs {
  const upTo = (n: number): number => Math.floor(random() * n);
  const logs = new Logs(upTo(3));
  for (let log = 0; log < 1 + upTo(4); log++) {
    logs.log(EPOCH + upTo(3));
    for (let line = upTo(30); line > 0; line--) {
      const long = random() < 0.1 ? upTo(3 * MIB) : upTo(200);
      const text = textOf(long, random() < 0.3 ? '\n' : 'é');
      if (random() < 0.3) logs.mark();
      else logs.batch(1 + upTo(long > 1000 ? 1 : 20), { text, epoch: EPOCH + log });
    }
  }
  return logs;
}

const SEED = seedOf();

t.test(`whatever the logs are, all of their lines are given, each once (CAIRN_SEED=${SEED})`, async t => {
  const random = randomOf(SEED);
  for (let round = 0; round < ROUNDS; round++) {
    const logs = randomLogs(random);
    // Some reads give half of what was asked for.
    logs.files.fail(({ op }) => (op === 'read' && random() < 0.2 ? 'short' : undefined));
    const lines = Math.max(1, Math.floor(random() * 1.5 * logs.lines.length));
    const { taken, tail } = await logs.read(lines);
    const expected = logs.lines.slice(-lines).reverse();
    if (expected.length < taken.length || tail.broken !== null)
      t.fail(`round ${round}: ${tail.broken?.message}`);
    if (JSON.stringify(taken) !== JSON.stringify(decoded(expected)))
      t.fail(`round ${round} gives other changes`);
    const after = (expected.at(-1)?.[0]?.revision ?? logs.end.revision + 1) - 1;
    if (tail.begins.revision !== after) t.fail(`round ${round} begins after ${tail.begins.revision}`);
  }
  t.pass(`${ROUNDS} directories`);
});

/** Its members in the order in which a line is read. */
function decoded(lines: readonly (readonly Change[])[]): unknown {
  return lines.map(line =>
    line.map(change => {
      if (change.type !== 'put') throw new Error('these logs have nothing else');
      const { type, collection, key, version, time, revision, epoch, deadline, text } = change;
      return { type, collection, key, version, time, revision, epoch, deadline, text };
    }),
  );
}

function chainOf(...logs: readonly (readonly [epoch: number, after: number, prev?: boolean])[]): KnownLog[] {
  return logs.map(([epoch, after, prev = true], i) => ({
    number: i + 1,
    name: '',
    checksum: '',
    size: 0,
    header: {
      cairn: 'log',
      format: FORMAT,
      store: STORE_ID,
      epoch,
      number: i + 1,
      after,
      prev: prev ? { number: i, checksum: '', bytes: 100 + i } : null,
    },
  }));
}

/** Where the logs of a chain begin, which goes on in this epoch after this revision. */
function beginnings(chain: readonly KnownLog[], epoch: number, after: number): ChangeId[] {
  const prev = { number: chain.length, checksum: '', bytes: 900 };
  return sealedLogs(chain, { epoch, after, prev }).map(({ begins }) => begins);
}

t.test('each log counts up to the seal that the next one has', async t => {
  const prev = { number: 2, checksum: '', bytes: 900 };
  const logs = sealedLogs(chainOf([3, 10], [3, 20]), { epoch: 4, after: 30, prev });
  t.match(logs, [
    { number: 1, bytes: 101 },
    { number: 2, bytes: 900 },
  ]);
});

t.test('a log begins after a change of its epoch or an earlier one', async t => {
  t.same(beginnings(chainOf([3, 10], [3, 20], [5, 20]), 6, 25), [
    { epoch: 3, revision: 10 },
    { epoch: 3, revision: 20 },
    { epoch: 5, revision: 20 },
  ]);
});

t.test('what a restore or a repair left begins in the epoch of the process that went on from it', async t => {
  const restored = [3, 10, false] as const;
  const begins = { epoch: 6, revision: 10 };
  t.same(beginnings(chainOf(restored), 6, 10), [begins]);
  t.same(beginnings(chainOf(restored, [6, 10], [7, 12]), 7, 13)[0], begins);
  t.same(
    beginnings(chainOf(restored), 3, 12),
    [{ epoch: 3, revision: 10 }],
    'a log that was written to is no such',
  );
});

t.test('before revision 0 stands the epoch of now', async t => {
  t.same(beginnings(chainOf([3, 0, false], [4, 0]), 5, 0)[0], { epoch: 5, revision: 0 });
});
