import t from 'tap';
import { BASE_LINE_BYTES, BASE_SYNC_BYTES } from '../../src/limits.js';
import type { Clock } from '../../src/platform/clock.js';
import type { File } from '../../src/platform/files.js';
import type { FrozenState } from '../../src/snapshot/base.js';
import { BaseReader, writeBase } from '../../src/snapshot/base.js';
import { readSegments } from '../../src/snapshot/reader.js';
import { CrashFiles } from '../fixtures/crash-files.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { MapState, STORE_ID } from '../fixtures/map-state.js';

const PATH = '/00000007.base';
const MIB = 1024 * 1024;

/** A clock that every look moves on, so that each slice ends after a few entries. */
function hurriedClock(): Clock & { turns: number } {
  const clock = new ManualClock();
  let moment = 0;
  return {
    turns: 0,
    now: () => clock.now(),
    monotonic: () => moment++,
    setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
    async turn() {
      this.turns += 1;
      await clock.turn();
    },
  };
}

function stateOf(keys: number, text = '1'): FrozenState {
  const state = new MapState();
  for (let i = 0; i < keys; i++) state.put(`key${i}`, text);
  return state.freeze();
}

async function write(state: FrozenState, clock: Clock, abandoned = () => false) {
  const files = new CrashFiles();
  const file = await files.create(PATH);
  const bytes = await writeBase({ file, state, store: STORE_ID, epoch: 1, number: 7, clock, abandoned });
  return { files, bytes };
}

async function countEntries(files: CrashFiles, revision: number): Promise<number> {
  const file = await files.openForReading(PATH);
  const reader = new BaseReader({ name: '00000007.base', store: STORE_ID, number: 7, revision });
  let entries = 0;
  for await (const segments of readSegments(file, (await file.stat()).size)) {
    for (const segment of segments) {
      const line = reader.take(segment);
      if (line?.type === 'entries') entries += line.entries.length;
    }
  }
  reader.finish();
  return entries;
}

t.test('the event loop has its turn after every slice', async t => {
  const clock = hurriedClock();
  const { files, bytes } = await write(stateOf(50), clock);
  t.ok(clock.turns >= 20, `${clock.turns} turns for 50 entries`);
  t.equal(await countEntries(files, 50), 50);
  t.equal(bytes, files.read(PATH).length);
});

t.test('lines are cut when they are full, and each is on its way before the next is begun', async t => {
  const text = `"${'x'.repeat(BASE_LINE_BYTES / 4)}"`;
  const { files } = await write(stateOf(10, text), new ManualClock());
  t.equal(await countEntries(files, 10), 10);
  const lines = Buffer.from(files.read(PATH)).toString().split('\n').length - 1;
  t.ok(lines >= 4, `${lines} lines`);
  t.ok(files.calls.filter(call => call.op === 'append').length >= lines);
});

t.test('an fsync of the log never waits for more of a base than some MiB', async t => {
  const text = `"${'x'.repeat(MIB / 4)}"`;
  const files = new CrashFiles();
  const file = await files.create(PATH);
  let unsynced = 0;
  let most = 0;
  const watched: File = {
    read: (buffer, position) => file.read(buffer, position),
    append: async bytes => {
      const written = await file.append(bytes);
      unsynced += written;
      most = Math.max(most, unsynced);
      return written;
    },
    sync: async () => {
      await file.sync();
      unsynced = 0;
    },
    truncate: size => file.truncate(size),
    stat: () => file.stat(),
    close: () => file.close(),
  };
  const clock = new ManualClock();
  const state = stateOf(60, text);
  await writeBase({
    file: watched,
    state,
    store: STORE_ID,
    epoch: 1,
    number: 7,
    clock,
    abandoned: () => false,
  });
  t.ok(most >= BASE_SYNC_BYTES, 'there was enough to sync');
  t.ok(most <= BASE_SYNC_BYTES + MIB, `${most} bytes`);
  t.equal(unsynced, 0, 'all of it is synced at the end');
  t.equal(await countEntries(files, 60), 60);
});

t.test('an empty state is a base of two lines', async t => {
  const { files } = await write(stateOf(0), new ManualClock());
  t.equal(await countEntries(files, 0), 0);
});

t.test('a base that is given up between slices has no last line', async t => {
  let looks = 0;
  const { files, bytes } = await write(stateOf(50), hurriedClock(), () => ++looks > 3);
  t.equal(bytes, null);
  await t.rejects(countEntries(files, 50), { code: 'snapshot_damaged' });
});

t.test('a state that does not hold what it said is not published', async t => {
  const state = { ...stateOf(3), entries: 4 };
  await t.rejects(write(state, new ManualClock()), {
    message: /3 entries and 0 versions where the store had 4/,
  });
});
