/** `cairn token show`: the secret, and nothing else, on stdout: `curl -H "Authorization: Bearer $(cairn token show)"`. */
import { CairnError } from '../errors.js';
import { exitCodes } from '../exit-codes.js';
import { nodeSmallFiles } from '../platform/node-secrets.js';
import { findToken, reasonForNone, tokenPath } from '../token.js';
import type { Io } from './io.js';
import { readConfigHere } from './reading.js';

export async function tokenShow(argv: readonly string[], io: Io): Promise<number> {
  const { config } = await readConfigHere(argv, io);
  const reason = reasonForNone(config);
  if (reason === 'off') throw notNeeded('auth is off');
  if (reason === 'loopback') throw notNeeded(`only this machine can reach ${config.host}`);
  const found = await findToken(config, nodeSmallFiles);
  if (found === null) throw new CairnError('token_missing', `There is no token in ${tokenPath(config)} yet.`);
  io.stdout.write(`${found.token}\n`);
  return exitCodes.ok;
}

function notNeeded(why: string): CairnError {
  return new CairnError('token_missing', `No token is needed: ${why}.`, {
    hint: 'Give the flags and variables that the service runs with; --auth=on asks for a token on any address.',
  });
}
