/** Bases whose every line is right, and whose rows do not fit each other: nothing that takes a base in may believe them. */
import t from 'tap';
import type { BaseEntry, BaseVersion } from '../../src/model.js';
import { BackupFile } from '../../src/snapshot/backup-file.js';
import { BaseOutput } from '../../src/snapshot/base.js';
import { encodeEntries, encodeVersions } from '../../src/snapshot/format.js';
import { encodeHeader, FORMAT } from '../../src/snapshot/header.js';
import { repairSnapshots } from '../../src/snapshot/repair.js';
import { checkBackup, restoreBackup } from '../../src/snapshot/restore.js';
import { verifySnapshots } from '../../src/snapshot/verify.js';
import { CrashFiles } from '../fixtures/crash-files.js';
import { ENDLESS } from '../fixtures/history-life.js';
import { DIRECTORY, STORE_ID } from '../fixtures/map-state.js';
import { key, openEngine, text } from '../fixtures/memory-engine.js';
import { pathOf } from '../fixtures/repair-past.js';

const REVISION = 99;

const entry = (name: string, revision: number, version = revision): BaseEntry => ({
  ...{ key: key(name), text: text(`"${revision}"`), version, revision, epoch: 5, time: 5, deadline: null },
});
const version = (name: string, revision: number, more: Partial<BaseVersion> = {}): BaseVersion => ({
  ...{ key: key(name), text: text(`"${revision}"`), version: revision, revision, epoch: 5, time: 5 },
  ...{ deleted: false, by: null, comment: null },
  ...more,
});
const deletion = (name: string, revision: number): BaseVersion =>
  version(name, revision, { deleted: true, text: null });
const bare = (name: string, revision: number): BaseVersion => version(name, revision, { text: null });

type Row = BaseEntry | BaseVersion;
/** A collection, and what a line of it holds. */
type Line = readonly [collection: string, ...rows: Row[]];

const isEntry = (row: Row): row is BaseEntry => !('deleted' in row);

/** A base of these lines, with a last line that counts and sums them. */
async function baseOf(lines: readonly Line[]): Promise<Buffer> {
  const bytes: Uint8Array[] = [];
  const output = new BaseOutput({ append: async line => bytes.push(line.slice()) && line.length });
  const header = {
    cairn: 'base',
    format: FORMAT,
    store: STORE_ID,
    epoch: 5,
    number: 1,
    revision: REVISION,
  } as const;
  await output.line(encodeHeader(header));
  for (const [collection, ...rows] of lines) {
    const entries = rows.filter(isEntry);
    const versions = rows.filter((row): row is BaseVersion => !isEntry(row));
    output.entries += entries.length;
    await output.line(
      entries.length > 0 ? encodeEntries(collection, entries) : encodeVersions(collection, versions),
    );
  }
  await output.footer();
  return Buffer.concat(bytes);
}

const opened = (bytes: Uint8Array): Promise<BackupFile> => {
  const read = async (buffer: Uint8Array, position: number): Promise<number> => {
    const found = bytes.subarray(position, position + buffer.length);
    buffer.set(found);
    return found.length;
  };
  return BackupFile.open({ read }, 'backup');
};

/** The base beside its log, as a start wants it. */
async function directoryOf(base: Uint8Array): Promise<CrashFiles> {
  const files = new CrashFiles();
  const header = {
    cairn: 'log',
    format: FORMAT,
    store: STORE_ID,
    epoch: 5,
    number: 1,
    after: REVISION,
    prev: null,
  } as const;
  files.write(pathOf('00000001.base'), base);
  files.write(pathOf('00000001.log'), encodeHeader(header));
  return files;
}

const start = async (files: CrashFiles) => {
  const { engine } = await openEngine({ files, policies: { a: ENDLESS, b: ENDLESS } });
  return engine;
};

const RIGHT: Readonly<Record<string, readonly Line[]>> = {
  'of entries alone': [
    ['a', entry('k', 1), entry('l', 2)],
    ['a', entry('m', 3)],
  ],
  'of a key with its versions': [
    ['a', entry('k', 3)],
    ['a', version('k', 1), version('k', 2), bare('k', 3)],
  ],
  'of a deleted key': [['a', version('k', 1), deletion('k', 2)]],
  'of versions of the same text': [
    ['a', entry('k', 4)],
    ['a', version('k', 1), bare('k', 2), bare('k', 3), bare('k', 4)],
  ],
  'of keys whose versions stand in no order, and in several lines': [
    ['a', entry('k', 3), entry('l', 6)],
    ['a', version('l', 4), version('k', 1), version('l', 5)],
    ['a', version('k', 2), bare('k', 3), bare('l', 6)],
    ['b', version('l', 1), deletion('l', 2)],
  ],
  'of versions whose entry is not there': [['a', version('k', 1), version('k', 2)]],
};

/** With what is told of them. */
const WRONG: Readonly<Record<string, readonly [message: RegExp, ...lines: Line[]]>> = {
  'entries in no order': [/keys are not in order/, ['a', entry('l', 1), entry('k', 2)]],
  'a key twice': [/keys are not in order/, ['a', entry('k', 1)], ['a', entry('k', 2)]],
  'a collection in two places': [
    /two places/,
    ['a', entry('k', 1)],
    ['b', entry('k', 2)],
    ['a', entry('l', 3)],
  ],
  'versions of a collection in two places': [
    /two places/,
    ['a', version('k', 1), deletion('k', 2)],
    ['b', entry('k', 3)],
    ['a', version('l', 4), deletion('l', 5)],
  ],
  'versions before the entries of their collection': [
    /behind the versions/,
    ['a', version('k', 1), version('k', 2)],
    ['a', entry('l', 3)],
  ],
  'the present version of a key that is not there': [
    /stands nowhere/,
    ['a', entry('l', 1)],
    ['a', version('k', 1), bare('k', 4)],
  ],
  'the present version of a key of another collection': [
    /stands nowhere/,
    ['a', entry('k', 1)],
    ['b', bare('k', 1)],
  ],
  'the present version of another revision': [/stands nowhere/, ['a', entry('k', 3)], ['a', bare('k', 2)]],
  'a text of the version before a deletion': [
    /stands nowhere/,
    ['a', version('k', 1), deletion('k', 2), bare('k', 3)],
  ],
  'a present version with a text of its own': [/another text/, ['a', entry('k', 3)], ['a', version('k', 3)]],
  'a present version that is a deletion': [/another text/, ['a', entry('k', 3)], ['a', deletion('k', 3)]],
  'a version twice': [/does not follow/, ['a', version('k', 1), version('k', 1)]],
  'versions in the wrong order': [/does not follow/, ['a', version('k', 2)], ['a', version('k', 1)]],
  'revisions in the wrong order': [
    /does not follow/,
    ['a', version('k', 1, { revision: 8 }), version('k', 2, { revision: 7 })],
  ],
  'a version after the present one': [/does not follow/, ['a', entry('k', 3)], ['a', version('k', 4)]],
};

for (const [name, lines] of Object.entries(RIGHT)) {
  t.test(`a base ${name} is a backup, is sound, and starts`, async t => {
    const bytes = await baseOf(lines);
    await checkBackup(await opened(bytes));
    const files = await directoryOf(bytes);
    t.match(await verifySnapshots({ files, directory: DIRECTORY }), { sound: true });
    const engine = await start(files);
    const before = engine.history('a', key('k'));
    await engine.close();
    const again = await start(files);
    t.strictSame(again.history('a', key('k')), before);
    await again.close();
  });
}

for (const [name, [message, ...lines]] of Object.entries(WRONG)) {
  t.test(`a base with ${name} is no backup, and not sound, and a repair ends that`, async t => {
    const bytes = await baseOf(lines);
    const refusal = { code: 'snapshot_damaged', message };
    await t.rejects(checkBackup(await opened(bytes)), refusal);
    const target = new CrashFiles();
    await target.makeDirectory(DIRECTORY);
    const backup = await opened(bytes);
    await t.rejects(restoreBackup({ files: target, directory: DIRECTORY, backup, force: false }), refusal);
    t.strictSame(target.paths(), [], 'and nothing is written');
    const files = await directoryOf(bytes);
    t.match(await verifySnapshots({ files, directory: DIRECTORY }), {
      sound: false,
      findings: [/does not fit/],
    });
    const options = { files, directory: DIRECTORY, dryRun: false, newStoreId: () => STORE_ID };
    await repairSnapshots({ ...options, mode: 'salvage' });
    t.match(await verifySnapshots({ files, directory: DIRECTORY }), { sound: true });
    await (await start(files)).close();
  });
}
