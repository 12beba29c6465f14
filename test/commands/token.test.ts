import { join } from 'node:path';
import t from 'tap';
import { tokenShow } from '../../src/commands/token.js';
import { MemoryIo } from '../fixtures/memory-io.js';

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
