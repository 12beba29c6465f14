/**
 * The one table of settings. From it come the parsing, `cairn serve --help`, `cairn config` and
 * docs/configuration.md. The flag is `--<name>`, the variable `CAIRN_<NAME>`, the key of the file `<name>`.
 * `collections` is the only setting that is not here: it is a structure and comes from the file alone
 * (config/collections.ts).
 */
import {
  CONNECTIONS_MAX,
  INTERVAL_MS_MAX,
  INTERVAL_MS_MIN,
  MEMORY_BYTES_MIN,
  SNAPSHOT_INTERVAL_MS,
  WATCHERS_MAX,
} from '../limits.js';
import {
  address,
  choice,
  duration,
  integer,
  type Kind,
  optional,
  size,
  tokenText,
  truth,
  words,
} from './kinds.js';

/** Facts of the machine that a default depends on. */
export interface Machine {
  /** What V8 lets the heap grow to, or less where the process may not have as much. */
  readonly heapLimitBytes: number;
}

export type Place = 'flag' | 'environment' | 'file';

export interface Option<T> {
  readonly name: string;
  readonly group: 'Network' | 'Snapshots' | 'Access' | 'Limits' | 'Log' | 'File';
  readonly kind: Kind<T>;
  readonly fallback: (machine: Machine) => T;
  /** The default in words, where the value itself would say nothing or differ between machines. */
  readonly fallbackWords?: string;
  /** One sentence. */
  readonly sentence: string;
  /** Where it may come from; everywhere unless said. */
  readonly places?: readonly Place[];
  /** Why it may not come from elsewhere. */
  readonly placesReason?: string;
  /** A variable of another convention, looked at after ours. */
  readonly alsoVariable?: string;
  /** Never shown. */
  readonly secret?: true;
}

/** Lets the compiler find T of each row. */
function row<T>(option: Option<T>): Option<T> {
  return option;
}

export const options = {
  port: row<number>({
    name: 'port',
    group: 'Network',
    kind: integer(0, 65_535, 3000),
    fallback: () => 3000,
    sentence: 'Port to listen on; 0 takes any free one.',
    alsoVariable: 'PORT',
  }),
  host: row<string>({
    name: 'host',
    group: 'Network',
    kind: address,
    fallback: () => '127.0.0.1',
    sentence: 'Address to listen on; 0.0.0.0 or :: is every one, and then a token is needed.',
  }),
  metricsPort: row<number | null>({
    name: 'metrics-port',
    group: 'Network',
    kind: optional(integer(0, 65_535, 9091)),
    fallback: () => null,
    fallbackWords: 'none',
    sentence:
      'Port on the same address for /metrics and the health routes alone, without a token; /metrics is then nowhere else.',
  }),
  snapshotDir: row<string>({
    name: 'snapshot-dir',
    group: 'Snapshots',
    kind: words('<directory>', 'the path of a directory', '/var/lib/cairn'),
    fallback: () => 'snapshots',
    sentence: 'Directory of the snapshots, made if it is missing; one process at a time.',
  }),
  snapshotInterval: row<number>({
    name: 'snapshot-interval',
    group: 'Snapshots',
    kind: duration(INTERVAL_MS_MIN, INTERVAL_MS_MAX, '10ms to 1m', '500ms'),
    fallback: () => SNAPSHOT_INTERVAL_MS,
    sentence:
      'Time between two appends of periodic changes: at most this and one fsync are lost with the power.',
  }),
  durability: row<'periodic' | 'sync'>({
    name: 'durability',
    group: 'Snapshots',
    kind: choice(['periodic', 'sync'], 'sync'),
    fallback: () => 'periodic',
    sentence: 'What a write to kv gets unless it says: answered at once, or after its fsync.',
  }),
  noLock: row<boolean>({
    name: 'no-lock',
    group: 'Snapshots',
    kind: truth,
    fallback: () => false,
    sentence: 'Start without the lock of the directory; a second process there would destroy the data.',
  }),
  auth: row<'auto' | 'on' | 'off'>({
    name: 'auth',
    group: 'Access',
    kind: choice(['auto', 'on', 'off'], 'on'),
    fallback: () => 'auto',
    sentence: 'Whether a token is needed; auto: as soon as one is given, or the address is not loopback.',
  }),
  token: row<string | null>({
    name: 'token',
    group: 'Access',
    kind: optional(tokenText),
    fallback: () => null,
    fallbackWords: 'none',
    sentence: 'The bearer token that opens everything.',
    places: ['environment'],
    placesReason: 'a secret must not stand where others can read it (process list, configuration file)',
    secret: true,
  }),
  tokenFile: row<string | null>({
    name: 'token-file',
    group: 'Access',
    kind: optional(words('<file>', 'the path of a file', '/run/secrets/cairn-token')),
    fallback: () => null,
    fallbackWords: 'none',
    sentence: 'File that holds the token, instead of CAIRN_TOKEN; one newline at its end is not part of it.',
  }),
  tokens: row<string | null>({
    name: 'tokens',
    group: 'Access',
    kind: optional(words('<file>', 'the path of a file', '/etc/cairn/tokens.yaml')),
    fallback: () => null,
    fallbackWords: 'none',
    sentence: 'File of more tokens, by their SHA-256, with what each may do; read again when it changes.',
  }),
  audit: row<'auto' | 'on' | 'off'>({
    name: 'audit',
    group: 'Access',
    kind: choice(['auto', 'on', 'off'], 'on'),
    fallback: () => 'auto',
    sentence: 'Whether each change by a caller is a line of the log; auto: where a token is needed.',
  }),
  maxConnections: row<number>({
    name: 'max-connections',
    group: 'Limits',
    kind: integer(1, 1_000_000, 10_000),
    fallback: () => CONNECTIONS_MAX,
    sentence: 'Open connections; on some more only probes are answered, the rest are closed.',
  }),
  maxWatchers: row<number>({
    name: 'max-watchers',
    group: 'Limits',
    kind: integer(1, 1_000_000, 10_000),
    fallback: () => WATCHERS_MAX,
    sentence: 'Watches and waits at the same time; those beyond are refused.',
  }),
  rateLimit: row<number>({
    name: 'rate-limit',
    group: 'Limits',
    kind: integer(0, 1_000_000, 1000),
    fallback: () => 0,
    fallbackWords: 'none',
    sentence: 'Requests a second of one token, or of one address where none is needed; 0 sets no limit.',
  }),
  memoryMax: row<number>({
    name: 'memory-max',
    group: 'Limits',
    kind: size(MEMORY_BYTES_MIN, '512MiB'),
    fallback: machine => Math.max(MEMORY_BYTES_MIN, Math.floor(machine.heapLimitBytes / 2)),
    fallbackWords: 'half the heap limit; in a container 30 % of its memory at most',
    sentence: 'Bytes of all collections together; writes that would grow past it are refused.',
  }),
  logLevel: row<'debug' | 'info' | 'warn' | 'error'>({
    name: 'log-level',
    group: 'Log',
    kind: choice(['debug', 'info', 'warn', 'error'], 'debug'),
    fallback: () => 'info',
    sentence: 'The least level that is logged.',
  }),
  logFormat: row<'auto' | 'json' | 'text' | 'syslog'>({
    name: 'log-format',
    group: 'Log',
    kind: choice(['auto', 'json', 'text', 'syslog'], 'json'),
    fallback: () => 'auto',
    sentence:
      'One JSON object a line, short lines for people, or RFC 5424; auto: text on a terminal, else JSON.',
  }),
  logFile: row<string | null>({
    name: 'log-file',
    group: 'Log',
    kind: optional(words('<file>', 'the path of a file', '/var/log/cairn.log')),
    fallback: () => null,
    fallbackWords: 'stdout',
    sentence: 'File that the log is appended to, instead of stdout; opened again when it was moved away.',
  }),
  config: row<string | null>({
    name: 'config',
    group: 'File',
    kind: optional(words('<file>', 'the path of a YAML or JSON file', 'cairn.yaml')),
    fallback: () => null,
    fallbackWords: 'none',
    sentence: 'File of settings, YAML or JSON, read once at the start; collections stand only there.',
    places: ['flag', 'environment'],
    placesReason: 'one file does not name another',
  }),
} as const;

/** In the order of the table. A reader that does not need the values' types uses this. */
export const optionList: readonly Option<unknown>[] = Object.values(options);

export function variableOf(option: { readonly name: string }): string {
  return `CAIRN_${option.name.toUpperCase().replaceAll('-', '_')}`;
}

export function mayComeFrom(option: Pick<Option<unknown>, 'places'>, place: Place): boolean {
  return option.places === undefined || option.places.includes(place);
}
