import t from 'tap';
import { needsIn } from '../fixtures/needs.js';

const elsewhere = (t: Tap): string => t.testdir({ curl: '', shellcheck: t.fixture('symlink', '/bin/sh') });
type Tap = (typeof t)['t'];

t.test('a program that is on the path is no reason to skip', async t => {
  t.equal(needsIn({ path: elsewhere(t), ci: true }, 'shellcheck'), false);
});

t.test('a missing program, or a file that cannot be run, is a reason that says what to do', async t => {
  const reason = needsIn({ path: elsewhere(t), ci: false }, 'shellcheck', 'curl', 'dash');
  t.match(
    reason,
    /^needs curl \(sh scripts\/setup-test-tools\.sh installs curl, or says how to\), needs dash \(/,
  );
});

t.test('in CI a missing program is an error', async t => {
  t.throws(() => needsIn({ path: elsewhere(t), ci: true }, 'dash'), {
    message: /^In CI every test must run/,
  });
});

t.test('the platform and the user count as they are', async t => {
  const environment = { path: '', ci: false };
  t.equal(needsIn(environment, 'linux') === false, process.platform === 'linux');
  t.equal(needsIn(environment, 'root') === false, process.getuid?.() === 0);
});
