import { PassThrough } from 'node:stream';
import t from 'tap';
import { StreamOutput } from '../../src/commands/io.js';

const systemError = (code: string) => Object.assign(new Error(code), { code });

t.test('a reader that has gone is no failure; another error is told when all is out', async t => {
  const stream = new PassThrough();
  const output = new StreamOutput(stream);
  output.write('text');
  stream.emit('error', systemError('EPIPE'));
  t.equal(await output.settled(), null);
  stream.emit('error', systemError('ENOSPC'));
  t.match(await output.settled(), { code: 'storage_error', message: /ENOSPC/ });
});

t.test('who printed nothing does not care about the stream', async t => {
  const stream = new PassThrough();
  const output = new StreamOutput(stream);
  stream.emit('error', systemError('ENOSPC'));
  t.equal(await output.settled(), null);
});

t.test('what is not said to be a terminal is none', async t => {
  const stream = new PassThrough();
  t.equal(new StreamOutput(stream).isTTY, false);
  t.equal(new StreamOutput(Object.assign(stream, { isTTY: true })).isTTY, true);
  new StreamOutput(stream).write('text');
  t.equal(String(stream.read()), 'text');
});
