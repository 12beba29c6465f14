/**
 * The tokens of the file `--tokens`, as they are in force now. The file is looked at again every few seconds, by what
 * stands in it: Kubernetes puts a new one in place by moving a link above it. A version that is wrong, or cannot be read,
 * changes nothing: what was in force stays so, the log says why, once, and `problem` as long as it is so. A token that is
 * no longer there, or is over, is none from the next request on.
 */
import { type FileUse, readSmallFile } from '../config/file.js';
import { CairnError } from '../errors.js';
import { TOKENS_CHECK_MS } from '../limits.js';
import type { Clock, Timer } from '../platform/clock.js';
import type { Logger } from '../platform/logger.js';
import type { SmallFiles } from '../platform/secrets.js';
import { type Grant, grantOf } from '../service/grant.js';
import { readTokenEntries, type TokenEntry } from './token-entries.js';

/** One token of the file. As long as nothing of its entry changes it is the same object. */
export interface FileToken {
  readonly id: string;
  readonly sha256: Uint8Array;
  readonly grant: Grant;
  isOver(): boolean;
}

export interface TokensWorld {
  readonly smallFiles: SmallFiles;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface TokensOptions {
  readonly path: string;
  /** Those that are configured: a token for another one is a mistake. */
  readonly collections: readonly string[];
}

const FILE: FileUse = {
  what: 'tokens',
  hint: 'Check the path that --tokens or CAIRN_TOKENS names, and who may read it.',
};

export class Tokens {
  readonly #options: TokensOptions;
  readonly #world: TokensWorld;
  #timer: Timer | null = null;
  #stopped = true;
  /** By what their entries say. */
  #known: ReadonlyMap<string, FileToken> = new Map();
  #list: readonly FileToken[] = [];
  /** What was read last, and what is wrong with it. */
  #text: string | null = null;
  #mistake: string | null = null;
  #problem: string | null = null;

  private constructor(options: TokensOptions, world: TokensWorld) {
    this.#options = options;
    this.#world = world;
  }

  /** Reads the file for the first time. @throws CairnError `configuration` */
  static async open(options: TokensOptions, world: TokensWorld): Promise<Tokens> {
    const tokens = new Tokens(options, world);
    await tokens.#take(await tokens.#read());
    return tokens;
  }

  /** Those that are over too. Another list after each change. */
  get list(): readonly FileToken[] {
    return this.#list;
  }

  /** What is wrong with the file as it is now, so that an older one is in force; null: nothing. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Looks at the file again and again, until `stop`. */
  follow(): void {
    this.#stopped = false;
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = this.#world.clock.setTimer(TOKENS_CHECK_MS, () => void this.#look());
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    try {
      const text = await this.#read();
      if (text === this.#text) this.#problem = this.#mistake;
      else await this.#renew(text);
    } catch (error) {
      const { message } = problemOf(error);
      if (message !== this.#problem) this.#tell(error);
      this.#problem = message;
    } finally {
      this.#schedule();
    }
  }

  #read(): Promise<string> {
    return readSmallFile(this.#options.path, FILE, path => this.#world.smallFiles.readRegular(path));
  }

  async #renew(text: string): Promise<void> {
    const before = this.#list;
    try {
      await this.#take(text);
      const gone = before.filter(token => !this.#list.includes(token)).map(({ id }) => id);
      const fields = { file: this.#options.path, tokens: this.#list.length, gone };
      this.#world.logger.info(fields, 'the file of tokens was read again');
    } catch (error) {
      this.#mistake = problemOf(error).message;
      this.#tell(error);
    }
    this.#text = text;
    this.#problem = this.#mistake;
  }

  /** @throws CairnError `configuration`; then nothing was changed */
  async #take(text: string): Promise<void> {
    const { path, collections } = this.#options;
    const { clock } = this.#world;
    const entries = await readTokenEntries(path, text, collections, () => clock.turn());
    this.#known = new Map(entries.map(entry => [nameOf(entry), this.#tokenOf(entry)]));
    this.#list = [...this.#known.values()];
    this.#text = text;
    this.#mistake = null;
  }

  #tell(error: unknown): void {
    const { message, hint } = problemOf(error);
    this.#world.logger.error({ file: this.#options.path, hint }, `${message} What was in force stays so.`);
  }

  #tokenOf(entry: TokenEntry): FileToken {
    const known = this.#known.get(nameOf(entry));
    if (known !== undefined) return known;
    const { id, sha256, rights, expires } = entry;
    const { clock } = this.#world;
    return {
      id,
      sha256: Buffer.from(sha256, 'hex'),
      grant: grantOf(rights),
      isOver: () => expires !== null && clock.now() >= expires,
    };
  }
}

function problemOf(error: unknown): CairnError {
  return error instanceof CairnError ? error : new CairnError('internal', String(error), { cause: error });
}

/** All that an entry says. */
function nameOf({ id, sha256, rights, expires }: TokenEntry): string {
  return JSON.stringify([id, sha256, rights, expires]);
}
