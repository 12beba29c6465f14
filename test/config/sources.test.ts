import t from 'tap';
import { optionList, variableOf } from '../../src/config/options.js';
import { readEnvironment, readFlags } from '../../src/config/sources.js';
import { CairnError } from '../../src/errors.js';

const flags = (...argv: string[]) =>
  Object.fromEntries([...readFlags(argv)].map(([name, { text }]) => [name, text]));

t.test('flags: a value follows the name or is attached to it', async t => {
  t.same(flags('--port', '1', '--host=::1', '--no-lock'), { port: '1', host: '::1', 'no-lock': 'true' });
  t.same(flags('--snapshot-dir=a=b'), { 'snapshot-dir': 'a=b' }, 'only the first = divides');
  t.same(flags('--token-file', '-'), { 'token-file': '-' }, 'one dash begins a value');
});

const refusals: readonly (readonly [string, readonly string[], string, string])[] = [
  ['an unknown flag, with a suggestion', ['--prot', '3'], 'There is no flag --prot.', 'Did you mean --port?'],
  ['an unknown flag with one dash', ['-port=3'], 'There is no flag -port.', 'Did you mean --port?'],
  [
    'an unknown flag, the beginning of one',
    ['--mem=1'],
    'There is no flag --mem.',
    'Did you mean --memory-max?',
  ],
  [
    'an unknown flag that is like none',
    ['--zzzzzz'],
    'There is no flag --zzzzzz.',
    '`cairn help serve` lists all',
  ],
  ['a flag twice', ['--port=1', '--port', '2'], '--port is given twice.', 'cairn --help'],
  ['a flag at the end without its value', ['--port'], '--port needs a value: a whole number', '--port=3000'],
  ['a flag where its value should stand', ['--port', '--host'], '--port needs a value', '--port=3000'],
  ['a word that belongs to no flag', ['--no-lock', 'true'], '"true" belongs to no flag.', '--name=value'],
  ['the token', ['--token=secret-secret-secret'], '--token cannot be set here: a secret', 'Set CAIRN_TOKEN'],
];

for (const [what, argv, message, hint] of refusals) {
  t.test(`flags refuse ${what}`, async t => {
    const error = failure(() => readFlags(argv));
    t.equal(error.code, 'usage');
    t.ok(error.message.startsWith(message), error.message);
    t.ok(error.hint.includes(hint), error.hint);
  });
}

t.test('a secret that is given as a flag is not repeated', async t => {
  const error = failure(() => readFlags(['--token=secret-secret-secret']));
  t.notMatch(`${error.message} ${error.hint}`, 'secret-secret');
});

t.test('every name with two neighbours swapped is suggested', async t => {
  for (const { name, places } of optionList) {
    if (places !== undefined && !places.includes('flag')) continue;
    const swapped = `${name[0]}${name[2]}${name[1]}${name.slice(3)}`;
    t.match(failure(() => readFlags([`--${swapped}`])).hint, `Did you mean --${name}?`, swapped);
  }
});

t.test('the environment: other names than ours are none of our business', async t => {
  t.equal(readEnvironment({ PATH: '/bin', CAIRNS: 'x', cairn_port: '1', MY_CAIRN_PORT: '1' }).size, 0);
});

t.test('the environment refuses an unknown variable, with a suggestion', async t => {
  const error = failure(() => readEnvironment({ CAIRN_PROT: '1' }));
  t.equal(error.code, 'configuration');
  t.equal(error.message, 'There is no variable CAIRN_PROT.');
  t.match(error.hint, 'Did you mean CAIRN_PORT?');
  t.match(failure(() => readEnvironment({ CAIRN_SNAPSHOTS_DIR: 'x' })).hint, 'CAIRN_SNAPSHOT_DIR?');
});

t.test('the environment refuses collections, and says where they stand', async t => {
  const error = failure(() => readEnvironment({ CAIRN_COLLECTIONS: '{}' }));
  t.match(error.message, 'configuration file');
});

/** What the kubelet gave a pod beside Services named cairn and cairn-metrics. */
const injected = {
  CAIRN_SERVICE_HOST: '10.96.113.7',
  CAIRN_SERVICE_PORT: '3000',
  CAIRN_SERVICE_PORT_HTTP: '3000',
  CAIRN_PORT: 'tcp://10.96.113.7:3000',
  CAIRN_PORT_3000_TCP: 'tcp://10.96.113.7:3000',
  CAIRN_PORT_3000_TCP_PROTO: 'tcp',
  CAIRN_PORT_3000_TCP_PORT: '3000',
  CAIRN_PORT_3000_TCP_ADDR: '10.96.113.7',
  CAIRN_METRICS_SERVICE_HOST: '10.96.113.8',
  CAIRN_METRICS_SERVICE_PORT: '9090',
  CAIRN_METRICS_SERVICE_PORT_HTTP: '9090',
  CAIRN_METRICS_PORT: 'tcp://10.96.113.8:9090',
  CAIRN_METRICS_PORT_9090_TCP: 'tcp://10.96.113.8:9090',
  CAIRN_METRICS_PORT_9090_TCP_PROTO: 'tcp',
  CAIRN_METRICS_PORT_9090_TCP_PORT: '9090',
  CAIRN_METRICS_PORT_9090_TCP_ADDR: '10.96.113.8',
};

t.test('what Kubernetes injects is passed over', async t => {
  t.equal(readEnvironment(injected).size, 0);
});

t.test('what only looks injected is not passed over', async t => {
  t.equal(failure(() => readEnvironment({ CAIRN_ADMIN_PORT: '9090' })).code, 'configuration');
  t.equal(readEnvironment({ CAIRN_METRICS_PORT: '9090' }).get('metrics-port')?.text, '9090');
  t.equal(failure(() => readEnvironment({ CAIRN_HOST_SERVICE: '1' })).code, 'configuration');
  t.equal(readEnvironment({ CAIRN_PORT: 'http://x' }).get('port')?.text, 'http://x');
});

t.test('no variable of ours has the form of an injected one', async t => {
  const env = Object.fromEntries(
    optionList.filter(({ name }) => name !== 'config').map(option => [variableOf(option), 'x']),
  );
  t.equal(readEnvironment(env).size, Object.keys(env).length);
});

function failure(run: () => unknown): CairnError {
  try {
    run();
  } catch (error) {
    if (error instanceof CairnError) return error;
    throw error;
  }
  throw new Error('it was taken');
}
