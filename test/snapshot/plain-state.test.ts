/** What a repair makes of versions some of which are lost. */
import t from 'tap';
import type { BaseEntry, BaseVersion, Change } from '../../src/model.js';
import { BaseOutput } from '../../src/snapshot/base.js';
import { decodeBaseLine } from '../../src/snapshot/format.js';
import { PlainState } from '../../src/snapshot/plain-state.js';
import { key, text } from '../fixtures/memory-engine.js';

const place = (revision: number) => ({ key: key('k'), version: revision, revision, epoch: 5, time: 5 });
const note = { by: null, comment: null };
const entry = (revision: number): BaseEntry => ({
  ...place(revision),
  text: text(`${revision}`),
  deadline: null,
});
const version = (revision: number, own: string | null = `${revision}`): BaseVersion => ({
  ...{ ...place(revision), ...note, deleted: false },
  text: own === null ? null : text(own),
});

/** The rows that it writes: version and text, of the entry first. */
async function written(state: PlainState): Promise<string[]> {
  state.settle();
  const rows: string[] = [];
  const output = new BaseOutput({
    append: async bytes => {
      const line = decodeBaseLine(Buffer.from(bytes));
      if (line.type === 'entries') rows.push(...line.entries.map(row => `${row.version} is ${row.text}`));
      if (line.type === 'versions')
        rows.push(...line.versions.map(row => `${row.version} ${row.deleted ? 'deleted' : row.text}`));
      return bytes.length;
    },
  });
  await state.write(output);
  return rows;
}

t.test('a deletion of a key whose entry is lost ends the versions that are left', async t => {
  const state = new PlainState();
  state.loadVersion('c', version(1));
  const gone: Change = { type: 'delete', ...place(3), collection: 'c', reason: 'deleted', note };
  t.equal(state.apply(gone), false);
  t.strictSame(await written(state), ['1 1', '3 deleted']);
});

t.test('a version of the same text as one that is lost is lost too', async t => {
  const state = new PlainState();
  state.load('c', entry(5));
  for (const row of [version(1), version(2, null), version(4, null), version(5, null)])
    state.loadVersion('c', row);
  t.strictSame(await written(state), ['5 is 5', '1 1', '2 null', '5 null']);
});

t.test(
  'versions that end before the entry get that of the entry, and older entries give way to them',
  async t => {
    const state = new PlainState();
    state.load('c', entry(5));
    state.loadVersion('c', version(1));
    t.strictSame(await written(state), ['5 is 5', '1 1', '5 null']);
    const older = new PlainState();
    older.load('c', entry(1));
    for (const row of [version(1, null), version(2)]) older.loadVersion('c', row);
    t.strictSame(await written(older), ['2 is 2', '1 1', '2 null']);
  },
);

t.test('of two lives of a key, whose end was lost, the later one counts', async t => {
  const state = new PlainState();
  for (const row of [version(1), version(2), version(3)]) state.loadVersion('c', row);
  const put: Change = { type: 'put', ...place(9), collection: 'c', text: text('9'), deadline: null, note };
  state.apply({ ...put, version: 2 });
  t.strictSame(await written(state), ['2 is 9']);
});
