/** Answers of many small parts. */
import t from 'tap';
import { policyOf } from '../../src/config/collections.js';
import { inChunks } from '../../src/http/chunks.js';
import { CONFIG_STREAM_BYTES, EXPORT_CHUNK_BYTES } from '../../src/limits.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { startService } from './service.js';

t.test('small parts go out together, and no more are made than were asked for', async t => {
  const part = 'x'.repeat(100);
  let made = 0;
  function* parts(): Generator<string> {
    for (; made < 2_000; made++) yield part;
  }
  const chunks = inChunks(parts());
  const first = await chunks.next();
  t.ok(first.value !== undefined && first.value.length < EXPORT_CHUNK_BYTES + part.length);
  t.ok(made * part.length < EXPORT_CHUNK_BYTES + part.length);
  const rest = [];
  for await (const chunk of chunks) rest.push(chunk);
  t.equal(rest.length, 3);
  t.equal(`${first.value}${rest.join('')}`, part.repeat(2_000));
});

t.test('nothing at all goes out in no chunk', async t => {
  for await (const chunk of inChunks([])) t.fail(chunk);
  t.pass();
});

class CountingClock extends ManualClock {
  turns = 0;

  override turn(): Promise<void> {
    this.turns += 1;
    return super.turn();
  }
}

t.test('others have their turn between two parts of a long answer, however fast it is taken', async t => {
  const clock = new CountingClock();
  const collections = { services: policyOf('services') };
  const { call } = await startService(t, { collections, clock });
  const body = `{"a":"${'x'.repeat(EXPORT_CHUNK_BYTES)}"}`;
  await call('POST', '/config?service=a', { body });
  const parts = CONFIG_STREAM_BYTES / EXPORT_CHUNK_BYTES;
  for (let i = 0; i < parts; i++) await call('PATCH', '/config?service=a', { body });
  const before = clock.turns;
  t.ok((await call('GET', '/config?service=a')).body.length > CONFIG_STREAM_BYTES);
  t.ok(clock.turns - before >= parts, `${clock.turns - before} turns`);
});
