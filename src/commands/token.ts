/**
 * The verbs about tokens. `token show` prints the one that opens everything, and nothing else, on stdout:
 * `curl -H "Authorization: Bearer $(cairn token show)"`. `token create` makes one that may do less: the first line on
 * stdout is the token, which is kept nowhere, and the rest its entry for the file `--tokens`.
 */
import { createHash, randomBytes } from 'node:crypto';
import { findToken, newToken, reasonForNone, tokenPath } from '../access/root-token.js';
import { isTokenId, rightOf, type TokenEntry, writeTokenEntry, wrongId } from '../access/token-entries.js';
import { quote } from '../config/sources.js';
import { parseDuration } from '../duration.js';
import { CairnError } from '../errors.js';
import { exitCodes } from '../exit-codes.js';
import { parseInstant } from '../instant.js';
import type { Milliseconds } from '../model.js';
import { systemClock } from '../platform/clock.js';
import { nodeSmallFiles } from '../platform/node-secrets.js';
import type { Right } from '../service/grant.js';
import type { Io } from './io.js';
import { readConfigHere } from './reading.js';
import { readWords, type Words } from './words.js';

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

const EXAMPLE = 'cairn token create --id ci --read configs:app/ --write kv --expires 30d';

/** The clock and the randomness of the process, unless a test has its own. */
export async function tokenCreate(
  argv: readonly string[],
  io: Io,
  { clock, random } = { clock: systemClock, random: randomBytes },
): Promise<number> {
  const words = readWords(argv, { values: ['--id', '--expires'], lists: ['--read', '--write'] });
  const [name] = words.names;
  if (name !== undefined) throw usage(`${quote(name)} belongs to no flag`);
  const { config } = await readConfigHere(words.settings, io);
  const id = idOf(words);
  const rights = rightsOf(words, Object.keys(config.policies));
  const expires = expiresOf(words, clock.now());
  const token = newToken(random);
  const sha256 = createHash('sha256').update(token).digest('hex');
  const entry: TokenEntry = { id, sha256, rights, expires };
  io.stdout.write(`${token}\n${writeTokenEntry(entry)}`);
  if (io.stderr.isTTY) {
    io.stderr.write(
      'The first line is the token: it is shown only now. Put the rest into the file of --tokens.\n',
    );
  }
  return exitCodes.ok;
}

function idOf({ values }: Words): string {
  const id = values.get('--id');
  if (id === undefined) throw usage('The token needs a name, --id');
  if (!isTokenId(id)) throw asUsage(wrongId(`--id is ${quote(id)}`));
  return id;
}

function rightsOf({ lists }: Words, collections: readonly string[]): readonly Right[] {
  const rights = (['read', 'write'] as const).flatMap(verb =>
    (lists.get(`--${verb}`) ?? []).map(scope => rightFrom(verb, scope, collections)),
  );
  if (rights.length === 0) throw usage('The token may do nothing: there is no --read and no --write');
  return rights;
}

function rightFrom(verb: Right['verb'], scope: string, collections: readonly string[]): Right {
  try {
    return rightOf(verb, scope, `--${verb}`, collections);
  } catch (error) {
    throw asUsage(error);
  }
}

function expiresOf({ values }: Words, now: Milliseconds): Milliseconds | null {
  const text = values.get('--expires');
  if (text === undefined) return null;
  const duration = parseDuration(text);
  const expires = duration === null ? parseInstant(text) : now + duration;
  if (expires !== undefined && expires > now && expires <= LATEST) return expires;
  throw usage(`--expires is ${quote(text)}: that is no time to come, such as 30d or 2026-12-31`);
}

/** The last moment whose year has four digits. */
const LATEST = Date.UTC(10_000, 0) - 1;

function usage(message: string): CairnError {
  return new CairnError('usage', `${message}.`, { hint: `For example: ${EXAMPLE}` });
}

/** What is wrong in a file is the configuration; on the command line it is the call. */
function asUsage(error: unknown): unknown {
  return error instanceof CairnError ? new CairnError('usage', error.message, error.details) : error;
}
