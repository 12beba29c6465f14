/**
 * Every metric of Cairn: its name, what it says, and where its values are read when somebody asks. No value of a label
 * comes from a caller: they are patterns of routes, methods, statuses, codes and names of the configuration.
 */
import type { EngineMeasures, EngineStatus, StorageMeasures, StorageTrouble } from '../engine/engine.js';
import type { ErrorCode } from '../errors.js';
import type { Distribution } from '../histogram.js';
import type { ServicesEngine } from '../service/services.js';
import type { WatchFigures } from '../service/watches.js';
import type { RequestCounts } from './metrics.js';
import type { BuildInfo } from './routes/about.js';

/** Where the values come from. */
export interface MetricSources {
  readonly build: BuildInfo;
  readonly requests: RequestCounts;
  /** Null while it loads. */
  readonly engine: () => ServicesEngine | null;
  readonly isDraining: () => boolean;
  readonly connections: () => number;
  readonly connectionsMax: number;
  readonly watches: () => WatchFigures;
  /** Whether the file of tokens could not be read the last time; null: there is none. */
  readonly tokensProblem: () => boolean | null;
}

type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** Of a histogram: what the name goes on with. */
  readonly suffix?: '_bucket' | '_sum' | '_count';
}

export interface MetricDefinition {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  read(sources: MetricSources): readonly Sample[];
}

type Read = (sources: MetricSources) => readonly Sample[] | number | null;

function metric(type: MetricDefinition['type'], name: string, help: string, read: Read): MetricDefinition {
  return {
    name: `cairn_${name}`,
    type,
    help,
    read: sources => {
      const value = read(sources);
      if (value === null) return [];
      return typeof value === 'number' ? [{ labels: {}, value }] : value;
    },
  };
}

/** Nothing is told of an engine that is not there yet. */
function fromStatus(read: (status: EngineStatus) => number): Read {
  return ({ engine }) => {
    const status = engine()?.status();
    return status === undefined ? null : read(status);
  };
}

function fromEngine(read: (measures: EngineMeasures) => number | null): Read {
  return ({ engine }) => {
    const measures = engine()?.measures();
    return measures === undefined ? null : read(measures);
  };
}

function fromStorage(read: (storage: StorageMeasures) => readonly Sample[] | number | null): Read {
  return ({ engine }) => {
    const storage = engine()?.measures().storage ?? null;
    return storage === null ? null : read(storage);
  };
}

function ofCollections(read: 'entries' | 'bytes'): Read {
  return ({ engine }) =>
    (engine()?.collections() ?? []).map(collection => ({
      labels: { collection: collection.name },
      value: collection[read],
    }));
}

function histogram(labels: Labels, distribution: Distribution): readonly Sample[] {
  const bounds = [...distribution.bounds.map(String), '+Inf'];
  const counts = distribution.cumulative();
  return [
    ...counts.map((value, i): Sample => {
      return { labels: { ...labels, le: bounds[i] ?? '+Inf' }, value, suffix: '_bucket' };
    }),
    { labels, value: distribution.sum, suffix: '_sum' },
    { labels, value: counts.at(-1) ?? 0, suffix: '_count' },
  ];
}

/** Told before the first of them, or nobody would see that there was one: a rate needs a number to begin with. */
const ALARMING: readonly ErrorCode[] = [
  'internal',
  'storage_error',
  'storage_full',
  'quota_exceeded',
  'overloaded',
];
const REFUSALS: readonly ErrorCode[] = ['unauthenticated', 'forbidden', 'cross_site', 'rate_limited'];
const TROUBLES: readonly StorageTrouble[] = ['full', 'filling', 'error'];

const process: readonly MetricDefinition[] = [
  metric('gauge', 'build_info', 'Which Cairn runs; always 1.', ({ build }) => [
    { labels: { version: build.version, commit: build.commit ?? '', node: build.node }, value: 1 },
  ]),
  metric('gauge', 'ready', 'Whether requests are taken: 1 once loaded and not draining.', sources =>
    sources.engine() !== null && !sources.isDraining() ? 1 : 0,
  ),
];

const http: readonly MetricDefinition[] = [
  metric(
    'counter',
    'http_requests_total',
    'Requests that were answered, by route, method and status; aborted: the caller went away before.',
    ({ requests }) => requests.counts().map(({ count: value, ...labels }) => ({ labels, value })),
  ),
  metric(
    'histogram',
    'http_request_duration_seconds',
    'Time from a request to its answer; of a stream, to its beginning. Not of calls that wait for a change.',
    ({ requests }) =>
      requests.durations().flatMap(({ durations, ...labels }) => histogram(labels, durations)),
  ),
  metric('gauge', 'http_requests_in_flight', 'Requests that are not answered yet.', ({ requests }) =>
    Math.max(0, requests.inFlight),
  ),
  metric('counter', 'http_errors_total', 'Errors that were answered, by their code.', ({ requests }) =>
    [...new Set([...ALARMING, ...requests.codes()])].map(code => {
      return { labels: { code }, value: requests.errors(code) };
    }),
  ),
  metric('counter', 'auth_denied_total', 'Requests that were refused for who sent them.', ({ requests }) =>
    REFUSALS.map(reason => ({ labels: { reason }, value: requests.errors(reason) })),
  ),
  metric('counter', 'cas_conflicts_total', 'Writes whose condition did not hold.', ({ requests }) =>
    requests.errors('revision_mismatch'),
  ),
  metric('gauge', 'http_connections', 'Open connections.', ({ connections }) => connections()),
  metric(
    'gauge',
    'http_connections_max',
    'Connections that there may be.',
    ({ connectionsMax }) => connectionsMax,
  ),
  metric('gauge', 'tokens_file_problem', 'Whether the file of tokens cannot be read or used.', sources => {
    const problem = sources.tokensProblem();
    return problem === null ? null : Number(problem);
  }),
];

const keys: readonly MetricDefinition[] = [
  metric('counter', 'ops_total', 'Operations on keys, by what became of them.', ({ engine }) =>
    (engine()?.tally.operations() ?? []).map(({ count: value, ...labels }) => ({ labels, value })),
  ),
  metric(
    'counter',
    'keyspace_hits_total',
    'Looks at a key that was there, by reads and by writes with a condition.',
    ({ engine }) => engine()?.tally.found ?? null,
  ),
  metric(
    'counter',
    'keyspace_misses_total',
    'Looks at a key that was not there.',
    ({ engine }) => engine()?.tally.missing ?? null,
  ),
  metric(
    'counter',
    'expired_keys_total',
    'Keys whose time to live was over.',
    ({ engine }) => engine()?.tally.expired ?? null,
  ),
  metric(
    'counter',
    'evicted_keys_total',
    'Keys that went to make room for others.',
    ({ engine }) => engine()?.tally.evicted ?? null,
  ),
  metric('gauge', 'keys', 'Keys in a collection.', ofCollections('entries')),
  metric('gauge', 'bytes', 'Bytes that a collection counts for.', ofCollections('bytes')),
  metric(
    'gauge',
    'keys_with_ttl',
    'Keys that have a deadline.',
    fromEngine(({ deadlines }) => deadlines),
  ),
  metric(
    'gauge',
    'memory_bytes',
    'Bytes that all collections count for.',
    fromStatus(({ bytes }) => bytes),
  ),
  metric(
    'gauge',
    'memory_limit_bytes',
    'Bytes that all collections may count for: growth is refused beyond.',
    fromEngine(({ bytesMax }) => bytesMax),
  ),
  metric(
    'counter',
    'clock_jumps_total',
    'Times that the wall clock leapt ahead, so that expiry waited.',
    fromEngine(({ clockJumps }) => clockJumps),
  ),
];

const watches: readonly MetricDefinition[] = [
  metric('gauge', 'watchers', 'Open streams of events, and calls that wait for a change.', sources => {
    const { streams, waits } = sources.watches();
    return [
      { labels: { transport: 'sse' }, value: streams },
      { labels: { transport: 'wait' }, value: waits },
    ];
  }),
  metric(
    'counter',
    'watch_events_total',
    'Events that were handed to watchers.',
    sources => sources.watches().events,
  ),
  metric(
    'counter',
    'watch_resets_total',
    'Watchers that were told that the past is gone.',
    sources => sources.watches().resets,
  ),
  metric(
    'counter',
    'slow_watchers_total',
    'Watchers that were cut because they did not read.',
    sources => sources.watches().cut,
  ),
];

const storage: readonly MetricDefinition[] = [
  metric(
    'gauge',
    'revision',
    'Changes that the store has had.',
    fromStatus(({ revision }) => revision),
  ),
  metric(
    'gauge',
    'durable_revision',
    'The newest change that an fsync covers.',
    fromStatus(({ durableRevision }) => durableRevision),
  ),
  metric(
    'gauge',
    'epoch',
    'The Unix second at which this line of history began.',
    fromStatus(({ epoch }) => epoch),
  ),
  metric(
    'gauge',
    'storage_degraded',
    'Whether writes are refused because the volume is full or fails, or growth because it is filling.',
    ({ engine }) => {
      const present = engine();
      if (present === null) return null;
      const trouble = present.measures().storage?.trouble ?? (present.degraded ? 'error' : null);
      return TROUBLES.map(reason => ({ labels: { reason }, value: Number(trouble === reason) }));
    },
  ),
  metric(
    'histogram',
    'log_fsync_duration_seconds',
    'Time to write and fsync a line of the log.',
    fromStorage(({ fsync }) => histogram({}, fsync)),
  ),
  metric(
    'counter',
    'log_failures_total',
    'Writes and fsyncs of logs that failed.',
    fromStorage(({ failures }) => failures),
  ),
  metric(
    'counter',
    'log_written_bytes_total',
    'Bytes that were written to logs.',
    fromStorage(({ writtenBytes }) => writtenBytes),
  ),
  metric(
    'gauge',
    'log_bytes',
    'Bytes of the logs that a start would read.',
    fromStorage(({ logBytes }) => logBytes),
  ),
  metric(
    'gauge',
    'undurable_bytes',
    'Bytes of changes that no fsync covers yet.',
    fromStorage(({ undurableBytes }) => undurableBytes),
  ),
  metric(
    'gauge',
    'undurable_seconds',
    'For how long the oldest change has waited that no fsync covers yet.',
    fromStorage(({ undurableMs }) => undurableMs / 1000),
  ),
  metric(
    'gauge',
    'base_last_success_timestamp_seconds',
    'When the newest base of this process was made.',
    fromStorage(({ base }) => (base === null ? null : base.at / 1000)),
  ),
  metric(
    'gauge',
    'base_duration_seconds',
    'What the newest base of this process took.',
    fromStorage(({ base }) => (base === null ? null : base.ms / 1000)),
  ),
  metric(
    'gauge',
    'base_bytes',
    'Bytes of the newest base of this process.',
    fromStorage(({ base }) => base?.bytes ?? null),
  ),
  metric(
    'counter',
    'base_failures_total',
    'Bases that could not be made.',
    fromStorage(({ baseFailures }) => baseFailures),
  ),
  metric(
    'gauge',
    'volume_free_bytes',
    'Bytes that are free on the volume, when it was last written to.',
    fromStorage(({ volume }) => volume?.freeBytes ?? null),
  ),
  metric(
    'gauge',
    'volume_size_bytes',
    'Bytes of the whole volume.',
    fromStorage(({ volume }) => volume?.totalBytes ?? null),
  ),
  metric(
    'gauge',
    'restore_duration_seconds',
    'What this start took to read the snapshots.',
    fromStorage(({ restoreMs }) => restoreMs / 1000),
  ),
];

export const metrics: readonly MetricDefinition[] = [...process, ...http, ...keys, ...watches, ...storage];
