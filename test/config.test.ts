import t from 'tap';
import { mayComeFrom, type Option, optionList, variableOf } from '../src/config/options.js';
import { type Config, readConfig } from '../src/config.js';
import { CairnError } from '../src/errors.js';
import { CONFIG_PATH, configSources, type Given } from './fixtures/config-sources.js';

const read = async (given: Given = {}) => (await readConfig(configSources(given))).config;

async function failure(given: Given): Promise<CairnError> {
  const error = await read(given).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error instanceof CairnError) return error;
  throw new Error(`no CairnError for ${JSON.stringify(given)}`, { cause: error });
}

/** Of every option: two valid texts, neither its default, and one that is wrong. */
const samples: Record<string, { first: string; second: string; wrong: string }> = {
  port: { first: '4000', second: '0', wrong: '65536' },
  host: { first: '0.0.0.0', second: '::1', wrong: 'http://x' },
  'metrics-port': { first: '9091', second: '0', wrong: '65536' },
  'snapshot-dir': { first: '/a', second: './b', wrong: 'a\nb' },
  'snapshot-interval': { first: '250ms', second: '2s', wrong: '9ms' },
  durability: { first: 'sync', second: 'sync', wrong: 'always' },
  'no-lock': { first: 'true', second: 'true', wrong: 'yes' },
  auth: { first: 'on', second: 'off', wrong: 'none' },
  token: { first: 'a-token-of-20-letters', second: 'another-one-of-them', wrong: 'changeme' },
  'token-file': { first: '/run/a', second: '/run/b', wrong: 'a\0b' },
  tokens: { first: '/run/a', second: '/run/b', wrong: 'a\0b' },
  audit: { first: 'on', second: 'off', wrong: 'maybe' },
  'max-connections': { first: '20', second: '30', wrong: '0' },
  'max-watchers': { first: '20', second: '30', wrong: '0' },
  'rate-limit': { first: '20', second: '30', wrong: '-1' },
  'memory-max': { first: '64MiB', second: '96MiB', wrong: '64m' },
  'log-level': { first: 'debug', second: 'warn', wrong: 'trace' },
  'log-format': { first: 'json', second: 'syslog', wrong: 'pretty' },
  'log-file': { first: '/var/log/a', second: 'b.log', wrong: 'a\nb' },
  config: { first: CONFIG_PATH, second: CONFIG_PATH, wrong: 'a\rb' },
};

t.same(
  Object.keys(samples),
  optionList.map(option => option.name),
  'every option of the table is tried here',
);

async function shownOf(name: string, given: Given): Promise<{ shown: string; origin: string }> {
  const { settings } = await readConfig(configSources(given));
  const setting = settings.find(candidate => candidate.option.name === name);
  return { shown: setting?.shown ?? '', origin: setting?.origin.name ?? '' };
}

/** One option with its sample. `show` says a text as `cairn config` does. */
function tried(option: Option<unknown>) {
  const sample = samples[option.name] ?? { first: '', second: '', wrong: '' };
  const show = (text: string) => option.kind.show(option.kind.parse(text));
  const file = `${option.name}: ${JSON.stringify(sample.second)}`;
  const { name, kind } = option;
  return { ...sample, name, kind, show, variable: variableOf(option), file };
}

for (const { name, kind, first, wrong, show, variable } of optionList.map(tried)) {
  t.test(`${name}: nothing said gives the default`, async t => {
    t.equal((await shownOf(name, {})).origin, 'default');
    t.not((await shownOf(name, {})).shown, show(first), 'which the samples are not');
  });

  t.test(`${name}: a variable is taken`, async t => {
    const given = { env: { [variable]: first }, file: '{}' };
    t.same(await shownOf(name, given), { shown: show(first), origin: variable });
  });

  t.test(`${name}: a wrong variable is named, with rule and example`, async t => {
    const error = await failure({ env: { [variable]: wrong } });
    t.equal(error.code, 'configuration');
    t.match(error.message, `${variable} is `);
    t.match(error.message, `it must be ${kind.rule}.`);
    t.equal(error.hint, `For example: ${variable}=${kind.example}`);
    t.equal(
      error.message.includes(JSON.stringify(wrong)),
      name !== 'token',
      'the value is shown, a secret never',
    );
  });

  t.test(`${name}: an empty variable is an error`, async t => {
    t.match((await failure({ env: { [variable]: '' } })).message, `${variable} is `);
  });
}

const withFlag = optionList.filter(option => mayComeFrom(option, 'flag'));
for (const { name, kind, first, second, wrong, show, variable } of withFlag.map(tried)) {
  t.test(`${name}: a flag goes before a variable`, async t => {
    const given = { argv: [`--${name}=${first}`], env: { [variable]: second }, file: '{}' };
    t.same(await shownOf(name, given), { shown: show(first), origin: `--${name}` });
  });

  t.test(`${name}: a wrong flag is a usage error`, async t => {
    const error = await failure({ argv: [`--${name}=${wrong}`] });
    t.equal(error.code, 'usage');
    t.equal(error.message, `--${name} is ${JSON.stringify(wrong)}: it must be ${kind.rule}.`);
    t.match(error.hint, `For example: --${name}`);
  });
}

const inFile = optionList.filter(option => mayComeFrom(option, 'file'));
for (const { name, kind, first, second, wrong, show, variable, file } of inFile.map(tried)) {
  t.test(`${name}: a variable goes before the file`, async t => {
    const given = { env: { [variable]: first }, file };
    t.same(await shownOf(name, given), { shown: show(first), origin: variable });
  });

  t.test(`${name}: the file goes before the default`, async t => {
    t.same(await shownOf(name, { file }), { shown: show(second), origin: CONFIG_PATH });
  });

  t.test(`${name}: a wrong value in the file is named with file and key`, async t => {
    const error = await failure({ file: `${name}: ${JSON.stringify(wrong)}` });
    t.equal(error.code, 'configuration');
    t.equal(error.message, `${name} in ${CONFIG_PATH} is ${JSON.stringify(wrong)}: it must be ${kind.rule}.`);
    t.equal(error.hint, `For example: ${name}: ${kind.example}`);
  });
}

t.same(
  [withFlag, inFile].map(options => optionList.length - options.length),
  [1, 2],
  'all but the token are flags, all but the token and the file itself stand in the file',
);

t.test('the defaults are those of the contract', async t => {
  const { policies: _, ...config } = await read();
  t.same(config, {
    port: 3000,
    host: '127.0.0.1',
    metricsPort: null,
    snapshotDir: 'snapshots',
    snapshotIntervalMs: 1000,
    durability: 'periodic',
    lock: true,
    auth: 'auto',
    token: null,
    tokenFile: null,
    tokensFile: null,
    audit: 'auto',
    maxConnections: 10_000,
    maxWatchers: 10_000,
    rateLimit: 0,
    memoryMaxBytes: 512 * 1024 * 1024,
    logLevel: 'info',
    logFormat: 'auto',
    logFile: null,
    file: null,
  } satisfies Omit<Config, 'policies'>);
});

t.test('a configuration cannot be changed', async t => {
  const config = await read();
  t.ok(Object.isFrozen(config));
  t.ok(Object.isFrozen(config.policies));
  t.ok(Object.isFrozen(config.policies['kv']));
});

t.test('PORT counts where CAIRN_PORT is not given', async t => {
  t.equal((await read({ env: { PORT: '4000' } })).port, 4000);
  t.equal((await read({ env: { PORT: '4000', CAIRN_PORT: '5000' } })).port, 5000);
  t.equal((await read({ env: { PORT: '4000', CAIRN_PORT: 'tcp://10.0.0.1:3000' } })).port, 4000);
  t.match((await failure({ env: { PORT: 'x' } })).message, 'PORT is "x"');
});

t.test('no-lock takes the lock away', async t => {
  t.equal((await read({ argv: ['--no-lock'] })).lock, false);
  t.equal((await read({ argv: ['--no-lock=false'], env: { CAIRN_NO_LOCK: 'true' } })).lock, true);
  t.equal((await read({ file: 'no-lock: true' })).lock, false);
});

t.test('the flag names a file before the variable does', async t => {
  const given = { argv: ['--config', '/other.yaml'], file: 'port: 1' };
  t.match((await failure(given)).message, 'The configuration file /other.yaml cannot be read: ENOENT.');
});

t.test('two tokens are refused, and neither is shown', async t => {
  const env = { CAIRN_TOKEN: 'a-token-of-20-letters', CAIRN_TOKEN_FILE: '/run/token' };
  const error = await failure({ env });
  t.equal(error.message, 'A token is given twice: by CAIRN_TOKEN and by CAIRN_TOKEN_FILE.');
});

t.test('a long value is cut in the message', async t => {
  t.ok((await failure({ argv: [`--port=${'9'.repeat(5000)}`] })).message.length < 300);
});
