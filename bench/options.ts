/** The command line of the benches: one table, so that the help and the parser say the same. */
import { parseArgs } from 'node:util';

const table = {
  rounds: { value: '5', help: 'measured rounds per contestant; one more goes before to warm up' },
  requests: { value: '100000', help: 'get-set, history, watch: requests in a round' },
  connections: {
    value: '16',
    help: 'get-set, page, history, watch: keep-alive connections, one request in flight on each',
  },
  keys: { value: '10000', help: 'get-set, watch: keys in the store' },
  'start-keys': {
    value: '1000000',
    help: 'start-up, base: keys in the store; 0 leaves those out',
  },
  'start-rounds': { value: '5', help: 'start-up: rounds with that store' },
  'base-rounds': { value: '5', help: 'base: bases that are made, each of start-keys keys' },
  'transfer-keys': { value: '1000000', help: 'transfer: keys that go in and come out' },
  'transfer-rounds': { value: '5', help: 'transfer: rounds of it' },
  'page-keys': { value: '1000000', help: 'page: keys of the one service; the other has a hundredth' },
  'page-requests': { value: '5000', help: 'page: pages in a round' },
  'history-keys': { value: '1000', help: 'history: keys that are written again and again' },
  watchers: { value: '5000', help: 'watch: the most that watch, and those that are idle' },
  'slow-clients': { value: '1000', help: 'slow-clients: clients of each kind' },
  contestants: { value: 'bare-http,plain-koa,cairn', help: 'who takes part, in this order' },
  cairn: { value: 'dist/main.js', help: 'the program of Cairn' },
  'node-flags': {
    value: '--max-semi-space-size=16',
    help: 'flags of every measured Node process, as --node-flags="…"',
  },
  seed: { value: '1', help: 'of the order of the keys' },
  'time-limit': { value: '1800', help: 'seconds until the bench gives up' },
  json: { value: '', help: 'a file for all figures' },
} as const satisfies Record<string, { value: string; help: string }>;

export interface Options {
  /** Which questions to ask; none named: all. */
  readonly questions: readonly string[];
  readonly rounds: number;
  readonly requests: number;
  readonly connections: number;
  readonly keys: number;
  readonly startKeys: number;
  readonly startRounds: number;
  readonly baseRounds: number;
  readonly transferKeys: number;
  readonly transferRounds: number;
  readonly pageKeys: number;
  readonly pageRequests: number;
  readonly historyKeys: number;
  readonly watchers: number;
  readonly slowClients: number;
  readonly contestants: readonly string[];
  readonly cairn: string;
  readonly nodeFlags: readonly string[];
  readonly seed: number;
  readonly timeLimitSeconds: number;
  readonly json: string | null;
}

export function helpText(questions: readonly string[]): string {
  const lines = Object.entries(table).map(([name, { value, help }]) => {
    return `  --${name.padEnd(17)}${help}${value === '' ? '' : ` (${value})`}`;
  });
  return `npm run bench -- [${questions.join('|')}] [flags]\n\n${lines.join('\n')}\n`;
}

/** @throws Error where a flag is unknown or no whole number where it is to be one. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: flagTypes(),
    allowPositionals: true,
  });
  const text = (name: keyof typeof table) => String(values[name] ?? table[name].value);
  const whole = (name: keyof typeof table, least: number) => wholeNumber(name, text(name), least);
  return {
    questions: positionals,
    rounds: whole('rounds', 1),
    requests: whole('requests', 1),
    connections: whole('connections', 1),
    keys: whole('keys', 1),
    startKeys: whole('start-keys', 0),
    startRounds: whole('start-rounds', 1),
    baseRounds: whole('base-rounds', 1),
    transferKeys: whole('transfer-keys', 1),
    transferRounds: whole('transfer-rounds', 1),
    pageKeys: whole('page-keys', 1_000),
    pageRequests: whole('page-requests', 1),
    historyKeys: whole('history-keys', 1),
    watchers: whole('watchers', 1),
    slowClients: whole('slow-clients', 1),
    contestants: words(text('contestants'), ','),
    cairn: text('cairn'),
    nodeFlags: words(text('node-flags'), ' '),
    seed: whole('seed', 0),
    timeLimitSeconds: whole('time-limit', 1),
    json: text('json') || null,
  };
}

function flagTypes(): Record<string, { type: 'string' }> {
  return Object.fromEntries(Object.keys(table).map(name => [name, { type: 'string' }]));
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`--${name} is a whole number from ${least}, not "${text}".`);
}

function words(text: string, separator: string): string[] {
  return text.split(separator).filter(word => word !== '');
}
