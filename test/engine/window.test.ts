/** What a start still knows of the changes before it, on real files: after bases, many starts, damage, kills, and repairs. */
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import t, { type Test } from 'tap';
import { type MemoryEngine, openMemoryEngine } from '../../src/engine/memory.js';
import { WINDOW_CHANGES_MAX } from '../../src/limits.js';
import type { Change, ChangeId, JsonText, Key, Policies } from '../../src/model.js';
import { nodeFiles } from '../../src/platform/node-files.js';
import { BackupFile } from '../../src/snapshot/backup-file.js';
import { repairSnapshots } from '../../src/snapshot/repair.js';
import { restoreBackup } from '../../src/snapshot/restore.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { STORE_ID } from '../fixtures/map-state.js';
import { openEngine, PLAIN } from '../fixtures/memory-engine.js';
import { type LogLine, MemoryLogger } from '../fixtures/memory-logger.js';

const POLICIES = { kv: { ...PLAIN, durability: 'sync' }, loose: PLAIN } as const;
/** Log bytes at which a base is made. */
const ROTATE_BYTES = 3_000;
const ALL = 1_000_000;

/** A logger that somebody can wait for. */
class HeardLogger extends MemoryLogger {
  #heard: (() => void) | null = null;

  override info(fields: LogLine['fields'], message: string): void {
    super.info(fields, message);
    this.#heard?.();
  }

  /** Resolves when `count` lines of level info say this. */
  async until(message: string, count: number): Promise<void> {
    while (this.messages('info').filter(said => said === message).length < count) {
      await new Promise<void>(resolve => {
        this.#heard = resolve;
      });
    }
  }
}

interface World {
  readonly engine: MemoryEngine;
  readonly logger: HeardLogger;
}

class Directory {
  readonly path: string;
  readonly clock: ManualClock;
  /** All changes that were told, from revision 1 on. */
  readonly told: Change[] = [];

  constructor(path: string, clock = new ManualClock()) {
    this.path = path;
    this.clock = clock;
  }

  async open(rotateBytesMin = Number.MAX_SAFE_INTEGER, policies: Policies = POLICIES): Promise<World> {
    const logger = new HeardLogger();
    const { clock, path: directory } = this;
    const engine = await openMemoryEngine({
      files: nodeFiles,
      locks: null,
      logger,
      clock,
      directory,
      policies,
      intervalMs: 1000,
      bytesMax: 1_000_000_000,
      newStoreId: () => STORE_ID,
      rotateBytesMin,
    });
    engine.subscribe(changes => this.told.push(...changes));
    return { engine, logger };
  }

  async names(ending: string): Promise<string[]> {
    return (await readdir(this.path)).filter(name => name.endsWith(ending)).sort();
  }

  /** The revision after which a log begins. */
  async after(name: string): Promise<number> {
    const [line = ''] = (await readFile(join(this.path, name), 'latin1')).split('\n');
    const { after }: { after: number } = JSON.parse(line.slice('01234567 '.length));
    return after;
  }

  /** Changes one byte of a line of a file. */
  async damage(name: string, line: number): Promise<void> {
    const bytes = await readFile(join(this.path, name));
    let start = 0;
    for (let i = 0; i < line; i++) start = bytes.indexOf(0x0a, start) + 1;
    bytes[start + 20] = (bytes[start + 20] ?? 0) ^ 1;
    await writeFile(join(this.path, name), bytes);
  }

  /** As a kill leaves it. */
  async killed(t: Test): Promise<Directory> {
    const copy = new Directory(join(t.testdirName, 'copy'), new ManualClock(this.clock.now()));
    await cp(this.path, copy.path, { recursive: true });
    return copy;
  }
}

const directoryOf = (t: Test): Directory => new Directory(join(t.testdir({}), 'snapshots'));

function set(engine: MemoryEngine, name: string, collection = 'kv', text = '1'): Promise<unknown> {
  return engine.commit([{ type: 'put', collection, key: name as Key, text: text as JsonText }]);
}

async function setMany(engine: MemoryEngine, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await set(engine, `k${i % 10}`);
}

/** The engine still tells everything of these, to whoever saw one of them, or nothing. */
function tellsAll(t: Test, engine: MemoryEngine, changes: readonly Change[]): void {
  const wrong = changes.filter(({ epoch, revision }, i) => {
    const after = engine.changesAfter({ epoch, revision }, ALL);
    return !isDeepStrictEqual(after, changes.slice(i + 1));
  });
  t.same(wrong, []);
}

/** The least revision after which everything is known. */
function floorOf(engine: MemoryEngine): number {
  let revision = engine.revision;
  while (revision > 0 && engine.changesAfter(revision - 1, 1) !== null) revision--;
  return revision;
}

const idOf = ({ epoch, revision }: ChangeId): ChangeId => ({ epoch, revision });

/** Changes, a base, and what may come behind it. */
async function withBase(directory: Directory, behind: number): Promise<void> {
  const { engine, logger } = await directory.open(ROTATE_BYTES);
  while ((await directory.names('.base')).length === 0) {
    await setMany(engine, 5);
    if (logger.messages('info').length === 0 && (await directory.names('.log')).length > 1)
      await logger.until('base made', 1);
  }
  await setMany(engine, behind);
  await engine.close();
}

for (const behind of [0, 3]) {
  t.test(`after a base and ${behind} changes a clean restart has forgotten nothing`, async t => {
    const directory = directoryOf(t);
    await withBase(directory, behind);
    const { told } = directory;
    t.same(await directory.names('.base'), ['00000002.base']);
    const { engine, logger } = await directory.open();
    t.same(engine.changesAfter(0, ALL), told);
    t.same(engine.present, idOf(told.at(-1) as Change));
    tellsAll(t, engine, told);
    t.same(logger.lines, []);
    await set(engine, 'next');
    tellsAll(t, engine, told);
    await engine.close();
  });
}

t.test(
  'the logs before the base are no part of a start: without them only the window is shorter',
  async t => {
    const directory = directoryOf(t);
    await withBase(directory, 3);
    const { told } = directory;
    await rm(join(directory.path, '00000001.log'));
    const { engine, logger } = await directory.open();
    const floor = floorOf(engine);
    t.equal(floor, await directory.after('00000002.log'));
    t.same(engine.changesAfter(floor, ALL), told.slice(floor));
    t.same(
      engine.changesAfter(idOf(told[floor - 1] as Change), ALL),
      told.slice(floor),
      'one epoch: it is known',
    );
    t.equal(engine.changesAfter(idOf(told[floor - 2] as Change), ALL), null);
    t.same(logger.messages('warn'), []);
    await engine.close();
  },
);

t.test(
  'a wrong line in a log before the base ends the window there, and is no reason not to start',
  async t => {
    const directory = directoryOf(t);
    await withBase(directory, 3);
    const { told } = directory;
    // The first line is that of the log: line n is of revision n.
    await directory.damage('00000001.log', 12);
    const { engine, logger } = await directory.open();
    t.equal(floorOf(engine), 12);
    tellsAll(t, engine, told.slice(11));
    for (const { epoch, revision } of told.slice(0, 11))
      t.equal(engine.changesAfter({ epoch, revision }, 1), null);
    t.same(logger.messages('warn'), []);
    t.match(logger.lines, [{ level: 'debug', fields: { from: { revision: 12 } } }]);
    await engine.close();
  },
);

t.test('a wrong last line there leaves what follows the base', async t => {
  const directory = directoryOf(t);
  await withBase(directory, 3);
  const { told } = directory;
  const lines = (await readFile(join(directory.path, '00000001.log'), 'latin1')).split('\n').length - 1;
  await directory.damage('00000001.log', lines - 1);
  const { engine } = await directory.open();
  const base = await directory.after('00000002.log');
  t.equal(floorOf(engine), base);
  tellsAll(t, engine, told.slice(base - 1));
  await engine.close();
});

t.test('where the newest base is broken the window is whole all the same', async t => {
  const directory = directoryOf(t);
  await withBase(directory, 3);
  await directory.damage('00000002.base', 1);
  const { engine, logger } = await directory.open();
  t.match(logger.messages('warn'), [/00000002.base is broken/]);
  t.same(engine.changesAfter(0, ALL), directory.told);
  await engine.close();
});

t.test(
  'over fifty restarts, a change in each, nobody who saw one of the last is told to begin anew',
  async t => {
    const directory = directoryOf(t);
    const { told } = directory;
    const presents: ChangeId[] = [];
    for (let i = 0; i < 50; i++) {
      const { engine, logger } = await directory.open();
      t.same(engine.present.revision, i);
      if (i > 0) t.same(engine.present, presents.at(-1), 'as the process before had it');
      const floor = floorOf(engine);
      t.ok(i - floor >= Math.min(i, 16), `${i - floor} changes are known`);
      if (i > floor) tellsAll(t, engine, told.slice(floor));
      const bases = (await directory.names('.base')).length;
      await set(engine, 'k');
      presents.push(engine.present);
      // With this many logs a base is made beside the traffic, before or behind the change.
      if ((await directory.names('.log')).length > 17 && bases === 0) await logger.until('base made', 1);
      await engine.close();
    }
    t.ok((await directory.names('.log')).length < 50, 'old logs were removed');
  },
);

t.test('over restarts without a change the present is the same, and known', async t => {
  const directory = directoryOf(t);
  const first = await directory.open();
  await set(first.engine, 'k');
  const { present } = first.engine;
  await first.engine.close();
  for (let i = 0; i < 50; i++) {
    const { engine } = await directory.open();
    t.same(engine.present, present);
    t.same(engine.changesAfter(present, 1), []);
    await engine.close();
  }
});

t.test('after a kill what survived keeps its ids, and what did not is not known, then and later', async t => {
  const directory = directoryOf(t);
  await withBase(directory, 3);
  const { engine } = await directory.open();
  await setMany(engine, 2);
  const survived = [...directory.told];
  await set(engine, 'lost', 'loose');
  await set(engine, 'lost too', 'loose');
  const lost = directory.told.slice(survived.length);
  t.equal(lost.length, 2);
  const copy = await directory.killed(t);
  await engine.close();
  copy.told.push(...survived);
  for (const restart of [1, 2]) {
    const { engine: next } = await copy.open();
    for (const { epoch, revision } of lost) t.equal(next.changesAfter({ epoch, revision }, 1), null);
    if (restart === 1) {
      t.same(next.present, idOf(survived.at(-1) as Change));
      // An answer without a document says the epoch of now and the revision of the store.
      const answered = { epoch: next.epoch, revision: next.revision };
      t.same(next.changesAfter(answered, ALL), [], 'the epoch of an answer with its revision is known');
    }
    // The revisions of the lost ones are given again, in another epoch.
    await setMany(next, 3);
    tellsAll(t, next, copy.told);
    for (const { epoch, revision } of lost) t.equal(next.changesAfter({ epoch, revision }, 1), null);
    await next.close();
  }
});

t.test('a kill of a store that never changed costs nobody anything', async t => {
  const directory = directoryOf(t);
  const { engine } = await directory.open();
  const { present } = engine;
  const copy = await directory.killed(t);
  await engine.close();
  const { engine: next } = await copy.open();
  t.ok(next.epoch > engine.epoch);
  t.same(next.present, { epoch: next.epoch, revision: 0 });
  await set(next, 'k');
  t.same(next.changesAfter(present, ALL), copy.told);
  await next.close();
});

const inputOf = (bytes: Uint8Array) => ({
  async read(buffer: Uint8Array, position: number): Promise<number> {
    const found = bytes.subarray(position, position + buffer.length);
    buffer.set(found);
    return found.length;
  },
});

const renewals: Readonly<Record<string, (directory: Directory) => Promise<unknown>>> = {
  async restore({ path }) {
    const bytes = await readFile(join(path, '00000002.base'));
    const backup = await BackupFile.open(inputOf(bytes), 'backup');
    return restoreBackup({ files: nodeFiles, directory: path, backup, force: true });
  },
  async repair(directory) {
    const { path } = directory;
    await directory.damage((await directory.names('.log')).at(-1) ?? '', 2);
    const options = { files: nodeFiles, directory: path, dryRun: false, newStoreId: () => STORE_ID };
    return repairSnapshots({ ...options, mode: 'salvage' });
  },
};

for (const [name, renew] of Object.entries(renewals)) {
  t.test(`a ${name} begins anew: no id of before is known, and those after it go on`, async t => {
    const directory = directoryOf(t);
    await withBase(directory, 5);
    const before = [...directory.told];
    await renew(directory);
    directory.told.splice(0);
    const { engine } = await directory.open();
    const { present } = engine;
    t.ok(present.revision > 0);
    t.equal(floorOf(engine), present.revision);
    for (const { epoch, revision } of before) t.equal(engine.changesAfter({ epoch, revision }, 1), null);
    t.same(engine.changesAfter(present, 1), []);
    await engine.close();
    for (const restart of [1, 2, 3]) {
      const { engine: next } = await directory.open(restart === 2 ? 1 : undefined);
      if (restart === 1) t.same(next.present, present);
      t.same(next.changesAfter(present, ALL), directory.told);
      await set(next, `k${restart}`);
      for (const { epoch, revision } of before) t.equal(next.changesAfter({ epoch, revision }, 1), null);
      t.same(next.changesAfter(present, ALL), directory.told);
      await next.close();
    }
  });
}

t.test('a log that another program removed costs those nothing who saw what followed', async t => {
  const directory = directoryOf(t);
  const { told } = directory;
  const { engine } = await directory.open();
  await setMany(engine, 3);
  await rm(join(directory.path, '00000001.log'));
  await t.rejects(set(engine, 'during'), { code: 'storage_error', details: { outcome: 'unknown' } });
  while (engine.degraded) await directory.clock.advance(1000);
  await set(engine, 'after');
  tellsAll(t, engine, told);
  const { present } = engine;
  await engine.close();
  const { engine: next } = await directory.open();
  t.same(next.present, present);
  t.equal(floorOf(next), 4);
  tellsAll(t, next, told.slice(3));
  await next.close();
});

t.test('what a smaller bound evicts at the start can be told to those who come back', async t => {
  const directory = directoryOf(t);
  const bounded = (entriesMax: number) => ({ kv: { ...POLICIES.kv, full: 'evict', entriesMax } as const });
  const { engine } = await directory.open(undefined, bounded(5));
  for (let i = 0; i < 5; i++) await set(engine, `k${i}`);
  const { present } = engine;
  await engine.close();
  for (const restart of [1, 2]) {
    const { engine: next } = await directory.open(undefined, bounded(2));
    const missed = next.changesAfter(present, ALL) ?? [];
    t.match(
      missed,
      [{ revision: 6, reason: 'evicted' }, { revision: 7 }, { revision: 8 }],
      `start ${restart}`,
    );
    await next.close();
  }
});

t.test('the change before the oldest that is kept is known though it is of an earlier epoch', async t => {
  const first = await openEngine({ policies: POLICIES });
  await set(first.engine, 'k');
  const { present } = first.engine;
  const { clock } = first;
  const files = first.files.clone();
  const second = await openEngine({ files, clock, policies: POLICIES });
  t.ok(second.engine.epoch > present.epoch);
  for (let i = 0; i < WINDOW_CHANGES_MAX; i++) await set(second.engine, 'k');
  await second.engine.close();
  const { engine } = await openEngine({ files, clock, policies: POLICIES });
  t.equal(engine.changesAfter(present, ALL)?.length, WINDOW_CHANGES_MAX);
  await engine.close();
});
