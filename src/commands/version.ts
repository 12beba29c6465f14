/** `cairn version` */
import { exitCodes } from '../exit-codes.js';
import { formatVersion, readVersion } from '../version.js';
import type { Io } from './io.js';

export async function version(_argv: readonly string[], io: Io): Promise<number> {
  const facts = readVersion();
  io.stdout.write(`cairn ${formatVersion(facts)}, Node.js ${facts.node}\n`);
  return exitCodes.ok;
}
