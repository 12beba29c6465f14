import { join } from 'node:path';
import t from 'tap';
import { verify } from '../../src/commands/verify.js';
import { encodeHeader, FORMAT } from '../../src/snapshot/header.js';
import { MemoryIo } from '../fixtures/memory-io.js';

const header = {
  cairn: 'log',
  format: FORMAT,
  store: 's',
  epoch: 1,
  number: 1,
  after: 0,
  prev: null,
} as const;

t.test('a sound directory is one line of facts', async t => {
  const directory = t.testdir({ '00000001.log': encodeHeader(header) });
  const io = new MemoryIo();
  t.equal(await verify([directory], io), 0);
  t.match(JSON.parse(io.stdout.text), { sound: true, directory });
  t.equal(io.stderr.text, '');
});

t.test('without a directory it is that of the configuration', async t => {
  const directory = t.testdir({ '00000001.log': encodeHeader(header) });
  for (const [argv, env] of [
    [[], { CAIRN_SNAPSHOT_DIR: directory }],
    [[`--snapshot-dir=${directory}`], {}],
  ] as const) {
    const io = new MemoryIo({ ...env });
    await verify(argv, io);
    t.match(JSON.parse(io.stdout.text), { directory });
  }
});

t.test('a directory without a snapshot may be the wrong one', async t => {
  const io = new MemoryIo();
  t.equal(await verify([t.testdir()], io), 65);
  t.match(io.stdout.text, /There is no snapshot/);
});

t.test('damage is told, and is the exit code', async t => {
  const directory = t.testdir({ '00000001.log': 'no line of ours\n' });
  const io = new MemoryIo();
  t.equal(await verify([directory], io), 65);
  const [finding, facts] = io.stdout.text.trimEnd().split('\n');
  t.match(finding, '00000001.log');
  t.match(JSON.parse(facts ?? ''), { sound: false, directory });
});

t.test('a directory that is not there is an error', async t => {
  const directory = join(t.testdir(), 'missing');
  await t.rejects(verify([directory], new MemoryIo()), { code: 'snapshot_denied' });
});

t.test('two directories are one too many', async t => {
  await t.rejects(verify(['a', 'b'], new MemoryIo()), { code: 'usage' });
});
