/** scripts/report-tests.js, on TAP as tap writes it to a file, here `results` in a directory. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { root } from '../fixtures/repository.js';

function report(directory: string): { lines: string[]; status: number | null } {
  const file = join(directory, 'results');
  const { stdout, status } = spawnSync(process.execPath, [join(root, 'scripts/report-tests.js'), file], {
    encoding: 'utf8',
  });
  return { lines: stdout.trim().split('\n'), status };
}

t.test('points are counted where they have no subtests', async t => {
  const tap = `# Subtest: test/a.test.ts
    ok 1 - one
    # Subtest: inner
        ok 1 - two
        ok 2 - three
        1..2
    ok 2 - inner # time=3.1ms

    1..2
ok 1 - test/a.test.ts # time=14.4ms
1..1
`;
  t.strictSame(report(t.testdir({ results: tap })), { lines: ['3 passed, 0 failed'], status: 0 });
});

t.test('what was skipped is listed with its place and its reason', async t => {
  const tap = `# Subtest: test/a.test.ts
    ok 1 - one
    # Subtest: inner
        ok 1 - scripts are clean # SKIP needs shellcheck (install it)
        1..1
    ok 2 - inner # time=3.1ms
    ok 3 - bare # SKIP
    1..3
ok 1 - test/a.test.ts # time=14.4ms
`;
  t.strictSame(report(t.testdir({ results: tap })).lines, [
    'Skipped:',
    '  test/a.test.ts > inner > scripts are clean: needs shellcheck (install it)',
    '  test/a.test.ts > bare: no reason given',
    '',
    '1 passed, 0 failed, 2 skipped',
  ]);
});

t.test('a failure is shown with its place, and counts once, not again for the tests around it', async t => {
  const tap = `# Subtest: test/a.test.ts
    # Subtest: inner
        ok 1 - good
        not ok 2 - bad
          ---
          diff: |
            +        not ok 7 - only shown
          ...
        1..2
    not ok 1 - inner # time=3.1ms
      ---
      at: here
      ...
    1..1
not ok 1 - test/a.test.ts # time=14.4ms
  ---
  exitCode: 1
  ...
`;
  t.strictSame(report(t.testdir({ results: tap })), {
    lines: [
      'Failed: test/a.test.ts > inner > bad',
      '  diff: |',
      '    +        not ok 7 - only shown',
      '',
      '1 passed, 1 failed',
    ],
    status: 1,
  });
});

t.test('a file that crashed after its points passed is a failure', async t => {
  const tap = `# Subtest: test/a.test.ts
    ok 1 - good
    1..1
not ok 1 - test/a.test.ts # time=14.4ms
  ---
  exitCode: 3
  ...
`;
  t.strictSame(report(t.testdir({ results: tap })), {
    lines: ['Failed: test/a.test.ts', '  exitCode: 3', '', '1 passed, 1 failed'],
    status: 1,
  });
});

t.test('a bail out is a failure, and so are no tests at all', async t => {
  t.strictSame(report(t.testdir({ results: 'ok 1 - a\nBail out! no disk\n' })), {
    lines: ['Failed: Bail out! no disk', '', '1 passed, 1 failed'],
    status: 1,
  });
  t.strictSame(report(t.testdir({ results: '1..0\n' })), { lines: ['0 passed, 0 failed'], status: 1 });
});

t.test('a file that is not there is an error', async t => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(root, 'scripts/report-tests.js'), '/nowhere'],
    {
      encoding: 'utf8',
    },
  );
  t.equal(status, 1);
  t.match(stderr, /There is no test result: \/nowhere/);
});
