/** Histories in what works on files alone: backup, restore, repair and verify give back what the engine had. */
import t from 'tap';
import type { Policies } from '../../src/model.js';
import { writeBackup } from '../../src/snapshot/backup.js';
import { BackupFile } from '../../src/snapshot/backup-file.js';
import { decodeBaseLine, decodeLogLine } from '../../src/snapshot/format.js';
import { repairSnapshots } from '../../src/snapshot/repair.js';
import { restoreBackup } from '../../src/snapshot/restore.js';
import type { RepairMode } from '../../src/snapshot/salvage.js';
import { verifySnapshots } from '../../src/snapshot/verify.js';
import { CrashFiles } from '../fixtures/crash-files.js';
import { ENDLESS, HISTORIES, KEPT, Life, startOn, type View, viewOf } from '../fixtures/history-life.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { DIRECTORY, STORE_ID } from '../fixtures/map-state.js';
import { key, openEngine, PLAIN, text } from '../fixtures/memory-engine.js';
import { damage, flip, linesOf, namesIn, pathOf } from '../fixtures/repair-past.js';
import { type Random, randomOf, seedOf } from '../fixtures/seeded-random.js';
import { allowTime, cyclesOf } from '../fixtures/torture.js';

const ROUNDS = cyclesOf(25, 2_000);
const OTHER = '/other';

async function backupOf(files: CrashFiles, directory = DIRECTORY): Promise<Buffer> {
  const lines: Uint8Array[] = [];
  const append = async (bytes: Uint8Array): Promise<number> => lines.push(bytes.slice()) && bytes.length;
  await writeBackup({ files, directory, output: { append } });
  return Buffer.concat(lines);
}

async function restored(bytes: Uint8Array): Promise<CrashFiles> {
  const files = new CrashFiles();
  await files.makeDirectory(OTHER);
  const read = async (buffer: Uint8Array, position: number): Promise<number> => {
    const found = bytes.subarray(position, position + buffer.length);
    buffer.set(found);
    return found.length;
  };
  const backup = await BackupFile.open({ read }, 'backup');
  await restoreBackup({ files, directory: OTHER, backup, force: false });
  return files;
}

const isSound = async (files: CrashFiles, directory = DIRECTORY): Promise<boolean> =>
  (await verifySnapshots({ files, directory })).sound;

/** All but the first line, which names the file. */
const rowsOf = (base: Uint8Array): string => {
  const [, second = 0] = linesOf(base);
  return Buffer.from(base.subarray(second, linesOf(base).at(-2))).toString('latin1');
};

/** Of what differs, or '' where nothing does. */
function difference(found: View, wanted: View): string {
  const places = [...new Set([...Object.keys(found), ...Object.keys(wanted)])];
  return places
    .filter(place => JSON.stringify(found[place]) !== JSON.stringify(wanted[place]))
    .map(place => `${place}: ${JSON.stringify(found[place])} for ${JSON.stringify(wanted[place])}`)
    .join('\n');
}

const orNever = (random: Random): Policies => {
  const chance = random();
  if (chance < 0.25) return HISTORIES;
  if (chance < 0.5) return { ...HISTORIES, kept: PLAIN, plain: KEPT };
  if (chance < 0.75) return { plain: PLAIN, kept: { ...KEPT, history: 2, historyTtl: null } };
  return { plain: ENDLESS, kept: ENDLESS, endless: KEPT };
};

t.test('a backup, restored, has the entries and the histories that the engine had', async t => {
  allowTime(t);
  const seed = seedOf();
  t.comment(`CAIRN_SEED=${seed}`);
  const random = randomOf(seed);
  let checks = 0;
  let bases = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const life = await new Life(random, { rotateBytesMin: 500 + 4_000 * random() }).start();
    for (let i = 0; i < 60; i++) {
      await life.step();
      if (random() < 0.05) await life.restart(orNever(random));
      if (random() > 0.1) continue;
      await life.flush();
      const { engine, files, clock, policies } = life;
      const bytes = await backupOf(files);
      const others = await restored(bytes);
      const now = clock.now();
      const found = await startOn(others, { now, policies, directory: OTHER });
      const { view, revision, bytes: sizes } = await startOn(files, { now, policies });
      const differs = difference(found.view, view);
      const wrong = (what: string): boolean => t.fail(`round ${round} step ${i}: ${what}`);
      if (differs !== '' || found.revision !== revision) wrong(`revision ${revision}\n${differs}`);
      const lives = difference(view, life.moments.get(engine.revision)?.view ?? {});
      if (now === life.moments.get(engine.revision)?.now && lives !== '') wrong(`the live one\n${lives}`);
      if (JSON.stringify(found.bytes) !== JSON.stringify(sizes)) wrong(JSON.stringify([found.bytes, sizes]));
      if (rowsOf(await backupOf(others, OTHER)) !== rowsOf(bytes)) wrong('another backup of it differs');
      if (!(await isSound(files)) || !(await isSound(others, OTHER))) wrong('is not sound');
      checks += 1;
      bases += namesIn(files, '.base').length;
    }
  }
  t.ok(checks > ROUNDS && bases > ROUNDS, `${checks} backups, ${bases} bases`);
});

t.test('what came while there was no history is where it begins again, in a backup too', async t => {
  const life = await new Life(randomOf(1), { rotateBytesMin: 1_000_000 }).start();
  const place = { collection: 'kept', key: key('a'), note: { by: 'ci', comment: null } } as const;
  await life.engine.commit([{ type: 'put', ...place, text: text('1') }], { durability: 'sync' });
  await life.restart({ ...HISTORIES, kept: PLAIN });
  await life.engine.commit([{ type: 'touch', ...place, ttl: 90_000 }], { durability: 'sync' });
  await life.restart(HISTORIES);
  await life.engine.commit([{ type: 'put', ...place, text: text('3') }], { durability: 'sync' });
  const history = life.engine.history('kept', key('a')).map(({ version, by }) => [version, by]);
  t.strictSame(history, [
    [2, null],
    [3, 'ci'],
  ]);
  const others = await restored(await backupOf(life.files));
  const { view } = await startOn(others, { now: life.clock.now(), directory: OTHER });
  t.equal(difference(view, viewOf(life.engine)), '');
});

const repair = (files: CrashFiles, mode: RepairMode) =>
  repairSnapshots({ files, directory: DIRECTORY, mode, dryRun: false, newStoreId: () => STORE_ID });

/** The places that a line of a log or a base is about. */
function placesOf(name: string, line: Buffer): string[] {
  if (name.endsWith('.log')) {
    const decoded = decodeLogLine(line);
    return decoded.type === 'batch'
      ? decoded.changes.map(change => `${change.collection} ${change.key}`)
      : [];
  }
  const decoded = decodeBaseLine(line);
  if (decoded.type === 'footer') return [];
  const rows = decoded.type === 'entries' ? decoded.entries : decoded.versions;
  return rows.map(row => `${decoded.collection} ${row.key}`);
}

/** Flips one byte behind the first line of a random file, and tells what stood in that line. */
function flipLine(files: CrashFiles, random: Random): { name: string; places: string[]; last: boolean } {
  const names = namesIn(files).filter(name => linesOf(files.read(pathOf(name))).length > 2);
  const name = names[Math.floor(random() * names.length)] ?? '';
  const bytes = Buffer.from(files.read(pathOf(name)));
  const starts = linesOf(bytes).slice(1);
  const line = Math.floor(random() * (starts.length - 1));
  const [from = 0, to = 0] = [starts[line], starts[line + 1]];
  const places = placesOf(name, bytes.subarray(from, to));
  flip(files, name, (from + Math.floor(random() * (to - from - 1))) * 8 + 1);
  return { name, places, last: line === starts.length - 2 };
}

/** Goes on until a base is made, and starts again: whatever a repair left in memory must come back from that too. */
async function goesOn(files: CrashFiles, now: number): Promise<string> {
  const clock = new ManualClock(now);
  const before = namesIn(files, '.base').join();
  const { engine } = await openEngine({ files, clock, policies: HISTORIES, rotateBytesMin: 300 });
  const put = { type: 'put', collection: 'plain', key: key('more') } as const;
  for (let i = 0; i < 12; i++) {
    await engine.commit([{ ...put, text: text(`"${String(i).repeat(400)}"`) }]);
    await clock.advance(1_000);
  }
  const wanted = viewOf(engine);
  await engine.close();
  if (namesIn(files, '.base').join() === before) return 'no base was made';
  const { view } = await startOn(files, { now: clock.now() });
  return (await isSound(files)) ? difference(view, wanted) : 'is not sound afterwards';
}

t.test('a sound directory needs no repair, whatever histories it has', async t => {
  const life = await new Life(randomOf(3)).start();
  for (let i = 0; i < 40; i++) await life.step();
  for (const mode of ['prefix', 'salvage'] as const) {
    const files = life.files.clone();
    t.equal((await repair(files, mode)).needed, false);
    t.equal(await isSound(files), true);
  }
});

t.test('a prefix is a state that was, with its histories', async t => {
  allowTime(t);
  const seed = seedOf();
  t.comment(`CAIRN_SEED=${seed}`);
  const random = randomOf(seed);
  let repaired = 0;
  for (let round = 0; round < ROUNDS * 2; round++) {
    const life = await new Life(random, { rotateBytesMin: 800 + 6_000 * random() }).start();
    for (let i = 0; i < 40; i++) await life.step();
    const files = life.files.clone();
    const { name } = flipLine(files, random);
    const wrong = (what: string): boolean => t.fail(`round ${round}, ${name}: ${what}`);
    const report = await repair(files, 'prefix').catch((error: Error) => error);
    // Without a whole base there may be no state before the damage.
    if (report instanceof Error) {
      if (!name.endsWith('.base')) wrong(report.message);
      continue;
    }
    if (!(await isSound(files))) wrong('is not sound');
    const { revision } = await startOn(files, { now: life.clock.now() });
    const moment = life.moments.get(revision);
    if (moment === undefined) {
      wrong(`there was no revision ${revision}`);
      continue;
    }
    const differs = difference((await startOn(files, { now: moment.now })).view, moment.view);
    if (differs !== '') wrong(`revision ${revision}\n${differs}`);
    const later = await goesOn(files, life.clock.now());
    if (later !== '') wrong(later);
    if (report.needed) repaired += 1;
  }
  t.ok(repaired > ROUNDS / 2, `${repaired} repairs`);
});

t.test('a salvage keeps entry and history of every key that the lost line does not name', async t => {
  allowTime(t);
  const seed = seedOf();
  t.comment(`CAIRN_SEED=${seed}`);
  const random = randomOf(seed);
  let repaired = 0;
  for (let round = 0; round < ROUNDS * 2; round++) {
    const life = await new Life(random, { rotateBytesMin: 800 + 6_000 * random() }).start();
    for (let i = 0; i < 40; i++) await life.step();
    await life.flush();
    const files = life.files.clone();
    const now = life.clock.now();
    const { view } = await startOn(files, { now });
    const { name, places } = flipLine(files, random);
    const wrong = (what: string): boolean => t.fail(`round ${round}, ${name}: ${what}`);
    const report = await repair(files, 'salvage');
    if (!(await isSound(files))) wrong('is not sound');
    const found = (await startOn(files, { now })).view;
    const others = (all: View): View =>
      Object.fromEntries(Object.entries(all).filter(([place]) => !places.includes(place)));
    const differs = difference(others(found), others(view));
    if (differs !== '') wrong(differs);
    for (const [place, { history = [] }] of Object.entries(found)) {
      const rises = history.every(({ version }, i) => version > (history[i - 1]?.version ?? 0));
      if (!rises) wrong(`${place}: ${JSON.stringify(history)}`);
    }
    const later = await goesOn(files, now);
    if (later !== '') wrong(later);
    if (report.needed) repaired += 1;
  }
  t.ok(repaired > ROUNDS / 2, `${repaired} repairs`);
});

t.test(
  'whatever the damage, a salvage starts and goes on, with texts that were and versions that rise',
  async t => {
    allowTime(t);
    const seed = seedOf();
    t.comment(`CAIRN_SEED=${seed}`);
    const random = randomOf(seed);
    let repaired = 0;
    for (let round = 0; round < ROUNDS * 2; round++) {
      const life = await new Life(random, { rotateBytesMin: 800 + 3_000 * random() }).start();
      for (let i = 0; i < 40; i++) await life.step();
      const files = life.files.clone();
      const now = life.clock.now();
      const damages: string[] = [];
      for (const name of namesIn(files, '.base')) {
        if (random() < 0.2) continue;
        flip(files, name, Math.floor(random() * files.read(pathOf(name)).length) * 8);
        damages.push(name);
      }
      for (let n = 0; n < 2; n++) damages.push(await damage(files, random));
      const wrong = (what: string): boolean => t.fail(`round ${round}, ${damages.join(', ')}: ${what}`);
      const report = await repair(files, 'salvage').catch((error: Error) => error);
      if (report instanceof Error) continue;
      if (!(await isSound(files))) wrong('is not sound');
      const { view: found } = await startOn(files, { now });
      for (const [place, { entry, history = [] }] of Object.entries(found)) {
        const rises = history.every(({ version }, i) => version > (history[i - 1]?.version ?? 0));
        const last = history.at(-1);
        const present = entry === undefined || (last?.version === entry.version && last.text === entry.text);
        if (!rises || !present) wrong(`${place}: ${JSON.stringify({ entry, history })}`);
        const texts = textsOf(life, place);
        if (!history.every(({ text }) => texts.has(text))) wrong(`${place} has a text that it never had`);
      }
      const later = await goesOn(files, now);
      if (later !== '') wrong(later);
      if (report.needed) repaired += 1;
    }
    t.ok(repaired > ROUNDS / 2, `${repaired} repairs`);
  },
);

/** Of all its versions, a deletion too. */
function textsOf({ moments }: Life, place: string): ReadonlySet<string | null> {
  const histories = [...moments.values()].map(({ view }) => view[place]?.history ?? []);
  return new Set(histories.flatMap(history => history.map(({ text }) => text)));
}
