import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import { call, get, set } from '../fixtures/calls.js';
import { needs } from '../fixtures/needs.js';
import { MAIN, ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';

/** Runs a verb to its end. */
async function run(argv: string[], env: Record<string, string> = {}) {
  const service = ServiceProcess.spawn(t, argv, env);
  const { code } = await service.ended;
  const [error] = service.stderr.split('\n').filter(line => line.startsWith('{'));
  return { code, stderr: service.stderr, error: error === undefined ? {} : JSON.parse(error) };
}

t.test('a port that is taken: one clear error, exit 75', async t => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  t.teardown(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' ? String(address?.port) : '';
  const { code, error } = await run(['serve', '--port', port, '--snapshot-dir', serviceDirectory(t)]);
  t.equal(code, 75);
  t.match(error, { code: 'address_in_use', message: port, hint: /--port/ });
});

t.test('a second process on the directory waits, and serves when the first has gone', async t => {
  const argv = ['--snapshot-dir', serviceDirectory(t)];
  const first = await ServiceProcess.start(t, argv);
  await set(first.url, 'a', 1);
  const second = ServiceProcess.spawn(t, ['serve', '--port', '0', ...argv]);
  await second.line('waiting for the process that has the directory');
  t.notOk(
    second.log.some(line => line['msg'] === 'ready'),
    'it does not serve',
  );
  await first.stop();
  await second.line('ready');
  t.equal((await get(second.url, 'a')).status, 200);
});

t.test('a process that waits for the lock obeys SIGTERM', async t => {
  const argv = ['--snapshot-dir', serviceDirectory(t)];
  await ServiceProcess.start(t, argv);
  const second = ServiceProcess.spawn(t, ['serve', '--port', '0', ...argv]);
  await second.line('waiting for the process that has the directory');
  t.strictSame(await second.stop(), { code: 0, signal: null });
});

t.test(
  'a directory that this user may not write to: exit 77 and what to do',
  { skip: needs('root') },
  async t => {
    const dir = serviceDirectory(t);
    mkdirSync(`${dir}/snapshots`);
    chmodSync(`${dir}/snapshots`, 0o555);
    chmodSync(dir, 0o755);
    const { status, stderr } = spawnSync(
      process.execPath,
      [MAIN, 'serve', '--port', '0', '--snapshot-dir', `${dir}/snapshots`],
      { uid: 65534, gid: 65534, encoding: 'utf8', env: { PATH: process.env['PATH'] }, timeout: 20_000 },
    );
    t.equal(status, 77, stderr);
    t.match(stderr, /snapshot_denied/);
    t.match(stderr, /fsGroup/);
  },
);

t.test('a directory that this user may not even open: the same', { skip: needs('root') }, async t => {
  const dir = serviceDirectory(t);
  chmodSync(dir, 0o755);
  mkdirSync(`${dir}/closed`, { mode: 0o700 });
  const argv = [MAIN, 'serve', '--port', '0', '--snapshot-dir', `${dir}/closed`];
  const env = { PATH: process.env['PATH'] };
  const { status, stderr } = spawnSync(process.execPath, argv, {
    uid: 65534,
    gid: 65534,
    encoding: 'utf8',
    env,
    timeout: 20_000,
  });
  t.equal(status, 77, stderr);
  t.match(stderr, /snapshot_denied/);
});

t.test(
  'a log that cannot be written stops the log and not the service',
  { skip: needs('linux') },
  async t => {
    const probe = createServer().listen(0, '127.0.0.1');
    await new Promise(resolve => probe.once('listening', resolve));
    const { port } = probe.address() as AddressInfo;
    await new Promise(resolve => probe.close(resolve));
    const full = openSync('/dev/full', 'w');
    const argv = [MAIN, 'serve', '--port', String(port), '--snapshot-dir', serviceDirectory(t)];
    const child = spawn(process.execPath, argv, {
      stdio: ['ignore', full, 'ignore'],
      env: { PATH: process.env['PATH'] },
    });
    const ended = once(child, 'exit');
    t.teardown(() => child.kill('SIGKILL'));
    const url = `http://127.0.0.1:${port}`;
    const deadline = performance.now() + 20_000;
    let status = 0;
    while (status !== 200 && performance.now() < deadline)
      ({ status } = await call(`${url}/readyz`).catch(() => ({ status: 0 })));
    t.equal((await set(url, 'a', 1, '?sync=true')).status, 200);
    child.kill('SIGTERM');
    t.strictSame(await ended, [0, null]);
  },
);

t.test('damage: exit 65 and one line of JSON that names the place; nothing is changed', async t => {
  const dir = serviceDirectory(t);
  const service = await ServiceProcess.start(t, ['--snapshot-dir', dir]);
  await set(service.url, 'a', 1, '?sync=true');
  await set(service.url, 'b', 2, '?sync=true');
  await service.stop();
  const [log = ''] = readdirSync(dir).filter(name => name.endsWith('.log'));
  const bytes = readFileSync(`${dir}/${log}`);
  const at = bytes.indexOf('"a"');
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(`${dir}/${log}`, bytes);
  for (const _ of ['once', 'twice']) {
    const { code, error } = await run(['serve', '--port', '0', '--snapshot-dir', dir]);
    t.equal(code, 65);
    t.match(error, {
      code: 'snapshot_damaged',
      file: log,
      offset: bytes.indexOf('\n') + 1,
      revision: 0,
      follows: /right line/,
    });
    t.ok(readFileSync(`${dir}/${log}`).equals(bytes));
  }
  t.equal((await run(['verify', dir])).code, 65);
});

t.test('a wrong flag, a wrong variable, a wrong value: told with a suggestion', async t => {
  const flag = await run(['serve', '--prot', '3000']);
  t.equal(flag.code, 64);
  t.match(flag.stderr, /--port/);
  const variable = await run(['serve'], { CAIRN_SNAPSHOTDIR: '/x' });
  t.equal(variable.code, 78);
  t.match(variable.stderr, /CAIRN_SNAPSHOT_DIR/);
  t.equal((await run(['serve', '--port', 'high'])).code, 64);
  t.equal((await run(['srve'])).code, 64);
});

t.test('a Service named cairn in the namespace: what Kubernetes injects is passed over', async t => {
  const env = {
    CAIRN_PORT: 'tcp://10.0.0.1:3000',
    CAIRN_SERVICE_HOST: '10.0.0.1',
    CAIRN_SERVICE_PORT: '3000',
    CAIRN_SERVICE_PORT_HTTP: '3000',
    CAIRN_PORT_3000_TCP: 'tcp://10.0.0.1:3000',
    CAIRN_PORT_3000_TCP_ADDR: '10.0.0.1',
  };
  const service = await ServiceProcess.start(t, ['--snapshot-dir', serviceDirectory(t)], env);
  t.equal((await call(`${service.url}/readyz`)).status, 200);
});

t.test(
  'on every address a token is needed: made at the first start, kept, shown by its command, never logged',
  async t => {
    const dir = serviceDirectory(t);
    const argv = ['--snapshot-dir', dir, '--host', '0.0.0.0'];
    const service = await ServiceProcess.start(t, argv);
    const { port } = new URL(service.url);
    const url = `http://127.0.0.1:${port}`;
    const refused = await set(url, 'a', 1);
    t.equal(refused.status, 401);
    t.match(JSON.parse(refused.body), { code: 'unauthenticated', hint: /cairn token show/ });
    t.equal(refused.headers.get('www-authenticate'), 'Bearer');
    const shown = spawnSync(process.execPath, [MAIN, 'token', 'show', ...argv], { encoding: 'utf8' });
    const token = shown.stdout.trim();
    t.match(token, /^[\w-]{43}$/);
    t.equal(statSync(`${dir}/token`).mode & 0o777, 0o640);
    const headers = { authorization: `Bearer ${token}` };
    t.equal((await call(`${url}/get/a`, { headers })).status, 404);
    for (const path of ['/livez', '/readyz', '/version', '/'])
      t.equal((await call(url + path)).status, 200, path);
    t.notOk(JSON.stringify(service.log).includes(token) || service.stderr.includes(token));
    await service.stop();
    const again = await ServiceProcess.start(t, argv);
    const { port: other } = new URL(again.url);
    t.equal(
      (await call(`http://127.0.0.1:${other}/get/a`, { headers })).status,
      404,
      'the same after a restart',
    );
  },
);

t.test('a given token is the one; --auth=off says no', async t => {
  const CAIRN_TOKEN = 'a-token-that-somebody-chose';
  const service = await ServiceProcess.start(t, ['--snapshot-dir', serviceDirectory(t)], { CAIRN_TOKEN });
  t.equal((await get(service.url, 'a')).status, 401, 'also on loopback, as soon as one is given');
  t.equal(
    (await call(`${service.url}/get/a`, { headers: { authorization: `Bearer ${CAIRN_TOKEN}` } })).status,
    404,
  );
  t.equal((await call(`${service.url}/get/a?token=${CAIRN_TOKEN}`)).status, 401, 'never in a URL');
  const dir = `${serviceDirectory(t)}/off`;
  const open = await ServiceProcess.start(t, ['--snapshot-dir', dir, '--host', '0.0.0.0', '--auth', 'off']);
  t.equal((await call(`http://127.0.0.1:${new URL(open.url).port}/get/a`)).status, 404);
});

t.test('healthcheck says by its exit code whether the service is ready', async t => {
  const service = await ServiceProcess.start(t, ['--snapshot-dir', serviceDirectory(t)]);
  const { port } = new URL(service.url);
  t.equal((await run(['healthcheck', '--port', port])).code, 0);
  await service.stop();
  t.equal((await run(['healthcheck', '--port', port])).code, 1);
});

t.test('verify tells what is in a directory, also while it is served', async t => {
  const dir = serviceDirectory(t);
  const service = await ServiceProcess.start(t, ['--snapshot-dir', dir]);
  await set(service.url, 'a', 1, '?sync=true');
  const { status, stdout } = spawnSync(process.execPath, [MAIN, 'verify', dir], { encoding: 'utf8' });
  t.equal(status, 0);
  t.match(stdout, /revision/);
  t.match(stdout, /sound/i);
});
