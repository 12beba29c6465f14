/**
 * `cairn serve`: configuration, log, signals; then the service, until it has stopped.
 *
 * The first SIGTERM or SIGINT asks the service to stop; further ones do nothing, since what they would cut short is
 * the flush of answered changes. An error that nobody caught is logged, the service gets `CRASH_MS` to bring home
 * what it can, and the process ends with 70.
 */
import { randomBytes } from 'node:crypto';
import { type BannerFacts, bannerFields, bannerLines, type ReadyFacts } from '../banner.js';
import type { Config, Reading } from '../config.js';
import { exitCodes } from '../exit-codes.js';
import { CRASH_MS, LOG_FLUSH_MS } from '../limits.js';
import { type Clock, systemClock } from '../platform/clock.js';
import type { Files, Locks } from '../platform/files.js';
import type { Logger } from '../platform/logger.js';
import { nodeFiles } from '../platform/node-files.js';
import { nodeLocks } from '../platform/node-locks.js';
import { nodeSmallFiles } from '../platform/node-secrets.js';
import { createPinoLogger, type ProcessLogger } from '../platform/pino-logger.js';
import type { SmallFiles } from '../platform/secrets.js';
import { readVersion } from '../version.js';
import type { Io } from './io.js';
import { readConfigHere } from './reading.js';

/** `crash`: an error that nobody caught; there are `CRASH_MS` left. */
export type StopReason = 'SIGTERM' | 'SIGINT' | 'crash';

/** What the service has of the outside. */
export interface World {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly files: Files;
  readonly locks: Locks;
  readonly smallFiles: SmallFiles;
  readonly randomBytes: (size: number) => Uint8Array;
  /** Resolves once, when the service is to stop; never rejects. */
  readonly stopSignal: Promise<StopReason>;
  /** Resolves at an error that nobody caught, also while it stops already; there are `CRASH_MS` left then. */
  readonly crashed: Promise<void>;
  /** To be called once, when it listens and everything is loaded. */
  announce(facts: ReadyFacts): void;
}

/** Resolves when the service has stopped cleanly; rejects with the error that ended it. */
export type RunService = (config: Config, world: World) => Promise<void>;

export interface ServeParts {
  readonly clock: Clock;
  createLogger(config: Config, io: Io): ProcessLogger;
  loadService(): Promise<RunService>;
}

const realParts: ServeParts = {
  clock: systemClock,
  createLogger({ logLevel, logFormat, logFile }, io) {
    const onTerminal = logFile === null && io.stdout.isTTY;
    return createPinoLogger({
      level: logLevel,
      format: logFormat === 'auto' ? (onTerminal ? 'text' : 'json') : logFormat,
      colours: onTerminal && !io.env['NO_COLOR'],
      to: logFile ?? 1,
    });
  },
  loadService: async () => (await import('../app.js')).runService,
};

export async function serve(argv: readonly string[], io: Io, parts: ServeParts = realParts): Promise<number> {
  const reading = await readConfigHere(argv, io);
  const logger = parts.createLogger(reading.config, io);
  const log = { logger, isElsewhere: reading.config.logFile !== null };
  const watch = new ProcessWatch(io, log, parts.clock);
  try {
    const runService = await parts.loadService();
    await runService(reading.config, {
      logger,
      clock: parts.clock,
      files: nodeFiles,
      locks: nodeLocks,
      smallFiles: nodeSmallFiles,
      randomBytes,
      stopSignal: watch.stop,
      crashed: watch.crash,
      announce: facts => announce(facts, reading, io, log),
    });
  } catch (error) {
    if (!watch.crashed) {
      if (log.isElsewhere) logger.error({ err: error }, 'the service ends with an error');
      throw error;
    }
    logger.error({ err: error }, 'the service could not stop cleanly after the defect');
  } finally {
    await flush(logger, parts.clock);
    watch.end();
  }
  return watch.crashed ? exitCodes.internal : exitCodes.ok;
}

/** What is said on a terminal stands in a log that is kept in a file too. */
interface Log {
  readonly logger: ProcessLogger;
  readonly isElsewhere: boolean;
}

/** The signals and the errors that nobody caught, as one promise. */
class ProcessWatch {
  readonly stop: Promise<StopReason>;
  readonly crash: Promise<void>;
  crashed = false;
  readonly #io: Io;
  readonly #log: Log;
  readonly #clock: Clock;
  #resolve: (reason: StopReason) => void = () => {};
  #resolveCrash: () => void = () => {};
  #stopping = false;
  readonly #handlers: readonly (readonly [string, (argument: unknown) => void])[] = [
    ['SIGTERM', () => this.#signal('SIGTERM')],
    ['SIGINT', () => this.#signal('SIGINT')],
    ['uncaughtException', error => this.#crash(error)],
    ['unhandledRejection', error => this.#crash(error)],
  ];

  constructor(io: Io, log: Log, clock: Clock) {
    this.#io = io;
    this.#log = log;
    this.#clock = clock;
    this.stop = new Promise(resolve => {
      this.#resolve = resolve;
    });
    this.crash = new Promise(resolve => {
      this.#resolveCrash = resolve;
    });
    for (const [event, handler] of this.#handlers) io.events.on(event, handler);
  }

  end(): void {
    for (const [event, handler] of this.#handlers) this.#io.events.off(event, handler);
  }

  #signal(signal: 'SIGTERM' | 'SIGINT'): void {
    this.#tell(
      signal,
      this.#stopping
        ? 'still stopping: what was answered is being flushed'
        : 'stopping: requests end, then all is flushed',
    );
    this.#stopping = true;
    this.#resolve(signal);
  }

  #tell(signal: string, words: string): void {
    const { isTTY } = this.#io.stderr;
    if (isTTY) this.#io.stderr.write(`cairn: ${signal}, ${words}\n`);
    if (!isTTY || this.#log.isElsewhere) this.#log.logger.info({ signal }, words);
  }

  #crash(error: unknown): void {
    this.#log.logger.error({ err: error }, 'a defect: an error that nobody caught ends the process');
    if (this.crashed) return;
    this.crashed = true;
    this.#clock.setTimer(CRASH_MS, () => this.#io.exit(exitCodes.internal));
    this.#resolve('crash');
    this.#resolveCrash();
  }
}

function announce(facts: ReadyFacts, reading: Reading, io: Io, { logger, isElsewhere }: Log): void {
  const banner: BannerFacts = {
    ...facts,
    version: readVersion(),
    config: reading.config,
    configSources: sourcesOf(reading),
  };
  const { isTTY } = io.stderr;
  if (isTTY) io.stderr.write(`${bannerLines(banner).join('\n')}\n`);
  if (!isTTY || isElsewhere) logger.info(bannerFields(banner), 'ready');
}

function sourcesOf({ settings, config }: Reading): string[] {
  const places = new Set(settings.map(setting => setting.origin.place));
  return [
    ...(places.has('flag') ? ['flags'] : []),
    ...(places.has('environment') ? ['environment'] : []),
    ...(config.file === null ? [] : [config.file]),
  ];
}

async function flush(logger: ProcessLogger, clock: Clock): Promise<void> {
  await new Promise<void>(resolve => {
    const timer = clock.setTimer(LOG_FLUSH_MS, resolve);
    void logger.flush().then(() => {
      timer.cancel();
      resolve();
    });
  });
}
