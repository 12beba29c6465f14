import t from 'tap';
import { placeOf, readWords } from '../../src/commands/words.js';
import { MemoryIo } from '../fixtures/memory-io.js';

const own = { flags: ['--force'], values: ['--output'] };

t.test('own flags, names and settings are told apart, wherever they stand', async t => {
  const words = readWords(
    ['--output', 'f', 'dir', '--force', '-', '--snapshot-dir', 'x', '--no-lock', '--port=1'],
    own,
  );
  t.strictSame(words.names, ['dir', '-']);
  t.strictSame([...words.flags], ['--force']);
  t.strictSame([...words.values], [['--output', 'f']]);
  t.strictSame(words.settings, ['--snapshot-dir', 'x', '--no-lock', '--port=1']);
  t.strictSame([...readWords(['--output=f'], own).values], [['--output', 'f']]);
});

t.test('an own flag twice, or without its value, is refused', async t => {
  for (const argv of [
    ['--force', '--force'],
    ['--output', 'a', '--output=b'],
    ['--output'],
    ['--output', '--force'],
  ]) {
    t.throws(() => readWords(argv, own), { code: 'usage' }, argv.join(' '));
  }
});

t.test('a directory that is named needs no configuration, and takes none but --no-lock', async t => {
  const io = new MemoryIo({ CAIRN_NONSENSE: 'x', CAIRN_SNAPSHOT_DIR: 'y' });
  t.strictSame(await placeOf('dir', readWords(['dir']), io), { directory: 'dir', lock: true });
  t.strictSame(await placeOf('dir', readWords(['dir', '--no-lock']), io), { directory: 'dir', lock: false });
  await t.rejects(placeOf('dir', readWords(['dir', '--port=1']), io), { code: 'usage', message: /--port=1/ });
  await t.rejects(placeOf(undefined, readWords([]), io), { code: 'configuration' });
});

t.test('without one it is the snapshot-dir in force', async t => {
  const io = new MemoryIo({ CAIRN_SNAPSHOT_DIR: 'y', CAIRN_NO_LOCK: 'true' });
  t.strictSame(await placeOf(undefined, readWords([]), io), { directory: 'y', lock: false });
  t.strictSame(await placeOf(undefined, readWords(['--snapshot-dir=z']), io), {
    directory: 'z',
    lock: false,
  });
});
