/**
 * Directories as a version of Cairn wrote them, one folder for each format and case in test/golden/, with what must be
 * found in them. Every later version must read them, change no old file of them, and write the same lines again. They
 * are never changed: a new format has a folder of its own.
 *
 * CAIRN_GOLDEN=write makes those of `makers` that are missing; `npm run format` then puts their expected.json into form.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import t from 'tap';
import { toUnicode } from '../../src/json/bytes.js';
import { nodeFiles } from '../../src/platform/node-files.js';
import {
  decodeBaseLine,
  decodeLogLine,
  encodeBatch,
  encodeEntries,
  encodeGroup,
  encodeNote,
  encodeVersions,
} from '../../src/snapshot/format.js';
import { decodeHeader, encodeHeader } from '../../src/snapshot/header.js';
import { linesOf } from '../fixtures/damage-judge.js';
import { makers } from '../fixtures/golden-makers.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { type MapState, openSnapshot, recoverState } from '../fixtures/map-state.js';
import { serviceDirectory } from '../fixtures/service-process.js';

const GOLDEN = new URL('../golden', import.meta.url).pathname;
const FORMAT_FOLDER = 'format-1';
const EXPECTED = 'expected.json';

interface Expected {
  /** The wall clock of the start, in milliseconds. */
  readonly now: number;
  readonly revision: number;
  readonly clean: boolean;
  /** Of the next process. */
  readonly epoch: number;
  readonly number: number;
  readonly tornBytes: number;
  /** The revisions that the next log takes over. */
  readonly takeOver: readonly number[];
  /** In UTF-8. */
  readonly rows: Readonly<Record<string, unknown>>;
  /** The versions of the keys that have a history, the last of them, in UTF-8. */
  readonly past?: Readonly<Record<string, readonly unknown[]>>;
}

function rowsOf(state: MapState): Expected['rows'] {
  const rows = Object.entries(state.dump());
  return Object.fromEntries(
    rows.map(([place, row]) => [toUnicode(place), { ...row, text: toUnicode(row.text) }]),
  );
}

function pastOf({ past }: MapState): NonNullable<Expected['past']> {
  const utf8 = (bytes: string | null): string | null => bytes && toUnicode(bytes);
  return Object.fromEntries(
    [...past].map(([place, versions]) => [
      toUnicode(place),
      versions.map(({ by, comment, text, ...version }) => ({
        ...version,
        ...{ by: utf8(by), comment: utf8(comment), text: utf8(text) },
      })),
    ]),
  );
}

async function found(directory: string, now: number): Promise<Expected> {
  const { target, revision, clean, successor, torn } = await recoverState(nodeFiles, now, directory);
  const { epoch, number } = successor;
  const takeOver = successor.takeOver.map(change => change.revision);
  const rows = rowsOf(target);
  const past = target.past.size === 0 ? {} : { past: pastOf(target) };
  return { now, revision, clean, epoch, number, tornBytes: torn?.bytes ?? 0, takeOver, rows, ...past };
}

async function write(name: string, directory: string): Promise<void> {
  const { tree, now } = await (makers[name] as (typeof makers)[string])();
  mkdirSync(directory, { recursive: true });
  for (const [path, bytes] of tree) writeFileSync(`${directory}/${basename(path)}`, bytes);
  writeFileSync(`${directory}/${EXPECTED}`, `${JSON.stringify(await found(directory, now), null, 2)}\n`);
}

if (process.env['CAIRN_GOLDEN'] === 'write') {
  for (const name of Object.keys(makers)) {
    const directory = `${GOLDEN}/${FORMAT_FOLDER}/${name}`;
    if (!existsSync(directory)) await write(name, directory);
  }
}

function filesIn(directory: string): Record<string, string> {
  const names = readdirSync(directory).sort();
  return Object.fromEntries(names.map(name => [name, readFileSync(`${directory}/${name}`, 'latin1')]));
}

/** What stands in a line, written again. */
function again(line: Buffer, isFirst: boolean, isBase: boolean): Buffer {
  if (isFirst) return encodeHeader(decodeHeader(line));
  if (isBase) {
    const decoded = decodeBaseLine(line);
    if (decoded.type === 'entries') return encodeEntries(decoded.collection, decoded.entries);
    if (decoded.type === 'versions') return encodeVersions(decoded.collection, decoded.versions);
    const { type: _, ...footer } = decoded;
    return encodeHeader(footer);
  }
  const decoded = decodeLogLine(line);
  if (decoded.type === 'batch') return encodeBatch([encodeGroup(decoded.changes)]);
  return encodeNote(decoded.type, decoded.revision);
}

const directories = readdirSync(GOLDEN).flatMap(format =>
  readdirSync(`${GOLDEN}/${format}`).map(name => `${format}/${name}`),
);

t.test('every case of this format is there', async t => {
  t.strictSame(
    directories.filter(name => name.startsWith(FORMAT_FOLDER)),
    Object.keys(makers)
      .map(name => `${FORMAT_FOLDER}/${name}`)
      .sort(),
  );
});

for (const name of directories) {
  const expected = (): Expected => JSON.parse(readFileSync(`${GOLDEN}/${name}/${EXPECTED}`, 'utf8'));

  t.test(`${name} is read as it was written`, async t => {
    const { now } = expected();
    t.strictSame(await found(`${GOLDEN}/${name}`, now), expected());
  });

  t.test(`a process that goes on with ${name} changes no old file, and the next finds all of it`, async t => {
    const directory = serviceDirectory(t);
    cpSync(`${GOLDEN}/${name}`, directory, { recursive: true });
    const { now, rows, revision, past } = expected();
    const clock = new ManualClock(now);
    const { writer, state } = await openSnapshot({ files: nodeFiles, clock, directory });
    t.strictSame(rowsOf(state), rows);
    await writer.close();
    const before = filesIn(`${GOLDEN}/${name}`);
    const after = filesIn(directory);
    t.strictSame(Object.fromEntries(Object.keys(before).map(file => [file, after[file]])), before);
    t.equal(Object.keys(after).length, Object.keys(before).length + 1, 'and begins one log');
    const next = await recoverState(nodeFiles, now, directory);
    t.strictSame([next.clean, next.revision, rowsOf(next.target)], [true, revision, rows]);
    t.strictSame(pastOf(next.target), past ?? {});
  });

  t.test(`every right line of ${name} is written the same again`, async t => {
    const files = Object.entries(filesIn(`${GOLDEN}/${name}`)).filter(([file]) => file !== EXPECTED);
    for (const [file, text] of files) {
      for (const { bytes, offset } of linesOf(Buffer.from(text, 'latin1'))) {
        if (bytes.at(-1) !== 0x0a) continue;
        const written = again(bytes, offset === 0, file.endsWith('.base'));
        t.equal(written.toString('latin1'), bytes.toString('latin1'), `${file} at ${offset}`);
      }
    }
  });
}
