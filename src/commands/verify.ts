/** `cairn verify`: reads a snapshot directory as a start would, and says what it found. */
import { CairnError } from '../errors.js';
import { exitCodes } from '../exit-codes.js';
import { type Clock, systemClock } from '../platform/clock.js';
import { nodeFiles } from '../platform/node-files.js';
import { type VerifyReport, verifySnapshots } from '../snapshot/verify.js';
import type { Io } from './io.js';
import { Progress } from './progress.js';
import { placeOf, readWords } from './words.js';

/** Data on stdout: a line for each finding, then the facts as JSON. */
export async function verify(argv: readonly string[], io: Io, clock: Clock = systemClock): Promise<number> {
  const words = readWords(argv);
  const [name, second] = words.names;
  if (second !== undefined)
    throw new CairnError('usage', `verify takes one directory, not ${JSON.stringify(second)} too.`);
  const { directory } = await placeOf(name, words, io);
  const progress = new Progress(io, clock);
  const report = await verifySnapshots({
    files: nodeFiles,
    directory,
    onProgress: (done, total) => progress.show(done, total),
  }).finally(() => progress.end());
  print(report, directory, io);
  return report.sound ? exitCodes.ok : exitCodes.damaged;
}

function print({ sound, findings, facts }: VerifyReport, directory: string, io: Io): void {
  for (const finding of findings) io.stdout.write(`${finding}\n`);
  io.stdout.write(`${JSON.stringify({ sound, directory, ...facts })}\n`);
}
