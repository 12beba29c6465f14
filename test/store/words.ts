/** Short ways to say what the tests of the store need. */
import { keyFromUnicode } from '../../src/json/key.js';
import type {
  DeleteOperation,
  JsonText,
  Policies,
  Policy,
  PutOperation,
  TouchOperation,
} from '../../src/model.js';
import { Store } from '../../src/store/store.js';
import { ManualClock } from '../fixtures/manual-clock.js';

export const key = keyFromUnicode;

/** Texts of the tests are ASCII. */
export function json(value: unknown): JsonText {
  return JSON.stringify(value) as JsonText;
}

export const plain: Policy = {
  durability: 'periodic',
  defaultTtl: null,
  entriesMax: null,
  bytesMax: null,
  full: 'refuse',
  idField: null,
  generatedId: false,
  schema: null,
  required: [],
  emails: [],
  unique: [],
  history: 0,
  historyTtl: null,
};

export function put(
  name: string,
  value: unknown,
  more: Partial<Omit<PutOperation, 'type' | 'key' | 'text'>> = {},
): PutOperation {
  return { type: 'put', collection: 'kv', key: key(name), text: json(value), ...more };
}

export function touch(
  name: string,
  ttl: TouchOperation['ttl'],
  more: Partial<Pick<TouchOperation, 'collection' | 'condition'>> = {},
): TouchOperation {
  return { type: 'touch', collection: 'kv', key: key(name), ttl, ...more };
}

export function remove(
  name: string,
  more: Partial<Pick<DeleteOperation, 'collection' | 'condition'>> = {},
): DeleteOperation {
  return { type: 'delete', collection: 'kv', key: key(name), ...more };
}

export const EPOCH = 1_700_000_000;

/** A store on a clock that a test moves, its epoch begun. */
export function newStore(
  policies: Policies = { kv: plain },
  { clock = new ManualClock(), bytesMax = Number.POSITIVE_INFINITY } = {},
): { store: Store; clock: ManualClock } {
  const store = new Store({ policies, clock, bytesMax });
  store.beginEpoch(EPOCH);
  return { store, clock };
}

/** All that a reader or a base can see of a store. */
export function contents(store: Store): unknown {
  const frozen = store.freeze();
  const rows: unknown[] = [];
  for (const { name, entries, versions } of frozen.collections()) {
    for (const [key, entry] of entries()) rows.push({ name, key, ...plainEntry(entry) });
    for (const version of versions()) rows.push({ name, ...version });
  }
  frozen.release();
  return { revision: store.revision, entries: store.entries, bytes: store.bytes, rows };
}

function plainEntry(entry: NonNullable<ReturnType<Store['get']>>): object {
  const { text, version, epoch, revision, time } = entry;
  return { text, version, epoch, revision, time, deadline: entry.deadline() };
}

/** Gives a store what another has, by way of a base. */
export function copy(from: Store, to: Store): void {
  const frozen = from.freeze();
  for (const { name, entries, versions } of frozen.collections()) {
    for (const [key, entry] of entries()) to.load(name, { ...entry, key, deadline: entry.deadline() });
    for (const version of versions()) to.loadVersion(name, version);
  }
  to.loaded(frozen.revision, 1);
  frozen.release();
}

/** `CAIRN_SEED` replays a random test. */
export const random = { seed: Number(process.env['CAIRN_SEED'] ?? Date.now()) };
