import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import t, { type Test } from 'tap';
import { getExchange, getRequest, pairAt, type Script } from '../../bench/dataset.js';
import { ask, runLoad } from '../../bench/load.js';

const gets: Script = { count: 500, at: index => getExchange(index, 0) };

async function serve(t: Test, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function indexOf(url = ''): number {
  return Number(url.slice(url.lastIndexOf('_') + 1));
}

function load(port: number, depth = 1, signal = new AbortController().signal): ReturnType<typeof runLoad> {
  return runLoad(gets, { port, connections: 4, depth, signal });
}

t.test('every request is sent once and its latency is there', async t => {
  const asked = new Set<number>();
  const port = await serve(t, (request, response) => {
    asked.add(indexOf(request.url));
    response.end(pairAt(indexOf(request.url), 0));
  });
  const { latenciesMs, generatorBusy, seconds } = await load(port);
  t.equal(asked.size, gets.count);
  t.equal(latenciesMs.length, gets.count);
  t.ok(latenciesMs.every(latency => latency > 0 && latency < seconds * 1000));
  t.ok(generatorBusy > 0 && generatorBusy < 1);
});

t.test('with a depth, answers belong to their requests in order', async t => {
  const port = await serve(t, (request, response) => {
    response.end(pairAt(indexOf(request.url), 0));
  });
  t.equal((await load(port, 16)).latenciesMs.length, gets.count);
});

t.test('a generator that waits for the server is not busy', async t => {
  const port = await serve(t, (request, response) => {
    setTimeout(() => response.end(pairAt(indexOf(request.url), 0)), 5);
  });
  t.ok((await load(port)).generatorBusy < 0.5);
});

t.test('one wrong body fails the run', async t => {
  const port = await serve(t, (request, response) => {
    response.end(pairAt(indexOf(request.url), indexOf(request.url) === 400 ? 1 : 0));
  });
  await t.rejects(load(port), /Wrong answer to GET \/get\/service\/key_400/);
});

t.test('a request that is refused with Retry-After is sent again, and counted', async t => {
  const seen = new Set<number>();
  const port = await serve(t, (request, response) => {
    const index = indexOf(request.url);
    if (index % 250 === 3 && !seen.has(index)) {
      seen.add(index);
      response.writeHead(503, { 'Retry-After': '0', 'Content-Length': 2 });
      response.end('{}');
      return;
    }
    response.end(pairAt(index, 0));
  });
  const { latenciesMs, refused } = await load(port);
  t.same([latenciesMs.length, refused], [gets.count, 2]);
});

t.test('a server that refuses too often, or says not when to come again, fails the run', async t => {
  for (const headers of [{ 'Content-Length': 2, 'Retry-After': '0' }, { 'Content-Length': 2 }]) {
    const port = await serve(t, (_, response) => {
      response.writeHead(503, headers);
      response.end('{}');
    });
    await t.rejects(load(port), /Wrong answer[\s\S]*503/);
  }
});

t.test('the right body with a wrong status fails the run', async t => {
  const port = await serve(t, (request, response) => {
    response.statusCode = 203;
    response.end(pairAt(indexOf(request.url), 0));
  });
  await t.rejects(load(port), /Wrong answer/);
});

t.test('a server that hangs up fails the run', async t => {
  const port = await serve(t, request => request.socket.destroy());
  await t.rejects(load(port), /closed a connection|ECONNRESET/);
});

t.test('a port where nobody listens fails the run', async t => {
  await t.rejects(load(1), { code: 'ECONNREFUSED' });
});

t.test('an aborted run ends with the reason', async t => {
  const stop = new AbortController();
  const port = await serve(t, () => stop.abort(new Error('enough')));
  await t.rejects(load(port, 1, stop.signal), /enough/);
});

t.test('asking once gives the answer, whatever it is', async t => {
  const port = await serve(t, (_, response) => {
    response.writeHead(503, { 'Content-Length': 4 }).end('wait');
  });
  const { status, body } = await ask(port, getRequest('/readyz'));
  t.same([status, body.toString()], [503, 'wait']);
});
