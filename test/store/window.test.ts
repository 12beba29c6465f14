/** The window of the last changes beside a plain array of all of them. CAIRN_SEED=n repeats a run. */
import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { Change, ChangeId, JsonText, Key, Note } from '../../src/model.js';
import { ChangeWindow, changeSize } from '../../src/store/window.js';
import { seedOf } from '../fixtures/seeded-random.js';

const SEED = seedOf();
const RUNS = 500;
const FLOOR: ChangeId = { epoch: 7, revision: 40 };
/** Bytes of the key of every change. */
const KEY_BYTES = 1;

function change(revision: number, { epoch = 8, text = '1' } = {}): Change {
  const common = { collection: 'kv', key: 'k' as Key, version: 1, time: 1 };
  return { type: 'put', ...common, revision, epoch, text: text as JsonText, deadline: null };
}

function windowOf(count: number, bounds = { changesMax: 3, bytesMax: 1_000 }): ChangeWindow {
  const window = new ChangeWindow(FLOOR, bounds);
  for (let i = 1; i <= count; i++) window.append(change(FLOOR.revision + i));
  return window;
}

const revisions = (changes: readonly Change[] | null) => changes?.map(({ revision }) => revision) ?? null;

t.test('without a change the present is the floor, which is known by its id and by its revision', async t => {
  const window = windowOf(0);
  t.same(window.present, FLOOR);
  t.same([window.size, window.bytes, window.all()], [0, 0, []]);
  t.same(window.after(FLOOR, 9), []);
  t.same(window.after(40, 9), []);
  for (const other of [
    39,
    41,
    0,
    { ...FLOOR, epoch: 8 },
    { epoch: 7, revision: 39 },
    { epoch: 7, revision: 0 },
  ])
    t.equal(window.after(other, 9), null);
});

t.test('the oldest goes first, and is the floor then', async t => {
  const window = windowOf(5);
  t.same(revisions(window.all()), [43, 44, 45]);
  t.same(window.floor, { epoch: 8, revision: 42 });
  t.same(window.present, { epoch: 8, revision: 45 });
  t.same(revisions(window.after({ epoch: 8, revision: 42 }, 9)), [43, 44, 45]);
  t.equal(window.after({ epoch: 7, revision: 42 }, 9), null);
  t.equal(window.after(41, 9), null);
});

t.test('a change that does not follow is a defect, and nothing changes', async t => {
  const window = windowOf(2);
  for (const wrong of [42, 44, 41]) t.throws(() => window.append(change(wrong)), /cannot follow change 42/);
  t.same(revisions(window.all()), [41, 42]);
});

t.test('what is larger than the bound alone leaves only its id', async t => {
  const window = windowOf(2, { changesMax: 3, bytesMax: 10 });
  window.append(change(43, { text: 'x'.repeat(10) }));
  t.same([window.size, window.bytes], [0, 0]);
  t.same(window.present, { epoch: 8, revision: 43 });
  t.same(window.after({ epoch: 8, revision: 43 }, 9), []);
  t.equal(window.after(42, 9), null);
});

t.test('a change counts for its key, its text and who is named for it', async t => {
  t.equal(changeSize(change(1, { text: '12345' })), KEY_BYTES + 5);
  t.equal(changeSize({ ...change(1), note: { by: 'ci', comment: 'why' } }), KEY_BYTES + 1 + 5);
  t.equal(changeSize({ ...change(1), note: { by: null, comment: null } }), KEY_BYTES + 1);
  const { text: _, ...rest } = change(1) as Change & { text: string };
  t.equal(changeSize({ ...rest, type: 'touch', deadline: 1 } as Change), KEY_BYTES);
  t.equal(changeSize({ ...rest, type: 'delete', reason: 'evicted' } as Change), KEY_BYTES);
});

t.test('the texts in it are the strings that came', async t => {
  const window = windowOf(0);
  const put = change(41, { text: '"long enough to be a string of its own"' });
  window.append(put);
  t.equal(window.all()[0], put);
});

/** The same, as slowly as can be. */
class PlainWindow {
  readonly #all: Change[] = [];
  readonly #floor: ChangeId;
  readonly #changesMax: number;
  readonly #bytesMax: number;

  constructor(floor: ChangeId, { changesMax, bytesMax }: { changesMax: number; bytesMax: number }) {
    this.#floor = floor;
    this.#changesMax = changesMax;
    this.#bytesMax = bytesMax;
  }

  append(change: Change): void {
    this.#all.push(change);
  }

  #kept(): Change[] {
    for (let from = Math.max(0, this.#all.length - this.#changesMax); ; from++) {
      const kept = this.#all.slice(from);
      if (kept.reduce((sum, change) => sum + changeSize(change), 0) <= this.#bytesMax) return kept;
    }
  }

  after({ epoch, revision }: ChangeId, limit: number, bare: boolean): readonly Change[] | null {
    const kept = this.#kept();
    const seen = [this.#floor, ...this.#all].slice(-kept.length - 1);
    const at = seen.findIndex(
      id => id.revision === revision && (bare || revision === 0 || id.epoch === epoch),
    );
    return at < 0 ? null : kept.slice(at, at + limit);
  }
}

const notes: fc.Arbitrary<Note | undefined> = fc.option(
  fc.record({ by: fc.option(fc.string({ maxLength: 5 })), comment: fc.option(fc.string({ maxLength: 5 })) }),
  { nil: undefined },
);

const appended = fc.record({
  size: fc.oneof(fc.nat(8), fc.nat(80)),
  newEpoch: fc.boolean(),
  type: fc.constantFrom('put', 'touch', 'delete'),
  note: notes,
});

const lives = fc.record({
  floor: fc.record({ epoch: fc.integer({ min: 1, max: 3 }), revision: fc.nat(5) }),
  changesMax: fc.integer({ min: 1, max: 12 }),
  bytesMax: fc.integer({ min: 1, max: 120 }),
  appends: fc.array(appended, { maxLength: 60 }),
});

t.test(`it answers as an array of all changes would (CAIRN_SEED=${SEED})`, async t => {
  let asked = 0;
  const property = fc.property(lives, ({ floor, changesMax, bytesMax, appends }) => {
    const window = new ChangeWindow(floor, { changesMax, bytesMax });
    const plain = new PlainWindow(floor, { changesMax, bytesMax });
    let { epoch } = floor;
    for (const [i, { size, newEpoch, type, note }] of appends.entries()) {
      epoch += newEpoch ? 1 : 0;
      const put = change(floor.revision + i + 1, { epoch, text: 'x'.repeat(size) });
      const made = { ...put, type, reason: 'deleted', ...(note === undefined ? {} : { note }) } as Change;
      window.append(made);
      plain.append(made);
    }
    const last = floor.revision + appends.length;
    deepStrictEqual(window.present.revision, last);
    for (let revision = Math.max(0, floor.revision - 2); revision <= last + 2; revision++) {
      for (const limit of [0, 1, 3, 1_000]) {
        deepStrictEqual(window.after(revision, limit), plain.after({ epoch: 0, revision }, limit, true));
        for (let other = floor.epoch - 1; other <= epoch + 1; other++) {
          const id = { epoch: other, revision };
          deepStrictEqual(window.after(id, limit), plain.after(id, limit, false));
          asked++;
        }
      }
    }
  });
  const details = fc.check(property, { numRuns: RUNS, seed: SEED });
  t.equal(details.failed, false, fc.defaultReportMessage(details) ?? 'every answer is that of the array');
  t.comment(`${asked} questions`);
});
