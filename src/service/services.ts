/**
 * Services are documents that have a number and a switch beside them: what `/config?service=` calls `ID` and `enabled`.
 * Both stand in collections of their own that nobody can name, since a name of the configuration has no dot in it, and
 * are written in the commit of the service itself. This engine sees to it on every way in: what is created gets the
 * next number and is enabled, and what is enabled is not deleted.
 */
import { checkCondition } from '../condition.js';
import type {
  Buried,
  CollectionStatus,
  Commit,
  CommitOptions,
  Engine,
  EngineMeasures,
  EngineStatus,
} from '../engine/engine.js';
import { CairnError } from '../errors.js';
import type {
  ByteString,
  Change,
  ChangeId,
  Entry,
  Epoch,
  JsonText,
  Key,
  Milliseconds,
  Operation,
  Page,
  Policies,
  Policy,
  PutOperation,
  Range,
  Revision,
  VersionRecord,
} from '../model.js';
import { type Audit, type AuditedChange, actionOf } from './audit.js';
import { withoutHidden } from './grant.js';
import { Tally } from './tally.js';

export const SERVICES = 'services';
const FACTS = 'services.facts';
const COUNTER = 'services.counter';
const LAST = 'last' as Key;

export interface ServiceFacts {
  /** One more than the highest ever given. */
  readonly id: number;
  readonly enabled: boolean;
}

/** A put may say what an export said of the service. One that is there already has no other number. */
export type ServicePut = PutOperation & { readonly facts?: Partial<ServiceFacts> };

/**
 * What an engine needs to know beside what is configured.
 * @throws CairnError `configuration`: an enabled service would go by itself
 */
export function withCompanions(policies: Policies): Policies {
  const services = policies[SERVICES];
  if (services === undefined) return policies;
  if (services.full === 'evict' || services.defaultTtl !== null) {
    throw new CairnError('configuration', 'Services neither expire nor are evicted.', {
      hint: 'Take "ttl" and "full" out of collections.services.',
    });
  }
  if (services.history !== Number.POSITIVE_INFINITY) {
    throw new CairnError('configuration', 'The versions of a service are counted from 0, so all are kept.', {
      hint: 'Take "history" out of collections.services, or say all.',
    });
  }
  const beside: Policy = {
    ...services,
    defaultTtl: null,
    entriesMax: null,
    bytesMax: null,
    idField: null,
    generatedId: false,
    schema: null,
    required: [],
    emails: [],
    unique: [],
    history: 0,
  };
  return { ...policies, [FACTS]: { ...beside, unique: ['ID'] }, [COUNTER]: beside };
}

export class ServicesEngine implements Engine {
  /** Of what goes through here; what is done for it beside is not counted. */
  readonly tally = new Tally();
  readonly #engine: Engine;
  readonly #audit: Audit | null;

  /** `audit`: told of each change that has an origin. */
  constructor(engine: Engine, audit: Audit | null = null) {
    this.#engine = engine;
    this.#audit = audit;
    engine.subscribe(changes => this.tally.changed(changes));
    if (audit !== null) engine.subscribe(changes => audit.isListening && audit.tell(audited(changes)));
  }

  /** Undefined: there is no such service. */
  facts(name: Key): ServiceFacts | undefined {
    return this.#engine.get(SERVICES, name) === undefined ? undefined : this.#factsOf(name);
  }

  /** How many there are. */
  get services(): number {
    return this.#engine.collections().find(({ name }) => name === SERVICES)?.entries ?? 0;
  }

  /** No change of the service itself, and no version. @throws CairnError as `Engine.commit` */
  switch(name: Key, enabled: boolean, options: CommitOptions = {}): Promise<Commit> {
    return this.#commit([putFacts(name, { ...this.#factsOf(name), enabled })], options);
  }

  /** @throws CairnError `service_enabled` too, with `op`: a service that is enabled is not deleted */
  async commit(
    operations: readonly (Operation | ServicePut)[],
    options: CommitOptions = {},
  ): Promise<Commit> {
    for (const [op, operation] of operations.entries()) this.judge(operation, op);
    const companions = this.#companions(operations);
    if (companions.length === 0) {
      const commit = await this.#commit(operations, options);
      this.tally.applied(operations, commit.outcomes);
      return commit;
    }
    const commit = await this.#commit([...operations, ...companions], options).catch((error: unknown) => {
      throw withoutCompanion(error, operations);
    });
    this.tally.applied(operations, commit.outcomes);
    return { ...commit, outcomes: commit.outcomes.slice(0, operations.length) };
  }

  #commit(operations: readonly Operation[], options: CommitOptions): Promise<Commit> {
    const { origin } = options;
    if (origin === undefined) return this.#engine.commit(operations, options);
    const commit = () => this.#engine.commit(operations, options);
    const committing = this.#audit === null ? commit() : this.#audit.during(origin, commit);
    if (origin.mayRead === undefined) return committing;
    return committing.catch((error: unknown) => {
      if (!(error instanceof CairnError)) throw error;
      throw withoutHidden(error, operations[error.details.op ?? 0]?.collection ?? '', origin.mayRead);
    });
  }

  /**
   * Whether an operation keeps to what services are; a condition goes first: 412 before 422.
   * @throws CairnError `service_enabled`, `invalid_ttl`, `id_mismatch`, `revision_mismatch`
   */
  judge(operation: Operation | ServicePut, op?: number): void {
    if (operation.collection !== SERVICES) return;
    const numbered = op === undefined ? {} : { op };
    if (operation.type !== 'delete' && typeof operation.ttl === 'number') {
      throw new CairnError('invalid_ttl', 'A service has no ttl: it would go while it is enabled.', {
        ...numbered,
        hint: 'Leave "ttl" out; delete the service when it is no longer needed.',
      });
    }
    const refusal = this.#refusalOf(operation);
    if (refusal === null) return;
    const { key, condition } = operation;
    if (condition !== undefined) checkCondition(condition, this.#engine.get(SERVICES, key), op);
    throw new CairnError(refusal.code, refusal.message, { ...refusal.details, ...numbered });
  }

  #refusalOf(operation: Operation | ServicePut): CairnError | null {
    const before = this.facts(operation.key);
    if (operation.type === 'delete' && before?.enabled === true) {
      return new CairnError('service_enabled', 'A service that is enabled is not deleted.');
    }
    const wanted = 'facts' in operation ? operation.facts?.id : undefined;
    if (before === undefined || wanted === undefined || before.id === 0 || before.id === wanted) return null;
    const message = `The service has the ID ${before.id} and keeps it; ${wanted} is another.`;
    return new CairnError('id_mismatch', message, {
      hint: 'Take "id" out of the line, or delete the service before the import.',
    });
  }

  /** What is to be written with them. Read and committed in one turn, so nothing comes between. */
  #companions(operations: readonly (Operation | ServicePut)[]): Operation[] {
    if (!operations.some(({ collection }) => collection === SERVICES)) return [];
    const companions: Operation[] = [];
    const last = this.#last();
    let given = last;
    for (const operation of operations) {
      if (operation.collection !== SERVICES || operation.type === 'touch') continue;
      const { key } = operation;
      const before = this.facts(key);
      if (operation.type === 'delete') {
        if (before === undefined) continue;
        companions.push({ type: 'delete', collection: FACTS, key });
        continue;
      }
      const facts = factsAfter(operation, before, given + 1);
      given = Math.max(given, facts.id);
      if (facts.id !== before?.id || facts.enabled !== before.enabled) companions.push(putFacts(key, facts));
    }
    if (given > last) companions.push(put(COUNTER, LAST, String(given)));
    return companions;
  }

  #factsOf(name: Key): ServiceFacts {
    const text = this.#engine.get(FACTS, name)?.text;
    if (text === undefined) return { id: 0, enabled: true };
    const { ID: id, enabled }: { ID: number; enabled: boolean } = JSON.parse(text);
    return { id, enabled };
  }

  #last(): number {
    return Number(this.#engine.get(COUNTER, LAST)?.text ?? 0);
  }

  // All else is the engine's, without what nobody can name.

  get epoch(): Epoch {
    return this.#engine.epoch;
  }

  get revision(): Revision {
    return this.#engine.revision;
  }

  get degraded(): boolean {
    return this.#engine.degraded;
  }

  now(): Milliseconds {
    return this.#engine.now();
  }

  get(collection: string, key: Key): Entry | undefined {
    const entry = this.#engine.get(collection, key);
    this.tally.asked(entry !== undefined);
    return entry;
  }

  history(collection: string, key: Key): readonly VersionRecord[] {
    return this.#engine.history(collection, key);
  }

  buried(collection: string, range: Range): Buried {
    return this.#engine.buried(collection, range);
  }

  find(collection: string, field: string, value: ByteString): Key | undefined {
    return this.#engine.find(collection, field, value);
  }

  page(collection: string, range: Range): Page {
    return this.#engine.page(collection, range);
  }

  get present(): ChangeId {
    return this.#engine.present;
  }

  changesAfter(since: ChangeId | Revision, limit: number): readonly Change[] | null {
    const named: Change[] = [];
    for (let from = since; ; ) {
      const changes = this.#engine.changesAfter(from, limit - named.length);
      if (changes === null) return null;
      named.push(...changes.filter(({ collection }) => !isHidden(collection)));
      const last = changes.at(-1);
      // Of what nobody can name there may be any number between two changes: none of it ends the search.
      if (last === undefined || named.length === limit) return named;
      from = last;
    }
  }

  subscribe(listener: (changes: readonly Change[]) => void): () => void {
    return this.#engine.subscribe(changes => {
      const named = changes.filter(({ collection }) => !isHidden(collection));
      if (named.length > 0) listener(named);
    });
  }

  collections(): readonly CollectionStatus[] {
    return this.#engine.collections().filter(({ name }) => !isHidden(name));
  }

  status(): EngineStatus {
    const status = this.#engine.status();
    let { entries } = status;
    for (const collection of this.#engine.collections()) {
      if (isHidden(collection.name)) entries -= collection.entries;
    }
    return { ...status, entries };
  }

  measures(): EngineMeasures {
    return this.#engine.measures();
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}

/** An error of what nobody sent is that of the last service that was. */
function withoutCompanion(error: unknown, operations: readonly Operation[]): unknown {
  if (!(error instanceof CairnError) || (error.details.op ?? 0) < operations.length) return error;
  const op = operations.findLastIndex(({ collection }) => collection === SERVICES);
  return new CairnError(error.code, error.message, { ...error.details, op });
}

/** What was done, in words that a caller knows: a switch alone is one of its service. */
function audited(changes: readonly Change[]): readonly AuditedChange[] {
  const services = new Set(changes.flatMap(({ collection, key }) => (collection === SERVICES ? key : [])));
  return changes.flatMap(change => {
    const { collection, key, revision } = change;
    const action = actionOf(change);
    if (action === undefined || collection === COUNTER) return [];
    if (collection !== FACTS) return { collection, key, action, revision };
    return services.has(key) ? [] : { collection: SERVICES, key, action: 'switch' as const, revision };
  });
}

function isHidden(collection: string): boolean {
  return collection === FACTS || collection === COUNTER;
}

/** A number that was given stays; a switch stays unless the put says otherwise. */
function factsAfter(operation: ServicePut, before: ServiceFacts | undefined, next: number): ServiceFacts {
  const { id = next, enabled = true } = operation.facts ?? {};
  if (before === undefined) return { id, enabled };
  // What came before there were numbers gets one with its next write.
  return { id: before.id === 0 ? id : before.id, enabled: operation.facts?.enabled ?? before.enabled };
}

function putFacts(name: Key, { id, enabled }: ServiceFacts): Operation {
  // One length for both: what is full can be switched off all the same.
  return put(FACTS, name, `{"ID":${id},"enabled":${enabled ? 'true ' : 'false'}}`);
}

function put(collection: string, key: Key, text: string): Operation {
  return { type: 'put', collection, key, text: text as JsonText };
}
