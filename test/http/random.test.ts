/** Ten thousand requests that nobody should send. CAIRN_SEED replays a run. */
import net from 'node:net';
import fc from 'fast-check';
import t from 'tap';
import { systemClock } from '../../src/platform/clock.js';
import { parseAnswer, type Service, startService, stored } from './service.js';

const REQUESTS = 10_000;
const AT_ONCE = 50;

const seed = Number(process.env['CAIRN_SEED'] ?? Date.now() % 2 ** 31);

const usualMethods = 'GET PUT POST DELETE'.split(' ');
const methods = 'HEAD PATCH OPTIONS TRACE CONNECT QUERY get FOO'.split(' ');
const usualPaths = '/kv/a /set /get/a /get?key=a /kv/a/b%2Fc'.split(' ');
const pathPieces =
  '/ /get /kv /set /livez /readyz /a // /.. /%2e % %zz %00 %C3%A4 %ff + # \\ * http://h'.split(' ');
const queryPieces = '? & = + raw key= default=x path=/a path=a ttl=1 ttl sync sync=x %ff %zz nope'.split(' ');
const versions = 'HTTP/1.0 HTTP/0.9 HTTP/2.0 HTTP/1.10 http/1.1 XTTP/1.1'.split(' ');

/** Headers that a request may have, whatever becomes of it then. */
const readableHeaders = `Content-Type: application/json
Content-Type: text/plain
Content-Type: application/x-www-form-urlencoded
Content-Type: a/b
Content-Type: text/plain; charset=x
Content-Type: a
Content-Encoding: gzip
Content-Encoding: identity
Transfer-Encoding: chunked
Transfer-Encoding: gzip, chunked
Content-Length: 0
Content-Length: 2000000
Expect: 100-continue
Expect: x
If-Match: *
If-Match: "a"
If-None-Match: *
If-None-Match: x
If-Modified-Since: x
If-Unmodified-Since: x
Authorization: Bearer x
Origin: http://evil
Sec-Fetch-Site: cross-site
Upgrade: websocket
Connection: close
Connection: upgrade
X-Request-Id: <>
__proto__: x`.split('\n');
/** Headers after which there is no request. */
const unreadableHeaders = `Host: b
Content-Length: 5, 5
Content-Length: -1
Transfer-Encoding: gzip
 folded
no colon
: no name
N\xfcl: x
X: \x01
X: \r`.split('\n');

const bodies = [
  ...['', '{', '{}', '[]', '1', '"x"', '1e400', '\xff\xfe', '['.repeat(1_000)],
  ...['{"key":"a","value":1}', '{"key":"a","value":', '{"key":"\\ud800","value":1}', '{"value":1}'],
  ...['key=a&value=b', 'key=a&value=%', 'key[]=a', 'key=a&key=a'],
  ...['5\r\nhello\r\n0\r\n\r\n', '5\r\nhello', 'zz\r\n', 'ffffffffff\r\n', '0\r\nX: y\r\n\r\n'],
];

/** Mostly the first, sometimes one of the others. */
function mostly<T>(usual: fc.Arbitrary<T>, others: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 9, arbitrary: usual }, others);
}

function some(pieces: readonly string[], maxLength: number): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...pieces), { maxLength }).map(parts => parts.join(''));
}

/** Mostly with one Host and the right length, else little more than that is ever looked at. */
const formed = fc
  .record({
    method: fc.oneof(fc.constantFrom(...usualMethods), fc.constantFrom(...methods)),
    path: fc.oneof(fc.constantFrom(...usualPaths), some(pathPieces, 4)),
    query: mostly(fc.constant(''), some(queryPieces, 5)),
    version: mostly(fc.constant('HTTP/1.1'), fc.constantFrom(...versions)),
    host: mostly(fc.constant<string[]>(['Host: a']), fc.constant<string[]>([])),
    isFramed: mostly(fc.constant(true), fc.constant(false)),
    headers: fc.array(fc.constantFrom(...readableHeaders), { maxLength: 2 }),
    unreadable: mostly(
      fc.constant<string[]>([]),
      fc.array(fc.constantFrom(...unreadableHeaders), { maxLength: 1 }),
    ),
    body: fc.constantFrom(...bodies),
  })
  .map(({ method, path, query, version, host, isFramed, headers, unreadable, body }) => {
    const length = isFramed ? [`Content-Length: ${body.length}`] : [];
    const lines = [`${method} ${path}${query} ${version}`, ...host, ...length, ...headers, ...unreadable];
    return `${lines.join('\r\n')}\r\n\r\n${body}`;
  });

const valid = [
  'PUT /kv/a HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n{"a":1}',
  'POST /set HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n{"key":"a","value":1}',
  'POST /set HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 13\r\n\r\nkey=a&value=b',
  'PUT /kv/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1]\r\n0\r\n\r\n',
  'GET /get/a?raw&default=x HTTP/1.1\r\nHost: a\r\nIf-None-Match: "1-1"\r\n\r\n',
  'GET /get/a HTTP/1.1\r\nHost: a\r\n\r\nDELETE /kv/a HTTP/1.1\r\nHost: a\r\n\r\n',
];

/** A valid request with a few bytes changed, taken out or put in. */
const broken = fc
  .tuple(
    fc.constantFrom(...valid),
    fc.array(fc.tuple(fc.nat(200), fc.nat(2), fc.nat(255)), { minLength: 1, maxLength: 4 }),
  )
  .map(([request, edits]) =>
    edits.reduce((text, [at, kind, byte]) => {
      const place = at % text.length;
      const behind = text.slice(place + (kind === 0 ? 0 : 1));
      return `${text.slice(0, place)}${kind === 2 ? '' : String.fromCharCode(byte)}${behind}`;
    }, request),
  );

const noise = fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes).toString('latin1'));

const request = fc.oneof({ weight: 5, arbitrary: formed }, { weight: 4, arbitrary: broken }, noise);

/** Milliseconds after which a request that nobody has answered is taken for half of one. */
const PATIENCE_MS = 10;

/** Sends the bytes, ends its side with the first answer or without one, and waits for the server to end the other. */
function send({ port }: Service, bytes: string): Promise<string> {
  return new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    const patience = setTimeout(() => socket.end(), PATIENCE_MS);
    socket.on('data', chunk => {
      chunks.push(chunk);
      socket.end();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(patience);
      resolve(Buffer.concat(chunks).toString('latin1'));
    });
    socket.write(bytes, 'latin1');
  });
}

/** An answer that no request may get. */
function isWrong(bytes: string): boolean {
  const { status, headers, body } = parseAnswer(bytes);
  if (status >= 500 && status !== 501) return true;
  if (!headers['x-request-id']) return status !== 100;
  // Behind the answer to a HEAD there may be the next one.
  return status >= 400 && !/^(?:$|\{"status":"error","message":|HTTP\/1\.1 )/.test(body);
}

t.test(`whatever comes, the service answers as it should and goes on (CAIRN_SEED=${seed})`, async t => {
  const service = await startService(t, { clock: systemClock, limits: { lingerMs: 20 } });
  await service.call('PUT', '/kv/sentinel', { body: '{"still":"here"}' });
  const requests = fc.sample(request, { seed, numRuns: REQUESTS });
  const statuses = new Set<number>();
  for (let at = 0; at < REQUESTS; at += AT_ONCE) {
    const batch = requests.slice(at, at + AT_ONCE);
    const answers = await Promise.all(batch.map(bytes => send(service, bytes)));
    answers.forEach((bytes, n) => {
      if (bytes === '') return;
      statuses.add(parseAnswer(bytes).status);
      if (isWrong(bytes)) t.fail('a wrong answer', { request: batch[n], answer: bytes });
    });
  }
  t.equal((await service.call('GET', '/livez')).body, 'ok');
  t.equal(stored(service, 'sentinel'), '{"still":"here"}');
  t.strictSame(service.logger.messages('error'), []);
  // Those that chance could leave out in ten thousand requests are not among these.
  for (const status of [200, 201, 400, 404, 405, 415]) {
    t.ok(statuses.has(status), `the requests are of many kinds: ${status} was among the answers`);
  }
});
