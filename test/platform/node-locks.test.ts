import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, open, readdir, readlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t, { type Test } from 'tap';
import type { Locks } from '../../src/platform/files.js';
import { commandWay, flockWay, NodeLocks, nodeLocks, perlWay } from '../../src/platform/node-locks.js';
import { needs } from '../fixtures/needs.js';

const LINUX = process.platform === 'linux';
const missingWay = commandWay('cairn-no-such-program', []);

function shellWay(script: string) {
  return commandWay('sh', ['-c', script]);
}

function setPath(t: Test, path: string): void {
  const before = process.env['PATH'];
  t.teardown(() => {
    process.env['PATH'] = before;
  });
  process.env['PATH'] = path;
}

/** lock-child.ts on this directory, once it has said whether it has the lock. */
async function lockChild(t: Test, directory: string): Promise<{ child: ChildProcess; said: string }> {
  const script = fileURLToPath(new URL('../fixtures/lock-child.ts', import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, script, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [said] = await once(child.stdout, 'data');
  return { child, said: String(said).trim() };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

const machines: Record<string, Locks> = {
  'this machine': nodeLocks,
  ...(LINUX && {
    'flock(1)': new NodeLocks([flockWay]),
    'perl, where flock(1) is missing': new NodeLocks([missingWay, perlWay]),
  }),
};

for (const [name, locks] of Object.entries(machines)) {
  t.test(`locks by ${name}`, async t => {
    await t.test('a second descriptor of the same process is refused until the release', async t => {
      const directory = t.testdir({});
      const first = await locks.tryLock(directory);
      t.ok(first);
      t.equal(await locks.tryLock(directory), null);
      await first?.release();
      const second = await locks.tryLock(directory);
      t.ok(second);
      await second?.release();
    });

    await t.test('a lock of another process is busy until that is killed with -9', async t => {
      const directory = t.testdir({});
      const { child, said } = await lockChild(t, directory);
      t.equal(said, 'locked');
      t.equal(await locks.tryLock(directory), null);
      await kill(child);
      const lock = await locks.tryLock(directory);
      t.ok(lock);
      await lock?.release();
    });

    await t.test('another process finds our lock busy', async t => {
      const directory = t.testdir({});
      const lock = await locks.tryLock(directory);
      const { child, said } = await lockChild(t, directory);
      t.equal(said, 'busy');
      await kill(child);
      await lock?.release();
    });

    await t.test("a directory that cannot be opened is the system's error", async t => {
      const directory = t.testdir({ file: '' });
      await t.rejects(locks.tryLock(`${directory}/no`), { code: 'ENOENT' });
      await t.rejects(locks.tryLock(`${directory}/file`), { code: 'ENOTDIR' });
    });

    await t.test('two directories have two locks', async t => {
      const directory = t.testdir({ a: {}, b: {} });
      const a = await locks.tryLock(`${directory}/a`);
      const b = await locks.tryLock(`${directory}/b`);
      t.ok(a && b);
      await Promise.all([a?.release(), b?.release()]);
    });
  });
}

t.test('a child that we start has no part in the lock', async t => {
  const directory = t.testdir({});
  const lock = await nodeLocks.tryLock(directory);
  const child = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => child.kill());
  child.stdin.write('begun');
  await once(child.stdout, 'data');
  await lock?.release();
  const next = await nodeLocks.tryLock(directory);
  t.ok(next, 'free although the child still runs');
  await next?.release();
});

t.test('a lock that nobody refers to is still held', async t => {
  const directory = t.testdir({});
  await nodeLocks.tryLock(directory);
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  for (let turn = 0; turn < 3; turn++) {
    collect();
    await new Promise(resolve => setImmediate(resolve));
  }
  t.equal(await nodeLocks.tryLock(directory), null);
});

t.test('a second release does not close what has the number since', async t => {
  const directory = t.testdir({ file: 'x' });
  const lock = await nodeLocks.tryLock(directory);
  await lock?.release();
  const file = await open(`${directory}/file`);
  await lock?.release();
  t.equal((await file.readFile()).toString(), 'x');
  await file.close();
});

t.test('without flock(1) and perl on the path there is no way', { skip: needs('linux') }, async t => {
  const directory = t.testdir({});
  setPath(t, directory);
  await t.rejects(nodeLocks.tryLock(directory), { code: 'lock_unavailable' });
});

t.test('a machine without any way to lock is lock_unavailable', async t => {
  const directory = t.testdir({});
  await t.rejects(new NodeLocks([]).tryLock(directory), { code: 'lock_unavailable' });
  await t.rejects(new NodeLocks([missingWay, missingWay]).tryLock(directory), { code: 'lock_unavailable' });
});

t.test('a missing program leaves no timer behind that keeps the process alive', async t => {
  const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length;
  const before = timers();
  await t.rejects(new NodeLocks([missingWay]).tryLock(t.testdir({})));
  t.ok(timers() <= before);
});

t.test('a program that cannot lock is lock_unavailable with its reason, and no other is tried', async t => {
  const directory = t.testdir({});
  const failed = (script: string) => new NodeLocks([shellWay(script), flockWay]).tryLock(directory);
  const unavailable = (message: RegExp) => ({ code: 'lock_unavailable', message });
  await t.rejects(failed('exit 71'), unavailable(/sh cannot lock .*: it ended with status 71/));
  await t.rejects(failed('kill -9 $$'), unavailable(/it was killed/));
  await t.rejects(
    failed('echo flock: No locks available >&2; exit 1'),
    unavailable(/flock: No locks available/),
    'busybox has status 1 for this too',
  );
});

for (const [program, way] of Object.entries({ flock: flockWay, perl: perlWay })) {
  t.test(
    `${program}: a file system without locks is not taken for a busy one`,
    { skip: needs('linux', 'strace') },
    async t => {
      const strace = 'exec strace -qq -o /dev/null -e trace=flock -e inject=flock:error=ENOLCK';
      const directory = t.testdir({
        [program]: `#!/bin/sh\nPATH='${process.env['PATH']}' ${strace} ${program} "$@"\n`,
      });
      await chmod(`${directory}/${program}`, 0o755);
      setPath(t, `${directory}:${process.env['PATH']}`);
      const message = /No locks available/;
      await t.rejects(new NodeLocks([way]).tryLock(directory), { code: 'lock_unavailable', message });
    },
  );
}

t.test('the program gets none of our secrets', async t => {
  process.env['CAIRN_TOKEN'] = 'secret';
  t.teardown(() => delete process.env['CAIRN_TOKEN']);
  const lock = await new NodeLocks([shellWay('test -z "$CAIRN_TOKEN"')]).tryLock(t.testdir({}));
  t.ok(lock);
  await lock?.release();
});

t.test('an attempt that comes to nothing leaves no descriptor open', { skip: needs('linux') }, async t => {
  const directory = t.testdir({});
  const lock = await nodeLocks.tryLock(directory);
  await nodeLocks.tryLock(directory);
  await t.rejects(new NodeLocks([missingWay]).tryLock(directory));
  await t.rejects(new NodeLocks([shellWay('exit 71')]).tryLock(directory));
  t.equal(await descriptorsOf(directory), 1, 'but that of the lock');
  await lock?.release();
  t.equal(await descriptorsOf(directory), 0);
});

async function descriptorsOf(path: string): Promise<number> {
  const descriptors = await readdir('/proc/self/fd');
  const targets = descriptors.map(descriptor =>
    readlink(`/proc/self/fd/${descriptor}`).catch(() => 'closed since'),
  );
  return (await Promise.all(targets)).filter(target => target === path).length;
}
