/**
 * The window of the last changes as it was when the process before ended, read from the logs that a start found. What
 * cannot be read of them makes it shorter, and that is all.
 */
import { WINDOW_BYTES_MAX, WINDOW_CHANGES_MAX } from '../limits.js';
import type { Change } from '../model.js';
import type { Files } from '../platform/files.js';
import type { Logger } from '../platform/logger.js';
import type { Recovered } from '../snapshot/recovery.js';
import { readTail } from '../snapshot/tail.js';
import { ChangeWindow, changeSize } from '../store/window.js';

export interface LookBackOptions {
  readonly files: Files;
  readonly directory: string;
  readonly logger: Logger;
}

/** Rejects only with what is a defect. */
export async function lookBack(
  { past, successor, epoch }: Omit<Recovered<unknown>, 'target'>,
  { files, directory, logger }: LookBackOptions,
): Promise<ChangeWindow> {
  const { takeOver, after } = successor;
  const lines: (readonly Change[])[] = [takeOver];
  let changes = takeOver.length;
  let bytes = takeOver.reduce((sum, change) => sum + changeSize(change), 0);
  const begins = { epoch: takeOver[0]?.epoch ?? epoch, revision: after };
  const tail = await readTail({ files, directory, logs: past, begins }, line => {
    lines.push(line);
    changes += line.length;
    for (const change of line) bytes += changeSize(change);
    // One more than the window holds: so it knows the change before its oldest.
    return changes <= WINDOW_CHANGES_MAX && bytes <= WINDOW_BYTES_MAX;
  });
  if (tail.broken !== null) {
    logger.debug({ err: tail.broken, from: tail.begins }, 'the changes before these are not known any more');
  }
  const window = new ChangeWindow(tail.begins);
  for (const line of lines.reverse()) for (const change of line) window.append(change);
  return window;
}
