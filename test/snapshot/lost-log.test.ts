/**
 * A log that another program removes or changes under the service. An fsync of it succeeds all the same, so each
 * commit looks at the file itself.
 */
import t from 'tap';
import type { MemoryEngine } from '../../src/engine/memory.js';
import { RETRY_FIRST_MS } from '../../src/limits.js';
import type { CrashFiles } from '../fixtures/crash-files.js';
import { DIRECTORY, recoverState } from '../fixtures/map-state.js';
import { key, openEngine, text } from '../fixtures/memory-engine.js';

const LOG = `${DIRECTORY}/00000001.log`;

function set(engine: MemoryEngine, name: string): Promise<unknown> {
  return engine.commit([{ type: 'put', collection: 'kv', key: key(name), text: text('1') }], {
    durability: 'sync',
  });
}

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

t.test('a new history that fails is tried again, and leaves no heap of bases', async t => {
  const { engine, files, clock } = await openEngine();
  await set(engine, 'before');
  await files.remove(LOG);
  await t.rejects(set(engine, 'during'), { code: 'storage_error' });
  files.fail(call =>
    call.path.endsWith('.log.tmp') ? Object.assign(new Error(), { code: 'EIO' }) : undefined,
  );
  await clock.advance(60_000);
  t.ok(engine.degraded);
  files.heal();
  await clock.advance(60_000);
  t.notOk(engine.degraded);
  t.strictSame(await keysAfterCrash(files), ['kv before', 'kv during']);
  t.equal(files.paths().length, 2, 'one base and one log');
});
