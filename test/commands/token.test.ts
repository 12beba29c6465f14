import { createHash } from 'node:crypto';
import { join } from 'node:path';
import t from 'tap';
import { readTokenEntries } from '../../src/access/token-entries.js';
import { tokenCreate, tokenShow } from '../../src/commands/token.js';
import { ManualClock } from '../fixtures/manual-clock.js';
import { MemoryIo } from '../fixtures/memory-io.js';

const turn = async () => {};

const TOKEN = 'a-token-of-20-letters';
const PUBLIC = '--host=0.0.0.0';

async function show(argv: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const io = new MemoryIo(env);
  t.equal(await tokenShow(argv, io), 0);
  return io.stdout.text;
}

t.test('the token of the variable', async t => {
  t.equal(await show([], { CAIRN_TOKEN: TOKEN }), `${TOKEN}\n`);
});

t.test('the token of a file', async t => {
  const directory = t.testdir({ secret: TOKEN });
  t.equal(await show([`--token-file=${join(directory, 'secret')}`]), `${TOKEN}\n`);
});

t.test('the token that an earlier start keeps', async t => {
  const directory = t.testdir({ token: `${TOKEN}\n` });
  t.equal(await show([PUBLIC, `--snapshot-dir=${directory}`]), `${TOKEN}\n`);
});

t.test('none yet, none needed: said apart', async t => {
  const directory = t.testdir();
  const missing = (argv: string[]) => tokenShow([`--snapshot-dir=${directory}`, ...argv], new MemoryIo());
  await t.rejects(missing([PUBLIC]), {
    code: 'token_missing',
    message: `There is no token in ${join(directory, 'token')} yet.`,
  });
  await t.rejects(missing([]), {
    code: 'token_missing',
    message: 'No token is needed: only this machine can reach 127.0.0.1.',
  });
  await t.rejects(missing([PUBLIC, '--auth=off']), {
    code: 'token_missing',
    message: 'No token is needed: auth is off.',
  });
});

const NOW = Date.UTC(2026, 0, 1);
const DAY = 24 * 3600 * 1000;
const world = { clock: new ManualClock(NOW), random: (size: number) => Buffer.alloc(size, 7) };

async function create(argv: readonly string[], isTTY = false) {
  const io = new MemoryIo({}, { isTTY });
  t.equal(await tokenCreate(argv, io, world), 0);
  const [token = '', ...entry] = io.stdout.text.split('\n');
  return { token, entry: entry.join('\n'), talk: io.stderr.text };
}

t.test('a new token, and the entry that lets it in', async t => {
  const { token, entry, talk } = await create([
    ...['--id', 'ci', '--read', 'configs:app/', '--read=kv', '--write', '*:app/', '--expires', '30d'],
  ]);
  t.match(token, /^[A-Za-z0-9_-]{43}$/);
  t.notMatch(entry, token);
  t.equal(talk, '', 'nothing but these for a program');
  t.same(await readTokenEntries('t', entry, ['kv', 'configs'], turn), [
    {
      id: 'ci',
      sha256: createHash('sha256').update(token).digest('hex'),
      rights: [
        { verb: 'read', collection: 'configs', prefix: 'app/' },
        { verb: 'read', collection: 'kv', prefix: null },
        { verb: 'write', collection: '*', prefix: 'app/' },
      ],
      expires: NOW + 30 * DAY,
    },
  ]);
});

t.test('an end may be a day; without one there is none; on a terminal it is told what to do', async t => {
  const { entry, talk } = await create(['--id=a', '--read=kv', '--expires=2026-12-31'], true);
  t.match(await readTokenEntries('t', entry, ['kv'], turn), [{ expires: Date.UTC(2026, 11, 31) }]);
  t.match(talk, /shown only now/);
  const unending = await create(['--id=a', '--write=kv']);
  t.match(await readTokenEntries('t', unending.entry, ['kv'], turn), [{ expires: null }]);
});

for (const [argv, message] of [
  [['--read=kv'], 'The token needs a name, --id.'],
  [['--id=a'], 'The token may do nothing: there is no --read and no --write.'],
  [['--id=a b', '--read=kv'], '--id is "a b": that is none.'],
  [['--id=root', '--read=kv'], '--id is "root": that is none.'],
  [['--id=a', '--id=b', '--read=kv'], '--id is given twice.'],
  [['--id=a', '--read=kf'], '--read names a collection "kf", and there is none.'],
  [['--id=a', '--write=kv:'], '--write has the prefix "", with which no key begins.'],
  [['--id=a', '--read=kv', '--expires=0'], /^--expires is "0": that is no time to come/],
  [['--id=a', '--read=kv', '--expires=2025-12-31'], /^--expires is "2025-12-31"/],
  [['--id=a', '--read=kv', '--expires=soon'], /^--expires is "soon"/],
  [['--id=a', '--read=kv', '--expires=9999999d'], /^--expires is "9999999d"/],
  [['--id=a', '--read=kv', 'more'], '"more" belongs to no flag.'],
  [['--id=a', '--read'], '--read needs a value.'],
  [['--id=a', '--read=kv', '--nope'], 'There is no flag --nope.'],
] as const) {
  t.test(`no token for ${argv.join(' ')}`, async t => {
    const io = new MemoryIo();
    await t.rejects(tokenCreate(argv, io, world), { code: 'usage', message });
    t.equal(io.stdout.text, '');
  });
}
