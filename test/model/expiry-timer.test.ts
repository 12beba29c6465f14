/** What the model-based test found, as the smallest life that shows it. */
import t from 'tap';
import { ManualClock } from '../fixtures/manual-clock.js';
import { key, openEngine, text } from '../fixtures/memory-engine.js';

const put = (name: string, ttl?: number) =>
  ({
    type: 'put',
    collection: 'kv',
    key: key(name),
    text: text('1'),
    ...(ttl === undefined ? {} : { ttl }),
  }) as const;

t.test('an entry is taken away at its deadline, also after an earlier deadline was taken back', async t => {
  const clock = new ManualClock();
  const { engine } = await openEngine({ clock });
  await engine.commit([put('a', 1_000)]);
  await engine.commit([put('b', 1_001)]);
  await engine.commit([put('a')]);
  await clock.advance(1_001);
  t.equal(engine.status().entries, 1, 'b is gone, and its expiry is in the log');
  await engine.close();
});
