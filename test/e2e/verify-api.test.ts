/** scripts/verify-api.sh as Jenkins and people run it: against the service, and against servers that are not right. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { nodeFiles } from '../../src/platform/node-files.js';
import { verifySnapshots } from '../../src/snapshot/verify.js';
import { needs } from '../fixtures/needs.js';
import { root } from '../fixtures/repository.js';
import { MAIN, ServiceProcess, serviceDirectory } from '../fixtures/service-process.js';

const SCRIPT = join(root, 'scripts/verify-api.sh');
const TOKEN = 'correct-horse"battery\\staple-0123456789';

interface Result {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

interface Options {
  readonly shell?: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
}

function start(args: readonly string[], { shell = ['sh'], env = {} }: Options = {}): ChildProcess {
  const [program, ...before] = shell;
  const { BASE_URL: _url, TOKEN: _token, ...inherited } = process.env;
  // A group of its own, so that a test can press Ctrl-C in it.
  return spawn(program, [...before, SCRIPT, ...args], { env: { ...inherited, ...env }, detached: true });
}

async function result(child: ChildProcess): Promise<Result> {
  let output = '';
  let errors = '';
  child.stdout?.on('data', chunk => {
    output += chunk;
  });
  child.stderr?.on('data', chunk => {
    errors += chunk;
  });
  const [status] = await once(child, 'close');
  return { status, output, errors };
}

function verify(args: readonly string[], options?: Options): Promise<Result> {
  return result(start(args, options));
}

const failures = (output: string): string[] => output.match(/^not ok .*$/gm) ?? [];

/** A server that is not Cairn; it ends with the test, or when its listener says so. */
async function serve(
  t: Test,
  listener: (...args: [...Parameters<RequestListener>, stop: () => void]) => void,
): Promise<string> {
  const server = createServer((request, response) => listener(request, response, stop));
  const stop = (): void => {
    server.closeAllConnections();
    server.close();
  };
  t.teardown(stop);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Where nobody listens: a port that was just free. */
async function nowhere(): Promise<string> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}

/** Says yes to everything and shows what it was asked, the token too. */
const yes: RequestListener = (request, response) => {
  request.resume();
  response.setHeader('Content-Type', 'text/plain');
  response.end(`<yes> & "${request.method}" ${request.headers.authorization}\n\u0007\n`);
};

/** Parses the XML with a program that knows nothing of us, and gives it back. */
async function wellFormed(t: Test, file: string): Promise<string> {
  const { status, errors } = await result(spawn('xmllint', ['--noout', file]));
  t.equal(status, 0, `the JUnit file is well-formed ${errors}`);
  return readFile(file, 'utf8');
}

const skip = needs('curl', 'xmllint');

t.test('against the service', { skip }, async t => {
  const service = await ServiceProcess.start(t, ['--snapshot-dir', serviceDirectory(t)]);

  await t.test('every check passes, and the keys are taken away', async t => {
    const directory = serviceDirectory(t);
    const service = await ServiceProcess.start(t, ['--snapshot-dir', directory]);
    const { status, output, errors } = await verify([service.url]);
    t.strictSame(failures(output), []);
    t.equal(status, 0);
    t.equal(errors, '');
    t.match(output, /^TAP version 14\n/);
    t.match(output, /^1\.\.\d+$/m);
    await service.stop();
    t.match(await verifySnapshots({ files: nodeFiles, directory }), { sound: true, facts: { entries: 0 } });
  });

  await t.test('JUnit has one case for each check, with its time', async t => {
    const file = join(t.testdir(), 'junit.xml');
    const { output } = await verify(['--junit', file, service.url]);
    const xml = await wellFormed(t, file);
    const cases = xml.match(/<testcase classname="verify-api" name="[^"]+" time="\d+(\.\d+)?">/g) ?? [];
    t.equal(cases.length, Number(/^1\.\.(\d+)$/m.exec(output)?.[1]));
    t.match(xml, / failures="0" errors="0" skipped="1" time="\d+\.\d+" timestamp="/);
  });

  await t.test('other shells', { skip: needs('dash', 'busybox') }, async t => {
    for (const shell of [['dash'], ['busybox', 'sh'], ['bash', '--posix']] as const) {
      const { status, output } = await verify([service.url], { shell });
      t.strictSame([status, failures(output)], [0, []], shell.join(' '));
    }
  });

  await t.test('the commit is compared', async t => {
    const { commit } = JSON.parse(await readFile(join(MAIN, '../build.json'), 'utf8'));
    if (commit !== null) {
      t.equal((await verify(['--expect-commit', commit.slice(0, 12), service.url])).status, 0);
    }
    const { status, output } = await verify(['--expect-commit', '0000000', service.url]);
    t.equal(status, 1);
    t.match(failures(output), [/shows the commit 0000000$/]);
  });
});

t.test('against a service with a token', { skip }, async t => {
  const service = await ServiceProcess.start(t, ['--snapshot-dir', serviceDirectory(t)], {
    CAIRN_TOKEN: TOKEN,
  });

  await t.test('the token opens it, and calls without it are refused', async t => {
    const { status, output } = await verify([], { env: { BASE_URL: service.url, TOKEN } });
    t.strictSame([status, failures(output)], [0, []]);
    t.match(output, /^ok \d+ - a call without a token is 401/m);
  });

  await t.test('the token may come from a file', async t => {
    const file = join(t.testdir({ token: `${TOKEN}\n` }), 'token');
    t.equal((await verify(['--token-file', file, service.url])).status, 0);
  });

  await t.test('no argument of curl holds the token', async t => {
    const log = join(t.testdir(), 'arguments');
    const bin = t.testdir({ curl: `#!/bin/sh\nprintf '%s\\n' "$@" >>"${log}"\nexec "$REAL_CURL" "$@"\n` });
    const real = (
      await result(spawn('sh', ['-c', 'chmod +x "$0/curl" && command -v curl', bin]))
    ).output.trim();
    const env = { TOKEN, REAL_CURL: real, PATH: `${bin}:${process.env['PATH']}` };
    t.equal((await verify([service.url], { env })).status, 0);
    const seen = await readFile(log, 'utf8');
    t.match(seen, '/livez', 'the arguments were seen');
    t.notMatch(seen, 'battery');
  });

  await t.test('without the token it says that one is needed', async t => {
    const { status, output } = await verify([service.url]);
    t.equal(status, 1);
    t.match(output, 'the service needs a token, give it as TOKEN or by --token-file');
  });
});

t.test('against what is not right', { skip }, async t => {
  await t.test('a failed check shows the request and the answer, and the token nowhere', async t => {
    const file = join(t.testdir(), 'junit.xml');
    const { status, output } = await verify(['--junit', file, await serve(t, yes)], { env: { TOKEN } });
    t.equal(status, 1);
    t.match(output, /^not ok \d+ - \?raw is the bare string\n {2}---\n {2}message: \|\n/m);
    t.match(output, /^ {4}curl -X GET 'http:\/\/127\.0\.0\.1:\d+\/get\/verify-api\/\d+-\d+\/key_1\?raw'$/m);
    t.match(output, /^ {4}HTTP\/1\.1 200 OK$/m);
    t.match(output, /^ {4}<yes> & "GET" Bearer \*\*\*$/m);
    const xml = await wellFormed(t, file);
    t.equal(xml.match(/<failure /g)?.length, failures(output).length);
    t.match(xml, '&lt;yes&gt; &amp; &quot;GET&quot; Bearer ***');
    for (const text of [output, xml]) t.notMatch(text, 'battery');
  });

  await t.test('a service that cannot be reached is told from one that fails', async t => {
    const file = join(t.testdir(), 'junit.xml');
    const url = await nowhere();
    const { status, output } = await verify(['--junit', file, url]);
    t.equal(status, 1);
    t.match(output, `Bail out! ${url} cannot be reached: no answer: curl: (7)`);
    t.match(await wellFormed(t, file), 'failures="1"');
  });

  await t.test('a service that goes away ends the run', async t => {
    const url = await serve(t, (request, response, stop) => {
      if (request.url === '/livez') response.end();
      else stop();
    });
    const { status, output } = await verify([url]);
    t.equal(status, 1);
    t.match(output, `Bail out! ${url} does not answer any more`);
  });

  await t.test('--wait waits until it is ready', async t => {
    let asked = 0;
    const url = await serve(t, (request, response) => {
      if (request.url === '/readyz') response.statusCode = ++asked < 3 ? 503 : 200;
      yes(request, response);
    });
    const { status, output } = await verify(['--wait', '60', url]);
    t.equal(status, 1, 'the checks ran');
    t.match(output, /^ok 2 - GET \/readyz is 200$/m);
  });

  await t.test('--wait ends with its time', async t => {
    const url = await serve(t, (_request, response) => {
      response.statusCode = 503;
      response.end();
    });
    const { status, output } = await verify(['--wait=1', url]);
    t.equal(status, 1);
    t.match(output, `Bail out! ${url} is not ready after 1 s: expected status 200, got 503`);
  });
});

const leavings: readonly (readonly [string, number, (child: ChildProcess) => void])[] = [
  ['Ctrl-C', 130, child => process.kill(-(child.pid ?? 0), 'SIGINT')],
  ['an end by the job', 143, child => child.kill('SIGTERM')],
  ['a reader that has gone', 141, child => child.stdout?.destroy()],
];

for (const [cause, expected, leave] of leavings) {
  t.test(`${cause} takes away what was written`, { skip }, async t => {
    let written = 0;
    let deleted = 0;
    let answerRest: () => void = () => {};
    let reached: () => void = () => {};
    const inTheMiddle = new Promise<void>(resolve => {
      reached = resolve;
    });
    const url = await serve(t, (request, response) => {
      if (request.method === 'POST') written += 1;
      if (request.method === 'DELETE') deleted += 1;
      const answer = (): void => yes(request, response);
      if (written === 0 || deleted > 0 || request.method === 'DELETE') return answer();
      answerRest = answer;
      reached();
    });
    const temporary = t.testdir();
    const child = start([url], { env: { TMPDIR: temporary } });
    const ended = result(child);
    await inTheMiddle;
    leave(child);
    answerRest();
    t.equal((await ended).status, expected);
    t.equal(written, 1, 'something was written');
    t.equal(deleted, 1, 'and taken away');
    t.strictSame(await readdir(temporary), [], 'no file is left');
  });
}

t.test('a wrong call is a usage error', { skip }, async t => {
  const wrong: readonly (readonly [readonly string[], string])[] = [
    [['--colour'], 'unknown option --colour'],
    [['--wait', 'long'], '--wait takes whole seconds'],
    [['--wait'], '--wait needs a value'],
    [['--junit', '/nowhere/at/all.xml'], 'cannot write /nowhere/at/all.xml'],
    [['--expect-commit', 'main'], '--expect-commit takes a hexadecimal commit'],
    [['--token-file', '/nowhere/token'], 'cannot read the token file /nowhere/token'],
    [['localhost:3000'], 'BASE_URL must begin with http:// or https://'],
    [['http://a', 'http://b'], 'one BASE_URL only'],
  ];
  for (const [args, message] of wrong) {
    const { status, output, errors } = await verify(args);
    t.strictSame([status, output], [2, ''], args.join(' '));
    t.match(errors, message);
  }
});

t.test('--help shows the usage', { skip }, async t => {
  const { status, output } = await verify(['--help']);
  t.equal(status, 0);
  t.match(output, /^Usage: verify-api\.sh/);
});
