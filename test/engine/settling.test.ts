/** A start that finds more than a smaller bound allows makes room in turns, and serves meanwhile. */
import t from 'tap';
import { CHANGES_SLICE } from '../../src/limits.js';
import type { Change, Operation, Policies } from '../../src/model.js';
import { type CrashFiles, systemError } from '../fixtures/crash-files.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { key, openEngine, PLAIN, text } from '../fixtures/memory-engine.js';

const ENTRIES = 3 * CHANGES_SLICE + 7;
const ROOM = 10;

const bounded = (entriesMax: number): Policies => ({ kv: { ...PLAIN, full: 'evict', entriesMax } });
const put = (name: string): Operation => ({ type: 'put', collection: 'kv', key: key(name), text: text('1') });

/** An engine that has all entries, in files that one with a smaller bound opens. */
async function filled(clock: ManualClock): Promise<CrashFiles> {
  const { engine, files } = await openEngine({ clock, policies: bounded(ENTRIES) });
  for (let i = 0; i < ENTRIES; i++) await engine.commit([put(`k${String(i).padStart(5, '0')}`)]);
  await engine.close();
  return files;
}

t.test('what a smaller bound no longer holds goes in turns of their own', async t => {
  const clock = new ManualClock();
  const files = await filled(clock);
  const { engine } = await openEngine({ clock, files, policies: bounded(ROOM) });
  t.equal(engine.status().entries, ENTRIES - CHANGES_SLICE, 'the first of them at the start');
  const told: (readonly Change[])[] = [];
  engine.subscribe(changes => told.push(changes));

  await engine.commit([put('new'), put('newer')]);
  t.match(told, [[{ key: 'new' }, { key: 'newer' }, { reason: 'evicted' }, { reason: 'evicted' }]]);
  t.equal(told[0]?.length, 4, 'a commit makes room for what it adds, and not for what was there');
  await engine.commit([{ type: 'delete', collection: 'kv', key: key('newer') }]);
  t.equal(told[1]?.length, 1);

  await clock.advance(10);
  t.equal(engine.status().entries, ROOM);
  t.ok(told.length > 3 && told.every(({ length }) => length <= CHANGES_SLICE));
  t.equal(engine.get('kv', key('new'))?.text, '1', 'the least recently used went');
  const { revision } = engine;
  await clock.advance(60_000);
  t.equal(engine.revision, revision, 'and then no more');
  await engine.close();
});

t.test('a stop in the middle of it loses nothing, and the next start goes on', async t => {
  const clock = new ManualClock();
  const files = await filled(clock);
  const first = await openEngine({ clock, files, policies: bounded(ROOM) });
  await first.engine.close();
  const { entries } = first.engine.status();
  t.equal(entries, ENTRIES - CHANGES_SLICE);
  const again = await openEngine({ clock, files, policies: bounded(ENTRIES) });
  t.equal(again.engine.status().entries, entries);
  await again.engine.close();
  const last = await openEngine({ clock, files, policies: bounded(ROOM) });
  await clock.advance(10);
  t.equal(last.engine.status().entries, ROOM);
  await last.engine.close();
});

t.test('while the volume fails nothing goes; when it is back all does', async t => {
  const clock = new ManualClock();
  const files = await filled(clock);
  const { engine } = await openEngine({ clock, files, policies: bounded(ROOM) });
  const { entries } = engine.status();
  files.fail(call => (call.op === 'sync' || call.op === 'create' ? systemError('EIO') : undefined));
  await t.rejects(engine.commit([put('new')], { durability: 'sync' }), { code: 'storage_error' });
  t.equal(engine.status().entries, entries, 'one came and one went');
  await clock.advance(60_000);
  t.equal(engine.status().entries, entries);
  files.heal();
  await clock.advance(60_000);
  t.equal(engine.status().entries, ROOM);
  await engine.close();
});
