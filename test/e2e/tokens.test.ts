/** Tokens in the real process: made by the command, put into the file, rotated and revoked while it serves. */
import { renameSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { call } from '../fixtures/calls.js';
import { ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';

/** What `cairn token create` prints: the token, and its entry. */
async function create(test: Test, ...argv: string[]): Promise<readonly [token: string, entry: string]> {
  const made = ServiceProcess.spawn(test, ['token', 'create', ...argv]);
  const { code } = await made.ended;
  test.equal(code, 0, made.stderr);
  const [token = '', ...entry] = made.log.map(line => String(line['msg']));
  return [token, `${entry.join('\n')}\n`];
}

/** Whole or not at all, as Kubernetes puts it there. */
function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

t.test('a file of tokens that is wrong ends the start with 78, and says where', async t => {
  const directory = serviceDirectory(t);
  const path = `${directory}/tokens.yaml`;
  writeFileSync(path, '- { id: ci, sha256: abc, read: [kv] }\n');
  const argv = ['serve', '--port', '0', '--snapshot-dir', `${directory}/s`, '--tokens', path];
  const refused = ServiceProcess.spawn(t, argv);
  t.equal((await refused.ended).code, 78);
  t.match(JSON.parse(refused.stderr.split('\n').find(line => line.startsWith('{')) ?? ''), {
    code: 'configuration',
    message: `The sha256 of token 1 in ${path} (ci) is not 64 hex digits.`,
  });
});

t.test('tokens are made, used, rotated and revoked, and none of them is ever in the log', async t => {
  const directory = serviceDirectory(t);
  const path = `${directory}/tokens.yaml`;
  const [old, oldEntry] = await create(
    t,
    '--id',
    'ci-1',
    '--read',
    'kv',
    '--write',
    'kv:app/',
    '--expires',
    '30d',
  );
  const [next, nextEntry] = await create(t, '--id', 'ci-2', '--read=kv');
  writeFileSync(path, oldEntry);
  const argv = ['--snapshot-dir', `${directory}/s`, '--tokens', path];
  const service = await ServiceProcess.start(t, argv);
  const { url } = service;
  const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
  const put = async (token: string, key: string) =>
    (await call(`${url}/kv/${key}`, { method: 'PUT', body: '"secret"', ...as(token) })).status;
  const get = async (token: string) => (await call(`${url}/kv/app/a`, as(token))).status;

  t.equal((await call(`${url}/kv/app/a`)).status, 401, 'a file of tokens makes one needed');
  t.same([await put(old, 'app/a'), await put(old, 'apple')], [201, 403]);
  t.match(await service.line('audit'), { caller: 'ci-1', key: 'app/a', collection: 'kv', revision: 1 });
  t.equal(await get(next), 401);

  replace(path, oldEntry + nextEntry);
  await service.line('the file of tokens was read again');
  t.same([await get(old), await get(next), await put(next, 'app/a')], [200, 200, 403], 'both, side by side');

  replace(path, '- nonsense\n');
  await service.line(`Token 1 in ${path} must be a mapping. What was in force stays so.`);
  t.same([await get(old), await get(next)], [200, 200]);

  const before = service.log.splice(0);
  replace(path, nextEntry);
  t.match(await service.line('the file of tokens was read again'), { gone: ['ci-1'] });
  t.same([await get(old), await get(next)], [401, 200]);

  const shown = ServiceProcess.spawn(t, ['token', 'show', ...argv]);
  t.equal((await shown.ended).code, 0);
  const root = String(shown.log[0]?.['msg']);
  t.equal(await put(root, 'anything'), 201, 'the one token for everything is there too');
  await service.stop();
  const everything = JSON.stringify([before, service.log]) + service.stderr;
  for (const secret of [old, next, root]) t.notMatch(everything, secret);
});
