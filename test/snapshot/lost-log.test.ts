/**
 * A log that another program removes or changes under the service. An fsync of it succeeds all the same, so each
 * commit looks at the file itself.
 */
import t from 'tap';
import type { MemoryEngine } from '../../src/engine/memory.js';
import { RETRY_FIRST_MS } from '../../src/limits.js';
import { type Call, type CrashFiles, systemError } from '../fixtures/crash-files.js';
import { DIRECTORY, recoverState } from '../fixtures/map-state.js';
import { key, openEngine, text } from '../fixtures/memory-engine.js';

const LOG = `${DIRECTORY}/00000001.log`;

function set(engine: MemoryEngine, name: string): Promise<unknown> {
  return engine.commit([{ type: 'put', collection: 'kv', key: key(name), text: text('1') }], {
    durability: 'sync',
  });
}

const isNewLog = ({ path }: Call): boolean => path.endsWith('.log.tmp');
const bases = (files: CrashFiles): string[] => files.paths().filter(path => path.endsWith('.base'));

async function keysAfterCrash(files: CrashFiles): Promise<string[]> {
  const { target } = await recoverState(files.crash(), 0);
  return Object.keys(target.dump());
}

const damages: readonly (readonly [string, (files: CrashFiles) => unknown])[] = [
  ['removed', files => files.remove(LOG)],
  ['emptied', files => files.write(LOG, new Uint8Array(0))],
  ['appended to', files => files.write(LOG, Buffer.concat([files.read(LOG), Buffer.from('x')]))],
  [
    'renamed over',
    files => files.rename(LOG, `${DIRECTORY}/kept`).then(() => files.remove(`${DIRECTORY}/kept`)),
  ],
];

for (const [name, damage] of damages) {
  t.test(
    `a log that was ${name} takes no answer: a new history begins with all that is in memory`,
    async t => {
      const { engine, files, clock, logger } = await openEngine();
      await set(engine, 'before');
      await damage(files);
      await t.rejects(set(engine, 'during'), { code: 'storage_error', details: { outcome: 'unknown' } });
      t.ok(engine.degraded);
      t.match(engine.status().problem, /removed or changed by another program/);
      await t.rejects(set(engine, 'refused'), { code: 'storage_error', details: { outcome: 'not_applied' } });
      await clock.advance(RETRY_FIRST_MS);
      t.notOk(engine.degraded);
      t.strictSame(logger.messages('error').length, 1);
      await set(engine, 'after');
      t.strictSame(await keysAfterCrash(files), ['kv after', 'kv before', 'kv during']);
      await engine.close();
      t.ok((await recoverState(files.crash(), 0)).clean);
    },
  );

  t.test(`a log that was ${name} while nothing was written costs nothing at a stop`, async t => {
    const { engine, files, clock } = await openEngine();
    await set(engine, 'before');
    await damage(files);
    const closing = engine.close();
    await clock.advance(RETRY_FIRST_MS);
    await closing;
    t.strictSame(await keysAfterCrash(files), ['kv before']);
    t.ok((await recoverState(files.crash(), 0)).clean);
  });
}

t.test(
  'a new history that fails is tried again, leaves no heap of bases, and uses no number twice',
  async t => {
    const { engine, files, clock } = await openEngine();
    await set(engine, 'before');
    await files.remove(LOG);
    await t.rejects(set(engine, 'during'), { code: 'storage_error' });
    files.fail(call => (isNewLog(call) ? systemError('EIO') : undefined));
    await clock.advance(60_000);
    t.ok(engine.degraded);
    t.strictSame(bases(files), []);
    files.fail(call => (call.op === 'remove' || isNewLog(call) ? systemError('EIO') : undefined));
    await clock.advance(20_000);
    files.heal();
    await clock.advance(60_000);
    t.notOk(engine.degraded, "what could not be removed is in nobody's way");
    t.strictSame(await keysAfterCrash(files), ['kv before', 'kv during']);
    t.equal(bases(files).length, 1);
  },
);

t.test('until the log of a new history is there, the files of the old one are kept', async t => {
  const { engine, files, clock } = await openEngine();
  for (const name of ['a', 'b', 'c']) await set(engine, name);
  files.write(LOG, Buffer.concat([files.read(LOG), Buffer.from('x')]));
  await t.rejects(set(engine, 'during'), { code: 'storage_error' });
  files.fail(call => (isNewLog(call) ? systemError('ENOSPC') : undefined));
  await clock.advance(60_000);
  t.strictSame(await keysAfterCrash(files), ['kv a', 'kv b', 'kv c'], 'a start finds what was there');
});

t.test('a log that is lost is noticed also where a write or an fsync fails first', async t => {
  for (const op of ['append', 'sync'] as const) {
    const { engine, files, clock } = await openEngine();
    await set(engine, 'before');
    await files.remove(LOG);
    files.fail(call => (call.op === op && call.path === LOG ? systemError('ENOSPC') : undefined));
    await t.rejects(set(engine, 'during'), { code: 'storage_error' }, op);
    files.heal();
    await clock.advance(RETRY_FIRST_MS);
    await set(engine, 'after');
    t.strictSame(await keysAfterCrash(files), ['kv after', 'kv before', 'kv during'], op);
  }
});
