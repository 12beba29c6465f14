/** `cairn repair`: makes a directory that a start refuses into one that it reads, and says what that costs. */
import { randomUUID } from 'node:crypto';
import { CairnError } from '../errors.js';
import { exitCodes } from '../exit-codes.js';
import { type Clock, systemClock } from '../platform/clock.js';
import { nodeFiles } from '../platform/node-files.js';
import { repairSnapshots } from '../snapshot/repair.js';
import type { RepairMode } from '../snapshot/salvage.js';
import type { Io } from './io.js';
import { withLock } from './locked.js';
import { Progress } from './progress.js';
import { placeOf, readWords } from './words.js';

/** Data on stdout, as of `cairn verify`: a line for each finding, then the facts as JSON. */
export async function repair(argv: readonly string[], io: Io, clock: Clock = systemClock): Promise<number> {
  const words = readWords(argv, { flags: ['--prefix', '--salvage', '--dry-run'] });
  const [name, second] = words.names;
  if (second !== undefined)
    throw new CairnError('usage', `repair takes one directory, not ${JSON.stringify(second)} too.`);
  const mode = modeOf(words.flags);
  const dryRun = words.flags.has('--dry-run');
  const place = await placeOf(name, words, io);
  const { directory } = place;
  const progress = new Progress(io, clock);
  const work = () =>
    repairSnapshots({
      files: nodeFiles,
      directory,
      mode,
      dryRun,
      newStoreId: randomUUID,
      onProgress: (done, total) => progress.show(done, total),
    });
  const { needed, findings, facts } = await (dryRun ? work() : withLock(place, clock, work)).finally(() =>
    progress.end(),
  );
  for (const finding of findings) io.stdout.write(`${finding}\n`);
  io.stdout.write(
    `${JSON.stringify({ repaired: needed && !dryRun, needed, dryRun, mode, directory, ...facts })}\n`,
  );
  return exitCodes.ok;
}

function modeOf(flags: ReadonlySet<string>): RepairMode {
  if (flags.has('--prefix') !== flags.has('--salvage')) return flags.has('--prefix') ? 'prefix' : 'salvage';
  throw new CairnError('usage', 'repair needs one of --prefix and --salvage.', {
    hint:
      '--prefix keeps the state as it was just before the damage, and nothing behind it. --salvage keeps all that ' +
      'can be read, also behind it; what was lost in between is then missing from it. --dry-run shows what each loses.',
  });
}
