/** Commits that nearly fill a line of the snapshot: what they take with them must fit too, or nothing is done. */
import t from 'tap';
import { CairnError } from '../../src/errors.js';
import { LINE_BYTES_MAX } from '../../src/limits.js';
import type { JsonText, Key, Operation } from '../../src/model.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { openEngine } from '../fixtures/memory-engine.js';

/** Whatever is escaped is twice as long in a line. */
const KEY_BYTES = 512;

function puts(count: number, bytes: number, ttl?: number): Operation[] {
  const text = `[${'\n'.repeat(bytes - 2)}]` as JsonText;
  return Array.from({ length: count }, (_, i) => ({
    type: 'put' as const,
    collection: 'kv',
    key: `${String(i).padStart(3, '0')}${'"'.repeat(KEY_BYTES - 3)}` as Key,
    text,
    ...(ttl === undefined ? {} : { ttl }),
  }));
}

t.test('a commit over keys that have expired is refused whole, or is there after a restart', async t => {
  for (const share of [0.4, 0.49, 0.495, 0.4955, 0.496, 0.498, 0.5]) {
    const clock = new ManualClock();
    const { engine, files } = await openEngine({ clock });
    await engine.commit(puts(100, 2, 1_000));
    clock.jump(1_000);
    const bytes = Math.floor((LINE_BYTES_MAX * share) / 100) - KEY_BYTES;
    const before = engine.revision;
    const refused = await engine.commit(puts(100, bytes)).then(
      () => null,
      (error: unknown) => error,
    );
    if (refused === null) {
      t.equal(engine.revision, before + 200, `${share}: the expiry of each key, and its put`);
    } else {
      t.ok(refused instanceof CairnError && refused.code === 'batch_too_large', `${share}: ${refused}`);
      t.equal(engine.revision, before, 'nothing was applied');
    }
    const { revision } = engine;
    await engine.close();
    const again = await openEngine({ clock, files });
    t.equal(again.engine.revision, revision);
    await again.engine.close();
  }
});
