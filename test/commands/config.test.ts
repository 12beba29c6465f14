import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { config } from '../../src/commands/config.js';
import { readConfigHere } from '../../src/commands/reading.js';
import { MemoryIo } from '../fixtures/memory-io.js';

const FILE = `
port: 4000
host: "::"
snapshot-dir: "a dir: with # signs"
memory-max: 100MB
no-lock: true
auth: off
collections:
  sessions: { ttl: 90s, bytes: none }
  notes: { entries: 7, full: evict, durability: periodic }
`;

function fileOf(t: Test, text: string): string {
  const path = join(t.testdir(), 'cairn.yaml');
  writeFileSync(path, text);
  return path;
}

async function printed(argv: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const io = new MemoryIo(env);
  t.equal(await config(argv, io), 0);
  return io.stdout.text;
}

t.test('each value stands with where it came from', async t => {
  const path = fileOf(t, FILE);
  const lines = (await printed(['--port=5000', '--config', path], { CAIRN_LOG_LEVEL: 'warn' })).split('\n');
  const line = (start: string) => lines.find(candidate => candidate.startsWith(start))?.replace(/ +/g, ' ');
  t.equal(line('port:'), 'port: 5000 # --port');
  t.equal(line('log-level:'), 'log-level: warn # CAIRN_LOG_LEVEL');
  t.equal(line('auth:'), `auth: off # ${path}`);
  t.equal(line('max-connections:'), 'max-connections: 10000 # default');
  t.equal(line('# token-file:'), '# token-file: none # default');
});

t.test('a secret is masked', async t => {
  const text = await printed([], { CAIRN_TOKEN: 'a-token-of-20-letters' });
  t.notMatch(text, 'a-token-of-20');
  t.match(text, /^# token: \*{6} +# CAIRN_TOKEN$/m);
});

t.test('what is printed, kept as a file, gives the same configuration', async t => {
  const env = { CAIRN_DURABILITY: 'sync', CAIRN_SNAPSHOT_INTERVAL: '1500ms' };
  const argv = ['--config', fileOf(t, FILE)];
  const first = await readConfigHere(argv, new MemoryIo(env));
  const copy = fileOf(t, await printed(argv, env));
  const second = await readConfigHere(['--config', copy], new MemoryIo());
  t.same({ ...second.config, file: null }, { ...first.config, file: null });
});

t.test('a schema is printed in one line, a file of its own by its path, and both are read back', async t => {
  const directory = t.testdir({
    'cairn.yaml': 'collections: { a: { schema: { required: [x] }, emails: [m, n] }, b: { schema: b.json } }',
    'b.json': '{"type":"object"}',
  });
  const text = await printed(['--config', join(directory, 'cairn.yaml')]);
  t.match(text, /^ {4}schema: \{"required":\["x"\]\} +# .*cairn\.yaml$/m);
  t.match(text, new RegExp(`^ {4}schema: ${join(directory, 'b.json')} +# `, 'm'));
  const copy = join(directory, 'copy.yaml');
  writeFileSync(copy, text);
  const { config: again } = await readConfigHere(['--config', copy], new MemoryIo());
  t.same(again.policies['a']?.schema, { required: ['x'] });
  t.same(again.policies['a']?.emails, ['m', 'n']);
  t.same(again.policies['b']?.schema, { type: 'object' });
});

t.test('a schema that cannot be used is told', async t => {
  const path = fileOf(t, 'collections: { notes: { schema: { tpye: object } } }');
  await t.rejects(config(['--config', path], new MemoryIo()), {
    code: 'configuration',
    message: /collection notes cannot be used: strict mode: unknown keyword: "tpye"/,
  });
});
