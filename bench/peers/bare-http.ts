/**
 * The floor: node:http with nothing behind it. It gives, for each request of the bench, the answer that the
 * model gave (see sample.ts): the same status, header lines and body, made before the first request. It looks up
 * a path in a Map, reads the whole body of a SET, and checks nothing.
 *
 *   node bare-http.js <port> [<file of the sample>]
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Sample, SampleAnswer } from '../sample.js';

interface Prepared {
  readonly status: number;
  /** Names and values in turn: the form that node:http takes with the least work. */
  readonly headers: string[];
  readonly body: string;
}

const READY: SampleAnswer = { status: 200, headers: [['Content-Type', 'text/plain']], body: 'ok' };
const NOTHING: Sample = { keepAliveSeconds: 5, gets: {}, set: READY };

const [port, file] = process.argv.slice(2);
const sample: Sample = file === undefined ? NOTHING : JSON.parse(readFileSync(file, 'utf8'));
const gets = new Map(Object.entries(sample.gets).map(([path, answer]) => [path, prepare(answer)]));
gets.set('/readyz', prepare(READY));
const set = prepare(sample.set);
const missing = prepare({ ...READY, status: 404, body: 'not found' });

function prepare({ status, headers, body }: SampleAnswer): Prepared {
  const length = String(Buffer.byteLength(body));
  const lines = headers.map(([name, value]) => [name, value === null ? length : value]);
  if (!headers.some(([, value]) => value === null)) lines.push(['Content-Length', length]);
  return { status, headers: lines.flat(), body: Buffer.from(body).toString('latin1') };
}

const server = createServer((request, response) => {
  const send = ({ status, headers, body }: Prepared) => {
    response.writeHead(status, headers).end(body, 'latin1');
  };
  if (request.method === 'GET') return send(gets.get(request.url ?? '') ?? missing);
  const chunks: Buffer[] = [];
  request.on('data', chunk => chunks.push(chunk));
  request.on('end', () => send(Buffer.concat(chunks).length === 0 ? missing : set));
});
server.keepAliveTimeout = sample.keepAliveSeconds * 1000;
server.listen(Number(port), '127.0.0.1');
