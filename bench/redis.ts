/** As much of Redis' protocol as the benches need: one command, or a million, and their answers. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Readable } from 'node:stream';
import { keyAt, valueAt } from './dataset.js';
import { systemCode } from './machine.js';
import type { Readiness } from './server.js';

/** Commands in a chunk that is written at once. */
const CHUNK_COMMANDS = 1_000;

/** One command on a connection of its own, and the first line of its answer. */
export async function redis(port: number, ...command: string[]): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.end(encode(command));
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer.slice(0, answer.indexOf('\r\n'));
}

export async function redisReadiness(port: number): Promise<Readiness> {
  try {
    return (await redis(port, 'PING')) === '+PONG' ? 'ready' : 'busy';
  } catch (error) {
    if (systemCode(error) === 'ECONNREFUSED') return 'silent';
    throw error;
  }
}

/** Sets the first `count` keys of the data set. */
export async function fillRedis(port: number, count: number, signal: AbortSignal): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  const answered = drain(socket);
  for (let first = 0; first < count; first += CHUNK_COMMANDS) {
    signal.throwIfAborted();
    if (!socket.write(setCommands(first, Math.min(first + CHUNK_COMMANDS, count))))
      await once(socket, 'drain');
  }
  socket.end();
  const answers = await answered;
  if (answers !== '+OK\r\n'.length * count) throw new Error('Redis did not take every key.');
}

/** The number of bytes until the end of the stream. */
async function drain(stream: Readable): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  return bytes;
}

/** As bytes of the protocol, which `redis-cli --pipe` takes too. */
export function setCommands(first: number, end: number): string {
  let commands = '';
  for (let index = first; index < end; index++) commands += encode(['SET', keyAt(index), valueAt(index, 0)]);
  return commands;
}

function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map(word => `$${word.length}\r\n${word}\r\n`).join('')}`;
}
