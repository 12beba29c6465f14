/**
 * Bits that flip and sectors that are lost, in every file of every kind of directory (fixtures/damage-corpora.ts). What
 * a start may make of it is said in fixtures/damage-judge.ts: never a wrong value, never a missing or older one.
 *
 * One flip in some is tried, chosen by CAIRN_SEED; CAIRN_TORTURE=1 tries every bit.
 */
import t from 'tap';
import { type Corpus, corpora } from '../fixtures/damage-corpora.js';
import { type Damage, firstChange } from '../fixtures/damage-judge.js';
import { recoverToDamage, recoverUnchecked } from '../fixtures/damage-mutants.js';
import { judgeAll, judgeSome } from '../fixtures/damage-sample.js';
import { SECTOR_BYTES } from '../fixtures/effect-disk.js';
import { randomOf, seedOf } from '../fixtures/seeded-random.js';

const TORTURE = process.env['CAIRN_TORTURE'] === '1';
const SEED = seedOf();

/** Lines in the logs of a directory: about 6 KiB. */
const LINES = 40;
/** The share of all flips that is tried: some thousands. */
const SHARE = TORTURE ? 1 : 0.01;
/** What must be reached. */
const FLIPS_MIN = TORTURE ? 100_000 : 1_000;
/** Milliseconds after which nothing more is tried. */
const LIMIT_MS = TORTURE ? 15 * 60_000 : 60_000;

t.setTimeout(TORTURE ? 2 * LIMIT_MS : 240_000);

const until = performance.now() + LIMIT_MS;
const sample = (share: number, seed = SEED) => ({ share, random: randomOf(seed), until });

function* flips({ tree }: Corpus): Iterable<Damage> {
  for (const [path, bytes] of tree) {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const from = bit >> 3;
      const flipped = Uint8Array.from(bytes);
      flipped[from] = (flipped[from] ?? 0) ^ (1 << (bit & 7));
      yield { name: `bit ${bit}`, path, bytes: flipped, from };
    }
  }
}

const NEWLINE = 0x0a;

/** Where a newline was: two lines are one then. */
function* newlines(corpus: Corpus): Iterable<Damage> {
  for (const flip of flips(corpus)) {
    if (corpus.tree.get(flip.path)?.[flip.from] === NEWLINE) yield flip;
  }
}

/** Whole sectors, and parts of them, that read as NULs, as ones, or as another sector of the same file. */
function* sectors({ tree }: Corpus): Iterable<Damage> {
  for (const [path, bytes] of tree) {
    for (const length of [SECTOR_BYTES, SECTOR_BYTES / 8, 8 * SECTOR_BYTES]) {
      for (let at = 0; at < bytes.length; at += length) {
        const end = Math.min(at + length, bytes.length);
        const other = bytes.subarray(0, end - at);
        for (const [name, fill] of [
          ['NULs', 0],
          ['ones', 0xff],
          ['the first', other],
        ] as const) {
          const lost = Uint8Array.from(bytes);
          if (typeof fill === 'number') lost.fill(fill, at, end);
          else lost.set(fill, at);
          const from = firstChange(bytes, lost);
          if (from !== null) yield { name: `${length} bytes at ${at} are ${name}`, path, bytes: lost, from };
        }
      }
    }
  }
}

t.test(`a flipped bit is refused with its place, or costs nothing (CAIRN_SEED=${SEED})`, async t => {
  const flipped = await judgeAll(t, 'flips of one bit', await corpora(LINES), flips, sample(SHARE));
  t.ok(flipped >= FLIPS_MIN, `at least ${FLIPS_MIN} flips`);
});

t.test('a flipped newline hides no line that stands behind it', async t => {
  await judgeAll(t, 'flips of newlines', await corpora(LINES), newlines, sample(1));
});

t.test('a sector that is lost is refused with its place, or costs nothing', async t => {
  await judgeAll(t, 'sectors lost', await corpora(LINES), sectors, sample(1));
});

for (const [name, recover] of [
  ['no checksum is looked at', recoverUnchecked],
  ['every wrong line is taken for a torn tail', recoverToDamage],
] as const) {
  t.test(`the flips find it when ${name}`, async t => {
    const [corpus] = await corpora(LINES);
    if (corpus === undefined) throw new TypeError('there is no corpus');
    const { wrong } = await judgeSome(corpus, flips(corpus), sample(0.05, 1), recover);
    t.ok(wrong.length > 0, wrong[0] ?? 'nothing was found');
  });
}
