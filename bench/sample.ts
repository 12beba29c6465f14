/**
 * What the model (Cairn, where it takes part) answers, learnt by asking it before the run, so that the bare
 * server gives the same bytes and the ratio between the two holds nothing but their work.
 *
 * The headers of a GET are those of the first key asked, for all keys: the bare server's ETags are of the right
 * length and wrong. `Date`, `Connection` and `Keep-Alive` are left to node:http, which writes them in any case.
 */
import type { Answer } from './answers.js';
import type { Exchange, Script } from './dataset.js';
import { ask } from './load.js';

/** A name as it was sent, and its value; null stands for the length of the body. */
export type SampleHeader = readonly [string, string | null];

export interface SampleAnswer {
  readonly status: number;
  readonly headers: readonly SampleHeader[];
  readonly body: string;
}

export interface Sample {
  readonly keepAliveSeconds: number;
  /** By path. */
  readonly gets: Readonly<Record<string, SampleAnswer>>;
  readonly set: SampleAnswer;
}

const WRITTEN_BY_NODE = new Set(['date', 'connection', 'keep-alive']);

export interface Learnt {
  readonly sample: Sample;
  /** As they came. */
  readonly get: Answer;
  readonly set: Answer;
}

/** Asks the first SET and the first GET; the bodies of the other keys are known. */
export async function learn(port: number, gets: Script, sets: Script): Promise<Learnt> {
  const set = await answerTo(port, sets.at(0));
  const get = await answerTo(port, gets.at(0));
  const answers: Record<string, SampleAnswer> = {};
  for (let index = 0; index < gets.count; index++) {
    const exchange = gets.at(index);
    answers[pathOf(exchange)] = { ...sampleOf(get), body: exchange.body.toString() };
  }
  const sample = { keepAliveSeconds: keepAliveOf(get.head), gets: answers, set: sampleOf(set) };
  return { sample, get, set };
}

/** @throws Error where the copy's answer is not the model's, but for the letters of dates and ids. */
export async function mustAnswerAlike(model: Answer, port: number, exchange: Exchange): Promise<void> {
  const wanted = comparable(model);
  const found = comparable(await answerTo(port, exchange));
  if (found !== wanted)
    throw new Error(`The bare server does not answer like the model:\n${found}\n\n${wanted}`);
}

async function answerTo(port: number, exchange: Exchange): Promise<Answer> {
  const answer = await ask(port, exchange.request);
  if (answer.status === exchange.status && answer.body.equals(exchange.body)) return answer;
  throw new Error(`Not the answer to be copied: ${answer.head}\n\n${answer.body.toString()}`);
}

/** Its lines in alphabetical order, every letter and digit of a value as `x`: of dates and ids the length counts. */
function comparable({ status, head, body }: Answer): string {
  const lines = headersIn(head).map(([name, value]) => `${name.toLowerCase()}: ${value.replace(/\w/g, 'x')}`);
  return [status, ...lines.sort(), '', body.toString()].join('\n');
}

function sampleOf({ status, head, body }: Answer): SampleAnswer {
  const headers = headersIn(head)
    .filter(([name]) => !WRITTEN_BY_NODE.has(name.toLowerCase()))
    .map(([name, value]): SampleHeader => [name, name.toLowerCase() === 'content-length' ? null : value]);
  return { status, headers, body: body.toString() };
}

function headersIn(head: string): [name: string, value: string][] {
  const lines = head.split('\r\n').slice(1);
  return lines.map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]);
}

function keepAliveOf(head: string): number {
  return Number(/\r\nkeep-alive:.*timeout=(\d+)/i.exec(head)?.[1] ?? 0);
}

function pathOf(exchange: Exchange): string {
  return exchange.request.toString('utf8', 0, exchange.request.indexOf('\r\n')).split(' ')[1]!;
}
