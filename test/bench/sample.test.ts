import { once } from 'node:events';
import { createServer, type OutgoingHttpHeaders } from 'node:http';
import t, { type Test } from 'tap';
import { getExchange, prepared } from '../../bench/dataset.js';
import { learn, mustAnswerAlike } from '../../bench/sample.js';

const exchange = getExchange(0, 0);
const gets = prepared(2, index => getExchange(index, 0));

async function serve(t: Test, headers: OutgoingHttpHeaders): Promise<number> {
  const server = createServer((_, response) => response.writeHead(200, headers).end(exchange.body));
  server.keepAliveTimeout = 65_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

t.test('a header that the copy lacks, has too much, or has at another length, is found', async t => {
  const model = await serve(t, { 'Content-Length': exchange.body.length, ETag: '"17-4"' });
  const { get } = await learn(model, gets, gets);
  const same = await serve(t, { etag: '"18-9"', 'content-length': exchange.body.length });
  await t.resolves(mustAnswerAlike(get, same, exchange));
  for (const headers of [{}, { ETag: '"17-44"' }, { ETag: '"17-4"', 'X-Epoch': '17' }]) {
    const other = await serve(t, { 'Content-Length': exchange.body.length, ...headers });
    await t.rejects(mustAnswerAlike(get, other, exchange), /does not answer like the model/);
  }
});

t.test('what is learnt are the headers of the model, less those that node:http writes', async t => {
  const port = await serve(t, { 'Content-Length': exchange.body.length, ETag: '"17-4"' });
  const { sample } = await learn(port, gets, gets);
  t.equal(sample.keepAliveSeconds, 65);
  t.same(Object.keys(sample.gets), ['/get/service/key_0', '/get/service/key_1']);
  t.same(sample.gets['/get/service/key_1'], {
    status: 200,
    headers: [
      ['Content-Length', null],
      ['ETag', '"17-4"'],
    ],
    body: getExchange(1, 0).body.toString(),
  });
});

t.test('a model that answers wrongly is no model', async t => {
  const port = await serve(t, { 'Content-Length': exchange.body.length });
  const script = prepared(1, () => getExchange(1, 0));
  await t.rejects(learn(port, script, script), /Not the answer to be copied/);
});
