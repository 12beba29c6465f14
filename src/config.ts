/**
 * What this process is told to do: the one place where flags, environment, file and defaults become one frozen
 * `Config`. The settings themselves are a table (config/options.ts); the order is flag, environment, file, default.
 *
 * Nothing is guessed: a name that is not in the table, a value outside its rule, the same flag twice, an empty
 * variable, a secret where others can read it, all end the start with an error that names the place.
 * Names on the command line give `usage`, everything else gives `configuration`.
 */
import { type CollectionSetting, readCollections } from './config/collections.js';
import { type ConfigFile, type ReadText, readConfigFile } from './config/file.js';
import { type Machine, type Option, options } from './config/options.js';
import { readSchemas, type Schemas } from './config/schemas.js';
import {
  labelOf,
  type Origin,
  type RawValue,
  type RawValues,
  readEnvironment,
  readFlags,
  wrongValue,
} from './config/sources.js';
import { CairnError } from './errors.js';
import type { Durability, Milliseconds, Policies } from './model.js';

export type AuthMode = 'auto' | 'on' | 'off';
export type AuditMode = 'auto' | 'on' | 'off';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'auto' | 'json' | 'text' | 'syslog';

export interface Config {
  /** 0: any free one. */
  readonly port: number;
  readonly host: string;
  /** Null: /metrics is beside everything else. */
  readonly metricsPort: number | null;
  /** As it was given; a relative path is under the working directory. */
  readonly snapshotDir: string;
  readonly snapshotIntervalMs: Milliseconds;
  /** The same as that of the policy of `kv`. */
  readonly durability: Durability;
  /** Whether the directory is locked against a second process. */
  readonly lock: boolean;
  readonly auth: AuthMode;
  /** The secret of `CAIRN_TOKEN`, or null. Which token is in force is for token.ts to say. */
  readonly token: string | null;
  readonly tokenFile: string | null;
  /** The file of the tokens that may not do everything, or null. */
  readonly tokensFile: string | null;
  readonly audit: AuditMode;
  readonly maxConnections: number;
  readonly maxWatchers: number;
  /** Requests a second of one caller; 0: no limit. */
  readonly rateLimit: number;
  /** Of all collections together. */
  readonly memoryMaxBytes: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Null: the log goes to stdout. */
  readonly logFile: string | null;
  readonly policies: Policies;
  /** The configuration file, or null. */
  readonly file: string | null;
}

/** One line of `cairn config`. */
export interface Setting {
  readonly option: Option<unknown>;
  /** In the form that a file has; a secret is masked. */
  readonly shown: string;
  /** The flag, the variable, the file, or `default`. */
  readonly origin: Origin;
}

export interface Reading {
  readonly config: Config;
  readonly settings: readonly Setting[];
  readonly collections: readonly CollectionSetting[];
}

export interface ConfigSources extends Machine {
  /** The flags, without the verb before them. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Called only where a file is named. */
  readonly readText: ReadText;
}

/** @throws CairnError `usage`, `configuration` */
export async function readConfig(sources: ConfigSources): Promise<Reading> {
  const flags = readFlags(sources.argv);
  const environment = readEnvironment(sources.env);
  const named = new Table([flags, environment], sources).take(options.config);
  const file = named === null ? noFile : await readConfigFile(named, sources.readText);
  const schemas = await readSchemas(file.collections, named ?? '', sources.readText);
  return assemble(new Table([flags, environment, file.values], sources), file.collections, schemas);
}

const noFile: ConfigFile = { values: new Map(), collections: undefined };

function assemble(table: Table, sections: unknown, schemas: Schemas): Reading {
  const taken = {
    port: table.take(options.port),
    host: table.take(options.host),
    metricsPort: table.take(options.metricsPort),
    snapshotDir: table.take(options.snapshotDir),
    snapshotIntervalMs: table.take(options.snapshotInterval),
    durability: table.take(options.durability),
    lock: !table.take(options.noLock),
    auth: table.take(options.auth),
    token: table.take(options.token),
    tokenFile: table.take(options.tokenFile),
    tokensFile: table.take(options.tokens),
    audit: table.take(options.audit),
    maxConnections: table.take(options.maxConnections),
    maxWatchers: table.take(options.maxWatchers),
    rateLimit: table.take(options.rateLimit),
    memoryMaxBytes: table.take(options.memoryMax),
    logLevel: table.take(options.logLevel),
    logFormat: table.take(options.logFormat),
    logFile: table.take(options.logFile),
    file: table.take(options.config),
  };
  refuseTwoTokens(table);
  const kv = { durability: taken.durability, origin: table.origin(options.durability) };
  const { policies, settings } = readCollections(sections, taken.file ?? '', { kv, schemas });
  const durability = policies['kv']?.durability ?? taken.durability;
  return {
    config: Object.freeze({ ...taken, durability, policies }),
    settings: table.settings,
    collections: settings,
  };
}

/** Two secrets for one lock: which was meant cannot be known. */
function refuseTwoTokens(table: Table): void {
  const [token, file] = [table.origin(options.token), table.origin(options.tokenFile)];
  if (token.place === 'default' || file.place === 'default') return;
  throw new CairnError(
    'configuration',
    `A token is given twice: by ${token.name} and by ${labelOf(file, 'token-file')}.`,
    {
      hint: 'Take one of them away.',
    },
  );
}

/** The values of all sources, the first that has one going before the others. Keeps what was taken, for `cairn config`. */
class Table {
  readonly settings: Setting[] = [];
  readonly #sources: readonly RawValues[];
  readonly #machine: Machine;

  constructor(sources: readonly RawValues[], machine: Machine) {
    this.#sources = sources;
    this.#machine = machine;
  }

  take<T>(option: Option<T>): T {
    const raw = this.#find(option.name);
    const value = raw === undefined ? option.fallback(this.#machine) : parse(option, raw);
    this.settings.push({ option, shown: option.kind.show(value), origin: this.origin(option) });
    return value;
  }

  origin(option: { readonly name: string }): Origin {
    return this.#find(option.name)?.origin ?? { place: 'default', name: 'default' };
  }

  #find(name: string): RawValue | undefined {
    return this.#sources.find(source => source.has(name))?.get(name);
  }
}

function parse<T>(option: Option<T>, raw: RawValue): T {
  const value = option.kind.parse(raw.text);
  if (value === undefined) throw wrongValue(option, raw);
  return value;
}
