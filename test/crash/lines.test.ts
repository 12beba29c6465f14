/**
 * Right lines in wrong places: swapped, doubled, missing, or from another place or file, in every kind of directory
 * (fixtures/damage-corpora.ts). What a start may make of it is said in fixtures/damage-judge.ts.
 *
 * Some pairs are tried, chosen by CAIRN_SEED; CAIRN_TORTURE=1 tries every pair.
 */
import t from 'tap';
import { type Corpus, corpora } from '../fixtures/damage-corpora.js';
import { type Damage, firstChange, linesOf } from '../fixtures/damage-judge.js';
import { recoverUnordered } from '../fixtures/damage-mutants.js';
import { judgeAll, judgeSome } from '../fixtures/damage-sample.js';
import { randomOf, seedOf } from '../fixtures/seeded-random.js';

const TORTURE = process.env['CAIRN_TORTURE'] === '1';
const SEED = seedOf();

const LINES = 40;
/** The share of all pairs that is tried. */
const SHARE = TORTURE ? 1 : 0.05;
/** Milliseconds after which nothing more is tried. */
const LIMIT_MS = TORTURE ? 15 * 60_000 : 60_000;

t.setTimeout(TORTURE ? 2 * LIMIT_MS : 240_000);

const until = performance.now() + LIMIT_MS;
const sample = (share: number, seed = SEED) => ({ share, random: randomOf(seed), until });

type Edit = readonly [name: string, lines: readonly Buffer[]];

/** Nothing where the bytes are as they were. */
function* edited(
  { tree }: Corpus,
  edit: (lines: readonly Buffer[], path: string) => Iterable<Edit>,
): Iterable<Damage> {
  for (const [path, before] of tree) {
    for (const [name, after] of edit(
      linesOf(before).map(line => line.bytes),
      path,
    )) {
      const bytes = Buffer.concat(after);
      const from = firstChange(before, bytes);
      if (from !== null) yield { name, path, bytes, from };
    }
  }
}

const swapped = (corpus: Corpus): Iterable<Damage> =>
  edited(corpus, function* (lines) {
    for (const [i, a] of lines.entries()) {
      for (const [j, b] of lines.entries()) {
        if (j > i) yield [`lines ${i} and ${j} swapped`, lines.with(i, b).with(j, a)];
      }
    }
  });

const missing = (corpus: Corpus): Iterable<Damage> =>
  edited(corpus, function* (lines) {
    for (let i = 0; i < lines.length; i++) {
      for (const count of [1, 2, 5]) yield [`${count} lines missing from ${i}`, lines.toSpliced(i, count)];
    }
  });

/** A line of any file before any line of any file, itself among them. */
const inserted = (corpus: Corpus): Iterable<Damage> => {
  const all = [...corpus.tree.values()].flatMap(bytes => linesOf(bytes).map(line => line.bytes));
  return edited(corpus, function* (lines) {
    for (let i = 0; i <= lines.length; i++) {
      for (const [j, line] of all.entries()) {
        yield [`line ${j} of all before line ${i}`, lines.toSpliced(i, 0, line)];
        yield [`line ${j} of all in place of line ${i}`, lines.toSpliced(i, 1, line)];
      }
    }
  });
};

/** The lines of bases alone, of which there are few. */
function* amongBases({ tree, ...corpus }: Corpus): Iterable<Damage> {
  yield* inserted({ ...corpus, tree: new Map([...tree].filter(([path]) => path.endsWith('.base'))) });
}

t.test('lines of one base in another', async t => {
  await judgeAll(t, 'lines of bases in another place', await corpora(LINES), amongBases, sample(1));
});

t.test('lines that are missing', async t => {
  await judgeAll(t, 'lines missing', await corpora(LINES), missing, sample(1));
});

t.test(`lines that are swapped (CAIRN_SEED=${SEED})`, async t => {
  await judgeAll(t, 'pairs swapped', await corpora(LINES), swapped, sample(SHARE));
});

t.test(`lines that are doubled, or come from another place (CAIRN_SEED=${SEED})`, async t => {
  await judgeAll(t, 'lines in another place', await corpora(LINES), inserted, sample(SHARE));
});

t.test('the swapped lines find it when their revisions are not looked at', async t => {
  const [corpus] = await corpora(LINES);
  if (corpus === undefined) throw new TypeError('there is no corpus');
  const { wrong } = await judgeSome(corpus, swapped(corpus), sample(0.2, 1), recoverUnordered);
  t.ok(wrong.length > 0, wrong[0] ?? 'nothing was found');
});
