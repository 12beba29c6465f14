import t from 'tap';
import { runCommandLine } from '../../src/commands/command-line.js';
import { verbs } from '../../src/commands/verbs.js';
import { optionList } from '../../src/config/options.js';
import { MemoryIo } from '../fixtures/memory-io.js';

async function run(argv: readonly string[], env: Record<string, string> = {}, isTTY = true) {
  const io = new MemoryIo(env, { isTTY });
  const code = await runCommandLine(argv, io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

t.test('no words print the help', async t => {
  const { code, out } = await run([]);
  t.equal(code, 0);
  for (const { usage, summary } of verbs) t.ok(out.includes(usage) && out.includes(summary), usage);
});

t.test('every verb has its help, and does nothing then', async t => {
  for (const { name, summary } of verbs) {
    for (const argv of [
      ['help', ...name.split(' ')],
      [...name.split(' '), '--help'],
      [...name.split(' '), '--prot', '-h'],
    ]) {
      const { code, out, err } = await run(argv);
      t.equal(code, 0, argv.join(' '));
      t.match(out, summary);
      t.equal(err, '');
    }
  }
});

t.test('the help of serve has every setting', async t => {
  const { out } = await run(['serve', '--help']);
  for (const { sentence } of optionList) t.match(out, sentence);
});

t.test('--version is version', async t => {
  t.equal((await run(['--version'])).out, (await run(['version'])).out);
  t.match((await run(['version'])).out, /^cairn \d+\.\d+\.\d+, Node\.js \d+\./);
});

t.test('flags without a verb mean serve', async t => {
  const { code, err } = await run(['--prot', '3']);
  t.equal(code, 64);
  t.match(err, 'There is no flag --prot.');
});

for (const [words, suggested] of [
  ['srve', 'cairn serve'],
  ['token', 'cairn token create` or `cairn token show'],
  ['token shwo', 'cairn token show'],
  ['verfy snapshots', 'cairn verify'],
  ['help srve', 'cairn serve'],
] as const) {
  t.test(`${words} is answered with a suggestion`, async t => {
    const { code, out, err } = await run(words.split(' '));
    t.equal(code, 64);
    t.equal(out, '');
    t.match(err, `Did you mean \`${suggested}\`?`);
  });
}

t.test('on a terminal an error is words, and no stack', async t => {
  const { err } = await run(['config', '--port', '80x']);
  t.equal(
    err,
    'cairn: --port is "80x": it must be a whole number from 0 to 65535.\n  hint: For example: --port=3000\n',
  );
});

t.test('without a terminal an error is one JSON line', async t => {
  const { code, err } = await run(['config'], { CAIRN_AUTH: 'yes' }, false);
  t.equal(code, 78);
  t.equal(err.indexOf('\n'), err.length - 1);
  t.same(JSON.parse(err), {
    level: 'error',
    code: 'configuration',
    message: 'CAIRN_AUTH is "yes": it must be auto, on or off.',
    hint: 'For example: CAIRN_AUTH=on',
  });
});

t.test('the stack is there at the log level debug, however it is given', async t => {
  const wrong = ['config', '--port=x'];
  t.match((await run([...wrong, '--log-level=debug'])).err, /\n {4}at /);
  t.match((await run([...wrong, '--log-level', 'debug'])).err, /\n {4}at /);
  t.match((await run(wrong, { CAIRN_LOG_LEVEL: 'debug' })).err, /\n {4}at /);
  t.notMatch((await run([...wrong, '--log-level=info'], { CAIRN_LOG_LEVEL: 'info' })).err, /\n {4}at /);
});
