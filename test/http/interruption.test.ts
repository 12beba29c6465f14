/** A body that is ended early: what has come is given out, and no more is waited for. */
import t from 'tap';
import { CairnError } from '../../src/errors.js';
import { untilInterrupted } from '../../src/http/interruption.js';
import { ManualClock } from '../fixtures/manual-clock.js';

const stop = new CairnError('draining', 'The process is stopping.');
const chunk = (text: string) => Buffer.from(text);

/** Chunks that are there at once, then nothing until it is told. */
function source(...texts: readonly string[]) {
  const seen = { given: 0, ended: false };
  let more: (chunk: Buffer | null) => void = () => {};
  async function* chunks(): AsyncGenerator<Buffer> {
    try {
      for (const text of texts) {
        seen.given += 1;
        yield chunk(text);
      }
      for (;;) {
        const next = await new Promise<Buffer | null>(resolve => {
          more = resolve;
        });
        if (next === null) return;
        yield next;
      }
    } finally {
      seen.ended = true;
    }
  }
  return { seen, chunks: chunks(), more: (text: string | null) => more(text === null ? null : chunk(text)) };
}

async function read(chunks: AsyncIterable<Buffer>, onChunk: (text: string) => void = () => {}) {
  const got: string[] = [];
  try {
    for await (const each of chunks) {
      got.push(String(each));
      onChunk(String(each));
    }
  } catch (error) {
    return { got, error };
  }
  return { got, error: null };
}

t.test('a body that is not ended early comes as it is', async t => {
  const { chunks, more, seen } = source('a', 'b');
  const reading = read(untilInterrupted(chunks, new AbortController().signal, new ManualClock()));
  await new Promise(resolve => setImmediate(resolve));
  more('c');
  await new Promise(resolve => setImmediate(resolve));
  more(null);
  t.same(await reading, { got: ['a', 'b', 'c'], error: null });
  t.equal(seen.ended, true);
});

t.test('one that is waited for ends with the reason, and what it waits for is left to itself', async t => {
  const controller = new AbortController();
  const { chunks, more, seen } = source('a');
  const reading = read(untilInterrupted(chunks, controller.signal, new ManualClock()));
  for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve));
  controller.abort(stop);
  t.same(await reading, { got: ['a'], error: stop });
  more('too late');
  await new Promise(resolve => setImmediate(resolve));
  t.equal(seen.ended, true);
});

t.test('what had come before the end was told is given out', async t => {
  const controller = new AbortController();
  const { chunks } = source('a', 'b');
  const ended = read(untilInterrupted(chunks, controller.signal, new ManualClock()), text => {
    if (text === 'a') controller.abort(stop);
  });
  t.same(await ended, { got: ['a', 'b'], error: stop });
});

t.test('one of which there is always more ends all the same', async t => {
  const controller = new AbortController();
  const { chunks, seen } = source(...Array.from({ length: 100 }, (_, i) => String(i)));
  controller.abort(stop);
  const { got, error } = await read(untilInterrupted(chunks, controller.signal, new ManualClock()));
  t.same([got, error], [['0', '1'], stop]);
  t.ok(seen.given < 5 && seen.ended);
});

t.test('its own error, and its own end, come through', async t => {
  const broken = new CairnError('bad_request', 'The body ended too soon.');
  const signal = new AbortController().signal;
  async function* failing(): AsyncGenerator<Buffer> {
    yield chunk('a');
    throw broken;
  }
  t.same(await read(untilInterrupted(failing(), signal, new ManualClock())), { got: ['a'], error: broken });
  const controller = new AbortController();
  controller.abort(stop);
  const { chunks } = source('a');
  await chunks.return(undefined);
  t.same(await read(untilInterrupted(chunks, controller.signal, new ManualClock())), {
    got: [],
    error: null,
  });
});
