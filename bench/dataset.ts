/**
 * What the benches ask, the same for every contestant and every run: keys like `service/key_123`, values of 60
 * bytes of JSON, requests as bytes that are ready to be sent, and the answers that must come.
 *
 * A value is written as `JSON.stringify` writes it, so that a server that parses and prints gives back the same
 * bytes as one that keeps the text.
 */

/** One request, and what must be answered. */
export interface Exchange {
  readonly request: Buffer;
  readonly status: number;
  readonly body: Buffer;
}

/** Exchanges in their order. They may be made when asked for: a million of them would not be cheap to keep. */
export interface Script {
  readonly count: number;
  at(index: number): Exchange;
}

const SET_ANSWER = Buffer.from('{"status":"success","message":"key-value pair is set successfully"}');
/** So that every edition has as many digits, and every value as many bytes. */
const FIRST_EDITION = 100_000_000;

export function keyAt(index: number): string {
  return `service/key_${index}`;
}

/** 60 bytes. Another `edition` (below 900 million) is another value. */
export function valueAt(index: number, edition: number): string {
  const port = 10_000 + (index % 50_000);
  return `{"host":"db.local","port":${port},"build":${FIRST_EDITION + edition},"on":true}`;
}

export function pairAt(index: number, edition: number): string {
  return `{"key":"${keyAt(index)}","value":${valueAt(index, edition)}}`;
}

export function pathOf(index: number): string {
  return `/get/${keyAt(index)}`;
}

export function getRequest(path: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\n${COMMON_HEADERS}\r\n`);
}

/** What clients send: Node's HTTP parser takes its time for each header. */
const COMMON_HEADERS = 'Host: 127.0.0.1\r\nUser-Agent: cairn-bench\r\nAccept: */*\r\n';

export function getExchange(index: number, edition: number): Exchange {
  return { request: getRequest(pathOf(index)), status: 200, body: Buffer.from(pairAt(index, edition)) };
}

/** A request with a body of JSON. */
export function bodyRequest(method: 'POST' | 'PUT', path: string, body: string): Buffer {
  const head = `${method} ${path} HTTP/1.1\r\n${COMMON_HEADERS}Content-Type: application/json\r\n`;
  return Buffer.from(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

export function setExchange(index: number, edition: number): Exchange {
  return { request: bodyRequest('POST', '/set', pairAt(index, edition)), status: 200, body: SET_ANSWER };
}

/** Exchanges that are made once, so that making them is not part of what is measured. */
export function prepared(count: number, make: (index: number) => Exchange): Script {
  const exchanges = Array.from({ length: count }, (_, index) => make(index));
  return { count, at: index => exchanges[index]! };
}

/** The numbers below `count` in an order that the seed decides (mulberry32, Fisher–Yates). */
export function shuffled(count: number, seed: number): number[] {
  const random = randomFrom(seed);
  const numbers = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [numbers[last], numbers[other]] = [numbers[other]!, numbers[last]!];
  }
  return numbers;
}

function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
