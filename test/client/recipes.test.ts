/** The programs of docs/recipes.md, as they stand there, against the built service; and the built client by its name. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { CairnClient } from '../../src/client/index.js';
import { needs } from '../fixtures/needs.js';
import { ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';

const page = readFileSync('docs/recipes.md', 'utf8');

/** A folder with all programs of the page and the package beside them, and a service. */
async function start(
  t: Test,
): Promise<{ readonly dir: string; readonly url: string; readonly client: CairnClient }> {
  const dir = serviceDirectory(t);
  for (const name of ['dist', 'node_modules', 'package.json']) symlinkSync(resolve(name), `${dir}/${name}`);
  for (const [, name = '', text = ''] of page.matchAll(/^```(?:js|sh) (recipe-\S+)\n([\s\S]*?)^```$/gm)) {
    writeFileSync(`${dir}/${name}`, text);
  }
  const { url } = await ServiceProcess.start(t, ['--snapshot-dir', `${dir}/snapshots`]);
  process.env['CAIRN_URL'] = url;
  return { dir, url, client: new CairnClient({ url }) };
}

interface Held {
  readonly fence: string;
  readonly signal: AbortSignal;
}

interface LockRecipe {
  exclusively(name: string, work: (held: Held) => Promise<unknown>, seconds?: number): Promise<boolean>;
}

interface Application {
  readonly app: { listen(port: number, host: string): Server };
}

t.test('the lock: one at a time, given back, and its loss is told', async t => {
  const { dir, client } = await start(t);
  const { exclusively }: LockRecipe = await import(`${dir}/recipe-lock.mjs`);
  const fences: string[] = [];
  t.equal(
    await exclusively('report', async ({ fence }) => {
      fences.push(fence);
      t.equal(await exclusively('report', async () => t.fail('two at a time')), false);
      t.ok(await client.get('locks/report'));
    }),
    true,
  );
  t.equal(await client.get('locks/report'), undefined, 'it was given back');
  await exclusively('report', async ({ fence }) => fences.push(fence));
  const [first = 0, second = 0] = fences.map(fence => Number(fence.split('-')[1]));
  t.ok(second > first, 'the fence grows');
  await t.rejects(
    exclusively('report', async () => {
      throw new Error('of the work');
    }),
    { message: 'of the work' },
  );
  t.equal(await client.get('locks/report'), undefined, 'also after work that failed');
});

t.test('the lock: whoever lost it is told, and does not take it from the next', async t => {
  const { dir, client } = await start(t);
  const { exclusively }: LockRecipe = await import(`${dir}/recipe-lock.mjs?lost`);
  await exclusively(
    'report',
    async ({ signal }) => {
      await client.set('locks/report', 'another');
      if (!signal.aborted) await once(signal, 'abort');
      t.match(signal.reason, { code: 'revision_mismatch' });
    },
    1,
  );
  t.equal(await client.get('locks/report'), 'another');
});

t.test('the lock: given back while it is being renewed, it is free at once', async t => {
  const { dir, url, client } = await start(t);
  const { proxy, isHolding, letGo } = await holdingProxy(t, url, 'PATCH');
  process.env['CAIRN_URL'] = proxy;
  const { exclusively }: LockRecipe = await import(`${dir}/recipe-lock.mjs?renewed`);
  const done = await exclusively(
    'report',
    async () => {
      await isHolding;
      // When the work is over: the renewal has happened, and its holder does not know of it.
      setImmediate(letGo);
    },
    3,
  );
  t.equal(done, true);
  t.equal(await client.get('locks/report'), undefined);
});

/** Hands all on, but keeps the first answer to a method until it is let go. */
async function holdingProxy(t: Test, url: string, method: string) {
  const [held, letGo] = signal();
  const [isHolding, holding] = signal();
  const server = createServer((req, res) => {
    const onward = request(`${url}${req.url}`, { method: req.method, headers: req.headers }, async answer => {
      if (req.method === method) {
        holding();
        await held;
      }
      res.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(res);
    });
    req.pipe(onward);
  });
  t.teardown(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return { proxy: `http://127.0.0.1:${port}`, isHolding, letGo };
}

function signal(): [Promise<void>, () => void] {
  let give = () => {};
  const given = new Promise<void>(resolve => {
    give = resolve;
  });
  return [given, give];
}

t.test('the shell loop writes each version as it comes', { skip: needs('curl') }, async t => {
  const { dir, client } = await start(t);
  const shell: ChildProcess = spawn('sh', ['recipe-follow.sh'], {
    cwd: dir,
    env: { PATH: process.env['PATH'], CAIRN_URL: process.env['CAIRN_URL'] },
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  t.teardown(() => process.kill(-(shell.pid ?? 0), 'SIGKILL'));
  if (shell.stdout === null) throw new Error('no output');
  const lines = createInterface(shell.stdout)[Symbol.asyncIterator]();
  const configs = client.collection('configs');
  for (const n of [1, 2]) {
    const { etag } = await configs.put('shop', { name: 'shop', n });
    t.equal((await lines.next()).value, `shop is at change ${etag.replaceAll('"', '')}`);
    t.equal(readFileSync(`${dir}/shop.json`, 'utf8'), `{"name":"shop","n":${n}}`);
  }
});

t.test('the session store: a visitor is known again, the deadline moves, and a logout ends it', async t => {
  const { dir, client } = await start(t);
  const { app }: Application = await import(`${dir}/recipe-sessions.mjs`);
  const server = app.listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let cookie = '';
  const visit = async (path = '/') => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { cookie, connection: 'close' },
    });
    cookie = response.headers
      .getSetCookie()
      .map(one => one.split(';')[0])
      .join('; ');
    return response.text();
  };
  const sessions = client.collection<{ readonly visits: number }>('sessions');
  t.equal(await visit(), '1');
  t.equal(await visit(), '2');
  const { items } = await sessions.page();
  t.match(items, [{ value: { visits: 2 } }]);
  const stored = await sessions.get(items[0]?.key ?? '');
  t.ok((stored?.ttl ?? 0) > 29 * 60 && (stored?.ttl ?? 0) <= 31 * 60, `${stored?.ttl} s`);
  t.equal(await visit('/logout'), 'bye');
  t.match(await sessions.page(), { items: [] });
  t.equal(await visit(), '1');
});

t.test('the client by its name prints what one expects', async t => {
  const { dir, url } = await start(t);
  const { stdout, status, stderr } = spawnSync(process.execPath, ['recipe-client.mjs'], {
    cwd: dir,
    env: { PATH: process.env['PATH'], CAIRN_URL: url },
    encoding: 'utf8',
    timeout: 30_000,
  });
  t.same([status, stderr], [0, '']);
  t.equal(stdout, 'hello\nweb 3\n9007199254740993\nnow web 3\n');
});

t.test('the client imports nothing but itself, and knows nothing of Node', async t => {
  const { filesUnder } = await import('../fixtures/repository.js');
  for (const { path, text } of filesUnder().filter(file => /^src\/client\/.*\.ts$/.test(file.path))) {
    const from = [...text.matchAll(/\bfrom '([^']+)'|\bimport\('([^']+)'/g)].map(
      match => match[1] ?? match[2] ?? '',
    );
    t.strictSame(
      from.filter(name => !/^\.\/[a-z-]+\.js$/.test(name)),
      [],
      path,
    );
    t.notMatch(text, /\bBuffer\b|\bprocess\.|\brequire\(/, path);
  }
});
