import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { type FileToken, Tokens } from '../../src/access/tokens.js';
import { nodeSmallFiles } from '../../src/platform/node-secrets.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { MemoryLogger } from '../fixtures/memory-logger.js';

const CHECK_MS = 2_000;

const entry = (id: string, digit: string, rest = 'read: [kv]') =>
  `- { id: ${id}, sha256: "${digit.repeat(64)}", ${rest} }\n`;

const ids = ({ list }: Tokens) => list.map(({ id }) => id);

/** What a test has to clean up with. */
interface Place {
  testdir(files: Record<string, string>): string;
  teardown(clean: () => void): void;
}

async function start(t: Place, text: string) {
  const path = join(t.testdir({}), 'tokens.yaml');
  await writeFile(path, text);
  const clock = new ManualClock();
  const logger = new MemoryLogger();
  const world = { smallFiles: nodeSmallFiles, clock, logger };
  const tokens = await Tokens.open({ path, collections: ['kv', 'configs'] }, world);
  tokens.follow();
  t.teardown(() => tokens.stop());
  /** Lets the next look at the file happen, which takes as long as the disk takes. */
  const look = async () => {
    await clock.advance(CHECK_MS);
    while (clock.pending === 0) await clock.turn();
  };
  return { path, clock, logger, tokens, look };
}

t.test('what is added, changed and removed counts after the next look', async t => {
  const { path, tokens, logger, look } = await start(t, entry('a', '1') + entry('b', '2'));
  t.same(ids(tokens), ['a', 'b']);
  const [a] = tokens.list;
  await writeFile(path, entry('a', '1') + entry('b', '2', 'read: [configs]') + entry('c', '3'));
  const before: readonly FileToken[] = tokens.list;
  await look();
  t.same(ids(tokens), ['a', 'b', 'c']);
  t.equal(tokens.list[0], a, 'what stayed is the same object, so that what lasts goes on');
  t.not(tokens.list[1], before[1]);
  await writeFile(path, entry('a', '1'));
  await look();
  t.same(ids(tokens), ['a']);
  t.same(
    logger.lines.map(({ level, fields }) => [level, fields['tokens'], fields['gone']]),
    [
      ['info', 3, ['b']],
      ['info', 1, ['b', 'c']],
    ],
  );
});

t.test('a version that is wrong changes nothing, and is told once', async t => {
  const { path, tokens, logger, look } = await start(t, entry('a', '1'));
  const { list } = tokens;
  await writeFile(path, '- nonsense');
  for (let looks = 0; looks < 3; looks++) await look();
  t.equal(tokens.list, list);
  t.equal(tokens.problem, `Token 1 in ${path} must be a mapping.`);
  t.same(logger.messages('error'), [`Token 1 in ${path} must be a mapping. What was in force stays so.`]);
  await writeFile(path, '- other nonsense');
  await look();
  t.equal(logger.messages('error').length, 2, 'another version is told again');
  await writeFile(path, entry('a', '1') + entry('b', '2'));
  await look();
  t.equal(tokens.problem, null);
  t.same(ids(tokens), ['a', 'b']);
});

t.test('a file that cannot be read changes nothing, and is as it was when it is back', async t => {
  const { path, tokens, logger, look } = await start(t, entry('a', '1'));
  const { list } = tokens;
  await rename(path, `${path}.away`);
  for (let looks = 0; looks < 3; looks++) await look();
  t.equal(tokens.list, list);
  t.equal(tokens.problem, `The tokens file ${path} cannot be read: ENOENT.`);
  t.equal(logger.messages('error').length, 1);
  await rename(`${path}.away`, path);
  await look();
  t.same([tokens.problem, tokens.list], [null, list]);
});

t.test('a wrong file that goes away and comes back is wrong still', async t => {
  const { path, tokens, look } = await start(t, entry('a', '1'));
  await writeFile(path, '{');
  await look();
  const { problem } = tokens;
  await rename(path, `${path}.away`);
  await look();
  await rename(`${path}.away`, path);
  await look();
  t.equal(tokens.problem, problem);
});

t.test('an empty list takes all away, an empty file nothing', async t => {
  const { path, tokens, look } = await start(t, entry('a', '1'));
  await writeFile(path, '');
  await look();
  t.same(ids(tokens), ['a'], 'it may be half written');
  await writeFile(path, '[]');
  await look();
  t.same(ids(tokens), []);
});

t.test('a Secret of Kubernetes is a link that is moved', async t => {
  const directory = t.testdir({});
  const versions = [entry('a', '1'), entry('b', '2')];
  for (const [i, text] of versions.entries()) {
    await mkdir(join(directory, `..${i}`));
    await writeFile(join(directory, `..${i}`, 'tokens.yaml'), text);
  }
  await symlink('..0', join(directory, '..data'));
  await symlink('..data/tokens.yaml', join(directory, 'tokens.yaml'));
  const clock = new ManualClock();
  const world = { smallFiles: nodeSmallFiles, clock, logger: new MemoryLogger() };
  const tokens = await Tokens.open({ path: join(directory, 'tokens.yaml'), collections: ['kv'] }, world);
  tokens.follow();
  t.teardown(() => tokens.stop());
  t.same(ids(tokens), ['a']);
  await symlink('..1', join(directory, '..data_tmp'));
  await rename(join(directory, '..data_tmp'), join(directory, '..data'));
  await rm(join(directory, '..0'), { recursive: true });
  await clock.advance(CHECK_MS);
  while (clock.pending === 0) await clock.turn();
  t.same(ids(tokens), ['b']);
});

t.test('the end of a token is a moment of the wall clock', async t => {
  const { tokens, clock } = await start(
    t,
    entry('a', '1', 'read: [kv], expires: 2025-01-02') + entry('b', '2'),
  );
  const over = () => tokens.list.map(token => token.isOver());
  t.same(over(), [false, false]);
  clock.jump(24 * 3600 * 1000 - 1);
  t.same(over(), [false, false]);
  clock.jump(1);
  t.same(over(), [true, false]);
});

t.test('a file that is wrong or missing refuses the start', async t => {
  const directory = t.testdir({ wrong: '- nonsense' });
  const world = { smallFiles: nodeSmallFiles, clock: new ManualClock(), logger: new MemoryLogger() };
  const open = (name: string) => Tokens.open({ path: join(directory, name), collections: ['kv'] }, world);
  await t.rejects(open('wrong'), { code: 'configuration', message: /must be a mapping/ });
  await t.rejects(open('missing'), { code: 'configuration', hint: /--tokens or CAIRN_TOKENS/ });
});

t.test('after the stop nobody looks', async t => {
  const { path, tokens, clock } = await start(t, entry('a', '1'));
  tokens.stop();
  await writeFile(path, '[]');
  await clock.advance(10 * CHECK_MS);
  t.same([ids(tokens), clock.pending], [['a'], 0]);
});
