/** Answers of many small parts. */
import t from 'tap';
import { policyOf } from '../../src/config/collections.js';
import { inChunks } from '../../src/http/chunks.js';
import { CONFIG_STREAM_BYTES, EXPORT_CHUNK_BYTES } from '../../src/limits.js';
import type { JsonText } from '../../src/model.js';
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

t.test('a large part goes out in pieces, behind what was gathered before it', async t => {
  const large = 'x'.repeat(2 * EXPORT_CHUNK_BYTES + 10);
  const chunks = [];
  for await (const chunk of inChunks(['a', 'b', large, 'c'])) chunks.push(chunk);
  t.same(
    chunks.map(chunk => chunk.length),
    [2, EXPORT_CHUNK_BYTES, EXPORT_CHUNK_BYTES, 10, 1],
  );
  t.equal(chunks.join(''), `ab${large}c`);
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

/** A service with so many versions of some bytes, of which each that is made into an answer is counted. */
function countedVersions(count: number, made: { versions: number }) {
  const [version, epoch, time] = [1, 1, 1];
  return Array.from({ length: count }, (_, i) => ({
    ...{ version: version + i, revision: i + 1, epoch, time, by: null, comment: null },
    get text(): JsonText {
      made.versions += 1;
      return '{"a":1}' as JsonText;
    },
  }));
}

t.test('of a service with very many versions no turn makes more than a chunk', async t => {
  const clock = new CountingClock();
  const { call, engine } = await startService(t, { collections: { services: policyOf('services') }, clock });
  await call('POST', '/config?service=a', { body: '{}' });
  const made = { versions: 0 };
  const history = countedVersions(100_000, made);
  engine.history = () => history;
  const perTurn: number[] = [];
  const { turn } = clock;
  clock.turn = () => {
    perTurn.push(made.versions);
    return turn.call(clock);
  };
  const { body, headers } = await call('GET', '/config?service=a');
  t.equal(headers['content-length'], undefined);
  const parsed = JSON.parse(body);
  t.equal(Object.keys(parsed).length, history.length);
  t.same([parsed['0'], parsed['99999']], ['{"a":1}', '{"a":1}']);
  const most = Math.max(...perTurn.slice(1).map((versions, i) => versions - (perTurn[i] ?? 0)));
  t.ok(most * '"1":"{\\"a\\":1}",'.length <= EXPORT_CHUNK_BYTES * 1.2, `${most} versions in a turn`);
  t.ok(perTurn.length >= body.length / EXPORT_CHUNK_BYTES - 1, `${perTurn.length} turns`);
});
