/**
 * Files that were cut off at any byte, or that have something behind their end, in every kind of directory
 * (fixtures/damage-corpora.ts). What a start may make of it is said in fixtures/damage-judge.ts: of the newest log that
 * is cut off, all that is left and not more; of anything else a refusal, or the whole state.
 *
 * Some lengths are tried, chosen by CAIRN_SEED; CAIRN_TORTURE=1 tries every one of larger files.
 */
import t from 'tap';
import { type Corpus, corpora } from '../fixtures/damage-corpora.js';
import { type Damage, firstChange, linesOf } from '../fixtures/damage-judge.js';
import { recoverUncounted, recoverUnsealed } from '../fixtures/damage-mutants.js';
import { judgeAll, judgeSome } from '../fixtures/damage-sample.js';
import { type Random, randomOf, seedOf } from '../fixtures/seeded-random.js';

const TORTURE = process.env['CAIRN_TORTURE'] === '1';
const SEED = seedOf();

/** Lines in the logs of a directory: 6 or 16 KiB of them. */
const LINES = TORTURE ? 108 : 40;
/** The share of all lengths that is tried. */
const SHARE = TORTURE ? 1 : 0.05;
/** What must be reached. */
const LENGTHS_MIN = TORTURE ? 50_000 : 1_000;
/** NULs behind the end, as a file system leaves them to the end of its block. */
const TAIL_BYTES_MAX = 4096;
/** Milliseconds after which nothing more is tried. */
const LIMIT_MS = TORTURE ? 15 * 60_000 : 60_000;

t.setTimeout(TORTURE ? 2 * LIMIT_MS : 240_000);

const until = performance.now() + LIMIT_MS;
const sample = (share: number, seed = SEED) => ({ share, random: randomOf(seed), until });

function* lengths({ tree }: Corpus): Iterable<Damage> {
  for (const [path, bytes] of tree) {
    for (let length = 0; length < bytes.length; length++) {
      yield { name: `cut off at ${length}`, path, bytes: bytes.subarray(0, length), from: length };
    }
  }
}

function* nulTails({ tree }: Corpus): Iterable<Damage> {
  for (const [path, bytes] of tree) {
    for (let length = 1; length <= TAIL_BYTES_MAX; length++) {
      yield {
        name: `${length} NULs behind it`,
        path,
        bytes: Buffer.concat([bytes, Buffer.alloc(length)]),
        from: bytes.length,
      };
    }
  }
}

/** Bytes of any kind, newlines among them, behind the end or in place of the last ones. */
function* garbageTails({ tree }: Corpus, random: Random): Iterable<Damage> {
  for (const [path, bytes] of tree) {
    for (let i = 0; i < TAILS; i++) {
      const garbage = Buffer.alloc(1 + Math.floor(random() * 600));
      for (let at = 0; at < garbage.length; at++) {
        garbage[at] = random() < 0.05 ? 0x0a : Math.floor(random() * 256);
      }
      const cut = random() < 0.5 ? 0 : Math.floor(random() * 300);
      const end = Math.max(bytes.length - cut, 0);
      const name = `${garbage.length} bytes of garbage from ${end}`;
      const spoilt = Buffer.concat([bytes.subarray(0, end), garbage]);
      yield { name, path, bytes: spoilt, from: firstChange(bytes, spoilt) ?? end };
    }
  }
}

const TAILS = TORTURE ? 1_000 : 40;

t.test(`a file that is cut off at any byte (CAIRN_SEED=${SEED})`, async t => {
  const cut = await judgeAll(t, 'lengths of a file', await corpora(LINES), lengths, sample(SHARE));
  t.ok(cut >= LENGTHS_MIN, `at least ${LENGTHS_MIN} lengths`);
});

t.test(`NULs behind the end of a file (CAIRN_SEED=${SEED})`, async t => {
  await judgeAll(t, 'tails of NULs', await corpora(LINES), nulTails, sample(SHARE / 2));
});

t.test(`garbage behind the end of a file (CAIRN_SEED=${SEED})`, async t => {
  const random = randomOf(SEED);
  const tails = (corpus: Corpus): Iterable<Damage> => garbageTails(corpus, random);
  await judgeAll(t, 'tails of garbage', await corpora(LINES), tails, sample(1));
});

/** A file system may show the lines of a removed file in blocks whose data did not arrive. */
t.test('older lines behind a line that is torn prove nothing', async t => {
  for (const corpus of await corpora(LINES)) {
    const { newest: path, tree } = corpus;
    const bytes = tree.get(path) ?? Buffer.alloc(0);
    const lines = linesOf(bytes);
    const stale = Buffer.concat([...tree.values()].flatMap(older => linesOf(older).map(line => line.bytes)));
    for (const { offset } of lines.slice(2)) {
      const before = Buffer.concat(lines.filter(line => line.offset < offset).map(line => line.bytes));
      const older = Buffer.concat([bytes.subarray(0, offset), Buffer.from('torn\n'), before]);
      const { outcomes, wrong } = await judgeSome(
        corpus,
        [{ name: `older lines from ${offset}`, path, bytes: older, from: offset }],
        sample(1),
      );
      t.strictSame([outcomes.refused, wrong], [0, []], corpus.name);
    }
    const newer = Buffer.concat([bytes.subarray(0, lines[1]?.offset), Buffer.from('torn\n'), stale]);
    const { outcomes, wrong } = await judgeSome(
      corpus,
      [{ name: 'newer lines', path, bytes: newer, from: lines[1]?.offset ?? 0 }],
      sample(1),
    );
    t.strictSame([outcomes.refused, wrong], [1, []], corpus.name);
  }
});

for (const [name, recover] of [
  ['the last line of a base is not looked at', recoverUncounted],
  ['the seal of a log is not looked at', recoverUnsealed],
] as const) {
  t.test(`the lengths find it when ${name}`, async t => {
    let wrong: readonly string[] = [];
    for (const corpus of await corpora(LINES)) {
      ({ wrong } = await judgeSome(corpus, lengths(corpus), sample(0.1, 1), recover));
      if (wrong.length > 0) break;
    }
    t.ok(wrong.length > 0, wrong[0] ?? 'nothing was found');
  });
}
