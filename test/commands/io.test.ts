import { PassThrough } from 'node:stream';
import t from 'tap';
import { ignoreBrokenPipe, outputOf } from '../../src/commands/io.js';

const systemError = (code: string) => Object.assign(new Error(code), { code });

t.test('a reader that has gone is no failure; another error is', async t => {
  const stream = new PassThrough();
  ignoreBrokenPipe(stream);
  stream.emit('error', systemError('EPIPE'));
  t.throws(() => stream.emit('error', systemError('EIO')), { message: 'EIO' });
});

t.test('what is not said to be a terminal is none', async t => {
  const stream = new PassThrough();
  t.equal(outputOf(stream).isTTY, false);
  t.equal(outputOf(Object.assign(stream, { isTTY: true })).isTTY, true);
  outputOf(stream).write('text');
  t.equal(String(stream.read()), 'text');
});
