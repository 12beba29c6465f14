import t from 'tap';
import { CairnError } from '../../src/errors.js';
import type { Change, JsonText, Key, PutChange } from '../../src/model.js';
import type { File } from '../../src/platform/files.js';
import { encodeBatch, encodeEntries, encodeGroup, encodeNote } from '../../src/snapshot/format.js';
import { encodeHeader, FORMAT } from '../../src/snapshot/header.js';
import { type RepairReport, repairSnapshots } from '../../src/snapshot/repair.js';
import type { RepairMode } from '../../src/snapshot/salvage.js';
import { verifySnapshots } from '../../src/snapshot/verify.js';
import { CrashFiles, systemError } from '../fixtures/crash-files.js';
import { DIRECTORY, recoverState, STORE_ID } from '../fixtures/map-state.js';
import { type Dump, damage, flip, linesOf, NOW, namesIn, pastOf, pathOf } from '../fixtures/repair-past.js';
import { randomOf, seedOf } from '../fixtures/seeded-random.js';
import { ThroughFile, ThroughFiles } from '../fixtures/through-files.js';
import { allowTime, cyclesOf } from '../fixtures/torture.js';

const ROUNDS = cyclesOf(100, 10_000);

const repair = (files: CrashFiles, mode: RepairMode, dryRun = false): Promise<RepairReport> =>
  repairSnapshots({ files, directory: DIRECTORY, mode, dryRun, newStoreId: () => STORE_ID });

interface Lost {
  readonly file: string;
  readonly offset?: number;
  readonly bytes?: number;
  readonly revisions?: readonly [number, number];
}
const lostOf = ({ facts }: RepairReport): readonly Lost[] => facts['lost'] as readonly Lost[];

/** What a start finds, by key. */
const stateOf = async (files: CrashFiles): Promise<{ dump: Dump; revision: number }> => {
  const { target, revision } = await recoverState(files, NOW);
  return { dump: target.dump(), revision };
};

const snapshotOf = (files: CrashFiles): string[] =>
  files.paths().map(path => `${path} ${Buffer.from(files.read(path)).toString('base64')}`);

t.test('a sound directory is left alone', async t => {
  for (const mode of ['prefix', 'salvage'] as const) {
    const { files } = await pastOf(randomOf(1));
    const before = snapshotOf(files);
    const { needed, findings } = await repair(files, mode);
    t.equal(needed, false);
    t.match(findings, [/nothing to repair/]);
    t.strictSame(snapshotOf(files), before);
  }
});

t.test('a flipped bit anywhere costs the salvage its line and no more, and the start succeeds', async t => {
  allowTime(t);
  const seed = seedOf(7);
  t.comment(`CAIRN_SEED=${seed}`);
  const random = randomOf(seed);
  const { files: sound, dumps } = await pastOf(random);
  const last = dumps.at(-1) ?? {};
  let repaired = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const files = sound.clone();
    const names = namesIn(files);
    const name = names[Math.floor(random() * names.length)] ?? '';
    const bytes = files.read(pathOf(name));
    const bit = Math.floor(random() * bytes.length * 8);
    flip(files, name, bit);
    const report = await repair(files, 'salvage').catch((error: unknown) => error as CairnError);
    if (report instanceof Error) {
      t.fail(`${name} bit ${bit}: ${report.message}`);
      continue;
    }
    if (report.needed) repaired += 1;
    const starts = linesOf(bytes);
    const line = starts.findLastIndex(start => start <= bit >> 3);
    const text = Buffer.from(bytes.subarray(starts[line], starts[line + 1])).toString();
    const touched = name.endsWith('.log')
      ? [...text.matchAll(/"kv","(k\d+)"/g)].map(([, key]) => `kv ${key}`)
      : [];
    const { dump } = await stateOf(files);
    for (const key of new Set([...Object.keys(last), ...Object.keys(dump)])) {
      if (touched.includes(key)) continue;
      if (JSON.stringify(dump[key]) !== JSON.stringify(last[key])) {
        t.fail(
          `${name} bit ${bit} line ${line}: ${key} ${JSON.stringify(dump[key])} for ${JSON.stringify(last[key])}`,
        );
      }
    }
    for (const key of touched) {
      const texts = new Set(dumps.map(dump => dump[key]?.text));
      if (!texts.has(dump[key]?.text)) t.fail(`${name} bit ${bit}: ${key} has a value that it never had`);
    }
  }
  t.ok(repaired > ROUNDS / 10, `${repaired} repairs`);
});

t.test('whatever the damage: a prefix is a state that was, a salvage has only values that were', async t => {
  allowTime(t);
  const seed = seedOf(11);
  t.comment(`CAIRN_SEED=${seed}`);
  const random = randomOf(seed);
  const done = { prefix: 0, salvage: 0, refused: 0 };
  for (let i = 0; i < ROUNDS; i++) {
    const { files: sound, dumps } = await pastOf(random, { changes: 20 + Math.floor(random() * 60) });
    const damages: string[] = [];
    for (let n = 0; n <= random() * 3; n++) damages.push(await damage(sound, random));
    for (const mode of ['prefix', 'salvage'] as const) {
      const files = sound.clone();
      const wrong = (what: string): boolean => t.fail(`round ${i} ${mode} ${what}: ${damages.join(', ')}`);
      const report = await repair(files, mode).catch((error: unknown) => error);
      if (report instanceof CairnError && ['snapshot_damaged', 'snapshot_foreign'].includes(report.code)) {
        done.refused += 1;
        if (mode === 'salvage' && namesIn(files, '.log').length > 2) wrong(`refused ${report.message}`);
        continue;
      }
      if (report instanceof Error) throw report;
      if ((await verifySnapshots({ files, directory: DIRECTORY })).sound !== true) wrong('is not sound');
      const { dump, revision } = await stateOf(files);
      if (mode === 'prefix' && JSON.stringify(dump) !== JSON.stringify(dumps[revision]))
        wrong(`revision ${revision}`);
      for (const [key, row] of Object.entries(dump)) {
        if (!dumps.some(dump => dump[key]?.text === row.text)) wrong(`${key} has a value that it never had`);
      }
      done[mode] += 1;
    }
  }
  t.ok(done.prefix > ROUNDS / 2 && done.salvage > ROUNDS / 2, JSON.stringify(done));
});

const put = (revision: number, key: string, text = `"${revision}"`): PutChange => ({
  ...{ type: 'put', collection: 'kv', key: key as Key, text: text as JsonText, deadline: null },
  ...{ revision, version: 1, epoch: 5, time: 5 },
});
const touch = (revision: number, key: string): Change => {
  const { collection, version, epoch, time } = put(revision, key);
  return { type: 'touch', collection, key: key as Key, revision, version, epoch, time, deadline: 9 };
};
const line = (...changes: Change[]): Buffer => encodeBatch([encodeGroup(changes)]);
const checksum = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1', 0, 8);

type Prev = { number: number; checksum: string; bytes: number } | null;
const logOf = (number: number, after: number, prev: Prev, ...lines: Buffer[]): Buffer =>
  Buffer.concat([
    encodeHeader({ cairn: 'log', format: FORMAT, store: STORE_ID, epoch: 5, number, after, prev }),
    ...lines,
  ]);
const baseHeader = (number: number, revision: number): Buffer =>
  encodeHeader({ cairn: 'base', format: FORMAT, store: STORE_ID, epoch: 5, number, revision });

function directoryOf(contents: Readonly<Record<string, Uint8Array>>): CrashFiles {
  const files = new CrashFiles();
  for (const [name, bytes] of Object.entries(contents)) files.write(pathOf(name), bytes);
  return files;
}

/** After a repair: what a start finds, key and value. */
async function textsOf(files: CrashFiles): Promise<Record<string, string>> {
  const { dump } = await stateOf(files);
  return Object.fromEntries(Object.entries(dump).map(([place, { text }]) => [place.slice(3), text]));
}

const WRONG = Buffer.from('00000000 {"mark":0}\n');

t.test('a newline that was changed costs nothing: the lines on both sides of it are read', async t => {
  const log = logOf(
    1,
    0,
    null,
    line(put(1, 'a')),
    line(put(2, 'b')),
    line(put(3, 'c')),
    encodeNote('mark', 3),
  );
  for (const at of linesOf(log).slice(1, -1)) {
    const files = directoryOf({ '00000001.log': log });
    flip(files, '00000001.log', (at - 1) * 8 + 2);
    const report = await repair(files, 'salvage');
    t.strictSame(await textsOf(files), { a: '"1"', b: '"2"', c: '"3"' });
    t.strictSame(
      lostOf(report).flatMap(({ revisions = [] }) => revisions),
      [],
    );
  }
});

t.test('what stands behind a seal was never promised and is left out', async t => {
  const first = logOf(1, 0, null, line(put(1, 'a')), line(put(2, 'old')));
  const bytes = linesOf(first)[2] ?? 0;
  const second = logOf(
    2,
    1,
    { number: 1, checksum: checksum(first), bytes },
    line(put(2, 'new')),
    WRONG,
    line(put(3, 'c')),
  );
  for (const mode of ['prefix', 'salvage'] as const) {
    const longer = Buffer.concat([first, WRONG]);
    const files = directoryOf({ '00000001.log': longer, '00000002.log': second });
    t.match(lostOf(await repair(files, mode)), [{ file: '00000002.log', offset: linesOf(second)[2] }]);
    t.strictSame(await textsOf(files), { a: '"1"', new: '"2"', ...(mode === 'salvage' ? { c: '"3"' } : {}) });
  }
});

t.test(
  'a missing log costs its changes; what an older log has beyond the next one was never promised',
  async t => {
    const first = logOf(1, 0, null, line(put(1, 'a')), line(put(2, 'b')), line(put(9, 'never')));
    const third = logOf(
      3,
      5,
      { number: 2, checksum: '00000000', bytes: 100 },
      line(put(6, 'c')),
      encodeNote('end', 6),
    );
    const files = directoryOf({ '00000001.log': first, '00000003.log': third });
    const report = await repair(files, 'salvage');
    t.match(lostOf(report), [{ file: '00000002.log', revisions: [3, 5] }]);
    t.strictSame(await stateOf(files).then(({ revision }) => revision), 6);
    t.strictSame(await textsOf(files), { a: '"1"', b: '"2"', c: '"6"' });
  },
);

t.test('a prefix takes a batch whole or not at all', async t => {
  const log = logOf(
    1,
    0,
    null,
    line(put(1, 'a')),
    line(put(2, 'b'), touch(3, 'nothing')),
    encodeNote('mark', 3),
  );
  const files = directoryOf({ '00000001.log': log });
  const report = await repair(files, 'prefix');
  t.match(lostOf(report), [{ file: '00000001.log', offset: linesOf(log)[2], revisions: [2, 3] }]);
  t.strictSame(await textsOf(files), { a: '"1"' });
  const salvaged = directoryOf({ '00000001.log': log });
  t.match(lostOf(await repair(salvaged, 'salvage')), [{ revisions: [3, 3], bytes: 0 }]);
  t.strictSame(await textsOf(salvaged), { a: '"1"', b: '"2"' });
});

t.test(
  'without a whole base a salvage has the right lines of the broken one, under the changes since',
  async t => {
    const entry = (key: string, revision: number) => ({
      ...put(revision, key),
      key: key as Key,
      text: `"${key}"` as JsonText,
    });
    const base = Buffer.concat([
      baseHeader(4, 20),
      encodeEntries('kv', [entry('a', 3), entry('b', 4)]),
      WRONG,
      encodeEntries('kv', [entry('y', 5), entry('z', 6)]),
    ]);
    const log = logOf(
      4,
      20,
      { number: 3, checksum: '00000000', bytes: 9 },
      line(put(21, 'z')),
      encodeNote('end', 21),
    );
    const contents = { '00000004.base': base, '00000004.log': log };
    const refused = directoryOf(contents);
    await t.rejects(repair(refused, 'prefix'), { code: 'snapshot_damaged', message: /no base is whole/ });
    const files = directoryOf(contents);
    const report = await repair(files, 'salvage');
    t.match(lostOf(report), [{ file: '00000004.base', bytes: WRONG.length }]);
    t.strictSame(await textsOf(files), { a: '"a"', b: '"b"', y: '"y"', z: '"21"' });
    t.equal((await stateOf(files)).revision, 21);
  },
);

t.test(
  'a broken base gives back what the logs before it lost, and nothing that is older than they are',
  async t => {
    const entry = (key: string, revision: number) => ({ ...put(revision, key), key: key as Key });
    const first = logOf(1, 0, null, WRONG, line(put(2, 'b')), line(put(3, 'c')), encodeNote('mark', 3));
    const base = Buffer.concat([
      baseHeader(2, 3),
      encodeEntries('kv', [entry('a', 1), entry('b', 2), entry('c', 3)]),
    ]);
    const seal = { number: 1, checksum: checksum(first), bytes: first.length };
    const second = logOf(2, 3, seal, line(put(4, 'c')), encodeNote('end', 4));
    const files = directoryOf({ '00000001.log': first, '00000002.base': base, '00000002.log': second });
    await repair(files, 'salvage');
    t.strictSame(await textsOf(files), { a: '"1"', b: '"2"', c: '"4"' });
  },
);

t.test('a dry run says the same and changes nothing', async t => {
  const { files } = await pastOf(randomOf(5));
  flip(files, namesIn(files, '.log').at(-1) ?? '', 8 * 30);
  for (const mode of ['prefix', 'salvage'] as const) {
    const before = snapshotOf(files);
    const dry = await repair(files, mode, true);
    t.strictSame(snapshotOf(files), before);
    t.strictSame(await repair(files.clone(), mode), dry);
  }
});

t.test('the old files are moved aside as they were, and strange names stay', async t => {
  const log = logOf(1, 0, null, WRONG, line(put(2, 'b')));
  const files = directoryOf({ '00000001.log': log, 'notes.txt': Buffer.from('mine') });
  await repair(files, 'salvage');
  t.strictSame(files.paths(), [
    pathOf('00000002.base'),
    pathOf('00000002.log'),
    pathOf('before-repair-00000002/00000001.log'),
    pathOf('notes.txt'),
  ]);
  t.strictSame(Buffer.from(files.read(pathOf('before-repair-00000002/00000001.log'))), log);
});

t.test('what an earlier repair did not get to move is moved by the next', async t => {
  const files = directoryOf({
    '00000001.log': logOf(1, 0, null, WRONG),
    '00000002.base': Buffer.concat([baseHeader(2, 0)]),
    '00000002.log': logOf(2, 0, null),
  });
  await files.remove(pathOf('00000002.base'));
  const report = await repair(files, 'prefix');
  t.match(report.findings, [/before an earlier repair/]);
  t.strictSame(namesIn(files), ['00000002.log']);
});

t.test('a file of another store is passed over; a newer format is not touched', async t => {
  const ours = logOf(1, 0, null, line(put(1, 'a')), encodeNote('mark', 1));
  const header = { cairn: 'log', store: 'other', epoch: 7, number: 2, after: 0, prev: null } as const;
  const contents = { '00000001.log': ours, '00000001.base': Buffer.concat([baseHeader(1, 0)]) };
  const files = directoryOf({ ...contents, '00000002.log': encodeHeader({ ...header, format: FORMAT }) });
  const report = await repair(files, 'salvage');
  t.match(report.facts, { strange: ['00000002.log'], entries: 1, store: STORE_ID });
  t.strictSame(await textsOf(files), { a: '"1"' });
  t.ok((await recoverState(files, 0)).successor.epoch > 7, 'the epoch is greater than any');
  const newer = directoryOf({ ...contents, '00000002.log': encodeHeader({ ...header, format: FORMAT + 1 }) });
  await t.rejects(repair(newer, 'salvage'), { code: 'snapshot_foreign', message: /format 2/ });
});

t.test('where there is nothing to repair from, it says so', async t => {
  const empty = new CrashFiles();
  await empty.makeDirectory(DIRECTORY);
  await t.rejects(repair(empty, 'salvage'), { code: 'snapshot_damaged', message: /no snapshot/ });
  const garbage = directoryOf({ '00000001.log': Buffer.from('no line of ours\n') });
  await t.rejects(repair(garbage, 'salvage'), {
    code: 'snapshot_damaged',
    message: /nothing in it can be read/,
  });
  await t.rejects(repair(garbage, 'prefix'), { code: 'snapshot_damaged' });
});

t.test('bases without any log give the newest whole one', async t => {
  const { files, dumps } = await pastOf(randomOf(9));
  for (const name of namesIn(files, '.log')) await files.remove(pathOf(name));
  const { facts } = await repair(files, 'prefix');
  const { dump, revision } = await stateOf(files);
  t.strictSame(dump, dumps[revision]);
  t.equal(facts['revision'], revision);
});

t.test('a bad place of the device costs the lines that it holds', async t => {
  const lines = Array.from({ length: 400 }, (_, i) => line(put(i + 1, `k${i + 1}`, `"${'v'.repeat(50)}"`)));
  const log = logOf(1, 0, null, ...lines, encodeNote('mark', 400));
  const files = directoryOf({ '00000001.log': log });
  // A read that touches the bad block fails as a whole, as the kernel has it.
  const bad = new BadBlock(files, 8192, 12_288);
  await repairSnapshots({
    files: bad,
    directory: DIRECTORY,
    mode: 'salvage',
    dryRun: false,
    newStoreId: () => STORE_ID,
  });
  const { dump } = await stateOf(files);
  const hit = linesOf(log).filter(
    (start, i, all) => i > 0 && start < 12_288 && (all[i + 1] ?? 0) > 8192,
  ).length;
  t.equal(Object.keys(dump).length, 400 - hit);
  t.ok(hit > 10 && hit < 60, `${hit} lines`);
});

/** Files of which these bytes cannot be read. */
class BadBlock extends ThroughFiles {
  readonly #from: number;
  readonly #to: number;

  constructor(inner: CrashFiles, from: number, to: number) {
    super(inner);
    this.#from = from;
    this.#to = to;
  }

  override async openForReading(path: string): Promise<File> {
    const file = await super.openForReading(path);
    const [from, to] = [this.#from, this.#to];
    return new (class extends ThroughFile {
      override async read(buffer: Uint8Array, position: number): Promise<number> {
        if (position < to && position + buffer.length > from) throw systemError('EIO');
        return super.read(buffer, position);
      }
    })(file);
  }
}
