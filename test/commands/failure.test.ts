import t from 'tap';
import { printFailure } from '../../src/commands/failure.js';
import { CairnError } from '../../src/errors.js';
import { MemoryIo } from '../fixtures/memory-io.js';

const damage = new CairnError('snapshot_damaged', 'A line is broken.', {
  hint: 'Run `cairn repair`.',
  file: '00000007.log',
  offset: 120,
  revision: 17,
  follows: 'three right lines',
});

t.test('on a terminal the place stands under the message', async t => {
  const io = new MemoryIo({}, { isTTY: true });
  t.equal(printFailure(damage, io, { stack: false }), 65);
  t.equal(
    io.stderr.text,
    [
      'cairn: A line is broken.',
      '  at: file 00000007.log, offset 120, revision 17, follows three right lines',
      '  hint: Run `cairn repair`.',
      '',
    ].join('\n'),
  );
});

t.test('without one the line has the same facts', async t => {
  const io = new MemoryIo();
  printFailure(damage, io, { stack: false });
  t.same(JSON.parse(io.stderr.text), {
    level: 'error',
    code: 'snapshot_damaged',
    message: 'A line is broken.',
    hint: 'Run `cairn repair`.',
    file: '00000007.log',
    offset: 120,
    revision: 17,
    follows: 'three right lines',
  });
});

t.test('what is no error of ours is a defect', async t => {
  for (const thrown of [new TypeError('x is no function'), 'x is no function']) {
    const io = new MemoryIo();
    t.equal(printFailure(thrown, io, { stack: false }), 70);
    t.match(JSON.parse(io.stderr.text), { code: 'internal', message: 'x is no function', hint: /defect/ });
  }
});
