/**
 * Repair and restore, cut short at every call: by a power cut, whatever of the pending effects arrived, and by a call that
 * fails. What is left must be the directory of before or the new one, and the same command must end it.
 */
import t, { type Test } from 'tap';
import { CairnError } from '../../src/errors.js';
import type { Files } from '../../src/platform/files.js';
import { BackupFile } from '../../src/snapshot/backup-file.js';
import { repairSnapshots } from '../../src/snapshot/repair.js';
import { restoreBackup } from '../../src/snapshot/restore.js';
import { verifySnapshots } from '../../src/snapshot/verify.js';
import { type Call, CrashFiles, systemError } from '../fixtures/crash-files.js';
import type { Disk, Tree } from '../fixtures/effect-disk.js';
import { EffectFiles } from '../fixtures/effect-files.js';
import { DIRECTORY, recoverState, STORE_ID } from '../fixtures/map-state.js';
import { flip, linesOf, NOW, namesIn, pastOf, pathOf } from '../fixtures/repair-past.js';
import { randomOf, seedOf } from '../fixtures/seeded-random.js';
import { subsets } from '../fixtures/subsets.js';
import { TORTURE } from '../fixtures/torture.js';

const seed = seedOf(3);

/** Something that changes a directory, and can be done again. */
interface Work {
  readonly name: string;
  readonly before: CrashFiles;
  /** `again`: after it was cut short. */
  readonly run: (files: Files, again: boolean) => Promise<unknown>;
}

const backup = (async () => {
  const { files } = await pastOf(randomOf(seed + 1), { changes: 30, killEvery: 1000, rotateBytesMin: 700 });
  const [name = ''] = namesIn(files, '.base').slice(-1);
  return { bytes: files.read(pathOf(name)), revision: (await recoverState(files, NOW)).revision };
})();

async function damagedPast(): Promise<CrashFiles> {
  const { files } = await pastOf(randomOf(seed));
  const name = namesIn(files, '.log').at(-1) ?? '';
  const starts = linesOf(files.read(pathOf(name)));
  flip(files, name, ((starts[1] ?? 0) + 30) * 8);
  return files;
}

const inputOf = (bytes: Uint8Array) => ({
  async read(buffer: Uint8Array, position: number): Promise<number> {
    const found = bytes.subarray(position, position + buffer.length);
    buffer.set(found);
    return found.length;
  },
});

async function restoreInto(files: Files, force: boolean): Promise<void> {
  const file = await BackupFile.open(inputOf((await backup).bytes), 'backup');
  await restoreBackup({ files, directory: DIRECTORY, backup: file, force });
}

async function works(): Promise<Work[]> {
  const empty = new CrashFiles();
  await empty.makeDirectory(DIRECTORY);
  const repair = (mode: 'prefix' | 'salvage') => (files: Files) =>
    repairSnapshots({ files, directory: DIRECTORY, mode, dryRun: false, newStoreId: () => STORE_ID });
  return [
    { name: 'repair --prefix', before: await damagedPast(), run: repair('prefix') },
    { name: 'repair --salvage', before: await damagedPast(), run: repair('salvage') },
    {
      name: 'restore --force',
      before: (await pastOf(randomOf(seed))).files,
      run: files => restoreInto(files, true),
    },
    {
      name: 'restore into an empty directory',
      before: empty,
      run: (files, again) => restoreInto(files, again),
    },
  ];
}

const treeOf = (files: CrashFiles): Tree => new Map(files.paths().map(path => [path, files.read(path)]));

/** What a start finds: the state, or why it is refused. */
async function found(files: Files): Promise<string> {
  try {
    const { target, revision } = await recoverState(files, NOW);
    return JSON.stringify([revision, target.dump()]);
  } catch (error) {
    if (error instanceof CairnError) return error.code;
    throw error;
  }
}

/** A restore that was cut short in an empty directory may leave a base without its log, which a start refuses. */
async function isOldOrNew(files: Files, old: string, now: string): Promise<boolean> {
  const state = await found(files);
  const logs = (await files.list(DIRECTORY)).filter(name => name.endsWith('.log'));
  return state === old || state === now || (state === 'snapshot_damaged' && logs.length === 0);
}

async function ends(t: Test, work: Work, files: Files, now: string, where: string): Promise<void> {
  await work.run(files, true);
  if ((await found(files)) !== now) t.fail(`${where}: the second run gives another state`);
  const { sound, findings } = await verifySnapshots({ files, directory: DIRECTORY });
  if (!sound) t.fail(`${where}: not sound: ${findings.join(' ')}`);
}

t.test('a power cut at every call leaves the directory of before or the new one', async t => {
  t.comment(`CAIRN_SEED=${seed}`);
  const random = randomOf(seed);
  for (const work of await works()) {
    const old = await found(EffectFiles.of(treeOf(work.before), DIRECTORY));
    const files = EffectFiles.of(treeOf(work.before), DIRECTORY);
    const moments: { disk: Disk; next: string }[] = [];
    files.onCall = ({ op, path }) => moments.push({ disk: files.disk, next: `${op} ${path}` });
    await work.run(files, false);
    moments.push({ disk: files.disk, next: 'the end' });
    files.onCall = () => undefined;
    const now = await found(files);
    t.not(now, old);
    let states = 0;
    for (const [i, { disk, next }] of moments.entries()) {
      if (i > 0 && sameDisk(disk, moments[i - 1]?.disk)) continue;
      for (const arrived of subsets(disk.pending, { exhaustive: 5, random: 6 }, random)) {
        states += 1;
        const after = (): EffectFiles => EffectFiles.of(disk.survivor(arrived), DIRECTORY);
        const where = `${work.name} before ${next} (${arrived})`;
        if (!(await isOldOrNew(after(), old, now))) t.fail(`${where}: neither the old state nor the new`);
        if (states % 7 === 0) await ends(t, work, after(), now, where);
      }
    }
    t.ok(states > 60, `${work.name}: ${states} states`);
  }
});

const sameDisk = (a: Disk, b: Disk | undefined): boolean =>
  a.pending.length === b?.pending.length && a.names.size === b.names.size;

t.test(
  'a call that fails leaves the directory of before or the new one, and the command ends it',
  async t => {
    t.comment(`CAIRN_SEED=${seed}`);
    const random = randomOf(seed);
    for (const work of await works()) {
      const sound = EffectFiles.of(treeOf(work.before), DIRECTORY);
      const old = await found(sound);
      const begun = sound.calls;
      await work.run(sound, false);
      const total = sound.calls - begun;
      const now = await found(sound);
      let failed = 0;
      for (const code of ['EIO', 'ENOSPC'] as const) {
        for (const forEver of TORTURE ? [false, true] : [code === 'ENOSPC']) {
          for (let k = 0; k < total; k++) {
            const files = EffectFiles.of(treeOf(work.before), DIRECTORY);
            files.fault = (call, n) => {
              const hit = n === k || (forEver && n > k);
              return hit && isWrite(call) ? { error: systemError(code) } : undefined;
            };
            const error = await work.run(files, false).then(
              () => null,
              (error: unknown) => error,
            );
            if (error !== null) failed += 1;
            if (error !== null && !(error instanceof CairnError)) t.fail(`${work.name} ${k}: ${error}`);
            files.fault = () => undefined;
            const where = `${work.name}, call ${k} ${code}${forEver ? ' for ever' : ''}`;
            if (!(await isOldOrNew(files, old, now))) t.fail(`${where}: neither the old state nor the new`);
            for (const arrived of subsets(files.disk.pending, { exhaustive: 3, random: 2 }, random)) {
              const after = EffectFiles.of(files.disk.survivor(arrived), DIRECTORY);
              if (!(await isOldOrNew(after, old, now))) t.fail(`${where}, then a power cut (${arrived})`);
            }
            await ends(t, work, files, now, where);
          }
        }
      }
      t.ok(failed > 20, `${work.name}: ${failed} runs that failed`);
    }
  },
);

/** Reads that fail are damage, which is another matter. */
const isWrite = ({ op }: Call): boolean =>
  ['create', 'append', 'sync', 'rename', 'syncDirectory', 'makeDirectory', 'remove', 'close'].includes(op);
