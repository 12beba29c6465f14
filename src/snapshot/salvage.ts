/**
 * Reads all that a repair can use, in the order of the history, and keeps count of what is lost.
 *
 * - `prefix`: from the newest whole base on, as a start does, up to the first thing that is wrong. What stands behind
 *   it is counted and not used, so the state is one that was.
 * - `salvage`: over everything that is wrong. A change has its revision, so what was read already is not read again,
 *   and what is missing is known. A touch or a delete whose key is not there is passed over. Without any whole base the
 *   right lines of the broken ones are taken.
 *
 * In both, what stands behind a seal, or after the revision at which a later log begins, was never promised and is
 * left out.
 */
import { CairnError } from '../errors.js';
import type { Change, Epoch, Revision } from '../model.js';
import type { File, Files } from '../platform/files.js';
import { BaseReader } from './base.js';
import { damaged } from './damage.js';
import { type BaseLine, decodeBaseLine, decodeLogLine, type LogLine } from './format.js';
import { FormatError } from './header.js';
import { rightLinesWithin } from './line.js';
import { type LostPlace, LostPlaces } from './lost.js';
import { withFile } from './opening.js';
import { PatientFile } from './patient-file.js';
import { PlainState } from './plain-state.js';
import { readSegments, type Segment } from './reader.js';
import type { Step, Survey, SurveyedBase, SurveyedLog } from './survey.js';

const FOLLOWS = 'a line does not follow the one before it';

export type RepairMode = 'prefix' | 'salvage';

export interface Salvaged {
  readonly state: PlainState;
  readonly revision: Revision;
  /** The greatest of any change and any entry that was read. */
  readonly epoch: Epoch;
  readonly lost: LostPlaces;
  /** Bytes at the end of the newest log that are no whole line: nothing that was answered as durable stood there. */
  readonly tornBytes: number;
  readonly base: string | null;
  /** What was passed over and costs nothing, a sentence each. */
  readonly findings: readonly string[];
}

export interface SalvageOptions {
  readonly files: Files;
  readonly directory: string;
  readonly mode: RepairMode;
  readonly survey: Survey;
  /** Called with the bytes that were read. */
  readonly onBytes: (bytes: number) => void;
}

/** @throws CairnError `snapshot_damaged` where there is nothing to begin with */
export async function salvage(options: SalvageOptions): Promise<Salvaged> {
  return new Salvage(options).run();
}

class Salvage {
  readonly #options: SalvageOptions;
  readonly #lost = new LostPlaces();
  #state = new PlainState();
  #revision: Revision = 0;
  /** The greatest revision that any line names, also where it is not used. */
  #seen: Revision = 0;
  #epoch: Epoch = 0;
  #tornBytes = 0;
  /** Of a prefix, behind its end. */
  #stopped = false;
  /** Whether a right line was found there. */
  #goesOn = false;
  /** Whether the last line of this log said that it ends. */
  #ended = false;
  readonly #findings: string[] = [];

  constructor(options: SalvageOptions) {
    this.#options = options;
  }

  async run(): Promise<Salvaged> {
    const { way, orphans } = this.#options.survey;
    const whole = await this.#newestWhole(way.length > 0 ? basesOf(way) : orphans);
    const from = way.findIndex(step => (whole === null ? holdsAny(step) : step.number === whole.number));
    if (whole === null) await this.#beginWithout();
    for (const step of from < 0 ? [] : way.slice(from)) {
      if (step.number !== whole?.number) await this.#useBroken(step);
      await this.#step(step, step === way.at(-1));
    }
    if (this.#stopped && this.#seen > this.#revision) this.#lost.assign([this.#revision + 1, this.#seen]);
    this.#state.settle();
    return {
      state: this.#state,
      revision: this.#revision,
      epoch: this.#epoch,
      lost: this.#lost,
      tornBytes: this.#tornBytes,
      base: whole?.name ?? null,
      findings: this.#findings,
    };
  }

  /** Loads the newest base that is whole; those before it that are not are told. */
  async #newestWhole(bases: readonly SurveyedBase[]): Promise<SurveyedBase | null> {
    for (const base of [...bases].reverse()) {
      if (await this.#loadWhole(base)) return base;
      this.#findings.push(`${base.name} is broken`);
    }
    return null;
  }

  async #loadWhole(base: SurveyedBase): Promise<boolean> {
    const { header, name, size, number } = base;
    const log = this.#options.survey.way.find(step => step.number === number)?.log;
    if (header === null || (log?.header && log.header.after !== header.revision)) return false;
    const { store, revision } = header;
    const state = new PlainState();
    const reader = new BaseReader({ name, store, number, revision });
    try {
      await this.#read(name, size, segment => {
        const line = reader.take(segment);
        if (line !== null) this.#load(state, line);
      });
      reader.finish();
    } catch (error) {
      if (isDamage(error)) return false;
      throw error;
    }
    this.#state = state;
    this.#revision = revision;
    this.#seen = revision;
    this.#epoch = Math.max(this.#epoch, header.epoch);
    return true;
  }

  /** Without a whole base: from the beginning of the history, or with what the broken ones still tell. */
  async #beginWithout(): Promise<void> {
    const { mode, survey } = this.#options;
    const first = survey.way[0]?.log?.header;
    const fromBeginning = first?.prev === null && first.after === 0;
    if (mode === 'prefix' && !fromBeginning) {
      const file =
        basesOf(survey.way).at(-1)?.name ?? survey.orphans.at(-1)?.name ?? survey.way[0]?.name ?? '';
      throw damaged('no state stands before the damage, since no base is whole', { file });
    }
    for (const base of survey.orphans) await this.#loadBroken(base);
  }

  async #loadBroken({ name, size, header }: SurveyedBase): Promise<void> {
    await this.#readAnyway(name, size, segment => {
      const lines = this.#linesOf(name, segment);
      for (const line of lines) this.#takeEntries(name, segment, line);
    });
    const { revision = 0, epoch = 0 } = header ?? {};
    this.#advance(revision);
    this.#epoch = Math.max(this.#epoch, epoch);
    this.#lost.settle();
  }

  #takeEntries(name: string, segment: Segment, bytes: Buffer): void {
    if (segment.offset === 0) return;
    const line = decoded(bytes, decodeBaseLine);
    if (line === null) this.#lost.add(placeOf(name, segment, 'a line cannot be read'));
    else for (const revision of this.#load(this.#state, line)) this.#advance(revision);
  }

  /** Gives the revisions that it holds. */
  #load(state: PlainState, line: BaseLine): Revision[] {
    if (line.type === 'footer') return [];
    if (line.type === 'entries') for (const entry of line.entries) state.load(line.collection, entry);
    else for (const version of line.versions) state.loadVersion(line.collection, version);
    const rows = line.type === 'entries' ? line.entries : line.versions;
    for (const { epoch } of rows) this.#epoch = Math.max(this.#epoch, epoch);
    return rows.map(({ revision }) => revision);
  }

  async #step(step: Step, newest: boolean): Promise<void> {
    const { log, name, sealed } = step;
    if (log === null) return this.#wrong({ file: name, reason: 'the log is missing' });
    const { header } = log;
    this.#ended = false;
    if (header === null) this.#wrong({ file: name, offset: 0, reason: 'its first line is wrong' });
    else this.#beginAt(header.after, step);
    this.#epoch = Math.max(this.#epoch, header?.epoch ?? 0);
    await this.#readAnyway(name, sealed ?? log.size, segment => this.#segment(step, segment));
    if (sealed !== null && log.size < sealed) {
      this.#wrong({
        file: name,
        offset: log.size,
        bytes: sealed - log.size,
        reason: 'it is shorter than its seal',
      });
    }
    if (newest) this.#takeTail(log);
  }

  /** A broken base gives what was lost before it, and what stood before the first log. */
  async #useBroken({ base, log }: Step): Promise<void> {
    if (base === null || this.#options.mode === 'prefix') return;
    const after = log?.header?.after;
    if (base.header !== null && after !== undefined && base.header.revision !== after) return;
    if (this.#lost.count === 0 && this.#revision > 0 && this.#revision === after) return;
    await this.#loadBroken(base);
    this.#advance(after ?? 0);
  }

  /** A log begins after a revision: what is missing up to there is lost. */
  #beginAt(after: Revision, { name }: Step): void {
    if (after > this.#revision)
      this.#gap(after, { file: name, offset: 0, reason: 'changes before it are missing' });
  }

  #segment(step: Step, segment: Segment): void {
    const { name } = step;
    if (segment.offset === 0) {
      if (step.log?.header === null && segment.state !== 'right') this.#salvageFirst(step, segment);
      return;
    }
    if (segment.state === 'right') {
      this.#line(step, segment, segment.line);
      return;
    }
    this.#wrong(
      placeOf(
        name,
        segment,
        segment.state === 'cut' ? 'the file ends in a part of a line' : 'a line is wrong',
      ),
    );
    for (const line of this.#rescued(segment)) this.#line(step, segment, line);
  }

  /** The newline between the first line and the next one may be what was changed. */
  #salvageFirst(step: Step, segment: Segment): void {
    for (const line of this.#rescued(segment)) this.#line(step, segment, line);
  }

  #line(step: Step, segment: Segment, bytes: Buffer): void {
    const line = decoded(bytes, decodeLogLine);
    if (line === null) {
      if (segment.state === 'right') this.#wrong(placeOf(step.name, segment, 'a line cannot be read'));
      return;
    }
    const last = line.type === 'batch' ? line.first + line.count - 1 : line.revision;
    if (last > step.cap) return;
    this.#seen = Math.max(this.#seen, last);
    if (this.#stopped) {
      this.#goesOn = true;
      return;
    }
    const at = placeOf(step.name, segment, 'changes before it are missing');
    const before = line.type === 'batch' ? line.first - 1 : line.revision;
    const prefix = this.#options.mode === 'prefix';
    if (before > this.#revision) this.#gap(before, at);
    else if (prefix && (before < this.#revision || this.#ended)) this.#wrong({ ...at, reason: FOLLOWS });
    if (!this.#stopped && line.type === 'batch') this.#batch(line, at);
    this.#goesOn = this.#stopped;
    this.#ended = line.type === 'end';
    if (!this.#stopped) this.#lost.settle();
  }

  #batch(line: Extract<LogLine, { type: 'batch' }>, at: LostPlace): void {
    const news = line.changes.filter(change => change.revision > this.#revision);
    if (this.#options.mode === 'prefix' && !this.#state.fits(news)) {
      this.#wrong({ ...at, reason: 'a change does not fit the state' });
      return;
    }
    for (const change of news) {
      const fitted = this.#apply(change);
      // A delete whose key is not there has nothing left to do.
      if (!fitted && change.type !== 'delete') this.#misfit(change.revision, at);
    }
  }

  /** Told as a place of its own: its line was read, and its key was not there. */
  #misfit(revision: Revision, at: LostPlace): void {
    this.#lost.settle();
    this.#lost.miss([revision, revision], { ...at, bytes: 0, reason: 'the key of a change is not there' });
    this.#lost.settle();
  }

  #apply(change: Change): boolean {
    this.#advance(change.revision);
    this.#epoch = Math.max(this.#epoch, change.epoch);
    return this.#state.apply(change);
  }

  #advance(revision: Revision): void {
    this.#revision = Math.max(this.#revision, revision);
    this.#seen = Math.max(this.#seen, revision);
  }

  /** A prefix ends here. */
  #wrong(place: LostPlace): void {
    if (this.#stopped) return;
    this.#lost.add(place);
    if (this.#options.mode === 'prefix') this.#stopped = true;
  }

  #gap(upTo: Revision, at: LostPlace): void {
    this.#seen = Math.max(this.#seen, upTo);
    if (this.#options.mode === 'prefix') {
      if (!this.#stopped) this.#wrong({ ...at, bytes: 0 });
      return;
    }
    this.#lost.miss([this.#revision + 1, upTo], { ...at, bytes: 0 });
    this.#revision = upTo;
  }

  /** What no right line follows is a torn tail, as a start has it. */
  #takeTail({ name, size }: SurveyedLog): void {
    const tail = this.#goesOn ? null : this.#lost.takeTail(name);
    if (tail === null) return;
    this.#tornBytes = size - (tail.offset ?? size);
    this.#stopped = false;
  }

  #linesOf(name: string, segment: Segment): readonly Buffer[] {
    if (segment.state === 'right') return [segment.line];
    this.#lost.add(placeOf(name, segment, 'a line is wrong'));
    return this.#rescued(segment);
  }

  /** Right lines within a wrong one: the newline between them was changed. */
  #rescued({ state, line }: Segment): readonly Buffer[] {
    return state === 'wrong' ? rightLinesWithin(line) : [];
  }

  /** What cannot be read at all is lost as a whole. */
  async #readAnyway(name: string, end: number, take: (segment: Segment) => void): Promise<void> {
    try {
      await this.#read(name, end, take);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#wrong({ file: name, reason: error.message });
    }
  }

  #read(name: string, end: number, take: (segment: Segment) => void): Promise<void> {
    const { files, directory, onBytes } = this.#options;
    return withFile(files, directory, name, this.#revision, async (file: File) => {
      for await (const segments of readSegments(new PatientFile(file), end)) {
        for (const segment of segments) take(segment);
        onBytes((segments.at(-1)?.end ?? 0) - (segments[0]?.offset ?? 0));
      }
    });
  }
}

/** A log that is missing at the front went when a base had made it needless. */
function holdsAny({ log, base }: Step): boolean {
  return log !== null || base !== null;
}

function basesOf(way: readonly Step[]): SurveyedBase[] {
  return way.flatMap(({ base }) => (base === null ? [] : [base]));
}

function placeOf(file: string, { offset, end }: Segment, reason: string): LostPlace {
  return { file, offset, bytes: end - offset, reason };
}

function isDamage(error: unknown): error is CairnError {
  return (
    error instanceof CairnError && (error.code === 'snapshot_damaged' || error.code === 'snapshot_foreign')
  );
}

/** Null: a right line that this version cannot read. */
function decoded<Line>(bytes: Buffer, decode: (line: Buffer) => Line): Line | null {
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}
