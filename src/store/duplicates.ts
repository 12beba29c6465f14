/**
 * Whether a batch leaves two documents with one value in a unique field. It is judged by what it leaves behind: two keys
 * may change their values in one batch, and what a batch deletes holds nothing.
 */
import { CairnError } from '../errors.js';
import { toUnicode } from '../json/bytes.js';
import { memberUnder } from '../json/pointer.js';
import { decodeString } from '../json/string.js';
import type { JsonText, Key, Milliseconds, Operation } from '../model.js';
import type { Collection } from './collection.js';
import type { Step } from './decision.js';
import { type Claims, duplicate, UniqueFields } from './unique.js';

/** What each step's document claims, where it is known now. @throws CairnError `duplicate_value` */
export function refuseDuplicates(steps: readonly Step[], now: Milliseconds): ReadonlyMap<Operation, Claims> {
  const known = new Map<Operation, Claims>();
  const taken = new Map<Collection, Map<string, Key>>();
  for (const [op, { operation, collection }] of steps.entries()) {
    if (operation.type !== 'put' || collection.unique === null) continue;
    const own = taken.get(collection) ?? new Map<string, Key>();
    taken.set(collection, own);
    const claims = collection.unique.claims(operation.text);
    known.set(operation, claims);
    for (const [field, claim] of claims) {
      const other = own.get(claim) ?? holderBeside(steps, collection, claim, now);
      if (other !== undefined && other !== operation.key) throw duplicate(field, other, op);
      own.set(claim, operation.key);
    }
  }
  return known;
}

/** Who has it and keeps it: what the batch puts or deletes, and what has expired, gives it up. */
function holderBeside(
  steps: readonly Step[],
  collection: Collection,
  claim: string,
  now: Milliseconds,
): Key | undefined {
  const holder = collection.unique?.holder(claim);
  if (holder === undefined || collection.get(holder)?.isOver(now) !== false) return undefined;
  const named = steps.find(step => step.collection === collection && step.operation.key === holder);
  return named === undefined || named.operation.type === 'touch' ? holder : undefined;
}

/** How many keys a start names before it stops counting. */
const NAMED_MAX = 5;

/**
 * The index of a collection that was recovered; null: it has no unique field. The documents may be older than the
 * policy, so this is where they are held against it.
 * @throws CairnError `configuration`: two documents with one value, or an id within that is not the key
 */
export function* indexOf(
  { name, policy, leaves }: Collection,
  now: Milliseconds,
): Generator<void, UniqueFields | null> {
  const { unique: fields = [], idField = null } = policy ?? {};
  if (fields.length === 0 && idField === null) return null;
  const index = new UniqueFields(fields);
  const wrong: string[] = [];
  const view = leaves.freeze();
  for (const [key, entry] of view) {
    if (entry.isOver(now)) continue;
    if (idField !== null && idOf(entry.text, idField) !== key)
      wrong.push(`${shown(key)} has another ${idField}`);
    for (const [field, claim] of index.claims(entry.text)) {
      const other = index.holder(claim);
      if (other !== undefined) wrong.push(`${shown(other)} and ${shown(key)} have the same ${field}`);
    }
    if (wrong.length > NAMED_MAX) break;
    index.replace(key, undefined, entry.text);
    yield;
  }
  view.release();
  if (wrong.length > 0) throw misfit(name, wrong);
  return fields.length === 0 ? null : index;
}

function idOf(text: JsonText, field: string): string | undefined {
  const id = memberUnder(text, [field]);
  return id === undefined ? undefined : decodeString(id);
}

function misfit(name: string, wrong: readonly string[]): CairnError {
  const list = `${wrong.slice(0, NAMED_MAX).join('; ')}${wrong.length > NAMED_MAX ? '; and more' : ''}`;
  const message = `What is in the collection "${name}" does not fit its policy: ${list}.`;
  return new CairnError('configuration', message, {
    hint: `Take "id" or "unique" of collections.${name} back, start, change these documents, and start with it again.`,
  });
}

function shown(key: Key): string {
  return JSON.stringify(toUnicode(key));
}
