/**
 * Random writes, random watchers, readers that take and do not take: each is told exactly what the log of changes says,
 * in its order, whatever the interleaving. CAIRN_SEED=n repeats a run.
 */
import t from 'tap';
import type { Change, Revision } from '../../src/model.js';
import { type Random, randomOf, seedOf } from '../fixtures/seeded-random.js';
import { cyclesOf } from '../fixtures/torture.js';
import { type Reader, type Told, type WatchWish, WatchWorld } from '../fixtures/watch-world.js';

const STEPS = 300;
const KEYS = ['a', 'a/1', 'a/2', 'ab', 'b', 'b/1', 'b/1/x', 'c'];
const KEPT = 40;
/** So that the state takes several pages. */
const FILLING = 230;

interface Wish extends WatchWish {
  /** Null: from the state. */
  readonly since: Revision | null;
}

interface Watched {
  readonly wish: Wish;
  readonly reader: Reader;
}

t.test('every reader is told the log', async t => {
  for (let cycle = 0, seed = seedOf(); cycle < cyclesOf(15, 400); cycle++, seed++) {
    const failure = await run(randomOf(seed));
    t.equal(failure, null, `CAIRN_SEED=${seed}`);
    if (failure !== null) return;
  }
});

async function run(random: Random): Promise<string | null> {
  const world = new WatchWorld();
  const log: Change[] = [];
  world.engine.subscribe(changes => log.push(...changes));
  for (let i = 0; i < FILLING; i++) await world.put(`a/x${i}`, '0');
  world.engine.kept = KEPT;
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const watched: Watched[] = [];
  const steps: readonly (() => unknown)[] = [
    () => world.put(pick(KEYS), String(random()), pick(['kv', 'other'])),
    () => world.put(pick(KEYS), String(random()), pick(['kv', 'other'])),
    () => world.remove(pick([...KEYS, 'a/x0', 'a/x120', 'a/x99']), 'kv'),
    () => void watched.push(watchOf(world, random, pick)),
    () => pick(watched)?.reader.read(),
    () => {
      const { reader } = pick(watched) ?? {};
      if (reader !== undefined) reader.isOpen = false;
    },
    () => world.turns(1),
    () => world.turns(2),
  ];
  for (let i = 0; i < STEPS; i++) await pick(steps)();
  for (let rounds = 0; rounds < 60; rounds++) {
    for (const { reader } of watched) reader.read();
    await world.turns(1);
  }
  return watched.map(one => wrongOf(one, world, log)).find(wrong => wrong !== null) ?? null;
}

function watchOf(world: WatchWorld, random: Random, pick: <T>(items: readonly T[]) => T): Watched {
  const revision = world.engine.revision;
  const since = pick([undefined, null, Math.max(revision - Math.floor(random() * 2 * KEPT), 0)]);
  const wish: Wish = {
    ...pick<WatchWish>([{ key: pick(KEYS) }, { prefix: pick(['', 'a', 'a/', 'b/1']) }]),
    collections: pick([['kv'], ['kv', 'other']]),
    initial: since === null || random() < 0.3,
    since: since === undefined ? revision : since,
    isOpen: random() < 0.7,
  };
  return { wish, reader: world.watch(wish) };
}

/** Null: it was told what it should be. */
function wrongOf({ wish, reader }: Watched, world: WatchWorld, log: readonly Change[]): string | null {
  const interest = world.interest(wish);
  const seen = log.filter(({ collection, key }) => interest.sees(collection, key));
  let position = wish.since;
  let state = new Map<string, Told>();
  for (const told of reader.told) {
    const wrong = (what: string) => `${what}: ${JSON.stringify({ wish, told, position })}`;
    const place = `${told.collection}/${told.key}`;
    if (told.what === 'reset') {
      const { initial = false } = wish;
      if (told.forget !== initial) return wrong('the reset has another id than it should');
      if (
        position !== null &&
        position >= world.engine.revision - KEPT &&
        told.revision === world.engine.revision
      )
        return wrong('a reset for a past that is there');
      position = initial ? null : (told.revision ?? null);
      state = new Map();
    } else if (told.what === 'synced') {
      if (position !== null) return wrong('synced twice');
      position = told.revision ?? null;
      const expected = stateAt(seen, position ?? 0);
      if (expected !== shown(state)) return wrong(`the state is ${shown(state)} and not ${expected}`);
    } else if (position === null) {
      if (told.named === true) return wrong('an id within the state');
      if (told.type === 'put') state.set(place, told);
      else state.delete(place);
    } else {
      const next = seen.find(({ revision }) => revision > (position ?? 0));
      if (told.revision !== next?.revision) return wrong(`not the next, which is ${next?.revision}`);
      if (told.named !== true) return wrong('a change without an id');
      position = told.revision ?? null;
    }
  }
  if (reader.isCut) return null;
  if (position === null) return `the state is not whole: ${JSON.stringify(wish)}`;
  const missing = seen.find(({ revision }) => revision > (position ?? 0));
  return missing === undefined ? null : `${missing.revision} is missing: ${JSON.stringify(wish)}`;
}

function stateAt(seen: readonly Change[], revision: number): string {
  const state = new Map<string, Told>();
  for (const change of seen) {
    if (change.revision > revision) break;
    const { collection, key } = change;
    if (change.type === 'put')
      state.set(`${collection}/${key}`, { what: 'document', revision: change.revision });
    else state.delete(`${collection}/${key}`);
  }
  return shown(state);
}

function shown(state: ReadonlyMap<string, Told>): string {
  return [...state]
    .map(([place, { revision }]) => `${place}@${revision}`)
    .sort()
    .join(' ');
}
