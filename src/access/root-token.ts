/**
 * The one token that opens everything: whether it is needed, which one is in force, and the making of it at the first
 * start. The secret itself is shown on a terminal once and by `cairn token show`; never in a log, never in an error.
 *
 * Which one is in force: that of CAIRN_TOKEN or of the token file; else, where one is needed, that of
 * `<snapshot-dir>/token`, which is made if it is missing. A token that is kept there does not make one needed.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { join } from 'node:path';
import { tokenText } from '../config/kinds.js';
import type { Config } from '../config.js';
import { CairnError, systemCode } from '../errors.js';
import { TOKEN_RANDOM_BYTES } from '../limits.js';
import type { SmallFiles } from '../platform/secrets.js';

/** `kept`: made by an earlier start. `made`: by this one. */
type TokenOrigin = 'variable' | 'file' | 'kept' | 'made';

export type Access =
  | { readonly needed: false; readonly reason: 'off' | 'loopback' }
  | { readonly needed: true; readonly token: string; readonly origin: TokenOrigin };

export type AccessConfig = Pick<
  Config,
  'auth' | 'host' | 'token' | 'tokenFile' | 'tokensFile' | 'snapshotDir'
>;

export interface TokenWorld {
  readonly smallFiles: SmallFiles;
  readonly randomBytes: (size: number) => Uint8Array;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether only this machine can reach the address. A name that is not `localhost` may lead anywhere. */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return loopback.check(host, 'ipv4');
  if (isIPv6(host)) return loopback.check(host, 'ipv6');
  return /^localhost\.?$/i.test(host);
}

/** Null: a token is needed. */
export function reasonForNone(config: AccessConfig): 'off' | 'loopback' | null {
  if (config.auth === 'off') return 'off';
  const given = config.token !== null || config.tokenFile !== null || config.tokensFile !== null;
  return config.auth === 'on' || given || !isLoopback(config.host) ? null : 'loopback';
}

/**
 * For the start of the service; the snapshot directory is there and locked, so that two first starts do not make
 * two tokens.
 *
 * @throws CairnError `configuration`, `snapshot_denied`
 */
export async function provideAccess(config: AccessConfig, world: TokenWorld): Promise<Access> {
  const reason = reasonForNone(config);
  if (reason !== null) return { needed: false, reason };
  return (await findToken(config, world.smallFiles)) ?? (await makeToken(config, world));
}

/** The token of a configuration that needs one, or null where the first start has still to make it. */
export async function findToken(
  config: AccessConfig,
  smallFiles: SmallFiles,
): Promise<(Access & { needed: true }) | null> {
  if (config.token !== null) return { needed: true, token: config.token, origin: 'variable' };
  if (config.tokenFile !== null) {
    return { needed: true, token: await readGiven(config.tokenFile, smallFiles), origin: 'file' };
  }
  const token = await readKept(tokenPath(config), smallFiles);
  return token === null ? null : { needed: true, token, origin: 'kept' };
}

export function tokenPath(config: Pick<Config, 'snapshotDir'>): string {
  return join(config.snapshotDir, 'token');
}

/** Random, and fit to stand in a header. */
export function newToken(randomBytes: TokenWorld['randomBytes']): string {
  return Buffer.from(randomBytes(TOKEN_RANDOM_BYTES)).toString('base64url');
}

async function makeToken(config: AccessConfig, { smallFiles, randomBytes }: TokenWorld): Promise<Access> {
  const token = newToken(randomBytes);
  const path = tokenPath(config);
  try {
    await smallFiles.writeSecret(path, `${token}\n`);
  } catch (cause) {
    throw denied(`A token cannot be kept in ${path}`, path, cause);
  }
  return { needed: true, token, origin: 'made' };
}

async function readGiven(path: string, smallFiles: SmallFiles): Promise<string> {
  try {
    return checked(await smallFiles.read(path), path);
  } catch (cause) {
    if (cause instanceof CairnError) throw cause;
    throw new CairnError('configuration', `The token file ${path} cannot be read: ${reason(cause)}.`, {
      hint: 'Check the path that --token-file or CAIRN_TOKEN_FILE names, and who may read it.',
      cause,
    });
  }
}

async function readKept(path: string, smallFiles: SmallFiles): Promise<string | null> {
  try {
    return checked(await smallFiles.read(path), path);
  } catch (cause) {
    if (cause instanceof CairnError) throw cause;
    if (systemCode(cause) === 'ENOENT') return null;
    throw denied(`The token in ${path} cannot be read`, path, cause);
  }
}

/** Editors and `echo` end a file with a newline; anything more is a mistake that would cost hours to find. */
function checked(content: string, path: string): string {
  const token = tokenText.parse(content.replace(/\r?\n$/, ''));
  if (token !== undefined) return token;
  throw new CairnError(
    'configuration',
    `${path} ${content.trim() === '' ? 'is empty' : 'holds no token'}: it must be ${tokenText.rule}.`,
    { hint: `For example: openssl rand -hex 32 >${path}` },
  );
}

function denied(message: string, file: string, cause: unknown): CairnError {
  return new CairnError('snapshot_denied', `${message}: ${reason(cause)}.`, { file, cause });
}

function reason(cause: unknown): string {
  return systemCode(cause) ?? (cause instanceof Error ? cause.message : String(cause));
}
