import t from 'tap';
import { AnswerCutter } from '../../bench/answers.js';

const first = 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\none\r\n\r\ntw';
const second = 'HTTP/1.1 404 Not Found\r\nX-A: b\r\ncontent-length:0\r\n\r\n';
const stream = Buffer.from(first + second + first);

function cut(...chunks: Buffer[]): string[] {
  const answers: string[] = [];
  const cutter = new AnswerCutter(({ status, body }) => answers.push(`${status} ${body.toString()}`));
  for (const chunk of chunks) cutter.push(chunk);
  return answers;
}

const whole = ['200 one\r\n\r\ntw', '404 ', '200 one\r\n\r\ntw'];

t.same(cut(stream), whole, 'answers in one chunk are cut by their length, not by what is in a body');

t.test('wherever the stream is split, the same answers come out', async t => {
  for (let at = 0; at <= stream.length; at++) {
    t.same(cut(stream.subarray(0, at), stream.subarray(at)), whole, `split at ${at}`);
  }
  t.same(cut(...Array.from(stream, (_, at) => stream.subarray(at, at + 1))), whole, 'byte by byte');
});

t.same(
  cut(stream.subarray(0, stream.length - 1)),
  whole.slice(0, 2),
  'an answer that lacks a byte is not handed out',
);

t.test('a read buffer that is used again does not change what was kept of it', async t => {
  const buffer = Buffer.alloc(first.length);
  const answers: string[] = [];
  const cutter = new AnswerCutter(({ body }) => answers.push(body.toString()));
  const half = first.length - 4;
  buffer.write(first.slice(0, half));
  cutter.push(buffer.subarray(0, half));
  buffer.fill('x').write(first.slice(half));
  cutter.push(buffer.subarray(0, first.length - half));
  t.same(answers, ['one\r\n\r\ntw']);
});

t.throws(
  () => cut(Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')),
  /without Content-Length/,
  'an answer without a length is an error, not an empty one',
);
t.throws(
  () => cut(Buffer.from('xHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')),
  /Not the beginning/,
  'bytes between two answers are an error',
);
