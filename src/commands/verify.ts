/** `cairn verify`: reads a snapshot directory as a start would, and says what it found. */
import { CairnError } from '../errors.js';
import { exitCodes } from '../exit-codes.js';
import { VERIFY_PROGRESS_MS } from '../limits.js';
import { type Clock, systemClock } from '../platform/clock.js';
import { nodeFiles } from '../platform/node-files.js';
import { type VerifyReport, verifySnapshots } from '../snapshot/verify.js';
import type { Io } from './io.js';
import { readConfigHere } from './reading.js';

/** Data on stdout: a line for each finding, then the facts as JSON. */
export async function verify(argv: readonly string[], io: Io, clock: Clock = systemClock): Promise<number> {
  const directory = await chooseDirectory(argv, io);
  const progress = new Progress(io, clock);
  const report = await verifySnapshots({
    files: nodeFiles,
    directory,
    onProgress: (done, total) => progress.show(done, total),
  }).finally(() => progress.end());
  print(report, directory, io);
  return report.sound ? exitCodes.ok : exitCodes.damaged;
}

async function chooseDirectory(argv: readonly string[], io: Io): Promise<string> {
  const [first, second] = argv;
  if (first === undefined || first.startsWith('-'))
    return (await readConfigHere(argv, io)).config.snapshotDir;
  if (second === undefined) return first;
  throw new CairnError('usage', `verify takes one directory, not ${JSON.stringify(second)} too.`);
}

function print({ sound, findings, facts }: VerifyReport, directory: string, io: Io): void {
  for (const finding of findings) io.stdout.write(`${finding}\n`);
  io.stdout.write(`${JSON.stringify({ sound, directory, ...facts })}\n`);
}

/** One line of a terminal, rewritten; nothing at all where it is over within `VERIFY_PROGRESS_MS`. */
class Progress {
  readonly #io: Io;
  readonly #clock: Clock;
  #next: number;
  #shown = false;

  constructor(io: Io, clock: Clock) {
    this.#io = io;
    this.#clock = clock;
    this.#next = clock.monotonic() + VERIFY_PROGRESS_MS;
  }

  show(done: number, total: number): void {
    if (!this.#io.stderr.isTTY || this.#clock.monotonic() < this.#next) return;
    this.#next = this.#clock.monotonic() + VERIFY_PROGRESS_MS;
    this.#shown = true;
    this.#io.stderr.write(`\r${Math.floor((100 * done) / Math.max(total, 1))} % of ${total} bytes`);
  }

  end(): void {
    if (this.#shown) this.#io.stderr.write('\n');
  }
}
